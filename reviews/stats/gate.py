"""PROMOTE, HOLD, REJECT or INCONCLUSIVE, with reasons and what is missing, as codes and numbers for any language."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from math import ceil, sqrt
from statistics import NormalDist
from typing import Final, Literal

import numpy as np
from numpy.typing import ArrayLike

from reviews.stats.choices import Floats, whole_numbers
from reviews.stats.gate_evidence import Evidence, Verdict, evidence, verdicts
from reviews.stats.gate_plan import LEAST_EXAMPLES, LEAST_OF_AN_INTENT, GatePlan, PlannedIntent
from reviews.stats.sequence import ANYTIME, Bets, anytime_limits, log_e_values
from reviews.stats.traffic import (
    TrafficWinRate,
    counted_scores,
    fixed_limits,
    moved_scores,
    stratified,
    traffic_anytime_interval,
    traffic_win_rate,
)
from reviews.stats.win_rate import Interval, WinRate, win_rate

type IntentStatus = Literal["insufficient", "regressed", "low", "not_worse", "open"]
#: Under this chance of being shown better at the planned end, going on is hardly worth the reviewers' time.
FUTILE: Final = 0.05
#: Beyond it, "so many more examples" is no way out anyone takes.
MOST_EXAMPLES: Final = 100_000


@dataclass(frozen=True)
class Reason:
    """Why the verdict is what it is: a code, the intent or limit it is about, and the figures to say it with.

    For PROMOTE `better`; for REJECT `worse` {win_rate, bar}, `guarded_regression` {win_rate}. What stands in the way of
    PROMOTE: `few_examples` {examples, least}, `not_shown_better` {win_rate, bar}, `guarded_insufficient` {examples,
    least}, `guarded_open` {win_rate, floor}, `regression` {win_rate}, `below_margin` {win_rate, floor},
    `limit_exceeded` {measured, limit}, `limit_not_measured` {limit}, and beside any of them `used_up` {examples}.
    """

    code: str
    about: str | None = None
    numbers: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Missing:
    """Examples that would settle it if they came out as those so far did; None where no number of them would.

    votes: the same in votes. within_plan: the planned examples that are left are enough.
    """

    examples: int | None
    votes: int | None
    within_plan: bool


@dataclass(frozen=True)
class Futility:
    """Chance, a fraction of 1, to be shown better at the planned end; `advised` to stop where it is small."""

    chance: float
    advised: bool


@dataclass(frozen=True)
class Overall:
    """The traffic-weighted win rate. missing: to be shown better; None where it is.

    anytime: of level 1 - alpha_peek. win_rate.interval: fixed, of level 1 - alpha_final, to be used at K only.
    """

    planned: int
    win_rate: TrafficWinRate
    anytime: Interval
    better: bool
    worse: bool
    missing: Missing | None


@dataclass(frozen=True)
class Intent:
    """One intent. status: insufficient (under 20 examples), regressed (shown below 1/2), low (observed at or below
    1/2 - Delta), not_worse (shown above it), or open. missing: to be shown not worse; None where it is.
    """

    name: str
    guarded: bool
    planned: int
    weight: float
    win_rate: WinRate
    anytime: Interval
    status: IntentStatus
    missing: Missing | None


@dataclass(frozen=True)
class Gate:
    verdict: Verdict
    reasons: tuple[Reason, ...]
    examples: int
    overall: Overall
    intents: tuple[Intent, ...]
    futility: Futility | None
    plan_sha256: str


@dataclass(frozen=True)
class Measured:
    """What the candidate's responses were measured to be, in the units of `Limits`; None where they were not."""

    latency_p95: float | None = None
    cost: float | None = None
    failure_rate: float | None = None


def gate(
    plan: GatePlan,
    scores: ArrayLike,
    intents: ArrayLike,
    measured: Measured | None = None,
    extended_to: int | None = None,
) -> Gate:
    """The verdict now.

    scores: float, shape (n,), example scores in the queue's random order; NaN where not all R votes are in. Only the
    complete prefix counts: those before the first NaN, and K at most, or `extended_to` where voting was extended.
    intents: int, shape (n,), place of each example's primary intent in `plan.intents`.
    measured: against the plan's limits. extended_to: examples in all, more than K.
    Raises ValueError on wrong shapes, scores outside [0, 1], unknown intents, or an extension that is none.
    Source: `gate_plan` and `evidence`; the rule is `verdicts`.
    """
    if extended_to is not None and extended_to <= plan.examples:
        raise ValueError(f"extended_to is {extended_to}; give more than the planned {plan.examples} examples")
    x, intent = complete_prefix(scores, intents, extended_to or plan.examples)
    values, counts = counted_scores(x, intent, len(plan.intents))
    shown = evidence(plan, values, counts, extended_to)
    blocked = _limit_reasons(plan, measured or Measured())
    verdict = Verdict(int(verdicts(plan, shown, limits_hold=not blocked)))
    return Gate(
        verdict=verdict,
        reasons=tuple(_reasons(plan, shown, verdict, values, counts, blocked)),
        examples=int(x.size),
        overall=_overall(plan, x, intent, values, counts, shown),
        intents=_intents(plan, x, intent, values, counts, shown),
        futility=None if extended_to else futility(plan, values, counts),
        plan_sha256=plan.sha256,
    )


def verdict_of_counts(
    plan: GatePlan,
    values: Floats,
    counts: ArrayLike,
    measured: Measured | None = None,
    extended_to: int | None = None,
) -> Verdict:
    """The verdict of `gate` alone, from counted scores of the complete prefix: values, counts as in `evidence`.

    It takes as long for ten examples as for a million.
    """
    blocked = _limit_reasons(plan, measured or Measured())
    shown = evidence(plan, values, counts, extended_to)
    return Verdict(int(verdicts(plan, shown, limits_hold=not blocked)))


def complete_prefix(scores: ArrayLike, intents: ArrayLike, most: int) -> tuple[Floats, np.ndarray]:
    """The examples that count: up to the first whose votes are not all in, and no more than `most`.

    Examples that are finished behind a gap must not count: those that wait are the hard ones.
    """
    x, intent = np.asarray(scores, dtype=np.float64), whole_numbers(intents, "intents")
    if x.ndim != 1 or x.size != intent.size:
        raise ValueError(f"scores have shape {x.shape}, intents {intent.shape}; give one of each per example")
    gaps = np.flatnonzero(np.isnan(x))
    end = min(int(gaps[0]) if gaps.size else x.size, most)
    return x[:end], intent[:end]


def futility(plan: GatePlan, values: Floats, counts: ArrayLike) -> Futility | None:
    """The chance that the planned end shows it better, if the truth is what was seen so far. Advice, not a verdict.

    values, counts: as in `evidence`, of one moment. None under 50 examples and from K on.
    1 - Phi((need - theta)/(sd sqrt(1/n - 1/K))), need = tau + z_(1-alpha_final/2) sd/sqrt(K), sd^2/n the variance of
    the traffic-weighted estimate theta.
    Source: conditional power at the current trend, Lan & Wittes 1988 (Biometrics 44:579-585), on the scale of means.
    """
    found = stratified(values, counts, plan.weights)
    n, k = int(found.examples), plan.examples
    if n < LEAST_EXAMPLES or n >= k:
        return None
    theta, sd = float(found.theta), sqrt(n * float(found.variance))
    normal = NormalDist()
    short = plan.bar + normal.inv_cdf(1 - plan.alpha_final / 2) * sd / sqrt(k) - theta
    ahead = sd * sqrt(1 / n - 1 / k)
    chance = 1 - normal.cdf(short / ahead) if ahead > 0 else float(short < 0)
    return Futility(chance, chance < FUTILE)


def more_examples(values: Floats, counts: Floats, m: float, stakes: Bets) -> int | None:
    """How many more examples until the e-value excludes "theta <= m", if they come out as those so far did.

    values, counts: float (U,), scores and how often each occurred. None where they never would, or take over 100,000.
    The e-value of s times as many of the same mixture is a convex function of s that starts at 0, so once above
    the bar it stays there, and bisection finds where.
    """
    n = float(counts.sum())
    if not n or float(values @ counts) / n <= m:
        return None

    def decided(size: float) -> bool:
        return float(log_e_values(values, counts * (size / n), m, stakes)) >= stakes.log_bar

    if decided(n):
        return 0
    low, high = n, 2 * n
    while not decided(high):
        low, high = high, 2 * high
        if high > MOST_EXAMPLES:
            return None
    while high - low > 0.5:
        middle = (low + high) / 2
        low, high = (low, middle) if decided(middle) else (middle, high)
    return max(ceil(high - n), 1)


def _missing(plan: GatePlan, by_bets: int | None, at_the_end: bool, left: int, at_least: int = 0) -> Missing:
    """The nearer of the two ways: betting now and then, or the fixed look when the planned examples are in."""
    ways = [way for way in (by_bets, left if at_the_end and left > 0 else None) if way is not None]
    if not ways:
        # nothing is known yet to say more than the least there must be
        return Missing(at_least or None, at_least * plan.votes or None, 0 < at_least <= left)
    more = max(min(ways), at_least)
    return Missing(more, more * plan.votes, more <= left)


def _overall(
    plan: GatePlan, x: Floats, intent: np.ndarray, values: Floats, counts: np.ndarray, shown: Evidence
) -> Overall:
    left = plan.examples - int(x.size)
    missing = None
    if not bool(shown.better):
        ratios = plan.ratios
        z = moved_scores(values[None, :], ratios[:, None], float(ratios.max())).ravel()
        by_bets = more_examples(z, counts.ravel().astype(float), plan.moved_bar, plan.bets())
        at_the_end = False
        if x.size >= LEAST_OF_AN_INTENT and left > 0:
            then = stratified(values, counts * (plan.examples / x.size), plan.weights)
            at_the_end = bool(fixed_limits(then, 1 - plan.alpha_final)[0] > plan.bar)
        missing = _missing(plan, by_bets, at_the_end, left, max(LEAST_EXAMPLES - int(x.size), 0))
    return Overall(
        planned=plan.examples,
        win_rate=traffic_win_rate(x, intent, plan.weights, 1 - plan.alpha_final),
        anytime=traffic_anytime_interval(
            x, intent, plan.weights, plan.sizes, 1 - plan.alpha_peek, plan.variance
        ),
        better=bool(shown.better),
        worse=bool(shown.worse),
        missing=missing,
    )


def _intents(
    plan: GatePlan, x: Floats, intent: np.ndarray, values: Floats, counts: np.ndarray, shown: Evidence
) -> tuple[Intent, ...]:
    stakes = plan.intent_bets()
    low, high = anytime_limits(values, counts, stakes)
    level = 1 - plan.alpha_peek
    return tuple(
        Intent(
            name=planned.name,
            guarded=planned.guarded,
            planned=planned.examples,
            weight=planned.weight,
            win_rate=win_rate(x[intent == place], 1 - plan.alpha_final),
            anytime=Interval(float(low[place]), float(high[place]), level, ANYTIME),
            status=_status(shown, place),
            missing=None
            if shown.not_worse[place]
            else _missing_of_intent(plan, planned, values, counts[place].astype(float), stakes[place]),
        )
        for place, planned in enumerate(plan.intents)
    )


def _missing_of_intent(
    plan: GatePlan, planned: PlannedIntent, values: Floats, counts: Floats, stakes: Bets
) -> Missing:
    n = int(counts.sum())
    left = planned.examples - n
    if n < LEAST_OF_AN_INTENT:  # too few to foretell anything from
        return _missing(plan, None, False, left, LEAST_OF_AN_INTENT - n)
    then = stratified(values, counts[None, :] * (planned.examples / n), np.ones(1))
    at_the_end = bool(fixed_limits(then, 1 - plan.alpha_final)[0] > plan.floor)
    return _missing(plan, more_examples(values, counts, plan.floor, stakes), at_the_end, left)


def _status(shown: Evidence, place: int) -> IntentStatus:
    if shown.counts[place] < LEAST_OF_AN_INTENT:
        return "insufficient"
    if shown.regressed[place]:
        return "regressed"
    if shown.low[place]:
        return "low"
    return "not_worse" if shown.not_worse[place] else "open"


def _reasons(
    plan: GatePlan,
    shown: Evidence,
    verdict: Verdict,
    values: Floats,
    counts: np.ndarray,
    blocked: list[Reason],
) -> list[Reason]:
    n = int(shown.examples)
    overall = (
        {"win_rate": float(stratified(values, counts, plan.weights).theta), "bar": plan.bar} if n else {}
    )
    if verdict is Verdict.PROMOTE:
        return [Reason("better", None, overall)]
    if verdict is Verdict.REJECT:
        found = [Reason("worse", None, overall)] if shown.worse else []
        return found + [
            Reason("guarded_regression", intent.name, {"win_rate": float(shown.rates[place])})
            for place, intent in enumerate(plan.intents)
            if intent.guarded and shown.regressed[place]
        ]
    found = [Reason("used_up", None, {"examples": n})] if shown.used_up else []
    if n < LEAST_EXAMPLES:
        found.append(Reason("few_examples", None, {"examples": n, "least": LEAST_EXAMPLES}))
    if n and not shown.better:
        found.append(Reason("not_shown_better", None, overall))
    for place in range(len(plan.intents)):
        found += _intent_reasons(plan, shown, place)
    return found + blocked


def _intent_reasons(plan: GatePlan, shown: Evidence, place: int) -> list[Reason]:
    intent = plan.intents[place]
    rate, floor = float(shown.rates[place]), plan.floor
    if shown.counts[place] < LEAST_OF_AN_INTENT:
        numbers = {"examples": int(shown.counts[place]), "least": LEAST_OF_AN_INTENT}
        return [Reason("guarded_insufficient", intent.name, numbers)] if intent.guarded else []
    if shown.regressed[place]:
        return [Reason("regression", intent.name, {"win_rate": rate})]
    if shown.low[place]:
        return [Reason("below_margin", intent.name, {"win_rate": rate, "floor": floor})]
    if intent.guarded and not shown.not_worse[place]:
        return [Reason("guarded_open", intent.name, {"win_rate": rate, "floor": floor})]
    return []


def _limit_reasons(plan: GatePlan, measured: Measured) -> list[Reason]:
    found, values = [], asdict(measured)
    for name, limit in asdict(plan.limits).items():
        if limit is None:
            continue
        value = values[name]
        if value is None:
            found.append(Reason("limit_not_measured", name, {"limit": limit}))
        elif not value <= limit:
            found.append(Reason("limit_exceeded", name, {"measured": value, "limit": limit}))
    return found
