"""Win rates weighted by traffic, against survey statistics worked out by hand, statsmodels and simulation."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats.weightstats import CompareMeans, DescrStatsW

from reviews.stats.sequence import anytime_interval
from reviews.stats.traffic import (
    importance,
    moved_scores,
    moved_variance,
    traffic_anytime_interval,
)
from reviews.stats.traffic import traffic_win_rate as typed_traffic_win_rate
from reviews.stats.win_rate import win_rate as typed_win_rate
from tests.reviews.stats.strategies import SCORES, shuffled

# a figure may be None, and then the test that asks for it fails as it should
traffic_win_rate: Any = typed_traffic_win_rate
win_rate: Any = typed_win_rate


@st.composite
def tagged_scores(draw, least=0):
    groups = draw(st.integers(1, 4))
    rows = draw(
        st.lists(st.tuples(st.sampled_from(SCORES), st.integers(0, groups - 1)), min_size=least, max_size=60)
    )
    raw = np.array(draw(st.lists(st.integers(1, 9), min_size=groups, max_size=groups)), dtype=float)
    scores = np.array([row[0] for row in rows], dtype=float)
    return scores, np.array([row[1] for row in rows], dtype=int), raw / raw.sum()


@given(tagged_scores())
def test_one_intent_is_the_plain_win_rate(drawn):
    scores, _, _ = drawn
    plain, weighted = win_rate(scores), traffic_win_rate(scores, np.zeros(scores.size, int), [1.0])
    assert weighted.examples == plain.examples
    assert weighted.win_rate == pytest.approx(plain.win_rate)
    assert weighted.standard_error == pytest.approx(plain.standard_error, abs=1e-9)
    if plain.interval and plain.examples > 1 and plain.standard_error != pytest.approx(0, abs=1e-9):
        assert weighted.interval.low == pytest.approx(plain.interval.low)
        assert weighted.interval.high == pytest.approx(plain.interval.high)


def test_two_intents_by_hand():
    scores = [1, 1, 0, 0.5, 0, 0, 1, 0]
    found = traffic_win_rate(scores, [0, 0, 0, 0, 1, 1, 1, 1], [0.9, 0.1])
    v = [0.81 * (np.var([1, 1, 0, 0.5], ddof=1) / 4), 0.01 * (np.var([0, 0, 1, 0], ddof=1) / 4)]
    assert found.win_rate == pytest.approx(0.9 * 0.625 + 0.1 * 0.25)
    assert found.standard_error == pytest.approx(math.sqrt(sum(v)))
    assert found.degrees_of_freedom == pytest.approx(sum(v) ** 2 / (v[0] ** 2 / 3 + v[1] ** 2 / 3))


@pytest.mark.parametrize("seed", range(20))
def test_error_and_degrees_of_freedom_are_those_of_welch(seed):
    """With weights of one half the estimate is half a sum of two means, which statsmodels compares by Welch."""
    rng = np.random.default_rng(seed)
    one, two = rng.choice([0, 0.5, 1], 30), rng.choice([0, 0.5, 1], 12, p=[0.6, 0.3, 0.1])
    found = traffic_win_rate(np.concatenate([one, two]), np.repeat([0, 1], [30, 12]), [0.5, 0.5])
    welch = CompareMeans(DescrStatsW(one), DescrStatsW(two))
    assert found.standard_error == pytest.approx(welch.std_meandiff_separatevar / 2)
    assert found.degrees_of_freedom == pytest.approx(welch.dof_satt())


@given(tagged_scores(least=1), st.data())
def test_properties_hold_on_anything(drawn, data):
    scores, intents, weights = drawn
    found = traffic_win_rate(scores, intents, weights)
    assert 0 <= found.interval.low <= found.win_rate <= found.interval.high <= 1
    order = shuffled(data, scores.size)
    assert traffic_win_rate(scores[order], intents[order], weights) == found
    mirror = traffic_win_rate(1 - scores, intents, weights)
    assert mirror.win_rate == pytest.approx(1 - found.win_rate)
    assert mirror.interval.low == pytest.approx(1 - found.interval.high, abs=1e-7)
    better = scores.copy()
    better[data.draw(st.integers(0, scores.size - 1))] = 1.0
    assert traffic_win_rate(better, intents, weights).win_rate >= found.win_rate - 1e-12


@given(tagged_scores(least=2))
def test_more_of_the_same_examples_narrow_the_interval(drawn):
    scores, intents, weights = drawn
    once = traffic_win_rate(scores, intents, weights).interval
    twice = traffic_win_rate(np.tile(scores, 2), np.tile(intents, 2), weights).interval
    # an intent's only example borrows the spread of all; twice it, with none of its own, can but narrow
    assert twice.high - twice.low < once.high - once.low


@given(tagged_scores(least=1), st.integers(10, 300))
def test_own_shares_give_the_plain_anytime_interval(drawn, planned):
    scores, intents, weights = drawn
    sizes = np.maximum(np.round(weights * planned), 1).astype(int)
    own = sizes / sizes.sum()
    plain = anytime_interval(scores, int(sizes.sum()))
    weighted = traffic_anytime_interval(scores, intents, own, sizes)
    assert (weighted.low, weighted.high) == pytest.approx((plain.low, plain.high), abs=3e-6)


@given(tagged_scores())
def test_weighted_anytime_interval_mirrors_and_stays_in_range(drawn):
    scores, intents, weights = drawn
    sizes = np.full(weights.size, 40)
    mine = traffic_anytime_interval(scores, intents, weights, sizes)
    theirs = traffic_anytime_interval(1 - scores, intents, weights, sizes)
    assert 0 <= mine.low <= mine.high <= 1
    assert (theirs.low, theirs.high) == pytest.approx((1 - mine.high, 1 - mine.low), abs=2e-5)


@given(st.lists(st.integers(1, 9), min_size=1, max_size=5), st.floats(0, 1))
def test_moved_scores_stay_within_bounds_and_move_the_mean_as_the_win_rate(raw, rate):
    weights = np.array(raw) / sum(raw)
    planned = np.arange(1, len(raw) + 1) * 7
    ratios = importance(weights, planned)
    rates = np.linspace(rate, 1 - rate, len(raw))
    z = moved_scores(rates, ratios, ratios.max())
    assert 0 <= z.min() <= z.max() <= 1
    shares = planned / planned.sum()
    assert shares @ z == pytest.approx(0.5 + (weights @ rates - 0.5) / ratios.max())
    assert 0 < moved_variance(0.16, ratios, planned) <= 0.25


def test_weighted_anytime_interval_covers_the_traffic_not_the_golden_set():
    """A rare intent with most of the traffic: the interval is of what production sees."""
    rng = np.random.default_rng(4)
    weights, planned, rates = np.array([0.2, 0.8]), np.array([200, 100]), np.array([0.7, 0.4])
    missed = 0
    for _ in range(300):
        intents = rng.permutation(np.repeat([0, 1], planned))
        scores = (rng.random(300) < rates[intents]).astype(float)
        ends = [
            traffic_anytime_interval(scores[:n], intents[:n], weights, planned, 0.9)
            for n in (30, 60, 120, 200, 300)
        ]
        missed += not all(i.low <= weights @ rates <= i.high for i in ends)
    assert missed / 300 <= 0.1


@pytest.mark.parametrize(("rates", "floor"), [((0.5,) * 8, 0.93), ((0.3, 0.5, 0.7, 0.9) * 2, 0.93)])
def test_many_small_intents_keep_the_level(rates, floor):
    rng = np.random.default_rng(8)
    sizes = np.array([2, 3, 4, 5, 10, 20, 30, 40])
    intents = np.repeat(np.arange(8), sizes)
    own, truth = sizes / sizes.sum(), np.array(rates)
    hits = 0
    for _ in range(2000):
        scores = (rng.random(intents.size) < truth[intents]).astype(float)
        interval = traffic_win_rate(scores, intents, own).interval
        hits += interval.low <= own @ truth <= interval.high
    assert hits / 2000 >= floor


def test_an_intent_without_an_example_is_said_so():
    found = traffic_win_rate([1.0, 0.0, 1.0], [0, 0, 0], [0.25, 0.75])
    assert (found.win_rate, found.weight_seen) == (pytest.approx(2 / 3), 0.25)
    assert traffic_win_rate([], [], [1.0]).win_rate is None
    one = traffic_win_rate([1.0], [0], [1.0])
    assert (one.standard_error, one.interval.low, one.interval.high) == (None, 0, 1)


@pytest.mark.parametrize(
    ("scores", "intents", "weights", "fix"),
    [
        ([0.5], [1], [1.0], "a place in the list"),
        ([0.5], [0, 0], [1.0], "one of each per example"),
        ([1.5], [0], [1.0], "between 0 and 1"),
        ([0.5], [0], [0.5], "sum to 1"),
        ([0.5], [0], [1.0, 0.0], "above 0"),
    ],
)
def test_impossible_input_says_its_fix(scores, intents, weights, fix):
    with pytest.raises(ValueError, match=fix):
        traffic_win_rate(scores, intents, weights)


def test_an_intent_with_traffic_needs_examples_in_the_plan():
    with pytest.raises(ValueError, match="1 example or more"):
        importance([0.5, 0.5], [10, 0])
