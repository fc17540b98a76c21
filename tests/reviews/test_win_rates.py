"""The dashboard's figures, against small cases worked out by hand."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import sqrt
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext

from reviews.models import Assignment, Comparison, Evaluation
from reviews.queries.win_rates import Row, win_rates
from reviews.stats.sequence import anytime_interval
from reviews.views.forest import forest_rows, lowest
from tests.factories import leave_out, make_evaluation, make_rows, make_vote

pytestmark = pytest.mark.django_db

MakeUser = Callable[..., User]

ROWS: list[dict[str, Any]] = [
    {"id": "a", "prompt": "Where is my refund?", "tags": ["refunds"]},
    {"id": "b", "prompt": "Charged twice.", "tags": ["refunds", "billing"]},
    {"id": "c", "prompt": "Which size?", "tags": ["sizing"]},
    {"id": "d", "prompt": "Hello?"},
    {"id": "e", "prompt": "Good bye."},
]


@pytest.fixture
def people(make_user: MakeUser) -> list[User]:
    return [make_user(f"reviewer{number}", "Reviewer") for number in range(4)]


def at(evaluation: Evaluation, position: int) -> Comparison:
    return evaluation.comparisons.get(position=position)


def cast(evaluation: Evaluation, people: Sequence[User], votes: dict[int, str]) -> None:
    """`{0: "w l t"}`: on the comparison at position 0 a win, a loss and a tie, by different people."""
    words = {"w": "candidate", "l": "baseline", "t": "tie", "b": "both_bad"}
    for position, said in votes.items():
        for person, letter in zip(people, said.split(), strict=False):
            make_vote(at(evaluation, position), person, words[letter])


def figures(row: Row) -> dict[str, Any]:
    """The counts of a row and its rate."""
    return {
        name: value
        for name, value in row.as_json().items()
        if name in {"examples", "votes", "wins", "ties", "both_bad", "losses", "win_rate"}
    }


def row(examples: int, wins: int, ties: int, both_bad: int, losses: int, win_rate: float | None) -> dict:
    counts = {"wins": wins, "ties": ties, "both_bad": both_bad, "losses": losses}
    return {
        "examples": examples,
        "votes": sum(counts.values()),
        **counts,
        "win_rate": None if win_rate is None else pytest.approx(win_rate),
    }


def test_rates_are_means_over_examples_not_over_votes(people: list[User]) -> None:
    evaluation = make_evaluation(ROWS, votes_per_comparison=3)
    cast(evaluation, people, {0: "w w l", 1: "l l l", 2: "t b w", 3: "w", 4: ""})
    rates = win_rates(evaluation)

    # examples: 2/3, 0, (½+½+1)/3 = 2/3, 1; the fifth has no vote
    scores = [2 / 3, 0, 2 / 3, 1]
    mean = sum(scores) / 4
    assert figures(rates.overall) == row(4, wins=4, ties=1, both_bad=1, losses=4, win_rate=mean)
    variance = sum((score - mean) ** 2 for score in scores) / 3
    assert rates.overall.win_rate.standard_error == pytest.approx(sqrt(variance / 4))
    assert list(rates.tags) == ["billing", "refunds", "sizing", "untagged"]
    assert figures(rates.tags["refunds"]) == row(2, wins=2, ties=0, both_bad=0, losses=4, win_rate=1 / 3)
    assert figures(rates.tags["billing"]) == row(1, wins=0, ties=0, both_bad=0, losses=3, win_rate=0)
    assert figures(rates.tags["sizing"]) == row(1, wins=1, ties=1, both_bad=1, losses=0, win_rate=2 / 3)
    assert figures(rates.tags["untagged"]) == row(1, wins=1, ties=0, both_bad=0, losses=0, win_rate=1)


def test_evaluation_without_votes_has_no_rate_and_knows_nothing() -> None:
    rates = win_rates(make_evaluation(ROWS))
    assert figures(rates.overall) == row(0, 0, 0, 0, 0, None)
    assert rates.overall.win_rate.interval is None
    assert (rates.overall.anytime_interval.low, rates.overall.anytime_interval.high) == (0, 1)
    assert rates.agreement.pairs == 0
    assert rates.position_bias.effect is None


def test_evaluation_without_comparisons_has_figures_too() -> None:
    evaluation = make_evaluation(ROWS, opened=False)
    assert win_rates(evaluation).overall.tally.examples == 0
    assert win_rates(evaluation).tags == {}


def test_identical_texts_score_one_half_without_a_vote(people: list[User]) -> None:
    evaluation = make_evaluation(ROWS)
    same = at(evaluation, 2)
    leave_out(same)
    Comparison.objects.filter(pk=same.pk).update(identical=True)
    cast(evaluation, people, {0: "w"})
    rates = win_rates(evaluation)
    assert figures(rates.overall) == row(2, wins=1, ties=0, both_bad=0, losses=0, win_rate=0.75)
    assert rates.overall.tally.identical == 1
    assert figures(rates.tags["sizing"]) == row(1, 0, 0, 0, 0, 0.5)


def test_left_out_comparison_is_in_no_figure(people: list[User]) -> None:
    evaluation = make_evaluation(ROWS)
    leave_out(at(evaluation, 2))
    cast(evaluation, people, {0: "w", 1: "w", 3: "l", 4: "t"})
    rates = win_rates(evaluation)
    assert "sizing" not in rates.tags
    # it does not stop the prefix either
    scores = [1, 1, 0, 0.5]
    assert rates.overall.anytime_interval == anytime_interval(scores, 4)


def test_anytime_interval_reads_only_the_complete_prefix(people: list[User]) -> None:
    evaluation = make_evaluation(make_rows(40), votes_per_comparison=2)
    cast(evaluation, people, {position: "w w" for position in range(40) if position not in {5, 20}})
    cast(evaluation, people, {5: "w"})
    rates = win_rates(evaluation)
    assert rates.overall.anytime_interval == anytime_interval([1.0] * 5, 40)
    assert figures(rates.overall)["examples"] == 39
    make_vote(at(evaluation, 5), people[1], "candidate")
    assert win_rates(evaluation).overall.anytime_interval == anytime_interval([1.0] * 20, 40)


def test_prefix_of_a_tag_is_that_of_the_queue(people: list[User]) -> None:
    """Rows alternate between two tags; the missing vote is on the third example, of one of them.

    What the tags count together is what the whole counts, and what the gate does.
    """
    evaluation = make_evaluation(make_rows(10, tags=("refunds", "sizing")))
    cast(evaluation, people, {position: "w" for position in range(10) if position != 2})
    rates = win_rates(evaluation)
    assert rates.overall.anytime_interval == anytime_interval([1.0] * 2, 10)
    assert rates.tags["refunds"].anytime_interval == anytime_interval([1.0], 5)
    assert rates.tags["sizing"].anytime_interval == anytime_interval([1.0], 5)
    assert rates.tags["sizing"].win_rate.examples == 5


def test_prefix_goes_by_the_queue_not_by_the_golden_set(people: list[User]) -> None:
    evaluation = make_evaluation(make_rows(4))
    # turn the queue round; ids and examples stay in the golden set's order
    for offset in (100, 0):
        for index, comparison in enumerate(evaluation.comparisons.order_by("pk")):
            Comparison.objects.filter(pk=comparison.pk).update(position=offset + 3 - index)
            Assignment.objects.filter(comparison=comparison).update(position=offset + 3 - index)
    cast(evaluation, people, {0: "w", 1: "l"})
    assert win_rates(evaluation).overall.anytime_interval == anytime_interval([1.0, 0.0], 4)


def test_agreement_is_that_of_people_on_the_same_example(people: list[User]) -> None:
    evaluation = make_evaluation(ROWS, votes_per_comparison=2)
    cast(evaluation, people, {0: "w w", 1: "l l", 2: "w l", 3: "t b", 4: "w"})
    agreement = win_rates(evaluation).agreement
    assert (agreement.raters, agreement.pairs) == (2, 4)
    assert agreement.percent == pytest.approx(3 / 4)  # a tie of either kind is one category
    assert agreement.gwet_ac1 is not None
    assert agreement.krippendorff_alpha is not None


def test_position_bias_sees_the_side_order(people: list[User]) -> None:
    """Whoever stands on the left wins; make_evaluation puts the candidate there at even positions."""
    evaluation = make_evaluation(make_rows(8))
    cast(evaluation, people, {position: "l" if position % 2 else "w" for position in range(8)})
    bias = win_rates(evaluation).position_bias
    assert bias.effect == pytest.approx(0.5)


def test_estimate_of_a_watched_evaluation_is_of_the_complete_prefix_alone(people: list[User]) -> None:
    evaluation = make_evaluation(make_rows(60))
    # number 20 is still open: what came after it must not speak
    cast(
        evaluation,
        people,
        {position: "w" if position < 20 else "l" for position in range(60) if position != 20},
    )
    row = win_rates(evaluation).overall
    watched, ended = row.estimate(watched=True), row.estimate(watched=False)
    assert (watched.examples, watched.win_rate, watched.shown) == (20, 1.0, "better")
    assert watched.interval == anytime_interval([1.0] * 20, 60)
    assert (ended.examples, ended.shown) == (59, "worse")
    assert ended.win_rate == pytest.approx(20 / 59)


def test_estimate_shows_nothing_while_the_interval_holds_one_half(people: list[User]) -> None:
    evaluation = make_evaluation(make_rows(4))
    cast(evaluation, people, {0: "w", 1: "l", 2: "w", 3: "l"})
    row = win_rates(evaluation).overall
    assert {row.estimate(watched=watched).shown for watched in (True, False)} == {""}


def test_lowest_is_the_tag_furthest_below_one_half(people: list[User]) -> None:
    evaluation = make_evaluation(ROWS, votes_per_comparison=2)
    cast(evaluation, people, {0: "l w", 1: "l l", 2: "w l", 3: "w w", 4: "w w"})
    _overall, *by_tag = forest_rows(win_rates(evaluation), behind="/")
    found = lowest(by_tag)
    assert found is not None
    assert found.label == "billing"
    assert lowest([]) is None


# --- the JSON of section 7 ---------------------------------------------------------------------------------

INTERVAL = {"low", "high", "level", "method"}
ROW = {
    "examples",
    "votes",
    "wins",
    "ties",
    "both_bad",
    "losses",
    "win_rate",
    "standard_error",
    "interval",
    "anytime_interval",
}


def test_json_has_the_keys_of_the_design(people: list[User]) -> None:
    evaluation = make_evaluation(ROWS, votes_per_comparison=2)
    cast(evaluation, people, {0: "w w", 1: "l w", 2: "t b"})
    given = win_rates(evaluation).as_json()
    assert set(given) == {
        "evaluation",
        "candidate",
        "baseline",
        "golden_set_sha256",
        "overall",
        "tags",
        "agreement",
        "position_bias",
    }
    assert set(given["agreement"]) == {"percent", "gwet_ac1", "krippendorff_alpha", "raters", "pairs"}
    assert set(given["position_bias"]) == {"effect", "se", "p"}
    for figures_of in (given["overall"], *given["tags"].values()):
        assert set(figures_of) == ROW
        assert set(figures_of["anytime_interval"]) == INTERVAL
    assert set(given["overall"]["interval"]) == INTERVAL
    assert given["overall"]["interval"]["level"] == given["overall"]["anytime_interval"]["level"] == 0.95
    assert given["overall"]["interval"]["method"] != given["overall"]["anytime_interval"]["method"]
    assert (given["candidate"], given["baseline"]) == (str(evaluation.candidate), str(evaluation.baseline))
    assert given["golden_set_sha256"] == evaluation.golden_set_version.sha256
    assert given["evaluation"] == evaluation.name


# --- speed -------------------------------------------------------------------------------------------------


def test_number_of_queries_does_not_grow_with_votes(people: list[User]) -> None:
    def queries(examples: int, votes: int) -> int:
        evaluation = make_evaluation(examples, votes_per_comparison=max(votes, 1))
        cast(evaluation, people, {position: " ".join("w" * votes) for position in range(examples)})
        evaluation = Evaluation.objects.select_related(
            "candidate__model", "baseline__model", "golden_set_version"
        ).get(pk=evaluation.pk)
        with CaptureQueriesContext(
            connection,
        ) as captured:
            win_rates(evaluation).as_json()
        return len(captured)

    assert queries(2, 0) == queries(3, 1) == queries(40, 4) <= 5
