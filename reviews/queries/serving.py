"""What a model version's responses took and cost, by intent tag."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal

import numpy as np
from django.core.cache import cache

from models_registry.models import Response
from reviews.models import Evaluation
from reviews.queries.tags import examples_by_tag
from reviews.stats.quantiles import QuantileInterval, quantile

LEVEL = 0.95
KEPT_SECONDS = 24 * 3600
FIELDS = ("latency_seconds", "first_token_seconds", "cost", "by_batch")

type Facts = tuple[float | None, float | None, Decimal | None, bool]


@dataclass(frozen=True)
class Serving:
    """Speed and cost of one model version's responses to one group of examples. Seconds, US dollars.

    None is what nobody measured: the time to the first token where answers came in one piece, a cost without prices.
    Answers that came `by_batch` waited for a provider's convenience: they have no part in the seconds.
    """

    responses: int
    p50_seconds: float | None
    p95_seconds: float | None
    p95_interval: QuantileInterval | None
    p99_seconds: float | None
    first_token_p50_seconds: float | None
    mean_cost: Decimal | None
    total_cost: Decimal | None
    by_batch: int = field(default=0, kw_only=True)


@dataclass(frozen=True)
class ServingRow:
    name: str
    candidate: Serving
    baseline: Serving

    @property
    def sides(self) -> list[tuple[str, Serving]]:
        return [("candidate", self.candidate), ("baseline", self.baseline)]

    @property
    def by_batch(self) -> int:
        return self.candidate.by_batch + self.baseline.by_batch

    @property
    def was_streamed(self) -> bool:
        return any(side.first_token_p50_seconds is not None for side in (self.candidate, self.baseline))


def kept_serving(evaluation: Evaluation) -> list[ServingRow]:
    """`serving`, computed once: from the day voting opens no response changes any more."""
    if evaluation.opened_at is None:
        return serving(evaluation)
    key = f"serving:{evaluation.pk}"
    found: list[ServingRow] | None = cache.get(key)
    if found is None:
        found = serving(evaluation)
        cache.set(key, found, KEPT_SECONDS)
    return found


def serving(evaluation: Evaluation) -> list[ServingRow]:
    """Latency and cost of both models' responses: overall (named "") and per tag."""
    done = Response.Status.DONE
    columns = [f"{side}_response__{field}" for side in ("candidate", "baseline") for field in FIELDS]
    facts: dict[int, tuple[Facts, Facts]] = {
        example: (tuple(both[: len(FIELDS)]), tuple(both[len(FIELDS) :]))
        for example, *both in (
            evaluation.comparisons.filter(candidate_response__status=done, baseline_response__status=done)
            .order_by("position")
            .values_list("example_id", *columns)
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


def _serving(facts: Sequence[Facts]) -> Serving:
    seconds = [latency for latency, _, _, batch in facts if latency is not None and not batch]
    first_tokens = [first for _, first, _, batch in facts if first is not None and not batch]
    costs = [cost for _, _, cost, _ in facts if cost is not None]
    p95 = quantile(seconds, 0.95, LEVEL)
    total = sum(costs, Decimal(0))
    return Serving(
        responses=len(facts),
        by_batch=sum(batch for _, _, _, batch in facts),
        p50_seconds=float(np.quantile(seconds, 0.5)) if seconds else None,
        p95_seconds=p95.estimate,
        p95_interval=p95.interval if seconds else None,
        p99_seconds=quantile(seconds, 0.99, LEVEL).estimate,
        first_token_p50_seconds=float(np.quantile(first_tokens, 0.5)) if first_tokens else None,
        mean_cost=total / len(costs) if costs else None,
        total_cost=total if costs else None,
    )
