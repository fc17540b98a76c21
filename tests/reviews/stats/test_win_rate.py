import math

import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats.proportion import proportion_confint

from reviews.stats.win_rate import WinRate, win_rate, win_rates_by_group
from tests.reviews.stats.strategies import example_score_lists, shuffled


def by_the_book(scores, level=0.95):
    """Section by section from the definition, with other people's Wilson interval and quantiles."""
    theta = float(np.mean(scores))
    size: float = len(scores)
    variance = np.var(scores, ddof=1) / size
    cap = max(size, size**2 / 3)
    if theta in (0, 1):
        effective: float = size
    elif variance == 0:
        effective = cap
    else:
        effective = min(max(theta * (1 - theta) / variance, 1), cap)
    tail = (1 - level) / 2
    effective *= (scipy.stats.norm.isf(tail) / scipy.stats.t.isf(tail, size - 1)) ** 2
    return proportion_confint(theta * effective, effective, alpha=1 - level, method="wilson")


@given(example_score_lists(least=2), st.sampled_from([0.8, 0.95, 0.96, 0.99]))
def test_fixed_interval_equals_wilson_on_the_effective_size(scores, level):
    result = win_rate(scores, level)
    assert result.interval is not None
    low, high = by_the_book(scores, level)
    assert result.interval.low == pytest.approx(low, abs=1e-9)
    assert result.interval.high == pytest.approx(high, abs=1e-9)
    assert result.interval.level == level
    assert "Wilson" in result.interval.method


@given(example_score_lists(least=2))
def test_standard_error_is_that_of_a_mean(scores):
    result = win_rate(scores)
    assert result.win_rate == pytest.approx(np.mean(scores))
    assert result.standard_error == pytest.approx(scipy.stats.sem(scores))


def test_binary_scores_count_one_example_less_than_there_are():
    # p(1-p)/v is K-1 for scores of 0 and 1: the one that goes on estimating the spread
    scores = np.repeat([0.0, 1.0], [12, 18])
    shrunk = 29 * (scipy.stats.norm.isf(0.025) / scipy.stats.t.isf(0.025, 29)) ** 2
    low, high = proportion_confint(0.6 * shrunk, shrunk, method="wilson")
    interval = win_rate(scores).interval
    assert interval is not None
    assert (interval.low, interval.high) == pytest.approx((low, high))


def test_no_example_has_no_rate_and_one_says_nothing_of_the_spread():
    assert win_rate([]) == WinRate(0, None, None, None)
    assert win_rate([np.nan, np.nan]) == WinRate(0, None, None, None)
    one = win_rate([1.0, np.nan])
    assert (one.examples, one.win_rate, one.standard_error) == (1, 1.0, None)
    assert one.interval is not None
    assert (one.interval.low, one.interval.high) == (0, 1)


@pytest.mark.parametrize("theta", [0.0, 1 / 3, 0.5, 1.0])
def test_scores_all_alike_do_not_claim_certainty(theta):
    interval = win_rate(np.full(10, theta)).interval
    assert interval is not None
    assert interval.low <= theta <= interval.high
    assert interval.high - interval.low > 0.2


@pytest.mark.parametrize("level", [0, 1, -0.1, 95, math.nan])
def test_impossible_level_says_its_fix(level):
    with pytest.raises(ValueError, match=r"such as 0\.95"):
        win_rate([0.5, 1.0], level)


@given(example_score_lists())
def test_relabelling_mirrors_the_win_rate(scores):
    mine, theirs = win_rate(scores), win_rate(1 - scores)
    assert mine.examples == theirs.examples
    if mine.win_rate is None or mine.interval is None:
        assert theirs == mine
        return
    assert theirs.interval is not None
    assert theirs.win_rate == pytest.approx(1 - mine.win_rate)
    assert theirs.standard_error == pytest.approx(mine.standard_error)
    assert theirs.interval.low == pytest.approx(1 - mine.interval.high)
    assert theirs.interval.high == pytest.approx(1 - mine.interval.low)


@given(example_score_lists(), st.data())
def test_order_changes_not_even_the_last_bit(scores, data):
    assert win_rate(scores[shuffled(data, scores.size)]) == win_rate(scores)


@given(example_score_lists(least=1, most=60))
def test_twice_the_examples_narrow_the_interval(scores):
    once, twice = win_rate(scores).interval, win_rate(np.tile(scores, 2)).interval
    assert once is not None
    assert twice is not None
    assert twice.high - twice.low < once.high - once.low


@given(example_score_lists(least=1), st.floats(0.5, 0.999))
def test_interval_stays_in_range_and_holds_the_estimate(scores, level):
    result = win_rate(scores, level)
    assert result.interval is not None
    assert result.win_rate is not None
    assert 0 <= result.interval.low <= result.win_rate <= result.interval.high <= 1


@given(example_score_lists(most=30), st.integers(0, 4), st.data())
def test_groups_equal_one_call_each(scores, groups, data):
    if scores.size:
        scores[data.draw(st.integers(0, scores.size - 1))] = np.nan
    cells = data.draw(st.lists(st.booleans(), min_size=groups * scores.size, max_size=groups * scores.size))
    membership = np.array(cells, dtype=bool).reshape(groups, scores.size)
    assert win_rates_by_group(scores, membership) == [win_rate(scores[row]) for row in membership]


@pytest.mark.parametrize(
    ("scores", "membership", "fix"),
    [
        ([0.5, 1], [True, True], "a row per group"),
        ([0.5, 1], [[True]], r"\(G, 2\)"),
        ([0.5, 1], [[1, 0]], r"astype\(bool\)"),
        ([0.5, 2], [[True, False]], "between 0 and 1"),
    ],
)
def test_wrong_membership_says_its_fix(scores, membership, fix):
    with pytest.raises(ValueError, match=fix):
        win_rates_by_group(scores, membership)


@pytest.mark.parametrize("examples", [30, 100])
@pytest.mark.parametrize("theta", [0.5, 0.7])
def test_fixed_interval_covers_at_its_level_on_ternary_scores(examples, theta):
    runs, tie = 3000, 0.2
    random = np.random.default_rng(examples + int(100 * theta))
    odds = [1 - theta - tie / 2, tie, theta - tie / 2]
    held = 0
    for scores in random.choice([0.0, 0.5, 1.0], size=(runs, examples), p=odds):
        interval = win_rate(scores).interval
        assert interval is not None
        held += interval.low <= theta <= interval.high
    # four Monte Carlo errors are 0.016
    assert held / runs == pytest.approx(0.95, abs=0.016)
