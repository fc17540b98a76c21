from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.weightstats import DescrStatsW

from reviews.stats import drift as module
from tests.reviews.stats.strategies import SCORES

# a figure may be None, and then the test that asks for it fails as it should
drift: Any = module.drift


@pytest.mark.parametrize("seed", range(5))
def test_change_is_the_paired_t_test_of_statsmodels(seed):
    rng = np.random.default_rng(seed)
    before, after = rng.choice([0, 0.5, 1], (2, 90))
    intents = rng.integers(0, 3, 90)
    found = drift(before, after, intents, 3)
    theirs = DescrStatsW(after - before)
    assert found.overall.p == pytest.approx(theirs.ttest_mean(0)[1])
    assert (found.overall.low, found.overall.high) == pytest.approx(theirs.tconfint_mean(0.05))
    tested = [c for c in found.intents if c.examples >= 20]
    adjusted = multipletests([c.p for c in tested], method="fdr_bh")[1]
    assert [c.adjusted_p for c in tested] == pytest.approx(adjusted)


def test_only_examples_judged_both_times_count():
    found = drift([1, 0, np.nan, 0.5], [0.5, np.nan, 1, 0.5], [0, 0, 0, 1], 2)
    assert (found.overall.examples, found.overall.change) == (2, -0.25)
    assert [c.examples for c in found.intents] == [1, 1]
    assert found.intents[0].p is None


def test_small_intents_are_shown_and_not_tested():
    found = drift(np.zeros(25), np.tile([0, 1, 1, 0, 1], 5), np.repeat([0, 1], [20, 5]), 2)
    assert found.intents[0].adjusted_p == found.intents[0].p
    assert found.intents[1].p is not None
    assert found.intents[1].adjusted_p is None


def test_a_change_that_is_everywhere_the_same_is_not_certain_at_any_number():
    found = drift(np.zeros(3), np.full(3, 0.5), np.zeros(3, int), 1)
    assert (found.overall.change, found.overall.p, found.overall.low) == (0.5, 0.25, None)
    assert drift(np.zeros(3), np.zeros(3), np.zeros(3, int), 1).overall.p == 1
    assert drift([], [], [], 2).overall.change is None


@given(st.lists(st.tuples(*[st.sampled_from(SCORES)] * 2, st.integers(0, 2)), min_size=2, max_size=60))
def test_properties_hold_on_anything(rows):
    x, y = (np.array([row[i] for row in rows]) for i in (0, 1))
    intents = np.array([row[2] for row in rows])
    found, back = drift(x, y, intents, 3), drift(y, x, intents, 3)
    assert back.overall.change == pytest.approx(-found.overall.change)
    assert back.overall.p == pytest.approx(found.overall.p)
    mirror = drift(1 - x, 1 - y, intents, 3)
    assert mirror.overall.change == pytest.approx(-found.overall.change)
    assert drift(x[::-1], y[::-1], intents[::-1], 3).overall == found.overall
    if found.overall.low is not None:
        assert -1 <= found.overall.low <= found.overall.change <= found.overall.high <= 1
        twice = drift(np.tile(x, 2), np.tile(y, 2), np.tile(intents, 2), 3).overall
        assert twice.standard_error < found.overall.standard_error


@pytest.mark.parametrize(
    ("x", "y", "intents", "fix"),
    [
        ([0.5], [0.5, 1], [0], "one score before"),
        ([0.5], [0.5], [2], "0 to 1"),
        ([0.5], [5], [0], "between 0 and 1"),
    ],
)
def test_impossible_input_says_its_fix(x, y, intents, fix):
    with pytest.raises(ValueError, match=fix):
        drift(x, y, intents, 2)
