"""The win rate with its fixed interval: for one look, at a closed evaluation or imported votes."""

from dataclasses import dataclass
from math import sqrt
from statistics import NormalDist

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import stdtrit

from reviews.stats.choices import Floats
from reviews.stats.tally import known_scores

FIXED = "Wilson, effective sample size"


@dataclass(frozen=True)
class Interval:
    """A confidence interval for the win rate: limits and level as fractions of 1, and how it was made."""

    low: float
    high: float
    level: float
    method: str


@dataclass(frozen=True)
class WinRate:
    """Mean of `examples` example scores. None where too few examples: no rate under 1, no error under 2."""

    examples: int
    win_rate: float | None
    standard_error: float | None
    interval: Interval | None


def win_rate(scores: ArrayLike, level: float = 0.95) -> WinRate:
    """Mean of the example scores, its standard error, and Wilson on the effective sample size.

    scores: float, shape (K,), fractions of 1; NaN (nothing known yet) is left out and not counted.
    level: confidence, a fraction of 1, strictly between 0 and 1.
    Win rate theta: the mean. Standard error: s/sqrt(K), s the sample standard deviation.
    Interval: Wilson(theta, n'), n' = n* (z/t)^2 with t on K-1 degrees of freedom, n* = theta(1-theta)/(s^2/K)
    clipped to [1, max(K, K^2/3)]; where s = 0 that cap, where theta is 0 or 1 K.
    With K = 0 all is None; with K = 1 there is a rate, but no spread to judge it by: the interval is [0, 1].
    Raises ValueError on a wrong shape, a score outside [0, 1], or an impossible level.
    Source: Korn & Graubard 1998 (Survey Methodology 24:193-201); Wilson 1927 (JASA 22:209-212).
    """
    return _win_rate(known_scores(scores), _checked_level(level))


def win_rates_by_group(scores: ArrayLike, membership: ArrayLike, level: float = 0.95) -> list[WinRate]:
    """`win_rate` of each group of examples, such as an intent tag; an example may be in many groups or none.

    scores, level: as in `win_rate`. membership: bool, shape (G, K), row g marks the examples of group g.
    Returns G results in the order of the rows. Raises ValueError as `win_rate`, and on a wrong membership.
    Source: as `win_rate`.
    """
    values = np.asarray(scores, dtype=np.float64)
    known_scores(values)
    member = np.asarray(membership)
    if member.ndim != 2 or member.shape[1] != values.size:
        raise ValueError(f"membership has shape {member.shape}; give (G, {values.size}), a row per group")
    if member.size and member.dtype != np.bool_:
        raise ValueError(f"membership holds {member.dtype}; give True or False (astype(bool))")
    # sorted once for all groups: NaN goes last and is cut off
    order = np.argsort(values)[: int(np.count_nonzero(~np.isnan(values)))]
    ascending, rows = values[order], member.astype(np.bool_)[:, order]
    confidence = _checked_level(level)
    return [_win_rate(ascending[row], confidence) for row in rows]


def _win_rate(known: Floats, level: float) -> WinRate:
    examples = int(known.size)
    if examples == 0:
        return WinRate(0, None, None, None)
    theta = float(known.mean())
    if examples == 1:
        return WinRate(1, theta, None, Interval(0.0, 1.0, level, FIXED))
    variance = float(known.var(ddof=1)) / examples
    interval = _wilson(theta, _effective_size(theta, variance, examples, level), level)
    return WinRate(examples, theta, sqrt(variance), interval)


def _effective_size(theta: float, variance: float, examples: int, level: float) -> float:
    """How many coin tosses tell as much of theta as these examples, less for estimating the spread."""
    # The cap keeps scores that are nearly all alike from claiming certainty: at theta = 1/2 it is the
    # spread of three examples half a point away from all the others (as in the rule of three).
    cap = max(examples, examples**2 / 3)
    if theta in (0.0, 1.0):
        size = float(examples)
    elif variance == 0:
        size = cap
    else:
        size = min(max(theta * (1 - theta) / variance, 1.0), cap)
    t = float(stdtrit(examples - 1, (1 + level) / 2))
    return size * (_z(level) / t) ** 2


def _wilson(theta: float, size: float, level: float) -> Interval:
    z = _z(level)
    shrink = 1 + z**2 / size
    centre = (theta + z**2 / (2 * size)) / shrink
    half = z * sqrt(theta * (1 - theta) / size + z**2 / (4 * size**2)) / shrink
    # at theta 0 or 1 one limit equals it up to rounding: the estimate must stay in its own interval
    low, high = min(centre - half, theta), max(centre + half, theta)
    return Interval(max(low, 0.0), min(high, 1.0), level, FIXED)


def _z(level: float) -> float:
    return NormalDist().inv_cdf((1 + level) / 2)


def _checked_level(level: float) -> float:
    if not 0 < level < 1:
        raise ValueError(f"level is {level}; give a fraction of 1 such as 0.95")
    return float(level)
