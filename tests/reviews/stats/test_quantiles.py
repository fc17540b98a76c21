"""Quantiles and their intervals, against scipy's binomial distribution and by simulation."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom

from reviews.stats.quantiles import quantile


def ranks(n: int, q: float, level: float) -> tuple[float | None, float | None]:
    """The interval of 1 … n: its limits are the ranks themselves."""
    interval = quantile(np.arange(1, n + 1), q, level).interval
    return interval.low, interval.high


@given(
    st.integers(1, 400),
    st.sampled_from([0.05, 0.5, 0.9, 0.95, 0.99]),
    st.sampled_from([0.5, 0.9, 0.95, 0.99]),
)
def test_limits_are_the_narrowest_that_the_binomial_distribution_allows(
    n: int, q: float, level: float
) -> None:
    tail = (1 - level) / 2
    low, high = ranks(n, q, level)
    below = int(low or 0)
    assert below == 0 or binom.cdf(below - 1, n, q) <= tail
    assert binom.cdf(below, n, q) > tail  # one more would be too many
    above = int(high or n + 1)
    assert high is None or binom.sf(above - 1, n, q) <= tail + 1e-12
    assert above == 1 or binom.sf(above - 2, n, q) > tail - 1e-12


@pytest.mark.parametrize("n", [100, 240, 1000])
def test_limits_agree_with_the_quantiles_of_the_binomial_distribution(n: int) -> None:
    low, high = ranks(n, 0.95, 0.95)
    assert (low, high) == (binom.ppf(0.025, n, 0.95), binom.ppf(0.975, n, 0.95) + 1)


def test_p95_has_no_upper_limit_under_72_values() -> None:
    """0.95^71 is above 0.025, and 0.95^72 is not."""
    assert ranks(71, 0.95, 0.95)[1] is None
    assert ranks(72, 0.95, 0.95)[1] == 72


def test_one_value_is_its_own_estimate_without_an_interval() -> None:
    found = quantile([3.5], 0.95)
    assert (found.values, found.estimate) == (1, 3.5)
    assert (found.interval.low, found.interval.high) == (None, None)


def test_without_a_value_nothing_is_said() -> None:
    found = quantile([], 0.95)
    assert (found.values, found.estimate, found.interval.low, found.interval.high) == (0, None, None, None)


def test_what_was_not_measured_is_left_out() -> None:
    assert quantile([1.0, float("nan"), 2.0], 0.5) == quantile([2.0, 1.0], 0.5)


def test_estimate_is_a_value_that_was_measured() -> None:
    assert quantile(range(1, 21), 0.95).estimate == 19
    assert quantile(range(1, 21), 0.99).estimate == 20


@pytest.mark.parametrize(("q", "level"), [(0, 0.95), (1, 0.95), (0.5, 0), (0.5, 1), (1.5, 0.95)])
def test_shares_outside_0_and_1_are_refused(q: float, level: float) -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        quantile([1.0], q, level)


@pytest.mark.parametrize("n", [72, 300])
def test_interval_of_the_p95_covers_it_whatever_the_distribution(n: int) -> None:
    rng = np.random.default_rng(n)
    true = {"lognormal": np.exp(1.6448536), "exponential": -np.log(0.05), "uniform": 0.95}
    draws = {
        "lognormal": rng.lognormal(size=(4000, n)),
        "exponential": rng.exponential(size=(4000, n)),
        "uniform": rng.uniform(size=(4000, n)),
    }
    for name, samples in draws.items():
        intervals = [quantile(sample, 0.95).interval for sample in samples]
        covered = np.mean(
            [(i.low or 0) <= true[name] and (i.high is None or true[name] <= i.high) for i in intervals]
        )
        # 4,000 draws: three standard errors of 0.95 are 0.0103
        assert covered >= 0.94, name
        # discrete, so it covers more than it says, but not idly so
        assert covered <= 0.99, name
