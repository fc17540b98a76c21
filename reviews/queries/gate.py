"""The gate's verdict on an evaluation: its frozen plan and the votes that count, at this moment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from reviews.models import Evaluation, EvaluationPlan
from reviews.queries.counts import Counts, counts_by_intent, counts_by_moment, end_of_complete
from reviews.queries.plans import frozen_plan
from reviews.stats.gate import Gate, Measured, Missing, gate
from reviews.stats.gate_path import Path, path_of_counts
from reviews.stats.gate_plan import GatePlan
from reviews.stats.win_rate import Interval


@dataclass(frozen=True)
class Gated:
    """A verdict with the plan it was reached by.

    extended_to: examples in all where voting was extended; the look at the planned end is then over for good.
    is_retrospective: the votes were there before the plan, as with an evaluation that was run elsewhere.
    """

    plan: GatePlan
    gate: Gate
    measured: Measured
    extended_to: int | None
    is_retrospective: bool = False

    @property
    def examples_in_all(self) -> int:
        """So many are voted on: as planned, or as extended since."""
        return self.extended_to or self.plan.examples

    def as_json(self) -> dict[str, Any]:
        """As `manage.py gate --json` prints it; rates are fractions of 1."""
        overall = self.gate.overall
        return {
            "verdict": self.gate.verdict.name,
            "reasons": [
                {"code": reason.code, "about": reason.about, **reason.numbers} for reason in self.gate.reasons
            ],
            "overall": {
                "examples": self.gate.examples,
                "planned": overall.planned,
                "win_rate": overall.win_rate.win_rate,
                "standard_error": overall.win_rate.standard_error,
                "interval": _interval(overall.win_rate.interval),
                "anytime_interval": _interval(overall.anytime),
                "better": overall.better,
                "worse": overall.worse,
                "missing": _missing(overall.missing),
                "futility": None if self.gate.futility is None else asdict(self.gate.futility),
            },
            "tags": {
                intent.name: {
                    "guarded": intent.guarded,
                    "weight": intent.weight,
                    "examples": intent.win_rate.examples,
                    "planned": intent.planned,
                    "win_rate": intent.win_rate.win_rate,
                    "interval": _interval(intent.win_rate.interval),
                    "anytime_interval": _interval(intent.anytime),
                    "status": intent.status,
                    "missing": _missing(intent.missing),
                }
                for intent in self.gate.intents
            },
            "limits": {
                name: {"limit": limit, "measured": asdict(self.measured)[name]}
                for name, limit in asdict(self.plan.limits).items()
                if limit is not None
            },
            "extended_to": self.extended_to,
            "retrospective": self.is_retrospective,
            "plan": _plan_json(self.plan),
            "plan_sha256": self.gate.plan_sha256,
        }


def _plan_json(plan: GatePlan) -> dict[str, Any]:
    return asdict(plan) | {"examples": plan.examples}


def _interval(interval: Interval | None) -> dict[str, Any] | None:
    return None if interval is None else asdict(interval)


def _missing(missing: Missing | None) -> dict[str, Any] | None:
    return None if missing is None else asdict(missing)


def plan_of(evaluation: Evaluation) -> EvaluationPlan | None:
    """Its frozen plan; None while it may still change."""
    plans = EvaluationPlan.objects.filter(evaluation=evaluation, frozen_at__isnull=False)
    return plans.select_related("evaluation").first()


def gate_now(evaluation: Evaluation) -> Gated | None:
    """The verdict now; None without a frozen plan."""
    plan = plan_of(evaluation)
    if plan is None:
        return None
    return gate_of(plan, counts_by_intent(evaluation, end_of_complete(evaluation)))


def gate_of(plan: EvaluationPlan, by_intent: Mapping[str, Counts]) -> Gated:
    """The verdict by votes that are counted already: only the complete beginning of the queue has a say."""
    frozen = frozen_plan(plan)
    scores = [
        by_intent[intent.name].complete_scores() if intent.name in by_intent else np.zeros(0)
        for intent in frozen.intents
    ]
    intents = np.repeat(np.arange(len(scores)), [len(some) for some in scores])
    measured = Measured(**plan.measured)
    verdict = gate(frozen, np.concatenate(scores), intents, measured, plan.extended_to)
    return Gated(frozen, verdict, measured, plan.extended_to, bool(plan.evaluation.imported_from))


def path_now(evaluation: Evaluation, plan: GatePlan, end: int | None) -> Path:
    """The way the win rate and its anytime-valid interval took, over the examples that count."""
    moments = counts_by_moment(evaluation, [intent.name for intent in plan.intents], end)
    if not moments.examples.size:
        return Path((), (), (), ())
    return path_of_counts(plan, moments.examples, moments.values, moments.counts)
