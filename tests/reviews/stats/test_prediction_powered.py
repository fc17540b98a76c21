"""Prediction-powered inference. The authors' package is not among the oracles: it brings numba and scikit-learn for a
mean. In its place stand what ppi-python 0.2.3, run once, said of one example, the control variate, and simulations.
"""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reviews.stats import prediction_powered as module
from reviews.stats.win_rate import win_rate
from tests.reviews.stats.strategies import SCORES

# a figure may be None, and then the test that asks for it fails as it should
prediction_powered: Any = module.prediction_powered


def world(rng, people, more, rate=0.6, judge=0.8, lean=0.0):
    """People's scores, and a judge who says the same with chance `judge`, else at random, leaning to one side."""
    truth = (rng.random(people + more) < rate).astype(float)
    at_random = (rng.random(people + more) < 0.5 + lean).astype(float)
    judged = np.where(rng.random(people + more) < judge, truth, at_random)
    return truth[:people], judged[:people], judged[people:]


def test_it_is_the_control_variate_of_the_judge():
    y, f, more = world(np.random.default_rng(1), 100, 900)
    found = prediction_powered(y, f, more)
    weight = np.cov(y, f)[0, 1] / (1 + 100 / 900) / np.var(np.concatenate([f, more]), ddof=1)
    assert found.trust == pytest.approx(weight)
    assert found.win_rate == pytest.approx(y.mean() + weight * (more.mean() - f.mean()))
    variance = np.var(y - weight * f, ddof=1) / 100 + weight**2 * np.var(more, ddof=1) / 900
    assert found.standard_error == pytest.approx(np.sqrt(variance))
    assert found.as_if == pytest.approx(np.var(y, ddof=1) / 100 / variance)
    assert found.people == win_rate(y)


def test_it_is_what_the_authors_package_says_of_one_example():
    found = prediction_powered(*world(np.random.default_rng(1), 100, 900))
    # they divide the covariance by n where we divide by n - 1, and take the normal distribution for t
    assert found.win_rate == pytest.approx(0.5323718, abs=1e-3)
    assert found.win_rate - 1.96 * found.standard_error == pytest.approx(0.46878271, abs=1e-3)
    assert found.win_rate + 1.96 * found.standard_error == pytest.approx(0.5959609, abs=1e-3)


@pytest.mark.parametrize(("judge", "lean"), [(0.8, 0.0), (0.6, 0.4), (0.0, 0.3)])
def test_it_is_right_however_bad_the_judge(judge, lean):
    rng = np.random.default_rng(2)
    found = [prediction_powered(*world(rng, 120, 1000, 0.6, judge, lean)) for _ in range(800)]
    assert np.mean([row.win_rate for row in found]) == pytest.approx(0.6, abs=0.006)
    covered = np.mean([row.interval.low <= 0.6 <= row.interval.high for row in found])
    assert 0.925 <= covered <= 0.975
    if judge == 0.8:
        # the promise of "as if": the variance really is that many times smaller than of votes alone
        spread = np.var([row.people.win_rate for row in found]) / np.var([row.win_rate for row in found])
        assert np.mean([row.as_if for row in found]) == pytest.approx(spread, rel=0.15)
        assert spread > 1.7


def test_a_judge_who_knows_nothing_is_not_trusted_and_costs_nothing():
    rng = np.random.default_rng(3)
    found = prediction_powered(*world(rng, 400, 4000, judge=0.0))
    assert found.trust < 0.1
    assert found.as_if == pytest.approx(1, abs=0.02)


def test_a_judge_who_says_the_opposite_is_not_turned_round():
    y, f, more = world(np.random.default_rng(4), 100, 500)
    found = prediction_powered(y, 1 - f, 1 - more)
    assert (found.trust, found.as_if) == (0, 1)
    assert found.win_rate == pytest.approx(y.mean())


COLUMN = st.sampled_from(SCORES)


@given(st.lists(st.tuples(COLUMN, COLUMN), min_size=20, max_size=50), st.lists(COLUMN, max_size=60))
def test_properties_hold_on_anything(rows, more):
    y, f = (np.array([row[i] for row in rows]) for i in (0, 1))
    extra = np.array(more)
    found = prediction_powered(y, f, extra)
    assert 0 <= found.interval.low <= found.win_rate <= found.interval.high <= 1
    assert 0 <= found.trust <= 1
    assert prediction_powered(y[::-1], f[::-1], extra[::-1]) == found
    mirror = prediction_powered(1 - y, 1 - f, 1 - extra)
    assert mirror.win_rate == pytest.approx(1 - found.win_rate)
    assert mirror.as_if == pytest.approx(found.as_if)


def test_without_enough_votes_only_the_plain_figure_is_given():
    found = prediction_powered([1.0, np.nan] * 10, [1.0] * 20, [0.5] * 9)
    assert (found.examples, found.unlabelled, found.win_rate) == (10, 9, None)
    assert found.people.win_rate == 1


@pytest.mark.parametrize(
    ("y", "f", "more", "fix"),
    [([0.5], [0.5, 1], [], "one of each"), ([2], [0.5], [], "0 and 1"), ([0.5], [0.5], [7], "0 and 1")],
)
def test_impossible_input_says_its_fix(y, f, more, fix):
    with pytest.raises(ValueError, match=fix):
        prediction_powered(y, f, more)
