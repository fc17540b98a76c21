"""A reviewer's own votes: to look again, and to change while voting is open."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.core.paginator import Paginator
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from evalsite.requests import HttpRequest
from reviews import access
from reviews.actions.votes import VoteRefused, change_vote
from reviews.blinding import CHOICES_ON_SCREEN
from reviews.models import Assignment, Evaluation
from reviews.queries import voting as queries
from reviews.views.voting import MISSING, judgement, no_choice

PAGE = 50


@never_cache
@require_GET
def my_votes(request: HttpRequest, pk: int) -> HttpResponse:
    reviewer = access.reviewer(request)
    evaluation = get_object_or_404(Evaluation, pk=pk, opened_at__isnull=False)
    intent, choice = request.GET.get("intent", ""), request.GET.get("choice", "")
    said = queries.all_i_said(evaluation, reviewer, intent=intent, choice=choice)
    page = Paginator(said, PAGE).get_page(request.GET.get("page"))
    context = {
        # not the evaluation itself, whose fields name the models
        "evaluation_id": evaluation.pk,
        "evaluation_name": evaluation.name,
        "is_open": evaluation.closed_at is None,
        "page": page,
        "votes": queries.shown_of(page),
        "intents": queries.intents_of(evaluation, reviewer),
        "choices": CHOICES_ON_SCREEN,
        "chosen_intent": intent,
        "chosen_choice": choice,
    }
    return render(request, "reviews/my_votes.html", context)


@never_cache
@require_GET
def my_vote(request: HttpRequest, ticket: str) -> HttpResponse:
    turn = access.turn_of(access.reviewer(request), ticket)
    return _look_again(request, turn)


@never_cache
@require_POST
def change(request: HttpRequest, ticket: str) -> HttpResponse:
    reviewer = access.reviewer(request)
    turn = access.turn_of(reviewer, ticket)
    given = judgement(request)
    if given["choice"] not in CHOICES_ON_SCREEN:
        return no_choice()
    del given["seconds"]
    try:
        change_vote(assignment=turn, reviewer=reviewer, **given)
        messages.success(request, _("Changed. What you said before stays on the record."))
    except ValidationError as error:
        return _look_again(request, turn, notice=" ".join(error.messages), status=MISSING)
    except VoteRefused as refusal:
        messages.warning(request, str(refusal))
    return redirect("my_votes", turn.evaluation_id)


def _look_again(
    request: HttpRequest, turn: Assignment, *, notice: str = "", status: int = 200
) -> HttpResponse:
    vote = getattr(turn, "vote", None)
    if vote is None:
        raise Http404
    evaluation = turn.evaluation
    context: dict[str, Any] = {
        "evaluation_id": evaluation.pk,
        "evaluation_name": evaluation.name,
        "guidelines": evaluation.guidelines,
        "asks_strength": evaluation.asks_strength,
        "reasons": evaluation.reasons,
        "reason_rule": evaluation.reason_rule,
        "comment_rule": evaluation.comment_rule,
        "is_open": evaluation.closed_at is None,
        "pair": queries.blind_pair(turn),
        "earlier": queries.said_before(vote, turn),
        "notice": notice,
    }
    return render(request, "reviews/my_vote.html", context, status=status)
