"""Wilson's interval on an effective sample size, for one estimate or for arrays of them: a simulation asks for many."""

from statistics import NormalDist
from typing import Final

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import stdtr, stdtrit

from reviews.stats.choices import Floats

FIXED: Final = "Wilson, effective sample size"


def effective_size(theta: ArrayLike, variance: ArrayLike, examples: ArrayLike) -> Floats:
    """How many coin tosses tell as much of theta as these examples do.

    theta: the estimate, a fraction of 1. variance: of the estimate (s^2/K in the plain case). examples: K, or
    what they are worth where some count more than others. All of one shape, or broadcast to one.
    n* = theta(1-theta)/variance clipped to [1, max(K, K^2/3)]; where the variance is 0 that cap, where theta is
    0 or 1 K.
    Source: Korn & Graubard 1998 (Survey Methodology 24:193-201).
    """
    rate, spread, k = (np.asarray(a, dtype=np.float64) for a in (theta, variance, examples))
    # The cap keeps scores that are nearly all alike from claiming certainty: at theta = 1/2 it is the
    # spread of three examples half a point away from all the others (as in the rule of three).
    cap = np.maximum(k, k**2 / 3)
    raw = np.divide(rate * (1 - rate), spread, out=np.full(np.broadcast(rate, spread, k).shape, np.inf),
                    where=spread > 0)  # fmt: skip
    return np.where((rate <= 0) | (rate >= 1), k, np.clip(raw, 1.0, cap))


def wilson(theta: ArrayLike, size: ArrayLike, df: ArrayLike, level: float) -> tuple[Floats, Floats]:
    """Lower and upper limits, within [0, 1]; theta is always between them.

    size: n* of `effective_size`. df: degrees of freedom its spread was estimated with; n' = n* (z/t)^2 pays for it.
    All of one shape, or broadcast to one.
    Source: Wilson 1927 (JASA 22:209-212); Korn & Graubard 1998.
    """
    z = NormalDist().inv_cdf((1 + level) / 2)
    rate = np.asarray(theta, dtype=np.float64)
    n = (
        np.asarray(size, dtype=np.float64)
        * (z / stdtrit(np.asarray(df, dtype=np.float64), (1 + level) / 2)) ** 2
    )
    shrink = 1 + z**2 / n
    centre = (rate + z**2 / (2 * n)) / shrink
    half = z * np.sqrt(rate * (1 - rate) / n + z**2 / (4 * n**2)) / shrink
    # at theta 0 or 1 one limit equals it up to rounding: the estimate must stay in its own interval
    low, high = np.minimum(centre - half, rate), np.maximum(centre + half, rate)
    return np.maximum(low, 0.0), np.minimum(high, 1.0)


def p_at_least(theta: ArrayLike, size: ArrayLike, df: ArrayLike, m: float) -> Floats:
    """One-sided p against the null that the win rate is m or more: small where it is shown to be below m.

    p = T_df((theta - m) / sqrt(m(1-m)/n*)): below a exactly where the upper limit of `wilson` at level 1-2a is
    below m, since that interval is this test turned round. theta, size, df: as in `wilson`; 0 < m < 1.
    Source: Wilson 1927, as a score test.
    """
    rate, n = np.asarray(theta, dtype=np.float64), np.asarray(size, dtype=np.float64)
    p: Floats = stdtr(np.asarray(df, dtype=np.float64), (rate - m) / np.sqrt(m * (1 - m) / n))
    return p
