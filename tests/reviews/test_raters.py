"""How far reviewers can be relied on, against small cases worked out by hand; and the page that says so."""

from __future__ import annotations

import html
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from models_registry.models import ExampleFlag
from reviews.actions.votes import change_vote
from reviews.models import Evaluation, HiddenCheck
from reviews.queries import raters as queries
from reviews.queries.disagreements import disagreements
from reviews.queries.gate import gate_now
from reviews.queries.raters import raters
from reviews.queries.win_rates import win_rates
from reviews.stats.gate_evidence import Verdict
from reviews.stats.screening import Checks
from tests.factories import freeze, make_evaluation, make_rows, make_vote

pytestmark = pytest.mark.django_db

WORDS = {"w": "candidate", "l": "baseline", "t": "tie", "b": "both_bad"}
HTMX = {"HX-Request": "true"}


@pytest.fixture(autouse=True)
def _nothing_kept() -> None:
    cache.clear()


@pytest.fixture
def people(make_user: Callable[..., User]) -> list[User]:
    return [make_user(name, "Reviewer") for name in ("ann", "ben", "cid")]


@pytest.fixture
def client(client_for: Callable[..., Client], lead: User) -> Client:
    return client_for(lead)


def cast(evaluation: Evaluation, people: list[User], votes: dict[int, str], **fields: Any) -> None:
    """`{0: "w l ."}`: on the comparison at position 0 ann says win, ben loss, and cid nothing."""
    for position, said in votes.items():
        for person, letter in zip(people, said.split(), strict=False):
            if letter != ".":
                make_vote(evaluation.comparisons.get(position=position), person, WORDS[letter], **fields)


def page_of(client: Client, evaluation: Evaluation, **given: Any) -> str:
    return html.unescape(client.get(reverse("raters", args=[evaluation.pk], query=given)).text)


def test_agreement_is_that_of_the_dashboard_and_by_intent(people: list[User]) -> None:
    evaluation = make_evaluation(make_rows(4), votes_per_comparison=2)
    # refunds: alike, tie and both bad, which is one verdict; sizing: alike, and opposed
    cast(evaluation, people, {0: "w w", 1: "w w", 2: "t b", 3: "w l"})
    found, rates = raters(evaluation), win_rates(evaluation)
    assert found.agreement.percent.value == 3 / 4 == rates.agreement.percent
    assert found.agreement.gwet_ac1.value == rates.agreement.gwet_ac1
    assert found.agreement.krippendorff_alpha.value == rates.agreement.krippendorff_alpha
    assert {name: one.percent.value for name, one in found.by_intent.items()} == {"refunds": 1, "sizing": 0.5}
    assert found.position == rates.position_bias
    assert found.win_rate == rates.overall.win_rate


def test_screening_by_hand(people: list[User]) -> None:
    evaluation = make_evaluation(make_rows(3), votes_per_comparison=3)
    # the candidate stands left on 0, right on 1, left on 2 for the first who votes, and so on in turn
    cast(evaluation, people[:1], {0: "w", 1: "w", 2: "t"}, seconds=5.0)
    cast(evaluation, people[1:2], {0: "w", 1: "l"}, seconds=9.0)
    cast(evaluation, people[2:], {0: "l"}, seconds=None)
    ann, ben, cid = raters(evaluation).screening
    assert [one.votes for one in (ann, ben, cid)] == [3, 2, 1]
    assert (ann.left_share, ann.seconds, ann.peers_seconds) == (0.5, 5.0, 9.0)
    # ann shares 0 with both, of whom one says the same, and 1 with ben, who doesn't
    assert (ann.shared, ann.agreement) == (2, (1 / 2 + 0) / 2)
    # among the others only 0 has two votes, and they differ
    assert ann.peers_agreement == 0
    assert (cid.seconds, cid.agreement, cid.peers_agreement) == (None, 0, 0.5)


@pytest.mark.parametrize(
    ("seconds", "median"),
    [([3.0], 3.0), ([9.0, 1.0], 5.0), ([7.0, 1.0, 2.0], 2.0), ([4.0, 1.0, 2.0, 9.0], 3.0)],
)
def test_median_of_the_time_a_vote_takes_is_exact(
    people: list[User], seconds: list[float], median: float
) -> None:
    evaluation = make_evaluation(make_rows(5))
    for position, took in enumerate(seconds):
        cast(evaluation, people, {position: "w"}, seconds=took)
    cast(evaluation, people, {4: "w"}, seconds=None)
    assert raters(evaluation).screening[0].seconds == median


def check(evaluation: Evaluation, person: User, number: int, kind: str, expected: str, answer: str) -> None:
    comparison = evaluation.comparisons.all()[0]
    HiddenCheck.objects.create(
        evaluation=evaluation,
        reviewer=person,
        number=number,
        kind=kind,
        expected=expected,
        answer=answer,
        comparison=comparison,
        answered_at=timezone.now() if answer else None,
        left_response=comparison.candidate_response,
        right_response=comparison.baseline_response,
    )


def test_hidden_checks_are_counted_once_they_are_answered(people: list[User], client: Client) -> None:
    evaluation = make_evaluation(make_rows(3), votes_per_comparison=2)
    cast(evaluation, people, {0: "w w", 1: "l w"})
    assert raters(evaluation).screening[0].identical == Checks(0, 0)
    for number, (kind, expected, answer) in enumerate(
        [("identical", "tie", "both_bad"), ("identical", "tie", "left"), ("identical", "tie", ""),
         ("mismatched", "left", "left")]
    ):  # fmt: skip
        check(evaluation, people[0], number, kind, expected, answer)
    ann, ben = raters(evaluation).screening
    assert (ann.identical, ann.mismatched, ann.swapped) == (Checks(2, 1), Checks(1, 0), Checks(0, 0))
    assert ben.identical == Checks(0, 0)
    assert "2 of 3" in page_of(client, evaluation)


def test_leaving_one_out_by_hand(people: list[User]) -> None:
    evaluation = make_evaluation(make_rows(3), votes_per_comparison=2)
    cast(evaluation, people, {0: "w l", 1: "w w", 2: ". l w"})
    found = raters(evaluation)
    assert found.win_rate.win_rate == (1 / 2 + 1 + 1 / 2) / 3
    rates = {
        one.without.reviewer: (one.without.win_rate.win_rate, one.without.lost) for one in found.left_out
    }
    ann, ben, cid = (person.pk for person in people)
    assert rates == {ann: ((0 + 1 + 0.5) / 3, 0), ben: ((1 + 1 + 1) / 3, 0), cid: ((0.5 + 1 + 0) / 3, 0)}
    assert found.left_out[0].without.reviewer == ben
    assert found.verdict is None


def test_examples_that_only_one_person_judged_are_lost_without_them(people: list[User]) -> None:
    evaluation = make_evaluation(make_rows(3))
    cast(evaluation, people, {0: "w", 1: ". l", 2: "w"})
    by_person = {one.without.reviewer: one.without for one in raters(evaluation).left_out}
    assert (by_person[people[0].pk].lost, by_person[people[0].pk].win_rate.win_rate) == (2, 0)
    assert by_person[people[1].pk].lost == 1
    assert by_person[people[1].pk].change == pytest.approx(1 / 3)


def test_texts_that_are_the_same_are_a_tie_in_the_win_rate_and_no_agreement(people: list[User]) -> None:
    evaluation = make_evaluation(make_rows(2), votes_per_comparison=2)
    evaluation.comparisons.filter(position=0).update(identical=True)
    cast(evaluation, people, {1: "w w"})
    found = raters(evaluation)
    assert found.win_rate.win_rate == 0.75
    assert found.agreement.examples == 1
    assert {one.without.win_rate.win_rate for one in found.left_out} == {0.75}


def test_verdict_is_the_gates_with_and_without_each(people: list[User]) -> None:
    """Ann is for the candidate on all of 60, cid on half of them, and ben against it on the other half."""
    evaluation = make_evaluation(make_rows(60, tags=["refunds"]), votes_per_comparison=2)
    freeze(evaluation)
    votes = {position: "w l" if position % 2 else "w . w" for position in range(60)}
    missing = votes.pop(45)  # only the 45 before it count
    cast(evaluation, people, votes)
    assert raters(evaluation).verdict is Verdict.HOLD
    cast(evaluation, people, {45: missing})
    found = raters(evaluation)
    assert (found.win_rate.win_rate, found.verdict) == (0.75, Verdict.PROMOTE)
    gated = gate_now(evaluation)
    assert gated is not None
    assert gated.gate.verdict is found.verdict
    ann, ben, cid = (person.pk for person in people)
    assert {one.without.reviewer: (one.without.win_rate.win_rate, one.verdict) for one in found.left_out} == {
        ann: (0.5, Verdict.INCONCLUSIVE),
        ben: (1, Verdict.PROMOTE),
        cid: (0.75, Verdict.PROMOTE),
    }


def test_page_says_whose_votes_the_verdict_hangs_on(client: Client, people: list[User]) -> None:
    evaluation = make_evaluation(make_rows(60, tags=["refunds"]), votes_per_comparison=2)
    freeze(evaluation)
    cast(evaluation, people, {position: "w l" if position % 2 else "w . w" for position in range(60)})
    text = page_of(client, evaluation)
    assert "The verdict is Promote; without Ann it would be another one." in text
    assert "<strong>Inconclusive</strong>" in text


def test_figures_are_kept_until_a_vote_changes_them(people: list[User]) -> None:
    evaluation = make_evaluation(make_rows(3), votes_per_comparison=2)
    cast(evaluation, people, {0: "w w", 1: "w l"})
    first = raters(evaluation)
    with CaptureQueriesContext(
        connection,
    ) as asked:
        assert raters(evaluation) == first
    assert len(asked) == 3
    turn = evaluation.assignments.get(position=1, reviewer=people[1])
    change_vote(assignment=turn, reviewer=people[1], choice="tie")
    assert raters(evaluation) != first


def test_queries_do_not_grow_with_votes_and_reviewers(people: list[User]) -> None:
    evaluation = make_evaluation(make_rows(30), votes_per_comparison=3)
    freeze(evaluation)
    cast(evaluation, people, {0: "w"})
    with CaptureQueriesContext(connection) as few:
        raters(evaluation)
    cast(evaluation, people, dict.fromkeys(range(1, 30), "w l t"))
    with CaptureQueriesContext(connection) as many:
        raters(evaluation)
    assert len(few) == len(many) <= 12


def test_most_disputed_examples_come_first(people: list[User]) -> None:
    evaluation = make_evaluation(make_rows(6), votes_per_comparison=3)
    cast(evaluation, people, {0: "w w w", 1: "w w l", 2: "w l t", 3: "t b t", 4: "w w t", 5: "w l"})
    listed: list[Any] = list(disagreements(evaluation))
    found = [(one.position, one.dispute) for one in listed]
    # pairs that differ, half where one is a tie: 1 of 1, 2 of 3, (1 + ½ + ½) of 3, (½ + ½) of 3
    assert found == [(5, 1), (1, pytest.approx(2 / 3)), (2, pytest.approx(2 / 3)), (4, pytest.approx(1 / 3))]


def test_lead_asks_for_a_clearer_ground_truth(client: Client, people: list[User], lead: User) -> None:
    evaluation = make_evaluation(make_rows(2), votes_per_comparison=3)
    cast(evaluation, people, {0: "w w l"})
    comparison = evaluation.comparisons.get(position=0)
    path = reverse("needs_ground_truth", args=[comparison.pk])
    page = client.post(path, {"page": "1"}, follow=True)
    assert page.redirect_chain == [(f"{reverse('raters', args=[evaluation.pk])}?page=1#disagreements", 302)]
    assert "On the draft’s list" in page.text
    client.post(path)
    flag = ExampleFlag.objects.get()
    assert (flag.example, flag.kind, flag.created_by) == (comparison.example, "ground_truth", lead)
    assert flag.note == f"Reviewers of “{evaluation.name}” disagree on it, 2 : 1."
    draft = reverse("golden_set_draft", args=[evaluation.golden_set_version.golden_set.name])
    assert "It needs a clearer ground truth" in client.get(draft).text


def test_page_says_what_the_figures_mean(client: Client, people: list[User]) -> None:
    evaluation = make_evaluation(make_rows(10), votes_per_comparison=2)
    cast(evaluation, people, {position: "w w" if position < 7 else "w l" for position in range(10)})
    text = page_of(client, evaluation)
    assert (
        "Two reviewers give the same verdict on about 7 of 10 examples; beyond chance that is substantial."
        in text
    )
    assert "Whoever is left out, the win rate stays between 70.0" in text
    assert "No plan was frozen when voting opened" in text
    assert "can’t be told yet: it takes 20 examples" in text


def test_flag_says_what_was_seen_and_drops_no_vote(client: Client, people: list[User]) -> None:
    evaluation = make_evaluation(make_rows(40), votes_per_comparison=2)
    for turn in evaluation.assignments.filter(slot=0).select_related("comparison"):
        make_vote(turn.comparison, people[0], "candidate" if turn.candidate_on_left else "baseline")
    assert raters(evaluation).screening[0].flags == ("left_share",)
    text = page_of(client, evaluation)
    assert "Chooses the left side in 100 % of votes for a side." in text.replace("\N{NO-BREAK SPACE}", " ")
    assert "All votes are one person’s" in text
    assert raters(evaluation).win_rate.examples == 40


def test_page_without_votes_says_what_to_do(client: Client) -> None:
    evaluation = make_evaluation(make_rows(2))
    assert "No votes yet" in page_of(client, evaluation)
    assert client.get(reverse("raters", args=[evaluation.pk]), headers=HTMX).status_code == 200


def test_figures_of_many_votes_are_asked_for_by_the_page(
    client: Client, people: list[User], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queries, "FEW", 2)
    evaluation = make_evaluation(make_rows(4), votes_per_comparison=2)
    cast(evaluation, people, {0: "w w", 1: "w l"})
    address = reverse("raters", args=[evaluation.pk])
    first = client.get(address).text
    assert f'hx-get="{address}"' in first
    assert "Do reviewers agree?" not in first
    assert "What reviewers disagree on" in first
    fragment = client.get(address, headers=HTMX)
    assert fragment.text.lstrip().startswith('<div id="figures">')
    assert "HX-Request" in fragment.headers["Vary"]
    # they are kept by now, and without a script there is a link
    assert "Do reviewers agree?" in client.get(address).text
    cache.clear()
    assert "Do reviewers agree?" in client.get(address, {"whole": 1}).text
