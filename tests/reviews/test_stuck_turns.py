"""Turns that nobody may take, told to the lead with what to do; and giving back what the uninvited hold."""

from __future__ import annotations

import html
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from reviews.actions.evaluations import close_evaluation
from reviews.actions.hidden_checks import claim_next, hold_next
from reviews.actions.invitations import invite, set_who_votes, withdraw_invitation
from reviews.actions.profiles import choose_languages
from reviews.actions.skips import offer_again, skip_turn
from reviews.actions.votes import cast_vote
from reviews.models import Assignment, Evaluation, Invitation, LapsedTurn
from reviews.queries.stuck_turns import StuckTurns, stuck_turns
from tests.factories import make_evaluation, make_rows

pytestmark = pytest.mark.django_db

ROWS: list[dict[str, Any]] = [
    {"id": f"{lang}-{number}", "prompt": f"{intent} {number}?", "tags": [intent], "lang": lang}
    for lang, intent in (("en", "refunds"), ("es", "envíos"))
    for number in range(6)
]


def all_of(evaluation: Evaluation, reviewer: User) -> int:
    """Vote until nothing is left for this reviewer."""
    cast = 0
    while turn := claim_next(evaluation=evaluation, reviewer=reviewer):
        cast_vote(assignment=turn, reviewer=reviewer, choice="tie")
        cast += 1
    return cast


def page_of(client: Client, evaluation: Evaluation) -> str:
    return html.unescape(client.get(reverse("evaluation_reviewers", args=[evaluation.pk])).text)


@pytest.fixture
def lead_client(client_for: Callable[..., Client], lead: User) -> Client:
    return client_for(lead)


def test_nothing_is_stuck_while_someone_may_take_it(reviewer: User, second_reviewer: User) -> None:
    evaluation = make_evaluation(ROWS, votes_per_comparison=2)
    assert stuck_turns(evaluation) == []
    all_of(evaluation, reviewer)
    assert stuck_turns(evaluation) == []
    turn = claim_next(evaluation=evaluation, reviewer=second_reviewer)
    assert turn is not None
    Assignment.objects.filter(pk=turn.pk).update(lease_until=timezone.now() - timedelta(hours=1))
    assert stuck_turns(evaluation) == []  # theirs still, as long as nobody else takes it
    all_of(evaluation, second_reviewer)
    assert stuck_turns(evaluation) == []


def test_more_votes_than_people_who_read_it_is_told(
    reviewer: User, second_reviewer: User, lead_client: Client
) -> None:
    choose_languages(person=second_reviewer, languages=["en"])
    evaluation = make_evaluation(ROWS, votes_per_comparison=2)
    # before anyone voted one of the two votes can be given, and the other can't
    assert stuck_turns(evaluation) == [StuckTurns("envíos", "es", 6, "judged", 1)]
    all_of(evaluation, reviewer)
    assert stuck_turns(evaluation) == [StuckTurns("envíos", "es", 6, "judged", 1)]
    text = page_of(lead_client, evaluation)
    assert "6 votes on" in text
    assert "the one person who reads them has had a turn at each already" in text
    assert "Invite someone else who reads them" in text


def test_pairs_that_everyone_skipped_are_told_until_they_are_offered_again(
    reviewer: User, second_reviewer: User, lead_client: Client
) -> None:
    evaluation = make_evaluation(ROWS)
    for person in (reviewer, second_reviewer):
        choose_languages(person=person, languages=["es"])
    for person in (reviewer, second_reviewer):
        while turn := claim_next(evaluation=evaluation, reviewer=person):
            skip_turn(assignment=turn, reviewer=person, reason="cant_judge")
        if person == reviewer:
            assert stuck_turns(evaluation) == []
    assert stuck_turns(evaluation) == [StuckTurns("envíos", "es", 6, "skipped", 2)]
    assert "everyone who reads them and has not judged them has skipped them" in page_of(
        lead_client, evaluation
    )
    for comparison in evaluation.comparisons.filter(lang="es"):
        offer_again(comparison=comparison, by=None)
    assert stuck_turns(evaluation) == []


def test_number_of_an_invitation_that_is_reached_is_told(reviewer: User, lead_client: Client) -> None:
    evaluation = make_evaluation(ROWS, open_to="invited", largest_share=100)
    spain = Group.objects.create(name="Support, Spain")
    reviewer.groups.add(spain)
    invite(evaluation=evaluation, reviewers=[reviewer], groups=[spain], most_votes=5, by=None)
    assert stuck_turns(evaluation) == []
    assert all_of(evaluation, reviewer) == 5
    found = stuck_turns(evaluation)
    assert {one.why for one in found} == {"number"}
    assert sum(one.turns for one in found) == 7
    assert "as many votes as their invitation allows" in page_of(lead_client, evaluation)
    # the larger number counts, also where it comes by a group
    invite(evaluation=evaluation, groups=[spain], most_votes=8, by=None)
    assert stuck_turns(evaluation) == []


def test_largest_share_that_everyone_has_is_told(
    reviewer: User, second_reviewer: User, lead_client: Client
) -> None:
    evaluation = make_evaluation(make_rows(10, ("refunds",)), open_to="invited", largest_share=60)
    invite(evaluation=evaluation, reviewers=[reviewer], by=None)
    invite(evaluation=evaluation, reviewers=[second_reviewer], most_votes=1, by=None)
    assert all_of(evaluation, reviewer) == 6
    assert all_of(evaluation, second_reviewer) == 1
    assert stuck_turns(evaluation) == [StuckTurns("refunds", "", 3, "share", 2)]
    text = page_of(lead_client, evaluation)
    assert "has their largest share of this intent" in text
    assert 'href="#who-votes"' in text
    set_who_votes(evaluation=evaluation, open_to="invited", largest_share=100, check_percent=0, by=None)
    assert stuck_turns(evaluation) == []


def test_nothing_is_stuck_in_a_closed_evaluation(reviewer: User, lead_client: Client) -> None:
    evaluation = make_evaluation(ROWS, votes_per_comparison=2)
    assert stuck_turns(evaluation)
    close_evaluation(evaluation=evaluation, by=None)
    evaluation.refresh_from_db()
    assert stuck_turns(evaluation) == []
    assert "as things stand" not in page_of(lead_client, evaluation)


def test_queries_do_not_grow_with_people_pairs_or_skips(make_user: Callable[..., User]) -> None:
    asked = []
    for count in (2, 6):
        evaluation = make_evaluation(
            make_rows(4 * count), votes_per_comparison=count + 1, open_to="invited", largest_share=100
        )
        people = [make_user(f"reader-{count}-{number}", "Reviewer") for number in range(count)]
        invite(evaluation=evaluation, reviewers=people, by=None)
        for person in people:
            turn = claim_next(evaluation=evaluation, reviewer=person)
            assert turn is not None
            skip_turn(assignment=turn, reviewer=person, reason="other")
        with CaptureQueriesContext(
            connection,
        ) as queries:
            assert stuck_turns(evaluation)
        asked.append(len(queries))
    assert asked[0] == asked[1] <= 8


def test_giving_back_what_the_uninvited_hold_costs_the_same_for_any_number_of_them(
    make_user: Callable[..., User],
) -> None:
    asked = []
    for count in (1, 5):
        evaluation = make_evaluation(20, open_to="everyone")
        people = [make_user(f"holder-{count}-{number}", "Reviewer") for number in range(count + 1)]
        for person in people:
            shown = claim_next(evaluation=evaluation, reviewer=person)
            assert hold_next(evaluation=evaluation, reviewer=person, beside=shown)
        invite(evaluation=evaluation, reviewers=[people[0]], by=None)
        with CaptureQueriesContext(connection) as queries:
            set_who_votes(
                evaluation=evaluation, open_to="invited", largest_share=60, check_percent=0, by=None
            )
        asked.append(len(queries))
        held = Assignment.objects.filter(evaluation=evaluation, reviewer__isnull=False)
        assert set(held.values_list("reviewer", flat=True)) == {people[0].pk}
        # who read a pair is remembered; who only held one is not
        lapsed = LapsedTurn.objects.filter(comparison__evaluation=evaluation)
        assert set(lapsed.values_list("reviewer", flat=True)) == {person.pk for person in people[1:]}
        assert lapsed.count() == count
    assert asked[0] == asked[1]


def test_invitation_that_is_taken_back_frees_what_is_open_by_it_alone(
    reviewer: User, second_reviewer: User
) -> None:
    evaluation = make_evaluation(8, open_to="invited", largest_share=100)
    invite(evaluation=evaluation, reviewers=[reviewer, second_reviewer], by=None)
    for person in (reviewer, second_reviewer):
        assert claim_next(evaluation=evaluation, reviewer=person)
    found = Invitation.objects.get(reviewer=reviewer)
    assert withdraw_invitation(invitation=found, by=None) == 1
    held = Assignment.objects.filter(reviewer__isnull=False)
    assert [turn.reviewer for turn in held] == [second_reviewer]
