"""A lead settles what reviewers disagree on: blind, as far as the page can keep them so."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.decorators import permission_required
from django.core.exceptions import ValidationError
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from evalsite.requests import HttpRequest
from reviews import access
from reviews.actions import adjudications as actions
from reviews.actions.not_possible import NotPossible
from reviews.blinding import CHOICES_ON_SCREEN, on_screen
from reviews.models import Adjudication, Comparison
from reviews.queries import adjudications as queries
from reviews.queries.voting import SaidBefore


@never_cache
@require_http_methods(["GET", "POST"])
@permission_required("reviews.change_evaluation", raise_exception=True)
def settle(request: HttpRequest, pk: int) -> HttpResponse:
    found = access.comparison_to_settle(pk)
    if request.method == "POST" and request.POST.get("choice") in CHOICES_ON_SCREEN:
        return _settle(request, found)
    settled = queries.adjudication_of(found)
    context = {
        # not the comparison itself, whose fields name the models
        "key": found.example.key,
        "evaluation_id": found.evaluation_id,
        "evaluation_name": found.evaluation.name,
        "guidelines": found.evaluation.guidelines,
        "pair": queries.pair_to_settle(found),
        "action": reverse("settle", args=[pk], query={"after": settled.number if settled else 0}),
        "earlier": _said(settled) if settled else None,
        "left": queries.to_settle(found.evaluation).count(),
        "reasons": [],
    }
    return render(request, "reviews/settle.html", context)


def _settle(request: HttpRequest, found: Comparison) -> HttpResponse:
    after = request.GET.get("after", "0")
    try:
        settled = actions.settle(
            comparison=found,
            choice=request.POST["choice"],
            comment=request.POST.get("comment", ""),
            after=int(after) if after.isdecimal() else 0,
            by=access.signed_in(request),
        )
    except (NotPossible, ValidationError) as reason:
        messages.error(request, " ".join(getattr(reason, "messages", [str(reason)])))
        return redirect(found)
    messages.success(request, _told(found, settled))
    following = queries.to_settle(found.evaluation).first()
    if following is not None:
        return redirect("settle", following.pk)
    return redirect(f"{reverse('raters', args=[found.evaluation_id])}#to-settle")


def _told(found: Comparison, settled: Adjudication) -> str:
    """Which model it was: the lead's verdict stands, so they may know."""
    evaluation = found.evaluation
    said = {"example": found.example.key, "candidate": evaluation.candidate, "baseline": evaluation.baseline}
    match settled.choice:
        case "candidate":
            return _("%(example)s is settled for the candidate, %(candidate)s.") % said
        case "baseline":
            return _("%(example)s is settled for the baseline, %(baseline)s.") % said
        case "tie":
            return _("%(example)s is settled as a tie.") % said
        case _:
            return _("%(example)s is settled as both bad.") % said


def _said(settled: Adjudication) -> SaidBefore:
    choice = on_screen(settled.choice, candidate_on_left=settled.candidate_on_left)
    return SaidBefore(choice=choice, strength="", reasons=[], comment=settled.comment)
