import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.regression.linear_model import OLS

from reviews.stats.choices import VOTE_SCORES
from reviews.stats.position_bias import PositionBias, position_bias
from tests.reviews.stats.strategies import Votes, shuffled, single_votes, swapped


def by_statsmodels(examples, left, choices):
    sides = np.where(left, 1.0, -1.0)
    fit = OLS(VOTE_SCORES[choices], np.column_stack([np.ones(sides.size), sides])).fit(
        cov_type="cluster", cov_kwds={"groups": np.unique(examples, return_inverse=True)[1]}, use_t=True
    )
    return fit.params[1], fit.bse[1], fit.pvalues[1], *fit.conf_int()[1]


@pytest.mark.parametrize("seed", range(20))
def test_effect_error_and_p_equal_statsmodels(seed):
    random = np.random.default_rng(seed)
    votes = int(random.integers(20, 400))
    examples = random.integers(0, votes // 2, votes)
    left = random.random(votes) < 0.5
    choices = np.where(random.random(votes) < 0.2, np.where(left, 0, 1), random.integers(0, 4, votes))
    result = position_bias(examples, left, choices)
    assert result.interval is not None
    found = (result.effect, result.se, result.p, result.interval.low, result.interval.high)
    assert found == pytest.approx(by_statsmodels(examples, left, choices))


def test_effect_is_half_the_difference_of_the_sides():
    # left: 1, 1, tie -> 5/6; right: tie, loss -> 1/4
    result = position_bias([1, 2, 3, 4, 5], [True, True, True, False, False], [0, 0, 3, 2, 1])
    assert result.effect == pytest.approx((5 / 6 - 1 / 4) / 2)


@pytest.mark.parametrize("sides", [[True] * 4, [False] * 4, []])
def test_one_side_alone_tells_nothing(sides):
    nothing = PositionBias(None, None, None)
    assert position_bias(range(len(sides)), sides, [0] * len(sides)) == nothing


def test_too_few_examples_or_votes_have_no_error():
    assert position_bias([1, 1, 1, 1], [True, True, False, False], [0, 1, 1, 1]) == PositionBias(
        0.25, None, None
    )
    assert position_bias([1, 2], [True, False], [0, 1]) == PositionBias(0.5, None, None)


def test_votes_that_follow_the_side_alone_are_damning_only_in_number():
    few, many = (
        position_bias(range(n), [i % 2 == 0 for i in range(n)], [i % 2 for i in range(n)]) for n in (3, 40)
    )
    assert few == PositionBias(0.5, 0.0, 0.25)
    assert (many.effect, many.se) == (0.5, 0.0)
    assert many.p is not None
    assert 0 < many.p < 1e-10


def test_ties_throughout_show_no_bias():
    assert position_bias(range(4), [True, False] * 2, [2, 2, 3, 3]) == PositionBias(0.0, 0.0, 1.0)


@pytest.mark.parametrize(
    ("columns", "fix"),
    [
        (([1, 2], [True, False], [0, 9]), "map the others"),
        (([1, 2], [1, -1], [0, 1]), r"astype\(bool\)"),
        (([1, 2], [True], [0, 1]), "one entry per vote"),
    ],
)
def test_wrong_columns_say_their_fix(columns, fix):
    with pytest.raises(ValueError, match=fix):
        position_bias(*columns)


def test_p_is_uniform_enough_where_sides_do_nothing():
    random = np.random.default_rng(11)
    runs, small = 1200, 0
    for _ in range(runs):
        examples = np.repeat(np.arange(40), 2)
        # the two votes on an example lean the same way: only clustered errors get this right
        lean = np.repeat(random.random(40), 2)
        choices = np.where(random.random(80) < lean, 0, 1)
        p = position_bias(examples, np.repeat(random.random(40) < 0.5, 2), choices).p
        assert p is not None
        small += p < 0.05
    assert small / runs == pytest.approx(0.05, abs=0.025)


def figures(result: PositionBias):
    return result.effect, result.se, result.p


@given(single_votes())
def test_relabelling_keeps_the_bias(votes: Votes):
    # candidate and baseline exchange names, and so places: left is favoured as it was
    before = position_bias(votes.examples, votes.candidate_left, votes.choices)
    after = position_bias(votes.examples, ~votes.candidate_left, swapped(votes.choices))
    assert figures(after) == pytest.approx(figures(before), abs=1e-9)


@given(single_votes())
def test_mirroring_the_screen_turns_the_bias_round(votes: Votes):
    before = position_bias(votes.examples, votes.candidate_left, votes.choices)
    after = position_bias(votes.examples, ~votes.candidate_left, votes.choices)
    assert (after.se, after.p) == pytest.approx((before.se, before.p), abs=1e-9)
    assert after.effect == pytest.approx(None if before.effect is None else -before.effect)


@given(single_votes(), st.data())
def test_neither_order_nor_names_matter(votes: Votes, data):
    order = shuffled(data, votes.examples.size)
    before = position_bias(votes.examples, votes.candidate_left, votes.choices)
    after = position_bias(5 - votes.examples[order], votes.candidate_left[order], votes.choices[order])
    assert figures(after) == pytest.approx(figures(before), abs=1e-9)


@given(single_votes())
def test_figures_stay_in_range(votes: Votes):
    result = position_bias(votes.examples, votes.candidate_left, votes.choices)
    assert result.effect is None or -0.5 <= result.effect <= 0.5
    assert result.se is None or result.se >= 0
    assert result.p is None or 0 <= result.p <= 1
