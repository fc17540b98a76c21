"""Quantiles of latencies and the like, with intervals that assume no distribution."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import bdtr

from reviews.stats.choices import Floats

ORDER_STATISTICS = "order statistics, binomial"


@dataclass(frozen=True)
class QuantileInterval:
    """Limits in the unit of the values; None where there are too few of them for a limit on that side."""

    low: float | None
    high: float | None
    level: float
    method: str = ORDER_STATISTICS


@dataclass(frozen=True)
class Quantile:
    """The estimate is None without a value."""

    values: int
    estimate: float | None
    interval: QuantileInterval


def quantile(values: ArrayLike, q: float, level: float = 0.95) -> Quantile:
    """The smallest value that at least a share q of the values don't exceed, with an interval for the true quantile.

    values: float, shape (n,), any unit; NaN (not measured) is left out and not counted.
    With the values in order, x_(1) ≤ … ≤ x_(n), the number B of them that lie below the true quantile is
    Binomial(n, q) whatever the distribution is, so [x_(l), x_(u)] covers it with at least

        P(l ≤ B ≤ u - 1),   l the largest with P(B ≤ l - 1) ≤ α/2,   u the smallest with P(B ≥ u) ≤ α/2,

    α = 1 - level; ties make it cover more. There is no upper limit while q^n > α/2 (for the p95 at 95 %: under 72
    values) and no lower one while (1 - q)^n > α/2. Raises ValueError for q or level outside (0, 1).
    Hahn & Meeker, Statistical Intervals (1991), 5.2; David & Nagaraja, Order Statistics (2003), 7.1.
    """
    if not (0 < q < 1 and 0 < level < 1):
        raise ValueError(f"q and level lie between 0 and 1, not q={q} and level={level}")
    given = np.asarray(values, dtype=np.float64).ravel()
    x: Floats = np.sort(given[~np.isnan(given)])
    n = len(x)
    if not n:
        return Quantile(0, None, QuantileInterval(None, None, level))
    low, high = _ranks(n, q, level)
    return Quantile(
        n,
        float(np.quantile(x, q, method="inverted_cdf")),
        QuantileInterval(
            low=float(x[low - 1]) if low else None,
            high=float(x[high - 1]) if high <= n else None,
            level=level,
        ),
    )


def _ranks(n: int, q: float, level: float) -> tuple[int, int]:
    """l in 0 … n and u in 1 … n + 1, counted from 1; 0 and n + 1 mean that there is no limit."""
    tail = (1 - level) / 2
    at_most = bdtr(np.arange(n, dtype=np.float64), n, q)  # P(B ≤ k), k = 0 … n - 1
    low = int(np.searchsorted(at_most, tail, side="right"))
    # P(B ≥ u) = 1 - P(B ≤ u - 1) ≤ tail
    high = 1 + int(np.searchsorted(at_most, 1 - tail, side="left"))
    return low, high
