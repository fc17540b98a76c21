"""The anytime-valid interval: it may be looked at after every vote, and still keeps its level.

A gambler bets on every example against the claim "the win rate is at most m". If the claim is true no way
of betting wins money on average, so a fortune of 1/a is ever seen with probability a at most. The fortune
is the e-value; the interval is every m whose gambler has not become rich. Many gamblers, with bets fixed in
advance, share the starting coin: nothing is tuned to the data, and only how often each score occurs matters.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite, log, sqrt
from typing import Final

import numpy as np
from numpy.typing import ArrayLike

from reviews.stats.choices import Floats, Ints
from reviews.stats.tally import known_scores
from reviews.stats.win_rate import Interval

ANYTIME = "betting confidence sequence"
DEFAULT_VARIANCE: Final = 0.16
PRECISION: Final = 1e-6

# The universal part: bets of every size, dense at both ends: never far off, whatever the truth is.
UNIVERSAL: Final[Floats] = np.sin(np.pi * (np.arange(32) + 0.5) / 64) ** 2
# The planned part: bets near the best one for a result that is just decided at the planned end.
MULTIPLES: Final[Floats] = np.array([0.7, 1.0, 1.4])
LOG_SHARES: Final[Floats] = np.log(np.concatenate([np.full(32, 0.2 / 32), np.full(3, 0.8 / 3)]))


@dataclass(frozen=True)
class Bets:
    """Bets frozen before the first vote. Made by `bets`, which checks what it is given.

    planned: examples K of the plan. alpha: error of both sides together. variance: expected, of scores.
    rate: lambda* = sqrt(2 ln(2/alpha) / (K variance)), the stake per unit of score.
    """

    planned: int
    alpha: float
    variance: float
    rate: float

    @property
    def log_bar(self) -> float:
        """Natural logarithm of 2/alpha, at which an e-value excludes its null on one of the two sides."""
        return log(2 / self.alpha)

    def stakes(self, m: float) -> Floats:
        """Share of the fortune each gambler stakes on every example against theta <= m; shape (35,)."""
        # clipped after the multiples, not before: a stake above 1 could leave a gambler in debt, and then
        # the fortune is no e-value
        return np.concatenate([UNIVERSAL, np.clip(self.rate * m * MULTIPLES, 1e-4, 0.9)])


def bets(planned: int, alpha: float, variance: float = DEFAULT_VARIANCE) -> Bets:
    """The bets of an evaluation planned for `planned` examples.

    planned: K >= 1. alpha: error allowed to both sides together, each side gets half; strictly within (0, 1).
    variance: expected of the example scores, above 0, at most 1/4 (scores within [0, 1] cannot have more).
    A wrong guess costs width, never validity.
    Raises ValueError where one of them is out of range.
    Source: Waudby-Smith & Ramdas 2024 (JRSS B 86:1-27), predictable plug-in bets, here constant.
    """
    if planned < 1:
        raise ValueError(f"planned is {planned}; give the number of examples the evaluation has, 1 or more")
    if not 0 < alpha < 1:
        raise ValueError(f"alpha is {alpha}; give a fraction of 1 such as 0.05")
    if not 0 < variance <= 0.25:
        raise ValueError(f"variance is {variance}; scores between 0 and 1 have one above 0, at most 0.25")
    rate = sqrt(2 * log(2 / alpha) / (planned * variance))
    return Bets(int(planned), float(alpha), float(variance), rate)


def log_e_value(scores: ArrayLike, m: float, bets: Bets) -> float:
    """Natural logarithm of the e-value against the null theta <= m: evidence that the win rate is above m.

    scores: float, shape (K,), fractions of 1, NaN left out, in any order. m: 0 < m <= 1.
    E(m) = sum_k pi_k prod_i (1 - c_k + c_k x_i/m), stakes c_k and shares pi_k as in `Bets`; 0.0 if none.
    Against theta >= m ask for `log_e_value(1 - scores, 1 - m, bets)`. It falls as m grows.
    Raises ValueError on a wrong shape, a score outside [0, 1], or m outside (0, 1].
    Source: Waudby-Smith & Ramdas 2024 (JRSS B 86:1-27); Orabona & Jun 2021 (arXiv 2110.14099).
    """
    if not (isfinite(m) and 0 < m <= 1):
        raise ValueError(f"m is {m}; give a win rate above 0 and at most 1 (nothing can be below 0)")
    values, repeats = np.unique(known_scores(scores), return_counts=True)
    return _log_e_value(values, repeats, float(m), bets)


def anytime_interval(
    scores: ArrayLike, planned: int, level: float = 0.95, variance: float = DEFAULT_VARIANCE
) -> Interval:
    """Every win rate that the scores have not excluded, at whatever moment anyone looks.

    scores: float, shape (K,), fractions of 1, NaN left out. Pass the complete prefix of the queue:
    examples in their random order up to the first whose votes are not all in. Within it order plays no part.
    planned, variance: of the plan, as in `bets`; K may be smaller or larger than planned.
    level: confidence, a fraction of 1, strictly between 0 and 1.
    theta <= m is excluded when E(m) >= 2/(1-level), and theta >= m likewise on mirrored scores. Limits are
    found by bisection, rounded outwards by at most 1e-6. The mean is always inside; without scores: [0, 1].
    Raises ValueError as `bets` and `log_e_value`.
    Source: Waudby-Smith & Ramdas 2024 (JRSS B 86:1-27); Ville 1939 for the bound.
    """
    if not 0 < level < 1:
        raise ValueError(f"level is {level}; give a fraction of 1 such as 0.95")
    values, repeats = np.unique(known_scores(scores), return_counts=True)
    low, high = anytime_limits(values, repeats[None, :], [bets(planned, 1 - level, variance)])
    return Interval(float(low[0]), float(high[0]), float(level), ANYTIME)


def anytime_limits(values: Floats, counts: ArrayLike, plans: Sequence[Bets]) -> tuple[Floats, Floats]:
    """`anytime_interval` of many groups of examples, or at many moments, at once: lower and upper limits, each (N,).

    values: float (U,), the scores there are. counts: (N, U), how often each occurred. plans: N bets, or one for all;
    all of one alpha. Source: as `anytime_interval`.
    """
    table = np.asarray(counts, dtype=np.float64)
    rate = np.broadcast_to(np.array([plan.rate for plan in plans]), table.shape[:1])
    bar = plans[0].log_bar
    return _lower_limits(values, table, rate, bar), 1 - _lower_limits(1 - values, table, rate, bar)


def _lower_limits(values: Floats, table: Floats, rate: Floats, bar: float) -> Floats:
    # At the mean no gambler has gained (arithmetic over geometric mean), and E falls as m grows, so the
    # limit is between 0 and the mean. The excluded end is returned: rounding must not shorten the interval.
    excluded = np.zeros(len(table))
    kept = table @ values / np.maximum(table.sum(axis=1), 1.0)
    while (open_ := np.flatnonzero(kept - excluded > PRECISION)).size:
        m = (excluded[open_] + kept[open_]) / 2
        planned = np.clip(rate[open_, None] * m[:, None] * MULTIPLES, 1e-4, 0.9)
        stakes = np.concatenate([np.broadcast_to(UNIVERSAL, (m.size, UNIVERSAL.size)), planned], axis=1)
        gain = values / m[:, None] - 1
        growth = np.log1p(gain[:, :, None] * stakes[:, None, :])
        logs = (table[open_, None, :] @ growth)[:, 0, :] + LOG_SHARES
        top = logs.max(axis=1)
        rich = top + np.log(np.exp(logs - top[:, None]).sum(axis=1)) >= bar
        excluded[open_] = np.where(rich, m, excluded[open_])
        kept[open_] = np.where(rich, kept[open_], m)
    return excluded


def _log_e_value(values: Floats, repeats: Ints, m: float, bets: Bets) -> float:
    return float(log_e_values(values, repeats, m, bets))


def log_e_values(values: Floats, counts: ArrayLike, m: float, bets: Bets) -> Floats:
    """`log_e_value` at many moments or of many evaluations at once, from how often each score occurred.

    values: float, shape (U,), the scores there are. counts: shape (..., U), how often each occurred (also fractions,
    to ask what scores of the same mixture would say). Returns shape (...).
    Source: as `log_e_value`.
    """
    repeats = np.asarray(counts, dtype=np.float64)
    # log1p and a common factor: thousands of votes multiply to far beyond what a float holds
    growth = np.log1p(np.outer(values / m - 1, bets.stakes(m)))
    logs = repeats @ growth
    logs += LOG_SHARES
    top = logs.max(axis=-1, keepdims=True)
    logs -= top
    np.exp(logs, out=logs)
    summed: Floats = top[..., 0] + np.log(logs.sum(axis=-1))
    return summed
