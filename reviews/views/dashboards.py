from __future__ import annotations

from django.contrib.auth.decorators import permission_required
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_GET

from evalsite.requests import HttpRequest
from reviews import access
from reviews.forms import ComparisonFilter, FlagForm
from reviews.models import Evaluation
from reviews.queries import comparisons as queries
from reviews.queries.leaks import leak_choices, leak_report, with_leak
from reviews.queries.progress import voting_progress
from reviews.queries.serving import serving
from reviews.queries.voting import split_conversation, weave
from reviews.queries.win_rates import win_rates
from reviews.views.flags import flag_context
from reviews.views.forest import forest_rows, lowest

PAGE = 25


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


@require_GET
@permission_required("reviews.view_evaluation", raise_exception=True)
def comparisons(request: HttpRequest, pk: int) -> HttpResponse:
    evaluation = access.watched_evaluation(pk)
    form = ComparisonFilter(request.GET, tags=queries.tags_of(evaluation), leaks=leak_choices(evaluation))
    form.is_valid()  # a filter that is none of the choices is as good as absent
    wanted = form.cleaned_data
    found = queries.comparisons(evaluation)
    found = queries.with_tag(found, wanted.get("tag", ""))
    found = queries.with_outcome(found, wanted.get("outcome", ""))
    found = with_leak(found, evaluation, wanted.get("leak", ""))
    found = queries.matching(found, wanted.get("q", ""))
    context = {
        "evaluation": evaluation,
        "page": Paginator(found, PAGE).get_page(request.GET.get("page")),
        "form": form,
        "is_filtered": any(wanted.values()),
    }
    return render(request, "reviews/comparisons.html", context)


@require_GET
@permission_required("reviews.view_comparison", raise_exception=True)
def comparison(request: HttpRequest, pk: int) -> HttpResponse:
    found = access.watched_comparison(pk)
    shared, replayed = split_conversation(found.example.messages)
    context = {
        "comparison": found,
        "evaluation": found.evaluation,
        "conversation": shared,
        "sides": [
            (side, version, response, weave(response.earlier_answers, replayed))
            for side, version, response in (
                ("candidate", found.evaluation.candidate, found.candidate_response),
                ("baseline", found.evaluation.baseline, found.baseline_response),
            )
        ],
        "votes": queries.votes_on(found),
    }
    action = reverse("flag_comparison", args=[found.pk])
    context |= flag_context(FlagForm(), found.example, action, access.signed_in(request))
    return render(request, "reviews/comparison.html", context)
