from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

import numpy as np
from django.db.models import Count, Exists, OuterRef, Prefetch, QuerySet, Sum

from models_registry.models import Fault, Model, ModelVersion, Response

# newest responses that quantiles are of, and newest faults that a page lists
MOST_MEASURED = 20_000
MOST_FAULTS = 10


@dataclass(frozen=True)
class ModelSummary:
    """A model with its versions, newest first; each version has `answered`: is it frozen."""

    model: Model
    versions: list[ModelVersion]


def models_with_versions() -> list[ModelSummary]:
    versions = (
        ModelVersion.objects.select_related("endpoint", "model")
        .annotate(answered=Exists(Response.objects.filter(model_version=OuterRef("pk"))))
        .order_by("-created_at", "-pk")
    )
    models = Model.objects.prefetch_related(Prefetch("versions", queryset=versions))
    return [ModelSummary(model, list(model.versions.all())) for model in models]


def model_versions() -> QuerySet[ModelVersion]:
    return ModelVersion.objects.select_related("model", "endpoint", "created_by").prefetch_related(
        "known_limitations"
    )


def response_counts(version: ModelVersion) -> dict[str, int]:
    """Responses by status: pending, done, failed. What it was asked as a judge is none of them."""
    counted = (
        version.responses.filter(question__isnull=True)
        .order_by()
        .values("status")
        .annotate(number=Count("pk"))
    )
    counts: dict[str, int] = dict.fromkeys(Response.Status.values, 0)
    return counts | {row["status"]: row["number"] for row in counted}


@dataclass(frozen=True)
class Served:
    """What a version's responses took and cost so far. Seconds, US dollars; None is what nobody measured.

    `measured`: how many latencies the quantiles are of, the newest MOST_MEASURED at most.
    """

    measured: int
    p50_seconds: float | None
    p95_seconds: float | None
    first_token_p50_seconds: float | None
    mean_dollars: Decimal | None
    dollars: Decimal | None


def served(version: ModelVersion) -> Served:
    done = version.responses.filter(status=Response.Status.DONE, question__isnull=True)
    newest = done.filter(latency_seconds__isnull=False, by_batch=False).order_by("-pk")
    facts = list(newest.values_list("latency_seconds", "first_token_seconds")[:MOST_MEASURED])
    seconds = [latency for latency, _first in facts if latency is not None]
    first_tokens = [first for _latency, first in facts if first is not None]
    costs = done.aggregate(dollars=Sum("cost"), priced=Count("cost"))
    dollars: Decimal | None = costs["dollars"]
    return Served(
        measured=len(seconds),
        p50_seconds=float(np.quantile(seconds, 0.5)) if seconds else None,
        p95_seconds=float(np.quantile(seconds, 0.95, method="inverted_cdf")) if seconds else None,
        first_token_p50_seconds=float(np.quantile(first_tokens, 0.5)) if first_tokens else None,
        mean_dollars=None if dollars is None else dollars / costs["priced"],
        dollars=dollars,
    )


@dataclass(frozen=True)
class Faults:
    """What went wrong with a version's requests: how many of each kind, in words, and the newest."""

    counts: list[tuple[str, int]]
    newest: list[Fault]

    @property
    def total(self) -> int:
        return sum(number for _kind, number in self.counts)


def faults_of(version: ModelVersion) -> Faults:
    found = Fault.objects.filter(model_version=version)
    grouped = found.order_by().values_list("kind").annotate(number=Count("pk")).order_by("-number", "kind")
    return Faults(
        counts=[(str(Fault.Kind(kind).label), number) for kind, number in grouped],
        newest=list(found[:MOST_FAULTS]),
    )
