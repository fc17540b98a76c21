from __future__ import annotations

from typing import Any

from django.contrib.auth.decorators import permission_required
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_GET
from django.views.decorators.vary import vary_on_headers

from evalsite.requests import HttpRequest
from reviews import access
from reviews.models import Evaluation
from reviews.queries.figures import Figures, figures
from reviews.queries.gate import Gated
from reviews.queries.leaks import leak_report
from reviews.queries.serving import kept_serving
from reviews.views.forest import forest_rows, gate_rows, lowest, slices
from reviews.views.path_plot import path_plot
from reviews.views.verdict import verdict


def dashboard(request: HttpRequest, evaluation: Evaluation) -> HttpResponse:
    """The figures of an evaluation whose voting was opened; to a page that refreshes itself, only when they changed."""
    found = figures(evaluation)
    if request.htmx and request.GET.get("seen") == found.stamp:
        return HttpResponse(status=204)  # htmx leaves the page as it is
    behind = reverse("comparisons", args=[evaluation.pk])
    context = {
        "evaluation": evaluation,
        "progress": found.progress,
        "rates": found.rates,
        "stamp": found.stamp,
        **(_planned(found, found.gated, behind) if found.gated is not None else _unplanned(found, behind)),
    }
    if not request.htmx:  # what the responses give away stays as it is while votes come in
        context["leaks"] = leak_report(evaluation)
    return render(request, f"reviews/dashboard.html{'#dashboard' if request.htmx else ''}", context)


def _planned(found: Figures, gated: Gated, behind: str) -> dict[str, Any]:
    closed = found.rates.evaluation.closed_at is not None
    return {
        "verdict": verdict(gated, behind=behind, closed=closed),
        "path": path_plot(found.path, planned=gated.examples_in_all, bar=gated.plan.bar),
        "forest": gate_rows(gated, behind=behind, closed=closed),
        "slices": slices(found.rates, gated, behind=behind),
        "extend_from": gated.examples_in_all,
    }


def _unplanned(found: Figures, behind: str) -> dict[str, Any]:
    overall, *by_tag = forest_rows(found.rates, behind=behind)
    return {
        "forest": [overall, *by_tag],
        "overall": overall,
        "worse": [row for row in by_tag if row.estimate.shown == "worse"],
        "lowest": lowest(by_tag),
    }


@require_GET
@vary_on_headers("HX-Request")
@permission_required("reviews.view_evaluation", raise_exception=True)
def evaluation_serving(request: HttpRequest, pk: int) -> HttpResponse:
    """What the responses took and cost: a part of the dashboard that waits for nobody's vote."""
    evaluation = access.watched_evaluation(pk)
    context = {"evaluation": evaluation, "serving": kept_serving(evaluation)}
    return render(request, f"reviews/serving.html{'#serving' if request.htmx else ''}", context)
