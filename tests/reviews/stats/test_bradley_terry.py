"""Strengths against choix, errors against a clustered logit of statsmodels and by simulation."""

from typing import Any

import choix
import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import given
from hypothesis import strategies as st

from reviews.stats import bradley_terry as module

# a figure may be None, and then the test that asks for it fails as it should
bradley_terry: Any = module.bradley_terry


def league(rng, strengths, examples):
    """Every model against every other on every example; win, tie or loss."""
    size = len(strengths)
    a, b = np.triu_indices(size, 1)
    first, second = np.tile(a, examples), np.tile(b, examples)
    p = 1 / (1 + np.exp(strengths[second] - strengths[first]))
    x = np.where(rng.random(p.size) < 0.2, 0.5, rng.random(p.size) < p)
    return first, second, x.astype(float), np.repeat(np.arange(examples), a.size)


def by_name(found):
    return {rated.model: rated for rated in found.models}


@pytest.mark.parametrize("seed", range(8))
def test_strengths_are_those_of_choix(seed):
    rng = np.random.default_rng(seed)
    first, second, x, example = league(rng, rng.normal(0, 0.7, 5), 30)
    # a tie is half a win for each: every comparison twice, and once in each direction where it was tied
    wins = [(a, b) for a, b, s in zip(first, second, x, strict=True) for _ in range(round(2 * s))]
    wins += [(b, a) for a, b, s in zip(first, second, x, strict=True) for _ in range(round(2 - 2 * s))]
    theirs = choix.opt_pairwise(5, [(int(a), int(b)) for a, b in wins], alpha=0, tol=1e-12)
    ours = by_name(bradley_terry(first, second, x, example))
    assert [ours[m].strength for m in range(5)] == pytest.approx(theirs - theirs.mean(), abs=1e-5)


def test_errors_are_those_of_a_clustered_logit():
    rng = np.random.default_rng(4)
    first, second, x, example = league(rng, np.array([0.0, 0.5, -0.4]), 60)
    design = np.zeros((x.size, 3))
    design[np.arange(x.size), first] += 1
    design[np.arange(x.size), second] -= 1
    glm = sm.GLM(x, design[:, 1:], family=sm.families.Binomial()).fit(
        cov_type="cluster", cov_kwds={"groups": example, "use_correction": False}
    )
    found = bradley_terry(first, second, x, example)
    order = [rated.model for rated in found.models]
    covariance = np.array(found.covariance)
    zero = order.index(0)
    for model in (1, 2):
        place = order.index(model)
        variance = covariance[place, place] + covariance[zero, zero] - 2 * covariance[place, zero]
        assert np.sqrt(variance) == pytest.approx(glm.bse[model - 1] * np.sqrt(60 / 59), rel=1e-5)


def test_two_models_are_a_win_rate():
    x = np.array([1, 1, 1, 0.5, 0, 1, 0, 0.5])
    found = bradley_terry(np.zeros(8, int), np.ones(8, int), x, np.arange(8))
    assert found.beats(0, 1) == pytest.approx(x.mean())
    assert found.beats(1, 0) == pytest.approx(1 - x.mean())
    assert [rated.model for rated in found.models] == [0, 1]


def test_limits_cover_the_truth_where_comparisons_share_examples():
    rng = np.random.default_rng(6)
    truth = np.array([0.4, 0.0, -0.4])
    hits = 0
    for _ in range(400):
        ours = by_name(bradley_terry(*league(rng, truth, 60)))
        # ties draw the other strengths towards 0, and leave the middle one there
        hits += ours[1].low <= 0 <= ours[1].high
    assert 0.92 <= hits / 400 <= 0.98


def test_examples_that_lean_alike_count_once():
    rng = np.random.default_rng(7)
    first, second, x, example = league(rng, np.zeros(3), 40)
    once = bradley_terry(first, second, x, example)
    copied = bradley_terry(np.tile(first, 4), np.tile(second, 4), np.tile(x, 4), np.tile(example, 4))
    more = bradley_terry(np.tile(first, 4), np.tile(second, 4), np.tile(x, 4), np.arange(4 * x.size))
    assert copied.models[0].standard_error == pytest.approx(once.models[0].standard_error)
    assert more.models[0].standard_error < 0.7 * once.models[0].standard_error


@given(
    st.lists(
        st.tuples(st.integers(0, 4), st.integers(1, 4), st.sampled_from((0.0, 0.5, 1.0)), st.integers(0, 9)),
        max_size=40,
    ),
    st.data(),
)
def test_properties_hold_on_anything(rows, data):
    first = np.array([row[0] for row in rows], dtype=int)
    second = np.array([(row[0] + row[1]) % 5 for row in rows], dtype=int)
    x, example = np.array([row[2] for row in rows]), np.array([row[3] for row in rows], dtype=int)
    found = bradley_terry(first, second, x, example)
    order = np.array(data.draw(st.permutations(range(len(rows)))), dtype=int)
    assert bradley_terry(first[order], second[order], x[order], example[order]) == found
    swapped = by_name(bradley_terry(second, first, 1 - x, example))
    worse = by_name(bradley_terry(first, second, 1 - x, example))
    for rated in found.models:
        assert swapped[rated.model].strength == pytest.approx(rated.strength, abs=1e-7)
        mirrored = None if rated.strength is None else -rated.strength
        assert worse[rated.model].strength == pytest.approx(mirrored, abs=1e-7)
        if rated.strength is not None:
            assert rated.low <= rated.strength <= rated.high
            assert 0 < rated.win_rate < 1
    for group in {rated.group for rated in found.models}:
        strengths = [
            rated.strength for rated in found.models if rated.group == group and rated.strength is not None
        ]
        assert sum(strengths) == pytest.approx(0, abs=1e-7)


def test_who_never_lost_is_not_on_the_scale_of_the_others():
    found = bradley_terry([0, 0, 1, 1, 2], [1, 2, 2, 2, 1], [1.0, 1.0, 1.0, 0.0, 0.5], [0, 1, 2, 3, 4])
    ours = by_name(found)
    assert ours[0].strength is None
    assert ours[1].group == ours[2].group == 0
    assert ours[0].group == 1
    assert found.beats(0, 1) is None
    assert found.beats(1, 2) is not None


def test_one_more_win_never_lowers_a_model():
    first, second, x, example = league(np.random.default_rng(9), np.zeros(4), 10)
    before = by_name(bradley_terry(first, second, x, example))
    for row in np.flatnonzero(x < 1)[:8]:
        better = x.copy()
        better[row] = 1.0
        after = by_name(bradley_terry(first, second, better, example))
        assert after[first[row]].strength > before[first[row]].strength


def test_without_a_comparison_there_is_no_model():
    assert bradley_terry([], [], [], []).models == ()


@pytest.mark.parametrize(
    ("second", "x", "fix"),
    [([0], [1.0], "with itself"), ([1], [2.0], "between 0 and 1"), ([1], [1.0, 0.0], "differ")],
)
def test_impossible_input_says_its_fix(second, x, fix):
    with pytest.raises(ValueError, match=fix):
        bradley_terry([0], second, x, [0])
