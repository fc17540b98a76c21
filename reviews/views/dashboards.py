from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse

from evalsite.requests import HttpRequest
from reviews.models import Evaluation
from reviews.queries.leaks import leak_report
from reviews.queries.progress import voting_progress
from reviews.queries.serving import serving
from reviews.queries.win_rates import win_rates
from reviews.views.forest import forest_rows, lowest


def dashboard(request: HttpRequest, evaluation: Evaluation) -> HttpResponse:
    """The figures of an evaluation whose voting was opened; to a page that refreshes itself, only when they changed."""
    progress = voting_progress(evaluation)
    stamp = f"{progress.cast}-{evaluation.status}"
    if request.htmx and request.GET.get("seen") == stamp:
        return HttpResponse(status=204)  # htmx leaves the page as it is
    rates = win_rates(evaluation)
    overall, *by_tag = forest_rows(rates, behind=reverse("comparisons", args=[evaluation.pk]))
    context = {
        "evaluation": evaluation,
        "progress": progress,
        "rates": rates,
        "forest": [overall, *by_tag],
        "overall": overall,
        "worse": [row for row in by_tag if row.estimate.shown == "worse"],
        "lowest": lowest(by_tag),
        "stamp": stamp,
    }
    if not request.htmx:  # what the responses took and cost stays as it is while votes come in
        context["serving"] = serving(evaluation)
        context["leaks"] = leak_report(evaluation)
    return render(request, f"reviews/dashboard.html{'#dashboard' if request.htmx else ''}", context)
