"""AC2 and bootstrap intervals. irrCAC, which has AC2, pins a scipy that does not build on Python 3.13; in its place
stand the definition worked out pair by pair, and what irrCAC 0.4.4, run once without that pin, said of two tables.
"""

from itertools import combinations
from typing import Any

import krippendorff
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from reviews.stats import agreement as plain
from reviews.stats.agreement import linear_weights, vote_table
from reviews.stats.agreement_intervals import agreement_intervals, resampled
from tests.reviews.stats.test_agreement import TWO_ABSTRACTORS, four_raters

# a figure may be None, and then the test that asks for it fails as it should
gwet_ac2: Any = plain.gwet_ac2
gwet_ac1: Any = plain.gwet_ac1
ordinal_alpha: Any = plain.ordinal_alpha
percent_agreement: Any = plain.percent_agreement

TABLES = arrays(np.int64, st.tuples(st.integers(1, 25), st.just(3)), elements=st.integers(0, 3))


def ac2_by_hand(table, weights):
    observed, shares = [], []
    for row in table.tolist():
        votes = [category for category, count in enumerate(row) for _ in range(count)]
        if votes:
            shares.append([votes.count(q) / len(votes) for q in range(len(row))])
        if len(votes) > 1:
            observed.append(np.mean([weights[a, b] for a, b in combinations(votes, 2)]))
    if not observed:
        return None
    pi = np.mean(shares, axis=0)
    q = table.shape[1]
    chance = weights.sum() / (q * (q - 1)) * (pi * (1 - pi)).sum()
    return (np.mean(observed) - chance) / (1 - chance)


@given(TABLES)
def test_ac2_is_its_definition_pair_by_pair(table):
    assert gwet_ac2(table) == pytest.approx(ac2_by_hand(table, linear_weights(3)), abs=1e-12)
    assert gwet_ac1(table) == pytest.approx(ac2_by_hand(table, np.eye(3)), abs=1e-12)


# 24 examples by three raters, drawn once at random
BY_IRRCAC = """
102 000 122 222 000 011 110 111 002 201 022 010 222 212 202 001 100 221 000 211 212 101 022 112
"""


def test_ac1_and_ac2_are_those_of_irrcac():
    table = np.array([[row.count(str(q)) for q in range(3)] for row in BY_IRRCAC.split()])
    assert gwet_ac1(table) == pytest.approx(0.20901995, abs=5e-9)
    assert gwet_ac2(table) == pytest.approx(0.25162408, abs=5e-9)
    pairs = [np.eye(3, dtype=int)[a] + np.eye(3, dtype=int)[b] for a in range(3) for b in range(3)]
    women = np.repeat(pairs, TWO_ABSTRACTORS.ravel(), axis=0)
    assert gwet_ac1(women) == pytest.approx(0.84933055, abs=5e-9)
    assert gwet_ac2(women) == pytest.approx(0.90002272, abs=5e-9)


def test_ac2_forgives_a_tie_more_than_a_reversal():
    ties = np.array([[0, 1, 1]] * 5 + [[2, 0, 0]] * 5)
    reversals = np.array([[1, 0, 1]] * 5 + [[2, 0, 0]] * 5)
    assert gwet_ac2(ties) > gwet_ac2(reversals) + 0.2


def test_with_two_categories_linear_weights_are_none_and_ac2_is_ac1():
    table = np.array([[2, 0], [1, 1], [0, 3], [2, 1]])
    assert gwet_ac2(table) == pytest.approx(gwet_ac1(table))


@given(TABLES, st.integers(0, 1000))
def test_resampled_figures_are_those_of_the_table_written_out(table, seed):
    rows = np.unique(table[table.sum(axis=1) > 0], axis=0)
    if not len(rows):
        return
    times = np.random.default_rng(seed).integers(0, 4, (5, len(rows)))
    times[:, 0] += 1
    figures = resampled(rows, times)
    for b in range(5):
        written_out = np.repeat(rows, times[b], axis=0)
        for figure, function in zip(
            figures, (percent_agreement, gwet_ac1, gwet_ac2, ordinal_alpha), strict=True
        ):
            expected = function(written_out)
            assert figure[b] == pytest.approx(np.nan if expected is None else expected, abs=1e-9, nan_ok=True)


@pytest.mark.parametrize("seed", range(5))
def test_alpha_within_the_intervals_is_that_of_krippendorff(seed):
    rng = np.random.default_rng(seed)
    raters = np.clip(rng.integers(0, 3, (60, 1)) + rng.integers(-1, 2, (60, 3)), 0, 2)
    table = np.stack([(raters == q).sum(axis=1) for q in range(3)], axis=1)
    found: Any = agreement_intervals(table)
    theirs = krippendorff.alpha(value_counts=table, level_of_measurement="ordinal")
    assert found.krippendorff_alpha.value == pytest.approx(theirs)
    assert found.krippendorff_alpha.low < theirs < found.krippendorff_alpha.high


def test_limits_are_those_of_resampling_one_by_one():
    rng = np.random.default_rng(9)
    table = rng.multinomial(2, [0.2, 0.2, 0.6], size=80)
    found: Any = agreement_intervals(table)
    drawn = [ordinal_alpha(table[rng.integers(0, 80, 80)]) for _ in range(4000)]
    assert found.krippendorff_alpha.low == pytest.approx(np.quantile(drawn, 0.025), abs=0.03)
    assert found.krippendorff_alpha.high == pytest.approx(np.quantile(drawn, 0.975), abs=0.03)


def test_more_of_the_same_examples_narrow_the_limits_and_order_does_not_change_them():
    table = np.random.default_rng(2).multinomial(2, [0.3, 0.2, 0.5], size=50)
    once: Any = agreement_intervals(table)
    assert agreement_intervals(table[::-1]) == once
    four_times: Any = agreement_intervals(np.tile(table, (4, 1)))
    for name in ("percent", "gwet_ac1", "gwet_ac2", "krippendorff_alpha"):
        wide, narrow = getattr(once, name), getattr(four_times, name)
        assert narrow.high - narrow.low < 0.7 * (wide.high - wide.low)


def test_few_examples_have_figures_and_no_limits():
    found = agreement_intervals(four_raters()[:9])
    assert found.gwet_ac2.value is not None
    assert (found.gwet_ac2.low, found.gwet_ac2.high, found.examples) == (None, None, 9)
    nothing = agreement_intervals(np.zeros((0, 3), int))
    assert (nothing.percent.value, nothing.examples) == (None, 0)


def test_table_counts_votes_in_the_order_of_the_scale():
    assert vote_table([7, 7, 3, 7], [0, 2, 1, 3]).tolist() == [[1, 0, 0], [0, 2, 1]]


@pytest.mark.parametrize(("level", "resamples"), [(95, 2000), (0.95, 10)])
def test_impossible_requests_say_their_fix(level, resamples):
    with pytest.raises(ValueError, match="100 or more"):
        agreement_intervals(four_raters(), level, resamples)
