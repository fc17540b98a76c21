"""What a model version's responses took and cost, by intent tag."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

import numpy as np

from models_registry.models import Response
from reviews.models import Evaluation
from reviews.queries.tags import examples_by_tag


@dataclass(frozen=True)
class Serving:
    """Speed and cost of one model version's responses to one group of examples. Seconds, US dollars."""

    responses: int
    p50_seconds: float | None
    p95_seconds: float | None
    mean_cost: Decimal | None


@dataclass(frozen=True)
class ServingRow:
    name: str
    candidate: Serving
    baseline: Serving


def serving(evaluation: Evaluation) -> list[ServingRow]:
    """p50 and p95 of latency and mean cost per response of both models: overall (named "") and per tag."""
    done = Response.Status.DONE
    facts = {
        example: ((candidate_seconds, candidate_cost), (baseline_seconds, baseline_cost))
        for example, candidate_seconds, candidate_cost, baseline_seconds, baseline_cost in (
            evaluation.comparisons.filter(candidate_response__status=done, baseline_response__status=done)
            .order_by("position")
            .values_list(
                "example_id",
                "candidate_response__latency_seconds",
                "candidate_response__cost",
                "baseline_response__latency_seconds",
                "baseline_response__cost",
            )
        )
    }
    groups = {"": list(facts)} | examples_by_tag(evaluation, facts)
    return [
        ServingRow(
            name,
            candidate=_serving([facts[example][0] for example in examples]),
            baseline=_serving([facts[example][1] for example in examples]),
        )
        for name, examples in groups.items()
    ]


def _serving(facts: Sequence[tuple[float | None, Decimal | None]]) -> Serving:
    seconds = [latency for latency, _cost in facts if latency is not None]
    costs = [cost for _latency, cost in facts if cost is not None]
    return Serving(
        responses=len(facts),
        p50_seconds=float(np.quantile(seconds, 0.5)) if seconds else None,
        p95_seconds=float(np.quantile(seconds, 0.95, method="inverted_cdf")) if seconds else None,
        mean_cost=sum(costs, Decimal(0)) / len(costs) if costs else None,
    )
