"""What a reviewer may be given: languages, invitations, numbers of votes, shares of an intent."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.core.exceptions import ValidationError
from django.test import Client
from django.urls import reverse

from reviews.actions.assignments import claim_next, hold_next
from reviews.actions.invitations import invite, release_turns, set_who_votes, withdraw_invitation
from reviews.actions.profiles import choose_languages
from reviews.actions.votes import cast_vote
from reviews.models import Assignment, Evaluation, Invitation, LapsedTurn, Vote
from reviews.queries.eligibility import eligibility, invited_reviewers, readers
from reviews.queries.progress import reviewer_progress
from reviews.queries.reviewer_home import work_for_reviewer
from tests.factories import make_evaluation

pytestmark = pytest.mark.django_db

ENGLISH, SPANISH = {"lang": "en-GB"}, {"lang": "es-MX"}


def rows(*kinds: dict[str, str], tag: str = "refunds") -> list[dict[str, Any]]:
    return [
        {"id": f"row-{number}", "prompt": f"Question {number}?", "tags": [tag], **kind}
        for number, kind in enumerate(kinds)
    ]


def vote_until_nothing_is_left(evaluation: Evaluation, reviewer: User) -> list[str]:
    """The languages of the pairs they were given."""
    seen = []
    while (turn := claim_next(evaluation=evaluation, reviewer=reviewer)) is not None:
        seen.append(turn.lang)
        cast_vote(assignment=turn, reviewer=reviewer, choice="tie")
    return seen


# --- languages ---------------------------------------------------------------------------------------------------


def test_examples_go_to_who_reads_their_language(reviewer: User, second_reviewer: User) -> None:
    evaluation = make_evaluation(rows(ENGLISH, SPANISH, {}, SPANISH))
    choose_languages(person=reviewer, languages=["en"])
    assert reviewer_progress(evaluation, reviewer).left == 2
    assert sorted(vote_until_nothing_is_left(evaluation, reviewer)) == ["", "en"]
    # who told no language is given all
    assert sorted(vote_until_nothing_is_left(evaluation, second_reviewer)) == ["es", "es"]


def test_readers_of_each_language_are_counted(make_user: Callable[..., User]) -> None:
    evaluation = make_evaluation(rows(ENGLISH, SPANISH))
    for name, languages in (("a", ["en"]), ("b", ["en", "es"]), ("c", [])):
        choose_languages(person=make_user(name, "Reviewer"), languages=languages)
    assert readers(evaluation) == {"en": 3, "es": 2}


# --- invitations ---------------------------------------------------------------------------------------------------


@pytest.fixture
def invited_only() -> Evaluation:
    return make_evaluation(4, open_to="invited")


def test_only_who_is_invited_finds_and_opens_it(
    invited_only: Evaluation, reviewer: User, second_reviewer: User, client_for: Callable[..., Client]
) -> None:
    invite(evaluation=invited_only, reviewers=[reviewer], by=None)
    page = reverse("vote", args=[invited_only.pk])
    assert [work.evaluation_id for work in work_for_reviewer(reviewer)] == [invited_only.pk]
    assert client_for(reviewer).get(page).status_code == 200
    assert work_for_reviewer(second_reviewer) == []
    assert client_for(second_reviewer).get(page).status_code == 404
    assert claim_next(evaluation=invited_only, reviewer=second_reviewer) is None


def test_group_invites_all_who_vote_and_are_in_it(
    invited_only: Evaluation, reviewer: User, second_reviewer: User, lead: User
) -> None:
    spain = Group.objects.create(name="Support, Spain")
    for person in (reviewer, lead):
        person.groups.add(spain)
    invite(evaluation=invited_only, groups=[spain], by=lead)
    assert list(invited_reviewers(invited_only)) == [reviewer]
    assert eligibility(invited_only, reviewer).may_vote
    assert not eligibility(invited_only, second_reviewer).may_vote


def test_number_of_votes_is_kept_with_what_is_held(invited_only: Evaluation, reviewer: User) -> None:
    invite(evaluation=invited_only, reviewers=[reviewer], most_votes=2, by=None)
    assert reviewer_progress(invited_only, reviewer).left == 2
    first = claim_next(evaluation=invited_only, reviewer=reviewer)
    assert reviewer_progress(invited_only, reviewer).left == 2
    second = hold_next(evaluation=invited_only, reviewer=reviewer, beside=first)
    assert second is not None
    assert reviewer_progress(invited_only, reviewer).left == 2
    assert Assignment.objects.filter(reviewer=reviewer).count() == 2
    assert len(vote_until_nothing_is_left(invited_only, reviewer)) == 2


def test_who_is_invited_twice_has_the_larger_number(invited_only: Evaluation, reviewer: User) -> None:
    group = Group.objects.create(name="Night shift")
    reviewer.groups.add(group)
    invite(evaluation=invited_only, reviewers=[reviewer], most_votes=1, by=None)
    invite(evaluation=invited_only, groups=[group], most_votes=3, by=None)
    assert eligibility(invited_only, reviewer).left == 3
    invite(evaluation=invited_only, groups=[group], by=None)
    assert eligibility(invited_only, reviewer).left is None
    assert Invitation.objects.count() == 2


def test_invitation_of_nobody_is_refused(invited_only: Evaluation) -> None:
    with pytest.raises(ValidationError, match="at least one person or group"):
        invite(evaluation=invited_only, by=None)


def test_invitation_taken_back_frees_what_is_open_and_keeps_the_votes(
    invited_only: Evaluation, reviewer: User, second_reviewer: User
) -> None:
    invite(evaluation=invited_only, reviewers=[reviewer, second_reviewer], by=None)
    first = claim_next(evaluation=invited_only, reviewer=reviewer)
    assert first is not None
    cast_vote(assignment=first, reviewer=reviewer, choice="left")
    shown = claim_next(evaluation=invited_only, reviewer=reviewer)
    hold_next(evaluation=invited_only, reviewer=reviewer, beside=shown)
    kept = claim_next(evaluation=invited_only, reviewer=second_reviewer)

    withdraw_invitation(invitation=Invitation.objects.get(reviewer=reviewer), by=None)

    assert Vote.objects.count() == 1
    assert list(Assignment.objects.filter(reviewer__isnull=False, voted=False)) == [kept]
    assert claim_next(evaluation=invited_only, reviewer=reviewer) is None


def test_evaluation_that_becomes_one_for_the_invited_frees_what_others_hold(
    reviewer: User, second_reviewer: User
) -> None:
    evaluation = make_evaluation(4)
    invite(evaluation=evaluation, reviewers=[reviewer], by=None)
    mine = claim_next(evaluation=evaluation, reviewer=reviewer)
    claim_next(evaluation=evaluation, reviewer=second_reviewer)
    set_who_votes(evaluation=evaluation, open_to="invited", largest_share=60, check_percent=0, by=None)
    assert list(Assignment.objects.filter(reviewer__isnull=False)) == [mine]


def test_who_votes_has_to_be_within_reason(reviewer: User) -> None:
    with pytest.raises(ValidationError):
        set_who_votes(
            evaluation=make_evaluation(1), open_to="invited", largest_share=0, check_percent=0, by=None
        )


def test_turns_that_are_released_go_to_others_and_come_back_last(
    reviewer: User, second_reviewer: User
) -> None:
    evaluation = make_evaluation(3)
    shown = claim_next(evaluation=evaluation, reviewer=reviewer)
    hold_next(evaluation=evaluation, reviewer=reviewer, beside=shown)
    assert release_turns(evaluation=evaluation, reviewer=reviewer, by=None) == 2
    assert not Assignment.objects.filter(reviewer__isnull=False).exists()
    assert LapsedTurn.objects.count() == 1  # what was only held was not read
    assert claim_next(evaluation=evaluation, reviewer=reviewer) != shown


# --- shares --------------------------------------------------------------------------------------------------------


def shared(reviewers: list[User], largest_share: int = 60, **kind: str) -> Evaluation:
    evaluation = make_evaluation(rows(*[kind] * 10), open_to="invited", largest_share=largest_share)
    invite(evaluation=evaluation, reviewers=reviewers, by=None)
    return evaluation


def test_nobody_decides_an_intent_alone_where_a_colleague_could_vote(
    reviewer: User, second_reviewer: User
) -> None:
    evaluation = shared([reviewer, second_reviewer])
    assert len(vote_until_nothing_is_left(evaluation, reviewer)) == 6
    assert reviewer_progress(evaluation, reviewer).left == 0
    assert len(vote_until_nothing_is_left(evaluation, second_reviewer)) == 4


def test_share_holds_with_a_pair_held_ahead(reviewer: User, second_reviewer: User) -> None:
    evaluation = shared([reviewer, second_reviewer])
    turn = claim_next(evaluation=evaluation, reviewer=reviewer)
    while turn is not None:
        following = hold_next(evaluation=evaluation, reviewer=reviewer, beside=turn)
        cast_vote(assignment=turn, reviewer=reviewer, choice="tie")
        turn = following
    assert Vote.objects.count() == 6


def test_who_is_alone_votes_on_everything(reviewer: User, second_reviewer: User) -> None:
    assert len(vote_until_nothing_is_left(shared([reviewer]), reviewer)) == 10
    # nobody else reads it
    choose_languages(person=second_reviewer, languages=["en"])
    evaluation = shared([reviewer, second_reviewer], lang="es")
    assert len(vote_until_nothing_is_left(evaluation, reviewer)) == 10


def test_share_that_would_leave_votes_nobody_may_give_is_an_equal_one(
    reviewer: User, second_reviewer: User
) -> None:
    evaluation = shared([reviewer, second_reviewer], largest_share=40)
    assert len(vote_until_nothing_is_left(evaluation, reviewer)) == 5
    assert len(vote_until_nothing_is_left(evaluation, second_reviewer)) == 5


def test_share_of_all_is_no_limit(reviewer: User, second_reviewer: User) -> None:
    evaluation = shared([reviewer, second_reviewer], largest_share=100)
    assert len(vote_until_nothing_is_left(evaluation, reviewer)) == 10


def test_small_intent_has_a_vote_for_everyone(reviewer: User, second_reviewer: User) -> None:
    evaluation = make_evaluation(rows({}), open_to="invited", largest_share=10)  # one vote in all
    invite(evaluation=evaluation, reviewers=[reviewer, second_reviewer], by=None)
    assert len(vote_until_nothing_is_left(evaluation, reviewer)) == 1
