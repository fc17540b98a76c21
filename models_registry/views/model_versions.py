from __future__ import annotations

from django.contrib.auth.decorators import permission_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe

from models_registry import queries
from models_registry.generation.answered import answered_versions

BATCHES = 25


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
        "batches": queries.batch_totals(queries.batch_jobs().filter(model_version=version)),
        "answered": answered_versions(version) if version.endpoint is None else (),
    }
    return render(request, "models_registry/model_version.html", context)


@require_safe
@permission_required("models_registry.view_modelversion", raise_exception=True)
def model_version_batches(request: HttpRequest, pk: int) -> HttpResponse:
    version = get_object_or_404(queries.model_versions(), pk=pk)
    jobs = queries.batch_jobs().filter(model_version=version)
    context = {
        "version": version,
        "page": Paginator(jobs, BATCHES).get_page(request.GET.get("page")),
        "totals": queries.batch_totals(jobs),
    }
    return render(request, "models_registry/model_version_batches.html", context)
