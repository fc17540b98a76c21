"""The win rate that production would see: intents weighted by their share of the traffic."""

from dataclasses import dataclass
from math import sqrt

import numpy as np
from numpy.typing import ArrayLike

from reviews.stats.choices import Bools, Floats, Ints, whole_numbers
from reviews.stats.fixed import FIXED, effective_size, wilson
from reviews.stats.sequence import ANYTIME, DEFAULT_VARIANCE, anytime_interval
from reviews.stats.win_rate import Interval, checked_level


@dataclass(frozen=True)
class TrafficWinRate:
    """Win rate of `examples` examples with every intent weighted by its traffic. None where too few examples.

    degrees_of_freedom: of the standard error, by Satterthwaite. weight_seen: traffic share, a fraction of 1, of the
    intents that have an example; where it is below 1 the rate is that of those intents.
    """

    examples: int
    win_rate: float | None
    standard_error: float | None
    degrees_of_freedom: float | None
    interval: Interval | None
    weight_seen: float


@dataclass(frozen=True)
class Stratified:
    """Arrays of one shape, as `stratified` gives them: estimate, its variance, degrees of freedom, examples.

    worth: K of equally weighted examples that would tell as much, 1 / sum w_g^2/n_g. weight_seen: as above.
    """

    theta: Floats
    variance: Floats
    df: Floats
    examples: Floats
    worth: Floats
    weight_seen: Floats


def traffic_win_rate(
    scores: ArrayLike, intents: ArrayLike, weights: ArrayLike, level: float = 0.95
) -> TrafficWinRate:
    """Post-stratified win rate with its fixed interval, for one look.

    scores: float, shape (K,), fractions of 1, NaN (nothing known yet) left out. intents: int, shape (K,), the
    primary intent of each example, 0 to G-1. weights: float, shape (G,), traffic shares, above 0, summing to 1.
    theta = sum w_g mean_g, v = sum w_g^2 s_g^2/n_g, df = v^2 / sum (v_g^2/(n_g - 1)) of the terms v_g of v.
    An intent with one example has no spread of its own and takes that of all the scores (K-1 degrees).
    Interval: `wilson` on `effective_size`, where the examples count as 1/sum(w_g^2/n_g), which is K for the golden
    set's own shares. [0, 1] with one example.
    Raises ValueError on wrong shapes, a score outside [0, 1], an unknown intent, impossible weights or level.
    Source: Holt & Smith 1979 (JRSS A 142:33-46); Satterthwaite 1946 (Biometrics 2:110-114); Korn & Graubard 1998.
    """
    confidence = checked_level(level)
    shares = checked_weights(weights)
    values, counts = counted_scores(scores, intents, shares.size)
    found = stratified(values, counts, shares)
    examples, seen = int(found.examples), float(found.weight_seen)
    if examples == 0:
        return TrafficWinRate(0, None, None, None, None, 0.0)
    theta = float(found.theta)
    if examples == 1:
        return TrafficWinRate(1, theta, None, None, Interval(0.0, 1.0, confidence, FIXED), seen)
    low, high = fixed_limits(found, confidence)
    interval = Interval(float(low), float(high), confidence, FIXED)
    return TrafficWinRate(examples, theta, sqrt(found.variance), float(found.df), interval, seen)


def counted_scores(scores: ArrayLike, intents: ArrayLike, groups: int) -> tuple[Floats, Ints]:
    """The scores that occur, and how often each does in each intent: all that any figure here needs.

    scores, intents: as in `traffic_win_rate`. Returns float (U,) ascending, and int (G, U).
    """
    given, intent = np.asarray(scores, dtype=np.float64), whole_numbers(intents, "intents")
    if given.ndim != 1 or given.size != intent.size:
        raise ValueError(
            f"scores have shape {given.shape}, intents {intent.shape}; give one of each per example"
        )
    if intent.size and not (intent.min() >= 0 and intent.max() < groups):
        raise ValueError(f"intents must be 0 to {groups - 1}, a place in the list of weights")
    known = ~np.isnan(given)
    values, place = np.unique(given[known], return_inverse=True)
    if values.size and (values[0] < 0 or values[-1] > 1):
        raise ValueError("scores must lie between 0 and 1; give fractions of 1, as example_scores returns")
    cells = np.bincount(intent[known] * values.size + place, minlength=groups * values.size)
    return values, cells.reshape(groups, values.size).astype(np.int64)


def stratified(values: Floats, counts: ArrayLike, weights: Floats) -> Stratified:
    """Estimate, variance and degrees of freedom from counted scores, for arrays of evaluations or moments.

    values: float (U,). counts: (..., G, U), how often each score occurred in each intent. weights: float (G,).
    Everything returned has shape (...); theta is NaN where there is no example, variance 0 under two.
    """
    table = np.asarray(counts, dtype=np.float64)
    # around 1/2, where half the scores are: squares then lose next to nothing to rounding
    centred = values - 0.5
    n = table.sum(axis=-1)
    totals, squares = table @ centred, table @ centred**2
    k = n.sum(axis=-1)
    overall = _spread(k, totals.sum(axis=-1), squares.sum(axis=-1))
    here: Bools = n > 0
    seen = np.where(here, weights, 0.0)
    weight_seen = seen.sum(axis=-1)
    share = seen / np.maximum(weight_seen, 1e-300)[..., None]
    some = np.maximum(n, 1.0)
    theta = 0.5 + (share * totals / some).sum(axis=-1)
    alone = n < 2
    spread = np.where(alone, overall[..., None], _spread(n, totals, squares))
    parts = share**2 * spread / some
    variance = parts.sum(axis=-1)
    freedom = np.where(alone, np.maximum(k - 1, 1.0)[..., None], np.maximum(n - 1, 1.0))
    below = (parts**2 / freedom).sum(axis=-1)
    none = np.maximum(k - here.sum(axis=-1), 1.0)
    df = np.where(below > 0, variance**2 / np.where(below > 0, below, 1.0), none)
    return Stratified(
        theta=np.where(k > 0, np.clip(theta, 0.0, 1.0), np.nan),
        variance=variance,
        df=np.clip(df, 1.0, np.maximum(k - 1, 1.0)),
        examples=k,
        worth=1 / np.maximum((share**2 / some).sum(axis=-1), 1e-300),
        weight_seen=weight_seen,
    )


def fixed_limits(found: Stratified, level: float) -> tuple[Floats, Floats]:
    """Limits of the fixed interval of what `stratified` found; meaningful from two examples on."""
    return wilson(found.theta, effective_size(found.theta, found.variance, found.worth), found.df, level)


def importance(weights: ArrayLike, planned: ArrayLike) -> Floats:
    """How much each intent's examples count: r_g = w_g/q_g, q_g its planned share of the examples; shape (G,).

    planned: int, shape (G,), examples of each intent, 1 or more. ValueError otherwise.
    """
    shares, sizes = checked_weights(weights), whole_numbers(planned, "planned")
    if sizes.size != shares.size or sizes.min() < 1:
        raise ValueError(
            f"planned is {sizes.tolist()}; give 1 example or more for each of {shares.size} intents"
        )
    return shares / (sizes / sizes.sum())


def moved_scores(scores: ArrayLike, ratios: ArrayLike, largest: float) -> Floats:
    """z = 1/2 + (r/B)(x - 1/2): scores whose plain mean moves as the weighted win rate does, still within [0, 1].

    E z = 1/2 + (theta - 1/2)/B, so that "theta > bar" is "mean of z > 1/2 + (bar - 1/2)/B". Shapes broadcast.
    """
    moved: Floats = 0.5 + np.asarray(ratios) / largest * (np.asarray(scores, dtype=np.float64) - 0.5)
    return moved


def moved_variance(variance: float, ratios: Floats, planned: ArrayLike) -> float:
    """The variance to plan bets on z with: variance (sum q_g r_g^2) / B^2, at most 1/4."""
    sizes = np.asarray(planned, dtype=np.float64)
    return min(0.25, variance * float(sizes / sizes.sum() @ ratios**2) / float(ratios.max()) ** 2)


def traffic_anytime_interval(
    scores: ArrayLike,
    intents: ArrayLike,
    weights: ArrayLike,
    planned: ArrayLike,
    level: float = 0.95,
    variance: float = DEFAULT_VARIANCE,
) -> Interval:
    """The anytime-valid interval of the traffic-weighted win rate.

    scores, intents, weights: as in `traffic_win_rate`, of the complete prefix of the queue. planned: int, shape (G,),
    examples of each intent in the plan. level, variance: as in `anytime_interval`.
    It is that interval of z (`moved_scores`), moved back: 1/2 + B (limit - 1/2), within [0, 1]. With B = 1 (the
    golden set's own shares) it is the plain one. As it weights what was planned and not what came in so far, the
    post-stratified estimate is not always in its middle.
    Source: Waudby-Smith & Ramdas 2024 (JRSS B 86:1-27); Horvitz & Thompson 1952 (JASA 47:663-685) for the weights.
    """
    ratios = importance(weights, planned)
    largest = float(ratios.max())
    given, intent = np.asarray(scores, dtype=np.float64), whole_numbers(intents, "intents")
    counted_scores(given, intent, ratios.size)  # refuses what is not a score or an intent
    z = moved_scores(given, ratios[intent], largest)
    size = int(np.asarray(planned).sum())
    inner = anytime_interval(z, size, level, moved_variance(variance, ratios, planned))
    low, high = (0.5 + largest * (limit - 0.5) for limit in (inner.low, inner.high))
    return Interval(min(max(low, 0.0), 1.0), max(min(high, 1.0), 0.0), inner.level, ANYTIME)


def checked_weights(weights: ArrayLike) -> Floats:
    """Traffic shares as float, shape (G,); ValueError unless all are above 0 and they sum to 1."""
    shares = np.asarray(weights, dtype=np.float64)
    if shares.ndim != 1 or not shares.size or not np.all(shares > 0) or abs(float(shares.sum()) - 1) > 1e-6:
        raise ValueError(
            "weights must be above 0 and sum to 1; divide traffic by its sum, leave out intents without"
        )
    return shares


def _spread(n: Floats, total: Floats, squares: Floats) -> Floats:
    """Sample variance from sums; 0 under two, and 0 where there is nothing but rounding."""
    around = squares - total**2 / np.maximum(n, 1.0)
    around = np.where(around <= 1e-13 * np.maximum(n, 1.0), 0.0, around)
    spread: Floats = around / np.maximum(n - 1, 1.0)
    return spread
