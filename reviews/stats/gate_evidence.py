"""What the votes show at one moment or at many: the gate asks at one, the simulation at every example.

Both ask here, so that what is simulated is what decides.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from math import log

import numpy as np
from numpy.typing import ArrayLike

from reviews.stats.choices import Bools, Floats, Ints
from reviews.stats.fixed import effective_size, p_at_least
from reviews.stats.gate_plan import LEAST_EXAMPLES, LEAST_OF_AN_INTENT, GatePlan
from reviews.stats.multiple import holm
from reviews.stats.sequence import log_e_values
from reviews.stats.traffic import Stratified, moved_scores, stratified


class Verdict(IntEnum):
    HOLD = 0
    PROMOTE = 1
    REJECT = 2
    INCONCLUSIVE = 3


@dataclass(frozen=True)
class Evidence:
    """At each moment, arrays of shape (...), and (..., G) with one entry per intent of the plan.

    examples: complete so far. planned_end: the one fixed look is now. used_up: nothing more is to come.
    better, worse: overall, than the bar. counts: examples of each intent. rates: their win rates, NaN without.
    not_worse: shown above 1/2 - Delta. regressed: shown below 1/2, Holm over intents. low: observed at or
    below 1/2 - Delta on 20 examples or more.
    """

    examples: Floats
    planned_end: Bools
    used_up: Bools
    better: Bools
    worse: Bools
    counts: Floats
    rates: Floats
    not_worse: Bools
    regressed: Bools
    low: Bools


def evidence(plan: GatePlan, values: Floats, counts: ArrayLike, extended_to: int | None = None) -> Evidence:
    """Everything the verdict rests on, from counted scores of the complete prefix.

    values: float (U,), the scores there are. counts: (..., G, U), how often each occurred in each intent.
    extended_to: examples in all where voting was extended past K; the fixed look is then over for good.
    A thing is shown where an e-value reaches 2/alpha_peek, or, at exactly K examples, where the fixed interval of
    level 1 - alpha_final says so. Regressions: Holm over the intents planned with 20 examples or more, on p = 1/E
    at alpha_peek/2, and at K on the fixed p at alpha_final/2.
    Source: `gate_plan`; `log_e_value`; Holm 1979; p = 1/E as in Vovk & Wang 2021 (Ann Stat 49:1736-1754).
    """
    table = np.asarray(counts, dtype=np.float64)
    n = table.sum(axis=-1)
    examples = n.sum(axis=-1)
    planned_end = np.asarray((examples == plan.examples) & (extended_to is None))
    with np.errstate(invalid="ignore"):
        rates = (table @ values) / n
    better, worse = _overall_by_bets(plan, values, table)
    not_worse, regression_p = _intents_by_bets(plan, values, table)
    enough = n >= LEAST_OF_AN_INTENT
    tested = plan.sizes >= LEAST_OF_AN_INTENT
    regressed = _holm(np.where(enough, regression_p, 1.0), tested, plan.alpha_peek / 2)
    if planned_end.any():
        end = table[planned_end]
        low, high = _fixed(stratified(values, end, plan.weights), plan.bar, plan.alpha_final)
        better[planned_end] |= high
        worse[planned_end] |= low
        each = stratified(values, end[..., None, :], np.ones(1))
        _, above = _fixed(each, plan.floor, plan.alpha_final)
        not_worse[planned_end] |= above
        size = effective_size(each.theta, each.variance, each.worth)
        p = np.where(enough[planned_end], p_at_least(each.theta, size, each.df, 0.5), 1.0)
        regressed[planned_end] |= _holm(p, tested, plan.alpha_final / 2)
    return Evidence(
        examples=examples,
        planned_end=planned_end,
        used_up=np.asarray(examples >= (extended_to or plan.examples)),
        better=better,
        worse=worse,
        counts=n,
        rates=rates,
        # with so few examples an intent is insufficient, whatever they say
        not_worse=not_worse & enough,
        regressed=regressed,
        low=enough & (rates <= plan.floor),
    )


def verdicts(plan: GatePlan, shown: Evidence, limits_hold: bool = True) -> Ints:
    """The rule: a `Verdict` at each moment, shape (...).

    REJECT goes before PROMOTE, as a regression in a guarded intent outweighs a better whole.
    """
    enough = shown.examples >= LEAST_EXAMPLES
    guarded = plan.guarded
    reject = enough & (shown.worse | (shown.regressed & guarded).any(axis=-1))
    promote = (
        enough
        & shown.better
        & (shown.not_worse | ~guarded).all(axis=-1)
        & ~shown.regressed.any(axis=-1)
        & ~shown.low.any(axis=-1)
        & limits_hold
    )
    return np.select(
        [reject, promote, shown.used_up],
        [int(Verdict.REJECT), int(Verdict.PROMOTE), int(Verdict.INCONCLUSIVE)],
        int(Verdict.HOLD),
    ).astype(np.int64)


def _overall_by_bets(plan: GatePlan, values: Floats, table: Floats) -> tuple[Bools, Bools]:
    ratios = plan.ratios
    z = moved_scores(values[None, :], ratios[:, None], float(ratios.max())).ravel()
    flat = table.reshape(*table.shape[:-2], -1)
    stakes, bar = plan.bets(), plan.moved_bar
    return (
        np.asarray(log_e_values(z, flat, bar, stakes) >= stakes.log_bar),
        np.asarray(log_e_values(1 - z, flat, 1 - bar, stakes) >= stakes.log_bar),
    )


def _intents_by_bets(plan: GatePlan, values: Floats, table: Floats) -> tuple[Bools, Floats]:
    not_worse = np.zeros(table.shape[:-1], dtype=np.bool_)
    p = np.ones(table.shape[:-1])
    for place, stakes in enumerate(plan.intent_bets()):
        counts = table[..., place, :]
        not_worse[..., place] = log_e_values(values, counts, plan.floor, stakes) >= log(2 / plan.alpha_peek)
        p[..., place] = np.exp(-np.maximum(log_e_values(1 - values, counts, 0.5, stakes), 0.0))
    return not_worse, p


def _fixed(found: Stratified, m: float, alpha: float) -> tuple[Bools, Bools]:
    """Whether the fixed interval is below m, and above it. Under two examples there is no spread, so neither."""
    size = effective_size(found.theta, found.variance, found.worth)
    judged = found.examples >= 2
    below = judged & (p_at_least(found.theta, size, found.df, m) < alpha / 2)
    above = judged & (p_at_least(1 - found.theta, size, found.df, 1 - m) < alpha / 2)
    return below, above


def _holm(p: Floats, tested: Bools, alpha: float) -> Bools:
    result = np.zeros(p.shape, dtype=np.bool_)
    if tested.any():
        result[..., tested] = holm(p[..., tested]) <= alpha
    return result
