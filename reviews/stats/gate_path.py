"""How the evidence came in: the win rate and its anytime-valid interval over the examples seen."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike

from reviews.stats.choices import Floats
from reviews.stats.gate import complete_prefix
from reviews.stats.gate_plan import GatePlan
from reviews.stats.sequence import anytime_limits
from reviews.stats.traffic import counted_scores, moved_scores, stratified

MOST_MOMENTS: Final = 100


@dataclass(frozen=True)
class Path:
    """Each of the same length, by moment: examples seen, traffic-weighted win rate, limits of level 1 - alpha_peek."""

    examples: tuple[int, ...]
    win_rate: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]


def gate_path(plan: GatePlan, scores: ArrayLike, intents: ArrayLike, extended_to: int | None = None) -> Path:
    """What the dashboard would have shown after each example, or at 100 moments evenly spread where there are more.

    scores, intents, extended_to: as in `gate`. The last moment is now. The interval is that of
    `traffic_anytime_interval`, at each moment on its own: it may widen again, and each is valid as long as all are.
    Source: as `anytime_interval`.
    """
    x, intent = complete_prefix(scores, intents, extended_to or plan.examples)
    if not x.size:
        return Path((), (), (), ())
    values, _ = counted_scores(x, intent, len(plan.intents))
    moments = np.unique(np.linspace(1, x.size, min(x.size, MOST_MOMENTS)).round().astype(np.int64))
    groups, size = len(plan.intents), values.size
    cell = intent * size + np.searchsorted(values, x)
    # counted between moments and added up: K x G x U cells would not fit for many examples and intents
    between = np.searchsorted(moments, np.arange(1, x.size + 1))
    counts = np.bincount(between * groups * size + cell, minlength=moments.size * groups * size)
    return path_of_counts(plan, moments, values, np.cumsum(counts.reshape(-1, groups, size), axis=0))


def path_of_counts(plan: GatePlan, examples: ArrayLike, values: Floats, counts: ArrayLike) -> Path:
    """`gate_path` from scores that are counted already.

    examples: int, shape (M,), seen at each moment. values: float (U,), the scores there are.
    counts: int (M, G, U), how often each had occurred in each intent by then. Source: as `gate_path`.
    """
    seen, table = np.asarray(examples, dtype=np.int64), np.asarray(counts, dtype=np.int64)
    ratios = plan.ratios
    largest = float(ratios.max())
    z = moved_scores(values[None, :], ratios[:, None], largest).ravel()
    # intents of one weight share their scores: a few to compute with instead of a few for each intent
    distinct, place = np.unique(z.round(12), return_inverse=True)
    merged = table.reshape(len(seen), -1) @ np.eye(distinct.size)[place]
    limits = anytime_limits(distinct, merged, [plan.bets()])
    low, high = (np.clip(0.5 + largest * (limit - 0.5), 0.0, 1.0) for limit in limits)
    theta = stratified(values, table, plan.weights).theta
    return Path(tuple(seen.tolist()), tuple(theta.tolist()), tuple(low.tolist()), tuple(high.tolist()))
