"""What a judge model's opinions on many examples add to people's votes on some: a sharper figure, not another one."""

from dataclasses import dataclass
from math import sqrt
from typing import Final

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import stdtrit

from reviews.stats.choices import Floats
from reviews.stats.tally import known_scores
from reviews.stats.win_rate import Interval, WinRate, checked_level, win_rate

PREDICTION_POWERED: Final = "prediction-powered, power-tuned (PPI++)"
LEAST_EXAMPLES: Final = 20


@dataclass(frozen=True)
class PredictionPowered:
    """people: the plain figure of votes alone, always to be shown beside. examples: with both; unlabelled: judge only.

    trust: lambda, from 0 (the judge says nothing of what people say, and is not used) to 1.
    as_if: times as many votes the plain figure would need to be as sure; 1 where the judge is not used.
    None where under 20 examples have both.
    """

    people: WinRate
    examples: int
    unlabelled: int
    win_rate: float | None
    standard_error: float | None
    interval: Interval | None
    trust: float | None
    as_if: float | None


def prediction_powered(
    scores: ArrayLike, judged: ArrayLike, unlabelled: ArrayLike, level: float = 0.95
) -> PredictionPowered:
    """Win rate by prediction-powered inference, with the judge trusted as far as it helps.

    scores: float, shape (n,), people's example scores. judged: float, shape (n,), the judge's score of the same
    examples on the same scale. unlabelled: float, shape (N,), its scores of further examples, of the same kind, that no
    one voted on. NaN left out, from the first two in pairs.
    theta = mean(y) + lambda (mean(F) - mean(f)), lambda = cov(y, f) / ((1 + n/N) var f) held within [0, 1], var f over
    all its scores; variance s^2(y - lambda f)/n + lambda^2 s^2(F)/N; t on n-1 degrees of freedom, clipped to [0, 1].
    It stays right whatever the judge is worth, as its mistakes are measured on what people voted on; tuning lambda on
    the same examples costs a term of order 1/n.
    Raises ValueError on wrong shapes, scores outside [0, 1] or an impossible level.
    Source: Angelopoulos et al. 2023 (Science 382:669-674); Angelopoulos, Duchi & Zrnic 2023 (arXiv 2311.01453).
    """
    confidence = checked_level(level)
    y, f = np.asarray(scores, dtype=np.float64), np.asarray(judged, dtype=np.float64)
    if y.ndim != 1 or y.shape != f.shape:
        raise ValueError(f"scores have shape {y.shape}, judged {f.shape}; give one of each per example")
    for column in (y, f):
        known_scores(column)  # refuses what is not a score
    more = known_scores(unlabelled)
    people = win_rate(y, confidence)
    both = ~np.isnan(y) & ~np.isnan(f)
    order = np.lexsort((f[both], y[both]))
    y, f = y[both][order], f[both][order]
    n = int(y.size)
    if n < LEAST_EXAMPLES:
        return PredictionPowered(people, n, int(more.size), None, None, None, None, None)
    trust = _trust(y, f, more)
    residual = y - trust * f
    theta = float(residual.mean()) + (trust * float(more.mean()) if trust else 0.0)
    variance = float(residual.var(ddof=1)) / n
    if trust:
        variance += trust**2 * float(more.var(ddof=1)) / more.size
    half = float(stdtrit(n - 1, (1 + confidence) / 2)) * sqrt(variance)
    plain = float(y.var(ddof=1)) / n
    theta = min(max(theta, 0.0), 1.0)
    interval = Interval(max(theta - half, 0.0), min(theta + half, 1.0), confidence, PREDICTION_POWERED)
    as_if = plain / variance if variance > 0 else 1.0
    return PredictionPowered(people, n, int(more.size), theta, sqrt(variance), interval, trust, as_if)


def _trust(y: Floats, f: Floats, more: Floats) -> float:
    if more.size < 2:
        return 0.0
    spread = float(np.concatenate([f, more]).var(ddof=1))
    if spread < 1e-12:
        return 0.0
    together = float(np.cov(y, f)[0, 1])
    return min(max(together / ((1 + y.size / more.size) * spread), 0.0), 1.0)
