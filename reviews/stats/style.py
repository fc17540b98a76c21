"""The win rate at equal length: how much of it is that the candidate writes more. Shown beside, never instead."""

from dataclasses import dataclass
from math import sqrt
from typing import Final

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import expit, stdtrit

from reviews.stats.choices import Floats
from reviews.stats.win_rate import Interval, checked_level

FRACTIONAL_LOGIT: Final = "fractional logit at equal length, HC1"
LEAST_EXAMPLES: Final = 20
#: A logit of 12 is a win rate of 0.999994: beyond it the likelihood has no maximum, the sides are separated.
SEPARATED: Final = 12.0


@dataclass(frozen=True)
class StyleAdjusted:
    """examples: with a score. win_rate: at equal length, a fraction of 1. length_effect: by how much the logit of the
    win rate grows from equal length to "much longer"; above 0: longer answers win.

    None where it cannot be told: under 20 examples, all lengths equal, or where length alone tells win from loss.
    """

    examples: int
    win_rate: float | None
    standard_error: float | None
    interval: Interval | None
    length_effect: float | None
    length_standard_error: float | None


def style_adjusted(scores: ArrayLike, length_difference: ArrayLike, level: float = 0.95) -> StyleAdjusted:
    """Fractional logit of the example score on the length difference, read off where the lengths are equal.

    scores: float, shape (K,), fractions of 1, NaN left out. length_difference: float, shape (K,), length of the
    candidate's response less the baseline's, in any unit, such as characters or tokens.
    E x = logit^-1(a + b tanh(d/s)), s the root mean square of d: not centred, so that 0 means equal length. The win
    rate is logit^-1(a); a and b by Newton on the Bernoulli quasi-likelihood, errors by the HC1 sandwich, the
    interval on the logit with t on K-2 degrees of freedom.
    Raises ValueError on wrong shapes, a score outside [0, 1], a difference that is no number, or an impossible level.
    Source: Papke & Wooldridge 1996 (J Appl Econom 11:619-632); tanh of the standardised difference: Dubois et al. 2024
    (arXiv 2404.04475).
    """
    confidence = checked_level(level)
    given, lengths = np.asarray(scores, dtype=np.float64), np.asarray(length_difference, dtype=np.float64)
    if given.ndim != 1 or given.shape != lengths.shape:
        raise ValueError(
            f"scores have shape {given.shape}, lengths {lengths.shape}; give one of each per example"
        )
    known = ~np.isnan(given)
    x, d = given[known], lengths[known]
    if x.size and (x.min() < 0 or x.max() > 1):
        raise ValueError("scores must lie between 0 and 1; give fractions of 1, as example_scores returns")
    if not np.isfinite(d).all():
        raise ValueError("a length difference is no number; give one for each example that has a score")
    # in one order, so that sums are the same to the last bit whatever order votes came in
    order = np.lexsort((d, x))
    x, d = x[order], d[order]
    unknown = StyleAdjusted(int(x.size), None, None, None, None, None)
    scale = sqrt(float(np.mean(d**2))) if x.size else 0.0
    if x.size < LEAST_EXAMPLES or scale == 0:
        return unknown
    design = np.column_stack([np.ones(x.size), np.tanh(d / scale)])
    fitted = _fit(x, design)
    if fitted is None:
        return unknown
    (a, b), covariance = fitted
    t, error = float(stdtrit(x.size - 2, (1 + confidence) / 2)), sqrt(covariance[0, 0])
    rate = float(expit(a))
    interval = Interval(
        float(expit(a - t * error)), float(expit(a + t * error)), confidence, FRACTIONAL_LOGIT
    )
    slope = rate * (1 - rate)
    return StyleAdjusted(int(x.size), rate, slope * error, interval, float(b), sqrt(covariance[1, 1]))


def _fit(x: Floats, design: Floats) -> tuple[Floats, Floats] | None:
    """Coefficients and their sandwich covariance, None where there is no maximum."""
    beta = np.zeros(2)
    for _ in range(100):
        mean = expit(design @ beta)
        information = (design * (mean * (1 - mean))[:, None]).T @ design
        if np.linalg.cond(information) > 1e12:
            return None
        step = np.linalg.solve(information, design.T @ (x - mean))
        # a step of more than 2 on the logit is a leap into where the curve is flat
        beta = beta + step * min(1.0, 2.0 / max(float(np.abs(step).max()), 1e-300))
        if np.abs(beta).max() > SEPARATED:
            return None
        if np.abs(step).max() < 1e-10:
            break
    else:
        return None
    mean = expit(design @ beta)
    bread = np.linalg.inv((design * (mean * (1 - mean))[:, None]).T @ design)
    influence = design * (x - mean)[:, None]
    covariance: Floats = bread @ (influence.T @ influence) @ bread * x.size / (x.size - 2)
    return beta, covariance
