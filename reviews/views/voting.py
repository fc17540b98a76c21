from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST
from django.views.decorators.vary import vary_on_headers

from evalsite.requests import HttpRequest
from reviews import access
from reviews.actions.assignments import claim_next
from reviews.actions.votes import VoteRefused, cast_vote
from reviews.blinding import CHOICES_ON_SCREEN
from reviews.forms import FlagForm
from reviews.models import Evaluation
from reviews.queries.progress import reviewer_progress
from reviews.queries.voting import blind_pair
from reviews.views.flags import flag, flag_context, render_flag, say


@never_cache
@require_GET
def vote(request: HttpRequest, pk: int) -> HttpResponse:
    access.reviewer(request)
    evaluation = access.evaluation_open_for_votes(pk)
    return _next_pair(request, evaluation, "reviews/vote.html")


@never_cache
@require_POST
@vary_on_headers("HX-Request")
def cast(request: HttpRequest, pk: int) -> HttpResponse:
    reviewer = access.reviewer(request)
    assignment = access.assignment_to_vote_on(pk)
    choice = request.POST.get("choice", "")
    if choice not in CHOICES_ON_SCREEN:
        return HttpResponse(_("Choose left, right, tie or both bad."), status=400, content_type="text/plain")
    try:
        cast_vote(assignment=assignment, reviewer=reviewer, choice=choice)
        notice = ""
    except VoteRefused as refusal:
        notice = str(refusal)
    evaluation = assignment.evaluation
    if request.htmx:
        return _next_pair(request, evaluation, "reviews/vote.html#pair", notice=notice)
    if notice:
        messages.warning(request, notice)
    return redirect("home") if evaluation.closed_at else redirect("vote", evaluation.pk)


@never_cache
@require_POST
@vary_on_headers("HX-Request")
def flag_example(request: HttpRequest, pk: int) -> HttpResponse:
    """Neither the pair nor its lease changes by it."""
    reviewer = access.reviewer(request)
    turn = access.turn_of(reviewer, pk)
    form = FlagForm(request.POST)
    flagged = flag(form, turn.comparison.example, reviewer)
    if request.htmx:
        action = reverse("flag_example", args=[turn.pk])
        return render_flag(request, form, turn.comparison.example, action, flagged=flagged)
    evaluation = turn.evaluation
    if not flagged and not turn.voted and evaluation.closed_at is None:
        return _next_pair(request, evaluation, "reviews/vote.html", flag_form=form)
    say(request, form, flagged=flagged)
    return redirect("home") if evaluation.closed_at else redirect("vote", evaluation.pk)


def _next_pair(
    request: HttpRequest,
    evaluation: Evaluation,
    template: str,
    *,
    notice: str = "",
    flag_form: FlagForm | None = None,
) -> HttpResponse:
    reviewer = access.signed_in(request)
    assignment = (
        claim_next(evaluation=evaluation, reviewer=reviewer) if evaluation.closed_at is None else None
    )
    context = {
        # only what a reviewer may know: not the evaluation itself, whose fields name the models
        "evaluation_id": evaluation.pk,
        "evaluation_name": evaluation.name,
        "guidelines": evaluation.guidelines,
        "is_open": evaluation.closed_at is None,
        "pair": blind_pair(assignment) if assignment else None,
        "progress": reviewer_progress(evaluation, reviewer),
        "notice": notice,
    }
    if assignment:
        action = reverse("flag_example", args=[assignment.pk])
        context |= flag_context(flag_form or FlagForm(), assignment.comparison.example, action, reviewer)
    return render(request, template, context, status=422 if flag_form else 200)
