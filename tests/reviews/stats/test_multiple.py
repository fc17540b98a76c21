import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats.multitest import multipletests
from ville.evalues import bh

from reviews.stats.multiple import benjamini_hochberg, holm

FAMILIES = st.lists(st.floats(0, 1), min_size=1, max_size=30)


@given(FAMILIES)
def test_adjusted_values_are_those_of_statsmodels(p):
    assert holm(p) == pytest.approx(multipletests(p, method="holm")[1], abs=1e-12)
    assert benjamini_hochberg(p) == pytest.approx(multipletests(p, method="fdr_bh")[1], abs=1e-12)


@given(FAMILIES, st.sampled_from([0.01, 0.05, 0.2]))
def test_rejections_are_those_of_ville(p, alpha):
    ours = benjamini_hochberg(p)
    clear = np.abs(ours - alpha) > 1e-9
    assert ((ours <= alpha) == bh(p, alpha))[clear].all()


@given(FAMILIES)
def test_a_stack_of_families_is_each_on_its_own(p):
    stack = np.stack([p, p[::-1]])
    assert np.array_equal(holm(stack), np.stack([holm(p), holm(p[::-1])]))
    assert np.array_equal(
        benjamini_hochberg(stack), np.stack([benjamini_hochberg(p), benjamini_hochberg(p[::-1])])
    )


@given(FAMILIES)
def test_adjusting_never_makes_a_p_smaller(p):
    assert (holm(p) >= np.array(p)).all()
    assert (holm(p) >= benjamini_hochberg(p) - 1e-12).all()


@pytest.mark.parametrize("p", [[0.5, 1.2], [-0.1], [float("nan")]])
def test_what_is_no_p_value_is_refused(p):
    with pytest.raises(ValueError, match="between 0 and 1"):
        holm(p)
    with pytest.raises(ValueError, match="between 0 and 1"):
        benjamini_hochberg(p)


def test_a_single_number_is_refused():
    with pytest.raises(ValueError, match="one per question"):
        holm(0.5)
