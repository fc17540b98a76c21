"""Has it changed? The same examples judged twice, such as the same pair of lines a quarter later."""

from dataclasses import dataclass, replace
from math import sqrt
from typing import Final

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import stdtr, stdtrit

from reviews.stats.choices import Floats, whole_numbers
from reviews.stats.multiple import benjamini_hochberg
from reviews.stats.win_rate import checked_level

LEAST_EXAMPLES: Final = 20


@dataclass(frozen=True)
class Change:
    """Mean change of the score on examples that were judged both times. None where under two of them.

    change: later less earlier, from -1 to 1; low, high: its limits. p: two-sided. adjusted_p: Benjamini-Hochberg over
    the intents with 20 common examples or more; None for the others and for the whole.
    """

    examples: int
    before: float | None
    after: float | None
    change: float | None
    standard_error: float | None
    low: float | None
    high: float | None
    p: float | None
    adjusted_p: float | None = None


@dataclass(frozen=True)
class Drift:
    """overall: all common examples alike. intents: in the order of their numbers. level: of the limits."""

    overall: Change
    intents: tuple[Change, ...]
    level: float


def drift(before: ArrayLike, after: ArrayLike, intents: ArrayLike, groups: int, level: float = 0.95) -> Drift:
    """Paired change of example scores, overall and by intent.

    before, after: float, shape (K,), scores of the same example in the same row, NaN where it was not judged.
    intents: int, shape (K,), primary intent, 0 to groups-1.
    d = after - before; change = mean d, error s_d/sqrt(n), limits and p by Student's t with n-1 degrees. Where every d
    is alike there is no spread to judge by: p is then 2^(1-n), the chance that random signs fall all one way, or 1 at
    no change at all, and there are no limits.
    Raises ValueError on wrong shapes, scores outside [0, 1], unknown intents or an impossible level.
    Source: Student 1908 (Biometrika 6:1-25); Benjamini & Hochberg 1995 (JRSS B 57:289-300).
    """
    confidence = checked_level(level)
    x, y = np.asarray(before, dtype=np.float64), np.asarray(after, dtype=np.float64)
    intent = whole_numbers(intents, "intents")
    if x.ndim != 1 or x.shape != y.shape or x.shape != intent.shape:
        raise ValueError("give one score before, one after and one intent per example, each of shape (K,)")
    if intent.size and not (intent.min() >= 0 and intent.max() < groups):
        raise ValueError(f"intents must be 0 to {groups - 1}")
    for scores in (x, y):
        known = scores[~np.isnan(scores)]
        if known.size and (known.min() < 0 or known.max() > 1):
            raise ValueError(
                "scores must lie between 0 and 1; give fractions of 1, as example_scores returns"
            )
    common = ~np.isnan(x) & ~np.isnan(y)
    each = [_change(x[rows], y[rows], confidence) for g in range(groups) for rows in [common & (intent == g)]]
    ps = {g: c.p for g, c in enumerate(each) if c.p is not None and c.examples >= LEAST_EXAMPLES}
    if ps:
        for g, p in zip(ps, benjamini_hochberg(list(ps.values())).tolist(), strict=True):
            each[g] = replace(each[g], adjusted_p=p)
    return Drift(_change(x[common], y[common], confidence), tuple(each), confidence)


def _change(x: Floats, y: Floats, level: float) -> Change:
    n = int(x.size)
    if not n:
        return Change(0, None, None, None, None, None, None, None)
    d = np.sort(y - x)
    before, after, mean = float(np.sort(x).mean()), float(np.sort(y).mean()), float(d.mean())
    if n < 2:
        return Change(n, before, after, mean, None, None, None, None)
    error = float(d.std(ddof=1)) / sqrt(n)
    if error < 1e-12:  # nothing but rounding
        return Change(n, before, after, mean, 0.0, None, None, 1.0 if abs(mean) < 1e-12 else 2.0 ** (1 - n))
    t = float(stdtrit(n - 1, (1 + level) / 2)) * error
    p = float(2 * stdtr(n - 1, -abs(mean) / error))
    return Change(n, before, after, mean, error, max(mean - t, -1.0), min(mean + t, 1.0), p)
