"""A page that shows the next pair by itself: what is held for it, when reading starts, and what a vote answers."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from reviews.actions.assignments import TAKE_FREE, claim_next, hold_next
from reviews.actions.evaluations import close_evaluation
from reviews.models import Assignment, Evaluation, LapsedTurn, ReviewerTally, SkippedTurn, Vote, VoteRevision
from reviews.rendering import render_slice
from tests.browser.evaluations import open_evaluation
from tests.factories import make_evaluation, make_rows, make_vote

pytestmark = pytest.mark.django_db

HTMX = {"HX-Request": "true"}


@pytest.fixture
def evaluation(db: None) -> Evaluation:
    return make_evaluation(4)


@pytest.fixture
def client(client_for: Callable[..., Client], reviewer: User, evaluation: Evaluation) -> Client:
    """A reviewer before the first pair, the second held for them."""
    client = client_for(reviewer)
    assert client.get(reverse("vote", args=[evaluation.pk])).status_code == 200
    return client


def shown_of(reviewer: User) -> Assignment:
    mine = Assignment.objects.filter(reviewer=reviewer, voted=False, shown_at__isnull=False)
    return mine.order_by("-shown_at")[0]


def held_of(reviewer: User) -> Assignment:
    return Assignment.objects.get(reviewer=reviewer, voted=False, shown_at__isnull=True)


def do(client: Client, what: str, turn: Assignment, shown: Assignment | None, **given: Any) -> Any:
    sent = {"shown": shown.ticket if shown else ""} | ({"choice": "left"} if what == "cast_vote" else {})
    return client.post(reverse(what, args=[turn.ticket]), sent | given, headers=HTMX)


def told(answer: Any) -> dict[str, str]:
    return dict(re.findall(r'data-(status|shown|voted|ticket)="([^"]*)"', answer.text))


def test_page_holds_the_next_pair_without_starting_its_reading(client: Client, reviewer: User) -> None:
    held = held_of(reviewer)
    assert held.lease_until is not None
    assert held != shown_of(reviewer)


def test_vote_starts_the_reading_of_what_is_shown_and_brings_the_pair_after_it(
    client: Client, reviewer: User
) -> None:
    first, second = shown_of(reviewer), held_of(reviewer)
    answer = do(client, "cast_vote", first, second)
    assert answer.status_code == 200
    third = held_of(reviewer)
    assert told(answer) == {"status": "200", "shown": "kept", "voted": "1", "ticket": third.ticket}
    assert shown_of(reviewer) == second
    assert third not in (first, second)
    assert Vote.objects.get().assignment == first


def test_vote_with_the_pair_after_the_next_takes_so_many_queries(
    client_for: Callable[..., Client], reviewer: User, django_assert_num_queries: Any
) -> None:
    evaluation = make_evaluation(make_rows(12, tags=["refunds"]))
    render_slice(evaluation.pk, 0)
    client = client_for(reviewer)
    client.get(reverse("vote", args=[evaluation.pk]))
    do(client, "cast_vote", shown_of(reviewer), held_of(reviewer))
    first, second = shown_of(reviewer), held_of(reviewer)
    # session, person, permissions, turn; vote, its row, tally; show, standing, claim, take, texts. And the savepoint
    # that the view's transaction is inside the test's own.
    with django_assert_num_queries(12 + 2):
        do(client, "cast_vote", first, second)


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_vote_counts_once_while_another_tab_takes_a_turn_of_the_same_comparison(
    client_for: Callable[..., Client], reviewer: User
) -> None:
    evaluation = make_evaluation(4, votes_per_comparison=2)
    client = client_for(reviewer)
    client.get(reverse("vote", args=[evaluation.pk]))
    first, second = shown_of(reviewer), held_of(reviewer)
    taken: list[int] = []

    def take_the_other(turn: int) -> None:
        other = Assignment.objects.exclude(pk=turn).get(comparison__assignments=turn)
        Assignment.objects.filter(pk=other.pk).update(reviewer=reviewer, shown_at=timezone.now())
        connection.close()

    def just_before(execute: Any, sql: str, values: Any, *rest: Any) -> Any:
        if sql == TAKE_FREE and not taken:
            taken.append(values["turn"])
            tab = threading.Thread(target=take_the_other, args=taken)
            tab.start()
            tab.join(60)
        return execute(sql, values, *rest)

    with connection.execute_wrapper(just_before):
        answer = do(client, "cast_vote", first, second)
    assert taken
    assert told(answer) | {"ticket": ""} == {"status": "200", "shown": "kept", "voted": "1", "ticket": ""}
    assert [vote.assignment for vote in Vote.objects.all()] == [first]
    assert ReviewerTally.objects.get().votes == 1


def test_after_the_last_pair_comes_the_end(client: Client, reviewer: User) -> None:
    while Vote.objects.count() < 3:
        answer = do(client, "cast_vote", shown_of(reviewer), held_of(reviewer))
    assert "ticket" not in told(answer)
    assert "That was the last one" in answer.text
    answer = do(client, "cast_vote", shown_of(reviewer), None)
    assert told(answer)["shown"] == "none"
    assert "You gave 4 votes" in answer.text


def test_pair_that_was_held_too_long_is_replaced(
    client: Client, evaluation: Evaluation, reviewer: User, second_reviewer: User
) -> None:
    first, second = shown_of(reviewer), held_of(reviewer)
    Assignment.objects.filter(pk=second.pk).update(lease_until=timezone.now() - timedelta(seconds=1))
    assert claim_next(evaluation=evaluation, reviewer=second_reviewer) == second
    answer = do(client, "cast_vote", first, second)
    assert answer.status_code == 200
    replacement = shown_of(reviewer)
    assert told(answer) == {"status": "200", "shown": "gone", "voted": "1", "ticket": replacement.ticket}
    # who only held it has not read it, and may meet it again
    assert not LapsedTurn.objects.exists()


def test_vote_that_went_to_someone_else_is_refused_and_the_page_goes_on(
    client: Client, evaluation: Evaluation, reviewer: User, second_reviewer: User
) -> None:
    first, second = shown_of(reviewer), held_of(reviewer)
    Assignment.objects.filter(pk=first.pk).update(reviewer=second_reviewer)
    answer = do(client, "cast_vote", first, second)
    assert answer.status_code == 409
    assert "went to someone else, so this vote was not counted" in answer.text
    assert told(answer)["shown"] == "kept"
    assert shown_of(reviewer) == second
    assert not Vote.objects.exists()


def test_vote_after_closing_is_refused(client: Client, evaluation: Evaluation, reviewer: User) -> None:
    first, second = shown_of(reviewer), held_of(reviewer)
    close_evaluation(evaluation=evaluation, by=None)
    answer = do(client, "cast_vote", first, second)
    assert answer.status_code == 409
    assert "was closed meanwhile" in answer.text
    assert "This evaluation is closed" in answer.text


def test_vote_without_what_is_asked_for_leaves_everything_as_it_is(
    client_for: Callable[..., Client], reviewer: User
) -> None:
    evaluation = make_evaluation(3, comment_rule="always")
    client = client_for(reviewer)
    client.get(reverse("vote", args=[evaluation.pk]))
    first, second = shown_of(reviewer), held_of(reviewer)
    answer = do(client, "cast_vote", first, second)
    assert answer.status_code == 422
    assert "Write a short comment" in answer.text
    assert (shown_of(reviewer), held_of(reviewer)) == (first, second)
    assert not Vote.objects.exists()
    assert do(client, "cast_vote", first, second, comment="Too long").status_code == 200
    # and without JavaScript, where the whole page comes again
    page = client.post(reverse("cast_vote", args=[second.ticket]), {"choice": "tie"})
    assert page.status_code == 422
    assert "Write a short comment" in page.text


def test_what_is_said_beside_the_choice_is_stored(client: Client, reviewer: User) -> None:
    given = {"strength": "clearly", "reasons": ["tone", "accuracy"], "comment": "Wrong.", "seconds": "0.001"}
    do(client, "cast_vote", shown_of(reviewer), held_of(reviewer), **given)
    vote = Vote.objects.get()
    assert (vote.strength, vote.reasons, vote.comment) == ("clearly", ["accuracy", "tone"], "Wrong.")
    assert vote.seconds == 0.001
    do(client, "cast_vote", shown_of(reviewer), None, seconds="soon")
    assert Vote.objects.count() == 2


def test_undo_brings_the_pair_back_with_what_was_said(client: Client, reviewer: User) -> None:
    first, second = shown_of(reviewer), held_of(reviewer)
    do(client, "cast_vote", first, second, comment="Hasty")
    answer = client.post(reverse("undo_vote", args=[first.ticket]), headers=HTMX)
    assert answer.status_code == 200
    assert told(answer)["ticket"] == first.ticket
    assert shown_of(reviewer) == first
    assert VoteRevision.objects.get().comment == "Hasty"
    # the pair that stood there meanwhile comes next
    answer = do(client, "cast_vote", first, second, choice="tie")
    assert told(answer)["shown"] == "kept"
    assert Vote.objects.get().choice == "tie"


def test_undo_without_javascript_leads_back_to_the_pair(client: Client, reviewer: User) -> None:
    first = shown_of(reviewer)
    client.post(reverse("cast_vote", args=[first.ticket]), {"choice": "left"})
    page = client.post(reverse("undo_vote", args=[first.ticket]), follow=True)
    assert f'data-ticket="{first.ticket}"' in page.text.partition("<template")[0]


def test_skip_answers_as_a_vote_does(client: Client, reviewer: User) -> None:
    first, second = shown_of(reviewer), held_of(reviewer)
    answer = do(client, "skip_turn", first, second)
    assert answer.status_code == 422
    answer = do(client, "skip_turn", first, second, reason="involved")
    assert told(answer) == {
        "status": "200", "shown": "kept", "voted": "0", "ticket": held_of(reviewer).ticket
    }  # fmt: skip
    assert SkippedTurn.objects.get().reason == "involved"


def test_leaving_the_page_gives_back_what_was_held(
    client: Client, evaluation: Evaluation, reviewer: User
) -> None:
    first = shown_of(reviewer)
    assert client.post(reverse("release_held", args=[evaluation.pk])).status_code == 204
    assert list(Assignment.objects.filter(reviewer=reviewer)) == [first]


def test_hold_is_found_again_and_never_taken_twice(evaluation: Evaluation, reviewer: User) -> None:
    first = claim_next(evaluation=evaluation, reviewer=reviewer)
    second = hold_next(evaluation=evaluation, reviewer=reviewer, beside=first)
    assert hold_next(evaluation=evaluation, reviewer=reviewer, beside=first) == second
    # a second tab shows what the first one shows, and never what is only held
    assert claim_next(evaluation=evaluation, reviewer=reviewer) == first
    assert Assignment.objects.filter(reviewer=reviewer).count() == 2


def test_sides_of_one_reviewer_stay_in_balance(reviewer: User, client_for: Callable[..., Client]) -> None:
    evaluation = open_evaluation(60, seed=20261125)  # sides are dealt at random, half of them left
    client = client_for(reviewer)
    client.get(reverse("vote", args=[evaluation.pk]))
    surplus, furthest = 0, 0
    for _ in range(40):
        turn = shown_of(reviewer)
        surplus += 1 if turn.candidate_on_left else -1
        furthest = max(furthest, abs(surplus))
        do(client, "cast_vote", turn, held_of(reviewer))
    assert furthest <= 2


# --- my votes ---------------------------------------------------------------------------------------------------


def test_my_votes_lists_ones_own_and_lets_them_be_changed(
    client: Client, evaluation: Evaluation, reviewer: User, second_reviewer: User
) -> None:
    first = shown_of(reviewer)
    do(client, "cast_vote", first, held_of(reviewer))
    page = client.get(reverse("my_votes", args=[evaluation.pk]))
    assert reverse("my_vote", args=[first.ticket]) in page.text
    again = client.get(reverse("my_vote", args=[first.ticket]))
    assert again.status_code == 200
    assert evaluation.candidate.model.name not in again.text.replace(evaluation.name, "").split("answer")[0]
    changed = client.post(reverse("change_vote", args=[first.ticket]), {"choice": "both_bad"}, follow=True)
    assert "Changed. What you said before stays on the record." in changed.text
    assert Vote.objects.get().choice == "both_bad"
    assert client.post(reverse("change_vote", args=[first.ticket]), {"choice": "A"}).status_code == 400


def test_votes_of_others_and_open_pairs_can_not_be_looked_at(
    client: Client, client_for: Callable[..., Client], reviewer: User, second_reviewer: User
) -> None:
    first = shown_of(reviewer)
    assert client.get(reverse("my_vote", args=[first.ticket])).status_code == 404
    do(client, "cast_vote", first, held_of(reviewer))
    assert client_for(second_reviewer).get(reverse("my_vote", args=[first.ticket])).status_code == 404


def test_vote_of_a_closed_evaluation_is_shown_and_not_changed(
    client: Client, evaluation: Evaluation, reviewer: User
) -> None:
    first = shown_of(reviewer)
    do(client, "cast_vote", first, held_of(reviewer))
    close_evaluation(evaluation=evaluation, by=None)
    page = client.get(reverse("my_vote", args=[first.ticket]))
    assert reverse("change_vote", args=[first.ticket]) not in page.text
    refused = client.post(reverse("change_vote", args=[first.ticket]), {"choice": "tie"}, follow=True)
    assert "its votes stand as they are" in refused.text


def test_page_knows_which_vote_can_be_taken_back(
    client: Client, evaluation: Evaluation, reviewer: User, client_for: Callable[..., Client]
) -> None:
    def offered() -> Any:
        return client.get(reverse("vote", args=[evaluation.pk])).context["undo"]

    assert offered() == ""
    first = shown_of(reviewer)
    answer = client.post(reverse("cast_vote", args=[first.ticket]), {"choice": "tie"}, headers=HTMX)
    assert answer.context["undo"] == first.ticket
    assert offered() == first.ticket
    client.post(reverse("undo_vote", args=[first.ticket]))
    assert offered() == ""


def test_strength_may_stand_in_the_address_of_a_button(client: Client, reviewer: User) -> None:
    cast = reverse("cast_vote", args=[shown_of(reviewer).ticket])
    client.post(f"{cast}?strength=clearly", {"choice": "right"})
    assert Vote.objects.get().strength == "clearly"


def test_long_list_of_my_votes_has_pages(
    client_for: Callable[..., Client], reviewer: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("reviews.views.my_votes.PAGE", 2)
    evaluation = make_evaluation(3)
    for comparison in evaluation.comparisons.all():
        make_vote(comparison, reviewer, "tie")
    address = reverse("my_votes", args=[evaluation.pk])
    first = client_for(reviewer).get(address)
    assert first.text.count('class="row-title"') == 2
    assert 'href="?page=2"' in first.text
    assert client_for(reviewer).get(f"{address}?page=2").text.count('class="row-title"') == 1


def test_whole_page_is_compressed_for_who_takes_it(client: Client, evaluation: Evaluation) -> None:
    address = reverse("vote", args=[evaluation.pk])
    plain = client.get(address)
    packed = client.get(address, headers={"Accept-Encoding": "gzip"})
    assert packed.headers["Content-Encoding"] == "gzip"
    assert "Accept-Encoding" in packed.headers["Vary"]
    assert len(packed.content) < len(plain.content) / 3
