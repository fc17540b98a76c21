import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reviews.stats.sequence import anytime_interval, bets, log_e_value
from reviews.stats.settled import log_e_value_of_set, settled_interval
from tests.reviews.stats.strategies import example_score_lists


@given(example_score_lists(least=1, most=40))
def test_when_the_set_is_used_up_its_mean_is_known(scores):
    interval = settled_interval(scores, scores.size)
    assert (interval.low, interval.high) == pytest.approx((scores.mean(), scores.mean()))


@given(example_score_lists(most=40), st.integers(0, 40), st.sampled_from([0.9, 0.99]))
def test_it_is_in_range_holds_the_mean_and_what_is_certain(scores, left, level):
    of = max(scores.size + left, 1)
    interval = settled_interval(scores, of, level)
    least, most = scores.sum() / of, (scores.sum() + of - scores.size) / of
    assert least - 1e-9 <= interval.low <= interval.high + 1e-12 <= most + 1e-9
    if scores.size:
        assert interval.low - 1e-9 <= scores.mean() <= interval.high + 1e-9


@given(example_score_lists(most=30), st.integers(1, 30))
def test_relabelling_mirrors_it(scores, left):
    mine = settled_interval(scores, scores.size + left)
    theirs = settled_interval(1 - scores, scores.size + left)
    assert (theirs.low, theirs.high) == pytest.approx((1 - mine.high, 1 - mine.low), abs=3e-6)


@given(example_score_lists(least=1, most=30), st.floats(0.05, 0.9), st.floats(0.001, 0.09))
def test_evidence_falls_as_the_claim_gets_weaker(scores, m, step):
    plan = bets(60, 0.05)
    assert log_e_value_of_set(scores, 60, m + step, plan) <= log_e_value_of_set(scores, 60, m, plan) + 1e-9


def test_an_endless_set_is_sampling_with_replacement():
    scores, plan = np.repeat([0.0, 0.5, 1.0], [10, 10, 30]), bets(100, 0.05)
    endless = log_e_value_of_set(scores, 10**9, 0.5, plan)
    assert endless == pytest.approx(log_e_value(scores, 0.5, plan), abs=1e-4)


@pytest.mark.parametrize("wins", [7, 10, 14])
def test_level_holds_on_a_finite_set_watched_throughout(wins):
    """A set of 20 whose mean is known: the null is ever rejected less often than allowed."""
    rng = np.random.default_rng(wins)
    population, plan = np.repeat([1.0, 0.0], [wins, 20 - wins]), bets(20, 0.2)
    rejected = 0
    for _ in range(1500):
        scores = rng.permutation(population)
        rejected += any(
            log_e_value_of_set(scores[:n], 20, wins / 20, plan) >= math.log(10) for n in range(1, 21)
        )
    # 1/10 of 1,500, and three standard errors
    assert rejected <= 150 + 3 * math.sqrt(150 * 0.9)


def test_most_of_a_set_says_more_of_it_than_of_production():
    scores = np.random.default_rng(1).permutation(np.repeat([0.0, 1.0], [80, 100]))
    of_the_set, of_production = settled_interval(scores, 200), anytime_interval(scores, 200)
    assert of_the_set.high - of_the_set.low < 0.7 * (of_production.high - of_production.low)


@pytest.mark.parametrize(
    ("scores", "of", "fix"),
    [
        ([0.5, np.nan], 5, "none missing"),
        ([1.5], 5, "between 0 and 1"),
        ([0.5, 0.5], 1, "at least 2"),
        ([], 0, "at least 1"),
    ],
)
def test_impossible_input_says_its_fix(scores, of, fix):
    with pytest.raises(ValueError, match=fix):
        settled_interval(scores, of)
