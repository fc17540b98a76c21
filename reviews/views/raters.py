"""How far the reviewers of an evaluation can be relied on, and what they disagree on, for its lead."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import permission_required
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST
from django.views.decorators.vary import vary_on_headers

from evalsite.requests import HttpRequest
from models_registry.actions.flags import flag_example
from models_registry.models import ExampleFlag
from reviews import access
from reviews.models import Evaluation
from reviews.queries import adjudications
from reviews.queries import raters as queries
from reviews.queries.disagreements import disagreements
from reviews.views import rater_words

PAGE = 10
# of those that a lead has to settle; settling one leads to the next
WAITING = 5


@never_cache
@require_GET
@vary_on_headers("HX-Request")
@permission_required("reviews.view_evaluation", raise_exception=True)
def raters(request: HttpRequest, pk: int) -> HttpResponse:
    """The figures of many votes take seconds, so the page asks for them once it is there."""
    evaluation = access.watched_evaluation(pk)
    if request.htmx:
        return render(request, "reviews/raters.html#figures", _figures(evaluation))
    context: dict[str, Any] = {
        "evaluation": evaluation,
        "votes": queries.votes_of(evaluation),
        "page": Paginator(disagreements(evaluation), PAGE).get_page(request.GET.get("page")),
    }
    if adjudications.adjudicates(evaluation):
        waiting = adjudications.to_settle(evaluation)
        context |= {"adjudicated": adjudications.adjudicated(evaluation)}
        context |= {"to_settle": waiting[:WAITING], "to_settle_count": waiting.count()}
    if context["votes"] and ("whole" in request.GET or queries.is_at_hand(evaluation)):
        context |= _figures(evaluation)
    return render(request, "reviews/raters.html", context)


def _figures(evaluation: Evaluation) -> dict[str, Any]:
    found = queries.raters(evaluation)
    people = rater_words.names(one.reviewer for one in found.screening)
    return {
        "evaluation": evaluation,
        "figures": found,
        "agreement_says": rater_words.agreement_says(found.agreement),
        "intents": rater_words.agreement_rows(found),
        "position_says": rater_words.position_says(found.position),
        "people": rater_words.screening_rows(found, people),
        "verdict": rater_words.verdict_name(found.verdict),
        "left_out": rater_words.left_out_rows(found, people),
        "left_out_says": rater_words.left_out_says(found, people),
        "votes_cast": sum(one.votes for one in found.screening),
        "style_says": rater_words.style_says(found),
    }


@require_POST
@permission_required("reviews.view_comparison", raise_exception=True)
def needs_ground_truth(request: HttpRequest, pk: int) -> HttpResponse:
    found = access.watched_comparison(pk)
    flag_example(
        example=found.example,
        kind=ExampleFlag.Kind.GROUND_TRUTH,
        note=rater_words.dispute_note(found),
        by=access.signed_in(request),
    )
    messages.success(request, _("It is on the list of the golden set’s draft."))
    where = reverse("raters", args=[found.evaluation_id], query={"page": request.POST.get("page", "1")})
    return redirect(f"{where}#disagreements")
