"""A judge beside people, by hand and against an independent implementation."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from reviews.stats.agreement import gwet_ac1
from reviews.stats.judge import judge_agreement, length_preference, swap_consistency

# baseline, tie, candidate
BASELINE, TIE, CANDIDATE = [1, 0, 0], [0, 1, 0], [0, 0, 1]


def test_agreement_by_hand() -> None:
    """1: a vote and a verdict the same; 0: not; one of two votes and both verdicts: 1/2; torn both: 1/2."""
    people = np.array([CANDIDATE, BASELINE, [1, 0, 1], [1, 0, 1]])
    judged = np.array([[0, 0, 2], [0, 0, 2], [0, 0, 2], [1, 0, 1]])
    found = judge_agreement(people, judged)
    assert (found.examples, found.percent) == (4, 0.5)
    # shares of candidate: people 1, 0, 1/2, 1/2 and judge 1, 1, 1, 1/2: mean 11/16; of baseline 5/16
    chance = 2 * (11 / 16) * (5 / 16) / 2
    assert found.gwet_ac1 == pytest.approx((0.5 - chance) / (1 - chance))
    assert found.interval is not None
    assert found.interval.low < 0.5 < found.interval.high


def test_agreement_of_one_vote_and_one_verdict_is_gwets() -> None:
    dice = np.random.default_rng(3)
    people, judged = np.eye(3, dtype=int)[dice.integers(0, 3, (2, 200))]
    found = judge_agreement(people, judged)
    assert found.gwet_ac1 == pytest.approx(gwet_ac1(people + judged))


def test_agreement_of_nothing_is_none() -> None:
    none = np.zeros((0, 3), int)
    found = judge_agreement(none, none)
    assert (found.examples, found.percent, found.gwet_ac1, found.interval) == (0, None, None, None)


@pytest.mark.parametrize(
    ("people", "judged"), [([CANDIDATE], [[0, 0, 0]]), ([[1, 1]], [[1, 1]]), ([TIE, TIE], [TIE])]
)
def test_agreement_refuses_what_is_no_table(people: list[list[int]], judged: list[list[int]]) -> None:
    with pytest.raises(ValueError, match="example"):
        judge_agreement(people, judged)


def test_consistency_by_hand() -> None:
    """Twice the same, first place twice, second place three times, and a tie that became both bad."""
    candidate_first = [0, 2, 0, 0, 1, 1, 1, 2]
    baseline_first = [0, 2, 1, 1, 0, 0, 0, 3]
    found = swap_consistency(candidate_first, baseline_first)
    assert (found.examples, found.same, found.share) == (8, 2, 0.25)
    assert (found.first, found.second) == (2, 3)


def test_length_by_hand() -> None:
    """The candidate is longer in the first two, the baseline in the third; the last are alike and left out."""
    found = length_preference([1.0, 0.5, 0.5, 1.0], [1.0, 1.0, 0.0, 0.0], [1, 1, -1, 0])
    assert found.examples == 3
    assert found.people == pytest.approx((1 + 0.5 + 0.5) / 3)
    assert found.judge == pytest.approx(1.0)
    assert found.difference == pytest.approx(1 / 3)


def test_length_interval_is_the_paired_t_of_a_library() -> None:
    dice = np.random.default_rng(8)
    y, f = dice.choice([0.0, 0.5, 1.0], (2, 80))
    found = length_preference(y, f, np.ones(80))
    expected = stats.ttest_rel(f, y).confidence_interval(0.95)
    assert found.interval is not None
    assert (found.interval.low, found.interval.high) == pytest.approx((expected.low, expected.high))


def test_a_judge_that_only_sees_length_is_found_out() -> None:
    dice = np.random.default_rng(1)
    longer = dice.choice([-1, 1], 100)
    y = dice.choice([0.0, 0.5, 1.0], 100)
    found = length_preference(y, (longer > 0).astype(float), longer)
    assert found.judge == 1
    assert found.interval is not None
    assert found.interval.low > 0.3


def test_length_of_too_little_is_none() -> None:
    assert length_preference([1.0], [0.0], [1]).difference is None
    assert length_preference([1.0, np.nan, 0.0], [0.0, 0.0, 0.0], [1, 1, 0]).examples == 1
