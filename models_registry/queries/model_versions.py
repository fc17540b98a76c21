from __future__ import annotations

from dataclasses import dataclass

from django.db.models import Count, Exists, OuterRef, Prefetch, QuerySet

from models_registry.models import Model, ModelVersion, Response


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
    """Responses by status: pending, done, failed."""
    counted = version.responses.order_by().values("status").annotate(number=Count("pk"))
    counts: dict[str, int] = dict.fromkeys(Response.Status.values, 0)
    return counts | {row["status"]: row["number"] for row in counted}
