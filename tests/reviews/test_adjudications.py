"""A lead settles what reviewers disagree on: blind, on the record, and apart from the votes."""

from __future__ import annotations

import html
from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.db import DatabaseError, transaction
from django.test import Client
from django.urls import reverse

from reviews.actions.adjudications import settle
from reviews.actions.not_possible import NotPossible
from reviews.models import Adjudication, AdjudicationRevision, Comparison, Evaluation, Vote
from reviews.queries.adjudications import adjudicated, candidate_on_left, to_settle
from reviews.queries.gate import gate_now
from reviews.queries.win_rates import win_rates
from tests.factories import freeze, make_evaluation, make_rows, make_vote

pytestmark = pytest.mark.django_db

WORDS = {"w": "candidate", "l": "baseline", "t": "tie", "b": "both_bad"}
VOTES = {0: "w l", 1: "w w", 2: "t b", 3: "l t", 4: "w"}


@pytest.fixture
def evaluation(reviewer: User, second_reviewer: User) -> Evaluation:
    """Of five examples two are disputed with all votes in: those at positions 0 and 3."""
    found = make_evaluation(make_rows(5), votes_per_comparison=2)
    freeze(found, adjudicates=True)
    for position, said in VOTES.items():
        for person, letter in zip((reviewer, second_reviewer), said.split(), strict=False):
            make_vote(found.comparisons.get(position=position), person, WORDS[letter])
    return found


@pytest.fixture
def client(client_for: Callable[..., Client], lead: User) -> Client:
    return client_for(lead)


def at(evaluation: Evaluation, position: int) -> Comparison:
    return evaluation.comparisons.select_related("evaluation").get(position=position)


def seen(comparison: Comparison, choice: str) -> str:
    """What a lead presses to say so of the truth."""
    return {True: "left", False: "right"}[(choice == "candidate") == candidate_on_left(comparison)]


def test_what_reviewers_disagree_on_waits_for_a_lead(evaluation: Evaluation) -> None:
    assert [one.position for one in to_settle(evaluation)] == [0, 3]


def test_closing_ends_the_wait_for_votes(evaluation: Evaluation, second_reviewer: User) -> None:
    more = make_evaluation(make_rows(1), votes_per_comparison=3)
    for person, choice in zip(User.objects.order_by("pk"), ("candidate", "baseline"), strict=False):
        make_vote(more.comparisons.get(), person, choice)
    assert not to_settle(more)
    more.closed_at = more.opened_at
    more.save()
    assert len(to_settle(more)) == 1


def test_settled_example_takes_the_leads_verdict_beside_the_votes(evaluation: Evaluation, lead: User) -> None:
    before, gate_before = win_rates(evaluation).as_json(), gate_now(evaluation)
    first = at(evaluation, 0)
    settle(comparison=first, choice=seen(first, "baseline"), comment="Wrong policy.", by=lead)
    found = adjudicated(evaluation)
    # ½, 1, ½, ¼ and 1 by the votes; the first is 0 now
    assert found.by_votes.win_rate == (1 / 2 + 1 + 1 / 2 + 1 / 4 + 1) / 5
    assert (found.settled, found.win_rate.win_rate) == (1, (0 + 1 + 1 / 2 + 1 / 4 + 1) / 5)
    assert win_rates(evaluation).as_json() == before
    assert gate_now(evaluation) == gate_before
    assert Vote.objects.count() == 9
    assert [one.position for one in to_settle(evaluation)] == [3]


def test_second_click_finds_it_settled(evaluation: Evaluation, lead: User) -> None:
    first = at(evaluation, 0)
    assert settle(comparison=first, choice="tie", by=lead) == settle(comparison=first, choice="tie", by=lead)
    assert Adjudication.objects.get().number == 1


def test_change_keeps_what_was_said_and_is_not_blind(
    evaluation: Evaluation, lead: User, admin_user: User
) -> None:
    first = at(evaluation, 0)
    settle(comparison=first, choice="tie", comment="Both fine.", by=lead)
    settle(comparison=first, choice="both_bad", after=1, by=admin_user)
    now, before = Adjudication.objects.get(), AdjudicationRevision.objects.get()
    assert (now.choice, now.settled_by, now.blind, now.number) == ("both_bad", admin_user, False, 2)
    assert (before.choice, before.comment, before.settled_by, before.blind, before.number) == (
        "tie", "Both fine.", lead, True, 1
    )  # fmt: skip


def test_who_was_slower_is_told(evaluation: Evaluation, lead: User, admin_user: User) -> None:
    first = at(evaluation, 0)
    settle(comparison=first, choice="tie", by=lead)
    with pytest.raises(NotPossible, match="meanwhile"):
        settle(comparison=first, choice="both_bad", by=admin_user)
    assert Adjudication.objects.get().choice == "tie"


@pytest.mark.parametrize("position", [1, 2, 4])
def test_agreement_and_unfinished_votes_are_not_settled(
    evaluation: Evaluation, lead: User, position: int
) -> None:
    with pytest.raises(NotPossible, match="Reviewers agree on this example, or are not done"):
        settle(comparison=at(evaluation, position), choice="tie", by=lead)


def test_plan_without_adjudication_leaves_disagreements(lead: User, reviewer: User, client: Client) -> None:
    evaluation = make_evaluation(make_rows(1))
    freeze(evaluation)
    with pytest.raises(NotPossible, match="leaves disagreements as they are"):
        settle(comparison=at(evaluation, 0), choice="tie", by=lead)
    make_vote(at(evaluation, 0), reviewer, "tie")
    assert "To settle" not in client.get(reverse("raters", args=[evaluation.pk])).text


@pytest.mark.parametrize(
    "change",
    [
        lambda: Adjudication.objects.update(choice="baseline"),
        lambda: Adjudication.objects.update(choice="baseline", number=2),
        lambda: Adjudication.objects.all()._raw_delete("default"),
        lambda: AdjudicationRevision.objects.update(choice="baseline"),
        lambda: AdjudicationRevision.objects.all()._raw_delete("default"),
    ],
    ids=["change", "change that counts itself", "deletion", "another past", "no past"],
)
def test_database_refuses_a_change_whose_past_is_not_kept(
    evaluation: Evaluation, lead: User, change: Callable[[], object]
) -> None:
    for position in (0, 3):
        settle(comparison=at(evaluation, position), choice="tie", by=lead)
    settle(comparison=at(evaluation, 3), choice="both_bad", after=1, by=lead)
    with pytest.raises(DatabaseError, match="adjudication"), transaction.atomic():
        change()
    assert set(Adjudication.objects.values_list("choice", "number")) == {("tie", 1), ("both_bad", 2)}


# --- its pages ---------------------------------------------------------------------------------------------


def test_page_to_settle_is_blind_until_it_is_settled(evaluation: Evaluation, client: Client) -> None:
    first, second = at(evaluation, 0), at(evaluation, 3)
    path = reverse("settle", args=[first.pk])
    page = html.unescape(client.get(path).text)
    names = (str(evaluation.candidate.model), str(evaluation.baseline.model))
    texts = (first.candidate_response.text, first.baseline_response.text)
    for text in texts:  # which name the models here, so that they are taken out first
        page = page.replace(text, "")
    assert not any(name in page for name in (*names, "candidate", "baseline"))
    answer = client.post(f"{path}?after=0", {"choice": seen(first, "candidate"), "comment": ""}, follow=True)
    assert answer.redirect_chain == [(reverse("settle", args=[second.pk]), 302)]
    assert f"is settled for the candidate, {evaluation.candidate}." in html.unescape(answer.text)
    assert Adjudication.objects.get().choice == "candidate"
    assert Adjudication.objects.get().blind


def test_sides_are_as_the_seed_says_and_both_ways_round() -> None:
    evaluation = make_evaluation(make_rows(40))
    sides = [candidate_on_left(one) for one in evaluation.comparisons.select_related("evaluation")]
    assert sides == [candidate_on_left(one) for one in evaluation.comparisons.select_related("evaluation")]
    assert 8 < sum(sides) < 32


def test_last_one_leads_back_and_raters_page_says_what_it_changes(
    evaluation: Evaluation, client: Client
) -> None:
    raters = reverse("raters", args=[evaluation.pk])
    assert "The plan lets a lead settle" in client.get(raters).text
    for position in (0, 3):
        comparison = at(evaluation, position)
        answer = client.post(
            reverse("settle", args=[comparison.pk]), {"choice": seen(comparison, "baseline")}, follow=True
        )
    assert answer.redirect_chain[-1] == (f"{raters}#to-settle", 302)
    text = html.unescape(answer.text).replace("\N{NO-BREAK SPACE}", " ")
    assert (
        "With a lead’s verdict on 2 examples the win rate is 50.0 %; by the votes alone it is 65.0 %." in text
    )
    assert "Nothing waits to be settled." in text


def test_comparison_shows_who_settled_it_and_how(evaluation: Evaluation, client: Client, lead: User) -> None:
    first = at(evaluation, 0)
    assert "Settle it" in client.get(first.get_absolute_url()).text
    settle(comparison=first, choice="tie", comment="Both are right.", by=lead)
    settle(comparison=first, choice="tie", comment="Both are right, really.", after=1, by=lead)
    text = html.unescape(client.get(first.get_absolute_url()).text)
    assert "“Both are right, really.”" in text
    assert "not blind" in text
    assert "changed 1 time" in text
    page = client.get(reverse("settle", args=[first.pk])).text
    assert "a change is not blind" in page
    assert "after=2" in page


def test_what_can_not_be_settled_is_not_there(evaluation: Evaluation, client: Client) -> None:
    assert client.get(reverse("settle", args=[at(evaluation, 1).pk])).status_code == 404
    assert client.post(reverse("settle", args=[at(evaluation, 1).pk]), {"choice": "tie"}).status_code == 404


def test_press_without_a_choice_shows_the_pair_again(evaluation: Evaluation, client: Client) -> None:
    assert client.post(reverse("settle", args=[at(evaluation, 0).pk]), {"choice": "?"}).status_code == 200
    assert not Adjudication.objects.exists()
