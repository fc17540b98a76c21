"""The win rate with its fixed interval: for one look, at a closed evaluation or imported votes."""

from dataclasses import dataclass
from math import sqrt

import numpy as np
from numpy.typing import ArrayLike

from reviews.stats.choices import Floats
from reviews.stats.fixed import FIXED, effective_size, wilson
from reviews.stats.tally import known_scores


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
    return _win_rate(known_scores(scores), checked_level(level))


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
    confidence = checked_level(level)
    return [_win_rate(ascending[row], confidence) for row in rows]


def _win_rate(known: Floats, level: float) -> WinRate:
    examples = int(known.size)
    if examples == 0:
        return WinRate(0, None, None, None)
    theta = float(known.mean())
    if examples == 1:
        return WinRate(1, theta, None, Interval(0.0, 1.0, level, FIXED))
    variance = float(known.var(ddof=1)) / examples
    low, high = wilson(theta, effective_size(theta, variance, examples), examples - 1, level)
    return WinRate(examples, theta, sqrt(variance), Interval(float(low), float(high), level, FIXED))


def checked_level(level: float) -> float:
    if not 0 < level < 1:
        raise ValueError(f"level is {level}; give a fraction of 1 such as 0.95")
    return float(level)
