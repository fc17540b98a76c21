"""What a plan would need and tell: the frozen plan of an evaluation, or the one that would be frozen now."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from statistics import median

from django.db.models import Count
from django.utils.translation import gettext as _

from models_registry.models import ExampleTag, GoldenSetVersion, Response
from models_registry.models.golden_set import UNTAGGED
from reviews.models import Evaluation, EvaluationPlan, Vote
from reviews.queries.progress import READY, WAITING
from reviews.stats.gate import Measured
from reviews.stats.gate_plan import LEAST_OF_AN_INTENT, GatePlan, Limits, PlannedIntent, gate_plan
from reviews.stats.planner import Effort, IntentSize, Power, allocation, effort, intent_sizes, plan_power
from reviews.stats.quantiles import quantile

# true win rates that a lead is told the chance of a decision at
WIN_RATES = (0.5, 0.55, 0.6, 0.65, 0.7)
# a pace is the median of so many of the newest votes; before there are any, what similar work took elsewhere
NEWEST_VOTES = 500
FEWEST_VOTES = 20
ASSUMED_SECONDS = 40.0


class PlanNotPossible(ValueError):
    """What a lead asked for can't be planned with these examples; the message says the fix."""


def available(evaluation: Evaluation) -> dict[str, int]:
    """Comparisons by primary intent that have both responses, or still may."""
    rows = (
        evaluation.comparisons.filter(READY | WAITING)
        .order_by("intent")
        .values_list("intent")
        .annotate(examples=Count("pk"))
    )
    return dict(rows)


def shares_of(version: GoldenSetVersion) -> dict[str, float]:
    """Share of each primary intent in a golden set version."""
    primary = ExampleTag.objects.filter(example__golden_set_version=version, position=0)
    counted = dict(primary.order_by("name").values_list("name").annotate(examples=Count("pk")))
    rest = version.rows - sum(counted.values())
    if rest:
        counted[UNTAGGED] = counted.get(UNTAGGED, 0) + rest
    return {name: examples / version.rows for name, examples in counted.items()}


def proposed_plan(plan: EvaluationPlan, sizes: Mapping[str, int]) -> GatePlan:
    """The gate's plan with these examples available by intent. Raises PlanNotPossible."""
    sizes = {name: size for name, size in sizes.items() if size}
    if not sizes:
        raise PlanNotPossible(_("There is no example with both responses to plan with."))
    if gone := [name for name in plan.guarded if name not in sizes]:
        raise PlanNotPossible(
            _("No example of %(intent)s has both responses, so it can't be guarded.") % {"intent": gone[0]}
        )
    weights = _weights(plan.shares, sizes)
    votes = plan.evaluation.votes_per_comparison
    planned = dict(sizes)
    total = sum(sizes.values())
    if plan.examples is not None and plan.examples < total:
        planned = _allocated(plan, weights, sizes, votes)
    try:
        return gate_plan(
            [PlannedIntent(name, planned[name], weights[name], name in plan.guarded) for name in sizes],
            votes=votes,
            bar=plan.bar,
            margin=plan.margin,
            alpha_peek=plan.alpha_peek,
            alpha_final=plan.alpha_final,
            variance=plan.variance,
            limits=Limits(plan.latency_p95, plan.cost, plan.failure_rate),
        )
    except ValueError as wrong:
        raise PlanNotPossible(str(wrong)) from wrong


def _weights(shares: Mapping[str, float], sizes: Mapping[str, int]) -> dict[str, float]:
    if not shares:
        total = sum(sizes.values())
        return {name: size / total for name, size in sizes.items()}
    if lacking := [name for name in sizes if not shares.get(name, 0) > 0]:
        raise PlanNotPossible(
            _("There is no traffic share for %(intent)s; give one above 0, however small.")
            % {"intent": lacking[0]}
        )
    total_share = sum(shares[name] for name in sizes)
    return {name: shares[name] / total_share for name in sizes}


def _allocated(
    plan: EvaluationPlan, weights: Mapping[str, float], sizes: Mapping[str, int], votes: int
) -> dict[str, int]:
    """Fewer examples than there are: shared as the traffic is, guarded intents with what guarding them needs."""
    names = list(sizes)
    needed = intent_sizes(
        names, [sizes[name] for name in names], plan.margin, votes=votes, alpha=plan.alpha_final
    )
    least = [
        min(sizes[name], size.needed if name in plan.guarded else LEAST_OF_AN_INTENT)
        for name, size in zip(names, needed, strict=True)
    ]
    assert plan.examples is not None
    if sum(least) > plan.examples:
        raise PlanNotPossible(
            _(
                "%(examples)d examples are too few: the guarded intents and %(few)d of each other intent "
                "take %(least)d. Plan so many, or guard fewer intents."
            )
            % {"examples": plan.examples, "few": LEAST_OF_AN_INTENT, "least": sum(least)}
        )
    shared = allocation(
        [weights[name] for name in names], plan.examples, least, [sizes[name] for name in names]
    )
    return dict(zip(names, shared.sizes, strict=True))


def frozen_plan(plan: EvaluationPlan) -> GatePlan:
    return GatePlan.from_json(plan.frozen)


def measured(evaluation: Evaluation) -> Measured:
    """The candidate's responses in this evaluation, in the units of the limits; None where nobody measured it."""
    responses = Response.objects.filter(pk__in=evaluation.comparisons.values("candidate_response"))
    done = list(
        responses.filter(status=Response.Status.DONE).values_list("latency_seconds", "cost", "by_batch")
    )
    failed = responses.filter(status=Response.Status.FAILED).count()
    seconds = [latency for latency, _cost, by_batch in done if latency is not None and not by_batch]
    costs = [float(cost) for _latency, cost, _by_batch in done if cost is not None]
    asked = len(done) + failed
    recorded = evaluation.candidate.endpoint_id is None
    return Measured(
        latency_p95=quantile(seconds, 0.95, 0.95).estimate,
        cost=sum(costs) / len(costs) if costs else None,
        failure_rate=failed / asked if asked and not recorded else None,
    )


def seconds_per_vote() -> tuple[float, bool]:
    """Median of the newest votes of everyone, and whether it was measured: without votes enough it is assumed."""
    newest = Vote.objects.filter(seconds__isnull=False).order_by("-pk").values_list("seconds", flat=True)
    taken = [seconds for seconds in newest[:NEWEST_VOTES] if seconds is not None]
    if len(taken) < FEWEST_VOTES:
        return ASSUMED_SECONDS, False
    return median(taken), True


@dataclass(frozen=True)
class PlannedRow:
    """One intent of the plan, beside what guarding it takes."""

    name: str
    available: int
    planned: int
    weight: float
    guarded: bool
    size: IntentSize


@dataclass(frozen=True)
class Outlook:
    """What a plan takes and what it can tell. `seconds`: of one vote; `is_measured`: by votes that were cast here."""

    plan: GatePlan
    effort: Effort
    seconds: float
    is_measured: bool
    powers: list[Power]
    intents: list[PlannedRow]

    @property
    def effort_seconds(self) -> float:
        return self.effort.votes * self.seconds

    @property
    def error(self) -> float:
        """Chance that a model which is no better is promoted, at most."""
        return (self.plan.alpha_peek + self.plan.alpha_final) / 2

    @property
    def spare(self) -> int:
        """Examples that are there and not planned: voting may be extended to them."""
        return sum(row.available - row.planned for row in self.intents)

    @property
    def too_small(self) -> list[PlannedRow]:
        """Guarded, and likely to be left open even by a model that is as good."""
        return [row for row in self.intents if row.guarded and row.size.small]

    @property
    def insufficient(self) -> list[PlannedRow]:
        return [row for row in self.intents if row.size.insufficient]


def outlook(plan: GatePlan, sizes: Mapping[str, int]) -> Outlook:
    seconds, is_measured = seconds_per_vote()
    names = [intent.name for intent in plan.intents]
    needed = intent_sizes(names, plan.sizes, plan.margin, votes=plan.votes, alpha=plan.alpha_final)
    return Outlook(
        plan=plan,
        effort=effort(plan.examples, plan.votes, seconds),
        seconds=seconds,
        is_measured=is_measured,
        powers=plan_power(plan, [rate for rate in WIN_RATES if rate >= plan.bar]),
        intents=[
            PlannedRow(
                intent.name,
                sizes.get(intent.name, intent.examples),
                intent.examples,
                intent.weight,
                intent.guarded,
                size,
            )
            for intent, size in zip(plan.intents, needed, strict=True)
        ],
    )
