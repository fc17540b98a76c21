from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlencode

from django.contrib.auth.decorators import permission_required
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from evalsite.requests import HttpRequest
from reviews import access
from reviews.forms import ComparisonFilter
from reviews.models import Evaluation
from reviews.queries import comparisons as queries
from reviews.queries.progress import voting_progress
from reviews.queries.serving import serving
from reviews.queries.voting import split_conversation, weave
from reviews.queries.win_rates import Row, win_rates

PAGE = 25
MOST_LOWEST = 3


@dataclass(frozen=True)
class ForestRow:
    """One line of the forest plot. Rates are fractions of 1; `low` to `high` is the fixed interval."""

    label: str
    url: str
    n: int
    point: float | None
    low: float | None
    high: float | None
    anytime_low: float
    anytime_high: float
    shown: str  # "better" or "worse" where the interval that applies lies on one side of one half
    overall: bool = False


def forest_row(label: str, url: str, row: Row, *, watched: bool, overall: bool = False) -> ForestRow:
    """A row is coloured by the interval that is honest now: the anytime-valid one while votes come in."""
    fixed, anytime = row.win_rate.interval, row.anytime_interval
    applies = anytime if watched else fixed
    shown = (
        "" if applies is None else "better" if applies.low > 0.5 else "worse" if applies.high < 0.5 else ""
    )
    return ForestRow(
        label=label,
        url=url,
        n=row.tally.examples,
        point=row.win_rate.win_rate,
        low=fixed.low if fixed else None,
        high=fixed.high if fixed else None,
        anytime_low=anytime.low,
        anytime_high=anytime.high,
        shown=shown,
        overall=overall,
    )


def dashboard(request: HttpRequest, evaluation: Evaluation) -> HttpResponse:
    """The figures of an evaluation whose voting was opened; to a page that refreshes itself, only when they changed."""
    progress = voting_progress(evaluation)
    stamp = f"{progress.cast}-{evaluation.status}"
    if request.htmx and request.GET.get("seen") == stamp:
        return HttpResponse(status=204)  # htmx leaves the page as it is
    rates, watched = win_rates(evaluation), evaluation.closed_at is None
    behind = reverse("comparisons", args=[evaluation.pk])
    overall = forest_row(_("All examples"), behind, rates.overall, watched=watched, overall=True)
    context = {
        "evaluation": evaluation,
        "progress": progress,
        "rates": rates,
        "forest": [
            overall,
            *(
                forest_row(name, f"{behind}?{urlencode({'tag': name})}", row, watched=watched)
                for name, row in rates.tags.items()
            ),
        ],
        "overall": overall,
        "lowest": [(name, rates.tags[name].win_rate.win_rate) for name in rates.lowest_tags[:MOST_LOWEST]],
        "serving": serving(evaluation),
        "stamp": stamp,
    }
    return render(request, f"reviews/dashboard.html{'#dashboard' if request.htmx else ''}", context)


@require_GET
@permission_required("reviews.view_evaluation", raise_exception=True)
def comparisons(request: HttpRequest, pk: int) -> HttpResponse:
    evaluation = access.watched_evaluation(pk)
    form = ComparisonFilter(request.GET, tags=queries.tags_of(evaluation))
    form.is_valid()  # a filter that is none of the choices is as good as absent
    wanted = form.cleaned_data
    found = queries.comparisons(evaluation)
    found = queries.with_tag(found, wanted.get("tag", ""))
    found = queries.with_outcome(found, wanted.get("outcome", ""))
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
    return render(request, "reviews/comparison.html", context)
