"""The win rate at equal length, against statsmodels' GLM and by simulation."""

from typing import Any

import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import given
from hypothesis import strategies as st

from reviews.stats import style
from tests.reviews.stats.strategies import SCORES, shuffled

# a figure may be None, and then the test that asks for it fails as it should
style_adjusted: Any = style.style_adjusted


def wordy(rng, examples, at_equal=0.5, pull=1.0, lean=150.0):
    """Longer answers win more; the candidate is longer by `lean` on average."""
    d = rng.normal(lean, 300, examples)
    logit = np.log(at_equal / (1 - at_equal)) + pull * np.tanh(d / np.sqrt(np.mean(d**2)))
    return (rng.random(examples) < 1 / (1 + np.exp(-logit))).astype(float), d


@pytest.mark.parametrize("seed", range(10))
def test_it_is_the_fractional_logit_of_statsmodels(seed):
    rng = np.random.default_rng(seed)
    d = rng.normal(100, 200, 80)
    x = np.clip(np.round(2 * (0.5 + d / 1200 + rng.normal(0, 0.3, 80))) / 2, 0, 1)
    design = np.column_stack([np.ones(80), np.tanh(d / np.sqrt(np.mean(d**2)))])
    glm = sm.GLM(x, design, family=sm.families.Binomial()).fit(cov_type="HC1")
    found = style_adjusted(x, d)
    rate = 1 / (1 + np.exp(-glm.params[0]))
    assert found.win_rate == pytest.approx(rate)
    assert found.length_effect == pytest.approx(glm.params[1])
    # its GLM takes HC1 for HC0: without the factor n/(n - 2)
    errors = glm.bse * np.sqrt(80 / 78)
    assert found.standard_error == pytest.approx(rate * (1 - rate) * errors[0], rel=1e-5)
    assert found.length_standard_error == pytest.approx(errors[1], rel=1e-5)


def test_a_candidate_that_only_writes_more_is_even_at_equal_length():
    x, d = wordy(np.random.default_rng(1), 4000, at_equal=0.5, lean=300)
    found = style_adjusted(x, d)
    assert x.mean() > 0.57
    assert found.win_rate == pytest.approx(0.5, abs=0.025)
    assert found.length_effect > 0.8


def test_interval_covers_the_rate_at_equal_length():
    rng = np.random.default_rng(3)
    hits = 0
    for _ in range(600):
        interval = style_adjusted(*wordy(rng, 150, at_equal=0.6)).interval
        hits += interval.low <= 0.6 <= interval.high
    assert 0.93 <= hits / 600 <= 0.975


PAIRS = st.lists(st.tuples(st.sampled_from(SCORES), st.integers(-900, 900)), min_size=20, max_size=60).map(
    lambda rows: (np.array([r[0] for r in rows]), np.array([float(r[1]) for r in rows]))
)


@given(PAIRS, st.data())
def test_properties_hold_on_anything(pairs, data):
    x, d = pairs
    found = style_adjusted(x, d)
    order = shuffled(data, x.size)
    assert style_adjusted(x[order], d[order]) == found
    mirror = style_adjusted(1 - x, -d)
    if found.win_rate is None:
        assert mirror.win_rate is None
        return
    assert 0 <= found.interval.low <= found.win_rate <= found.interval.high <= 1
    assert mirror.win_rate == pytest.approx(1 - found.win_rate, abs=1e-6)
    assert mirror.length_effect == pytest.approx(found.length_effect, abs=1e-5)
    assert style_adjusted(x, 7 * d).win_rate == pytest.approx(found.win_rate, abs=1e-6)
    twice = style_adjusted(np.tile(x, 2), np.tile(d, 2))
    assert twice.win_rate == pytest.approx(found.win_rate, abs=1e-6)
    if found.standard_error > 1e-6:
        assert twice.standard_error < found.standard_error


@pytest.mark.parametrize(
    ("x", "d"),
    [
        (np.ones(30), np.arange(30.0)),
        (np.repeat([0.0, 1.0], 15), np.repeat([-5.0, 5.0], 15)),
        (np.repeat([0.0, 1.0], 15), np.zeros(30)),
        (np.repeat([0.0, 1.0], 9), np.arange(18.0)),
        (np.repeat([0.0, 1.0], 15), np.full(30, 4.0)),
        (np.zeros(0), np.zeros(0)),
    ],
)
def test_what_cannot_be_told_is_none(x, d):
    found = style_adjusted(x, d)
    assert (found.examples, found.win_rate, found.interval) == (x.size, None, None)


def test_examples_without_a_score_are_left_out():
    x, d = wordy(np.random.default_rng(5), 60)
    gaps = np.concatenate([x, [np.nan]])
    assert style_adjusted(gaps, np.concatenate([d, [np.nan]])) == style_adjusted(x, d)


@pytest.mark.parametrize(
    ("x", "d", "fix"),
    [([0.5], [1.0, 2.0], "one of each"), ([1.5], [1.0], "between 0 and 1"), ([0.5], [np.nan], "no number")],
)
def test_impossible_input_says_its_fix(x, d, fix):
    with pytest.raises(ValueError, match=fix):
        style_adjusted(x, d)
