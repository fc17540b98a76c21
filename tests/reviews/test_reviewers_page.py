"""Who votes in an evaluation, as its lead sees and changes it; and what a person tells about themselves."""

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

from reviews.actions.assignments import claim_next, hold_next
from reviews.actions.invitations import invite
from reviews.actions.profiles import choose_languages
from reviews.actions.skips import skip_turn
from reviews.forms import name_of
from reviews.models import Assignment, Evaluation, Invitation, ReviewerProfile, SkippedTurn
from reviews.queries.reviewers import Share, at_work, skipped_pairs, unread_languages
from tests.factories import make_evaluation, make_rows, make_vote

pytestmark = pytest.mark.django_db


@pytest.fixture
def evaluation() -> Evaluation:
    return make_evaluation(make_rows(8), votes_per_comparison=2)


@pytest.fixture
def client(client_for: Callable[..., Client], lead: User) -> Client:
    return client_for(lead)


def page_of(client: Client, evaluation: Evaluation) -> str:
    return html.unescape(client.get(reverse("evaluation_reviewers", args=[evaluation.pk])).text)


def do(client: Client, name: str, *args: Any, **given: Any) -> str:
    return html.unescape(client.post(reverse(name, args=args), given, follow=True).text)


def test_page_shows_who_is_at_work_and_how(
    client: Client, evaluation: Evaluation, reviewer: User, second_reviewer: User
) -> None:
    comparisons = list(evaluation.comparisons.select_related("example"))
    for number in range(6):
        make_vote(comparisons[number], reviewer, "tie", seconds=10.0 + number)
    make_vote(comparisons[0], second_reviewer, "candidate")
    shown = claim_next(evaluation=evaluation, reviewer=second_reviewer)
    hold_next(evaluation=evaluation, reviewer=second_reviewer, beside=shown)
    choose_languages(person=second_reviewer, languages=["en", "es"])

    first, second = at_work(evaluation)[:2]
    assert (first.reviewer, first.votes, first.seconds, first.open, first.is_here) == (
        reviewer, 6, 12.5, 0, False
    )  # fmt: skip
    assert (first.today, first.shares[0]) == (6, Share("sizing", 3, 1.0, is_full=False))
    assert [one.intent for one in first.shares] == ["sizing", "refunds"]
    assert first.shares[1].share == 0.75
    assert (second.reviewer, second.votes, second.open, second.is_here) == (second_reviewer, 1, 2, True)
    text = page_of(client, evaluation)
    assert "English, español" in text
    assert "Release 2 open pairs" in text
    assert "reads a pair for" in text


def test_share_that_is_full_says_so(
    client: Client, reviewer: User, second_reviewer: User, lead: User
) -> None:
    evaluation = make_evaluation(make_rows(10), open_to="invited", largest_share=60)
    invite(evaluation=evaluation, reviewers=[reviewer, second_reviewer], by=lead)
    of_refunds = evaluation.comparisons.filter(intent="refunds")
    for comparison in of_refunds[:2]:
        make_vote(comparison, reviewer, "tie")
    (share,) = at_work(evaluation)[0].shares
    assert not share.is_full
    assert '<span class="tag tag-full">' not in page_of(client, evaluation)
    make_vote(of_refunds[2], reviewer, "tie")
    (share,) = at_work(evaluation)[0].shares
    assert (share.votes, share.share, share.is_full) == (3, 1.0, True)
    assert '<span class="tag tag-full">full</span>' in page_of(client, evaluation)


def test_votes_of_today_are_told_apart(
    client: Client, evaluation: Evaluation, reviewer: User, second_reviewer: User
) -> None:
    comparisons = list(evaluation.comparisons.all())
    make_vote(comparisons[0], reviewer, "tie", cast_at=timezone.now() - timedelta(days=1))
    for comparison in comparisons[1:4]:
        make_vote(comparison, reviewer, "tie")
    make_vote(comparisons[0], second_reviewer, "tie", cast_at=timezone.now() - timedelta(days=1))
    today = {person.reviewer: (person.votes, person.today) for person in at_work(evaluation)}
    assert today == {reviewer: (4, 3), second_reviewer: (1, 0)}
    text = page_of(client, evaluation)
    assert "3 today" in text
    assert "last vote 1440 min ago" not in text
    assert "last vote 24 h 0 min ago" in text


def test_lease_that_ran_out_is_nobody_at_work(evaluation: Evaluation, reviewer: User) -> None:
    claim_next(evaluation=evaluation, reviewer=reviewer)
    Assignment.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    (only,) = at_work(evaluation)
    assert (only.open, only.is_here) == (0, False)


def test_lead_releases_what_someone_has_open(client: Client, evaluation: Evaluation, reviewer: User) -> None:
    claim_next(evaluation=evaluation, reviewer=reviewer)
    text = do(client, "release_turns", evaluation.pk, reviewer.pk)
    assert f"1 pair of {name_of(reviewer)} went back to the queue." in text
    assert not Assignment.objects.filter(reviewer__isnull=False).exists()


def test_lead_invites_and_takes_back(client: Client, evaluation: Evaluation, reviewer: User) -> None:
    spain = Group.objects.create(name="Support, Spain")
    text = do(client, "invite", evaluation.pk, reviewers=[reviewer.pk], groups=[spain.pk], most_votes="40")
    assert "2 new invitations." in text
    assert "Support, Spain" in text
    assert text.count("at most 40 votes") == 2
    first = Invitation.objects.get(reviewer=reviewer)
    assert "Votes that are in stay." in do(client, "withdraw_invitation", evaluation.pk, first.pk)
    assert Invitation.objects.get().group == spain


def test_only_who_votes_can_be_invited_and_roles_are_no_groups(
    client: Client, evaluation: Evaluation, lead: User
) -> None:
    assert "Choose at least one person or group" in do(client, "invite", evaluation.pk)
    answer = do(client, "invite", evaluation.pk, reviewers=[lead.pk])
    assert "is not one of the available choices" in answer
    role = Group.objects.get(name="Reviewer")
    assert "new invitation" not in do(client, "invite", evaluation.pk, groups=[role.pk])
    assert not Invitation.objects.exists()


def test_lead_changes_who_may_vote(client: Client, evaluation: Evaluation) -> None:
    given = {"open_to": "invited", "largest_share": "40", "check_percent": "15"}
    assert "Saved." in do(client, "who_votes", evaluation.pk, **given)
    evaluation.refresh_from_db()
    assert (evaluation.open_to, evaluation.largest_share, evaluation.check_percent) == ("invited", 40, 15)
    assert "Nobody may vote yet" in page_of(client, evaluation)
    refused = do(client, "who_votes", evaluation.pk, **given | {"largest_share": "0"})
    assert "greater than or equal to 1" in refused
    refused = do(client, "who_votes", evaluation.pk, **given | {"check_percent": "31"})
    assert "less than or equal to 30" in refused
    assert "15 of a hundred pairs are checks" in page_of(client, evaluation)


def test_skipped_pairs_are_told_with_their_reasons_and_offered_again(
    client: Client, evaluation: Evaluation, reviewer: User, second_reviewer: User
) -> None:
    turn = claim_next(evaluation=evaluation, reviewer=reviewer)
    assert turn is not None
    skip_turn(assignment=turn, reviewer=reviewer, reason="cant_judge", note="Tax law")
    (pair,) = skipped_pairs(evaluation)
    assert not pair.is_stuck
    assert "I don't know enough about this (“Tax law”)" in page_of(client, evaluation)

    again = claim_next(evaluation=evaluation, reviewer=second_reviewer)
    assert again is not None
    assert again.comparison_id == turn.comparison_id
    skip_turn(assignment=again, reviewer=second_reviewer, reason="other")
    (pair,) = skipped_pairs(evaluation)
    assert pair.is_stuck
    assert "Nobody left" in page_of(client, evaluation)

    assert "offered again" in do(client, "offer_again", evaluation.pk, turn.comparison_id)
    assert skipped_pairs(evaluation) == []
    assert SkippedTurn.objects.count() == 2
    offered = claim_next(evaluation=evaluation, reviewer=reviewer)
    assert offered is not None
    assert offered.comparison_id == turn.comparison_id


def test_language_that_nobody_reads_is_told(client: Client, reviewer: User) -> None:
    rows = [row | {"lang": "es"} for row in make_rows(3)]
    evaluation = make_evaluation(rows)
    choose_languages(person=reviewer, languages=["en"])
    assert unread_languages(evaluation) == [("es", 3)]
    assert "3 votes are missing on pairs in <strong>español</strong>" in page_of(client, evaluation)
    choose_languages(person=reviewer, languages=[])
    assert unread_languages(evaluation) == []


def test_page_takes_the_same_queries_with_more_people(
    client: Client, evaluation: Evaluation, make_user: Callable[..., User]
) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            page_of(client, evaluation)
        return len(captured)

    comparisons = list(evaluation.comparisons.all())
    make_vote(comparisons[0], make_user("first", "Reviewer"), "tie")
    make_user("second", "Reviewer")  # with fewer than two, pairs are looked at one by one
    page_of(client, evaluation)
    before = queries()
    for number in range(4):
        person = make_user(f"person-{number}", "Reviewer")
        make_vote(comparisons[number + 1], person, "tie")
        claim_next(evaluation=evaluation, reviewer=person)
    assert queries() == before


# --- the profile ---------------------------------------------------------------------------------------------------


def test_person_tells_the_languages_they_read(client_for: Callable[..., Client], reviewer: User) -> None:
    client = client_for(reviewer)
    page = client.get(reverse("profile"))
    assert "español" in page.text
    client.post(reverse("profile"), {"languages": ["es"]})
    assert ReviewerProfile.objects.get(user=reviewer).languages == ["es"]
    assert client.get(reverse("profile")).text.count(" checked") == 1
    assert client.post(reverse("profile"), {"languages": ["tlh"]}).status_code == 422
    client.post(reverse("profile"), {})
    assert ReviewerProfile.objects.get(user=reviewer).languages == []
