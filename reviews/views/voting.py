"""The voting page and what is done on it. Without JavaScript each press loads the page anew; with it, only pairs.

A page that shows the next pair by itself says so: `shown` is the ticket of the pair it shows now. The answer is then an
envelope (reviews/_voted.html) with what became of the vote, and the pair to come after the one that is shown.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.functional import SimpleLazyObject
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.gzip import gzip_page
from django.views.decorators.http import require_GET, require_POST
from django.views.decorators.vary import vary_on_headers

from evalsite.requests import HttpRequest
from reviews import access
from reviews.actions.assignments import release_held
from reviews.actions.hidden_checks import claim_next, hold_next, show_held
from reviews.actions.skips import skip_turn
from reviews.actions.votes import VoteRefused, cast_vote, undo_vote
from reviews.blinding import CHOICES_ON_SCREEN
from reviews.forms import FlagForm
from reviews.models import Assignment, Evaluation
from reviews.queries.claiming import standing
from reviews.queries.progress import ReviewerProgress, reviewer_progress
from reviews.queries.reviewer_home import end_of_voting
from reviews.queries.reviewers import wants_tour
from reviews.queries.voting import blind_pair, earlier_judgement, ticket_of_last_vote
from reviews.views.flags import flag, flag_context, render_flag, say
from reviews.views.pair_frames import framed, is_plain

COUNTED, REFUSED, MISSING = 200, 409, 422


# two long answers, rendered and raw, with the pair after them: a tenth of it goes over the wire
@gzip_page
@never_cache
@require_GET
def vote(request: HttpRequest, pk: int) -> HttpResponse:
    evaluation = access.evaluation_to_vote_in(access.reviewer(request), pk)
    return _page(request, evaluation, "reviews/vote.html")


@never_cache
@require_POST
@vary_on_headers("HX-Request")
def cast(request: HttpRequest, ticket: str) -> HttpResponse:
    reviewer = access.reviewer(request)
    turn = access.assignment_to_vote_on(ticket)
    if request.POST.get("choice") not in CHOICES_ON_SCREEN:
        return no_choice()
    return _then_move_on(
        request, turn, lambda: cast_vote(assignment=turn, reviewer=reviewer, **judgement(request))
    )


@never_cache
@require_POST
@vary_on_headers("HX-Request")
def skip(request: HttpRequest, ticket: str) -> HttpResponse:
    reviewer = access.reviewer(request)
    turn = access.assignment_to_vote_on(ticket)
    reason, note = request.POST.get("reason", ""), request.POST.get("note", "")
    return _then_move_on(
        request, turn, lambda: skip_turn(assignment=turn, reviewer=reviewer, reason=reason, note=note)
    )


@never_cache
@require_POST
@vary_on_headers("HX-Request")
def undo(request: HttpRequest, ticket: str) -> HttpResponse:
    reviewer = access.reviewer(request)
    turn = access.assignment_to_vote_on(ticket)
    status, notice = _try(lambda: undo_vote(assignment=turn, reviewer=reviewer))
    if not request.htmx:
        if notice:
            messages.warning(request, notice)
        return redirect("vote", turn.evaluation_id)
    return _page(request, turn.evaluation, "reviews/vote.html#pair", notice=notice, status=status)


@never_cache
@require_POST
def release(request: HttpRequest, pk: int) -> HttpResponse:
    """The page was left: what was only held for it goes back to the queue."""
    reviewer = access.reviewer(request)
    release_held(evaluation=access.evaluation_open_for_votes(reviewer, pk), reviewer=reviewer)
    return HttpResponse(status=204)


@never_cache
@require_POST
@vary_on_headers("HX-Request")
def flag_example(request: HttpRequest, ticket: str) -> HttpResponse:
    """Neither the pair nor its lease changes by it."""
    reviewer = access.reviewer(request)
    turn = access.turn_of(reviewer, ticket)
    form = FlagForm(request.POST)
    flagged = flag(form, turn.comparison.example, reviewer)
    if request.htmx:
        action = reverse("flag_example", args=[ticket])
        return render_flag(request, form, turn.comparison.example, action, flagged=flagged)
    evaluation = turn.evaluation
    if not flagged and not turn.voted and evaluation.closed_at is None:
        return _page(request, evaluation, "reviews/vote.html", flag_form=form, status=MISSING)
    say(request, form, flagged=flagged)
    return redirect("home") if evaluation.closed_at else redirect("vote", evaluation.pk)


def no_choice() -> HttpResponse:
    return HttpResponse(_("Choose left, right, tie or both bad."), status=400, content_type="text/plain")


def judgement(request: HttpRequest) -> dict[str, Any]:
    """What a form says of a pair."""
    try:
        seconds = float(request.POST.get("seconds", ""))
    except ValueError:
        seconds = None
    return {
        "choice": request.POST.get("choice", ""),
        # the button for "clearly" has an address of its own, for a browser without JavaScript
        "strength": request.POST.get("strength") or request.GET.get("strength", ""),
        "reasons": request.POST.getlist("reasons"),
        "comment": request.POST.get("comment", ""),
        "seconds": seconds,
    }


def _try(action: Callable[[], object]) -> tuple[int, str]:
    """The status of an answer, and what the reviewer has to be told."""
    try:
        action()
        return COUNTED, ""
    except ValidationError as error:
        return MISSING, " ".join(error.messages)
    except VoteRefused as refusal:
        return REFUSED, str(refusal)


@dataclass(frozen=True)
class Moved:
    """Of a page that shows the next pair by itself: is what it shows still its reviewer's, and what comes after it."""

    shown: str  # kept, gone or none
    following: Assignment | None = None


def _then_move_on(request: HttpRequest, turn: Assignment, action: Callable[[], object]) -> HttpResponse:
    """Vote or skip, and say what comes after; of a page that shows the next pair by itself in one transaction."""
    if not request.htmx or "shown" not in request.POST:
        status, notice = _try(action)
        return _answer(request, turn, status, notice)
    try:
        status, notice, moved = _act_and_move_on(request, turn, action)
    except IntegrityError:
        # another tab of this reviewer took a turn of the same comparison at the same moment; now that one is seen
        status, notice, moved = _act_and_move_on(request, turn, action)
    return _answer(request, turn, status, notice, moved)


@transaction.atomic
def _act_and_move_on(
    request: HttpRequest, turn: Assignment, action: Callable[[], object]
) -> tuple[int, str, Moved]:
    status, notice = _try(action)
    return status, notice, _move_on(request, turn, status)


def _move_on(request: HttpRequest, turn: Assignment, status: int) -> Moved:
    """Start the reading of the pair that the page shows now, and hold the one after it.

    Where that pair went to someone else meanwhile (it was held too long), what follows is to be shown instead.
    """
    reviewer, evaluation, ticket = access.signed_in(request), turn.evaluation, request.POST["shown"]
    if status == MISSING or evaluation.closed_at is not None:
        return Moved("none")
    if not ticket:
        return Moved("none", hold_next(evaluation=evaluation, reviewer=reviewer, beside=None))
    shown = show_held(evaluation=evaluation, reviewer=reviewer, ticket=ticket)
    if shown is None:
        return Moved("gone", claim_next(evaluation=evaluation, reviewer=reviewer))
    return Moved("kept", hold_next(evaluation=evaluation, reviewer=reviewer, beside=shown))


def _answer(
    request: HttpRequest, turn: Assignment, status: int, notice: str, moved: Moved | None = None
) -> HttpResponse:
    """What comes after a vote or a skip, in the shape that the page asked for."""
    evaluation = turn.evaluation
    if moved is not None:
        context: dict[str, Any] = {"notice": notice, "status": status, "shown": moved.shown}
        voted = getattr(moved.following, "judged_before", None)  # read already where a turn was held
        if voted is None:
            voted = standing(evaluation, access.signed_in(request)).judged
        # what is left is counted when the page is loaded; from then on the page counts down
        context |= {"voted": voted, "progress": ReviewerProgress(voted, 0)}
        context |= _pair_context(evaluation, moved.following, request)
        if moved.following is not None and is_plain(context):
            context["section"] = framed(request, context, voted=voted, total=voted)
        return render(request, "reviews/_voted.html", context, status=status)
    if request.htmx:
        # htmx swaps in what is fine; a refused vote is told with the next pair
        wanted = MISSING if status == MISSING else COUNTED
        undo = turn.ticket if turn.voted else ""
        return _page(request, evaluation, "reviews/vote.html#pair", notice=notice, status=wanted, undo=undo)
    if status == MISSING:
        return _page(request, evaluation, "reviews/vote.html", notice=notice, status=status)
    if notice:
        messages.warning(request, notice)
    return redirect("home") if evaluation.closed_at else redirect("vote", evaluation.pk)


def _page(
    request: HttpRequest,
    evaluation: Evaluation,
    template: str,
    *,
    notice: str = "",
    flag_form: FlagForm | None = None,
    status: int = COUNTED,
    undo: str = "",
) -> HttpResponse:
    """The pair that is this reviewer's now; on a whole page the one after it, too, for scripts to show."""
    reviewer = access.signed_in(request)
    is_open = evaluation.closed_at is None
    turn = claim_next(evaluation=evaluation, reviewer=reviewer) if is_open else None
    context: dict[str, Any] = {"progress": reviewer_progress(evaluation, reviewer), "notice": notice}
    if is_open:
        context["undo"] = undo or ticket_of_last_vote(evaluation, reviewer)
    if template == "reviews/vote.html":
        context["tour"] = wants_tour(reviewer)
    context |= _pair_context(evaluation, turn, request, flag_form)
    if turn is not None and template == "reviews/vote.html":
        following = hold_next(evaluation=evaluation, reviewer=reviewer, beside=turn)
        context["next"] = _pair_context(evaluation, following, request)
    return render(request, template, context, status=status)


def _pair_context(
    evaluation: Evaluation, turn: Assignment | None, request: HttpRequest, flag_form: FlagForm | None = None
) -> dict[str, Any]:
    """Only what a reviewer may know: not the evaluation itself, whose fields name the models."""
    context: dict[str, Any] = {
        "evaluation_id": evaluation.pk,
        "evaluation_name": evaluation.name,
        "guidelines": evaluation.guidelines,
        "asks_strength": evaluation.asks_strength,
        "reasons": evaluation.reasons,
        "reason_rule": evaluation.reason_rule,
        "comment_rule": evaluation.comment_rule,
        "is_open": evaluation.closed_at is None,
        "pair": None,
        # read only where nothing is left
        "end": SimpleLazyObject(partial(end_of_voting, evaluation, access.signed_in(request))),
    }
    if turn is not None:
        action = reverse("flag_example", args=[turn.ticket])
        reviewer = access.signed_in(request)
        context |= {"pair": blind_pair(turn), "earlier": earlier_judgement(turn)}
        context |= flag_context(flag_form or FlagForm(), turn.comparison.example, action, reviewer)
    return context
