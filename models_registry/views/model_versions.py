from __future__ import annotations

from django.contrib.auth.decorators import permission_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe

from models_registry import queries
from models_registry.generation.answered import answered_versions


@require_safe
@permission_required("models_registry.view_modelversion", raise_exception=True)
def models(request: HttpRequest) -> HttpResponse:
    return render(request, "models_registry/models.html", {"models": queries.models_with_versions()})


@require_safe
@permission_required("models_registry.view_modelversion", raise_exception=True)
def model_version(request: HttpRequest, pk: int) -> HttpResponse:
    version = get_object_or_404(queries.model_versions(), pk=pk)
    counts = queries.response_counts(version)
    context = {
        "version": version,
        "counts": counts,
        "is_frozen": any(counts.values()),
        "served": queries.served(version),
        "faults": queries.faults_of(version),
        "answered": answered_versions(version) if version.endpoint is None else (),
    }
    return render(request, "models_registry/model_version.html", context)
