"""What can be said of this golden set alone: its examples run out, and then nothing is uncertain any more.

The gate never asks this: it wants to know of production, of which the golden set is a sample.
"""

from math import log

import numpy as np
from numpy.typing import ArrayLike

from reviews.stats.choices import Floats
from reviews.stats.sequence import (
    DEFAULT_VARIANCE,
    LOG_SHARES,
    MULTIPLES,
    PRECISION,
    UNIVERSAL,
    Bets,
    bets,
)
from reviews.stats.win_rate import Interval

WITHOUT_REPLACEMENT = "betting confidence sequence, without replacement"


def settled_interval(
    scores: ArrayLike, of: int, level: float = 0.95, variance: float = DEFAULT_VARIANCE
) -> Interval:
    """Anytime-valid interval for the mean score of a golden set of which some examples are not voted on yet.

    scores: float, shape (n,), fractions of 1, in the queue's random order, without gaps. of: N >= n examples in all.
    level: a fraction of 1. variance: expected of example scores, as in `bets`.
    If the mean of all N is m, the next score is m_i = (N m - sum of those before)/(N - i + 1) on average, so a bet
    at c_i makes 1 - c_i + c_i x_i/m_i; bets as in `anytime_interval`, with m_i for m. Means that what is left cannot
    lead to any more are excluded outright; at n = N the interval is the mean itself.
    Raises ValueError on a wrong shape, a score outside [0, 1] or missing, or of < n.
    Source: Waudby-Smith & Ramdas 2020 (NeurIPS 33) and 2024 (JRSS B 86:1-27), section 5.
    """
    x = np.asarray(scores, dtype=np.float64)
    if x.ndim != 1 or np.isnan(x).any() or (x.size and (x.min() < 0 or x.max() > 1)):
        raise ValueError(
            "give the complete prefix: one score between 0 and 1 per example, shape (n,), none missing"
        )
    if of < max(x.size, 1):
        raise ValueError(
            f"of is {of}; give the number of examples of the golden set, at least {max(x.size, 1)}"
        )
    plan = bets(of, 1 - level, variance)
    return Interval(
        _lower_limit(x, of, plan), 1 - _lower_limit(1 - x, of, plan), float(level), WITHOUT_REPLACEMENT
    )


def log_e_value_of_set(scores: ArrayLike, of: int, m: float, bets: Bets) -> float:
    """Natural logarithm of the e-value against "the mean of all `of` examples is at most m"; inf if it cannot be.

    scores, of: as in `settled_interval`. m: 0 to 1. Source: as there.
    """
    x = np.asarray(scores, dtype=np.float64)
    before = np.concatenate([[0.0], np.cumsum(x)])
    if before[-1] > of * m + 1e-9:
        return float("inf")
    ahead = (of * m - before[:-1]) / (of - np.arange(x.size))
    # a little above 0, not 0: after the mean's last points are used up any further one is impossible
    mean = np.clip(ahead, 1e-12, 1.0)[:, None]
    planned = np.clip(bets.rate * mean * MULTIPLES, 1e-4, 0.9)
    stakes = np.concatenate([np.broadcast_to(UNIVERSAL, (x.size, UNIVERSAL.size)), planned], axis=1)
    logs: Floats = np.log1p(stakes * (x[:, None] / mean - 1)).sum(axis=0) + LOG_SHARES
    top = float(logs.max())
    return top + log(float(np.exp(logs - top).sum()))


def _lower_limit(x: Floats, of: int, plan: Bets) -> float:
    """The smallest mean that is not excluded, rounded outwards, yet never beyond what is certain."""
    certain = float(x.sum()) / of
    if not x.size or x.size == of:
        return certain
    excluded, kept = certain, float(x.mean())
    if log_e_value_of_set(x, of, excluded, plan) < plan.log_bar:
        return excluded
    while kept - excluded > PRECISION:
        m = (excluded + kept) / 2
        if log_e_value_of_set(x, of, m, plan) >= plan.log_bar:
            excluded = m
        else:
            kept = m
    return excluded
