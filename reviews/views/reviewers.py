"""Who votes in an evaluation, for its lead."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.decorators import permission_required
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from evalsite.requests import HttpRequest
from reviews import access
from reviews.actions import invitations as actions
from reviews.actions.skips import offer_again
from reviews.forms import InviteForm, WhoVotesForm, name_of
from reviews.models import Evaluation, Invitation
from reviews.queries.hidden_checks import hidden_checks
from reviews.queries.progress import voting_progress
from reviews.queries.reviewers import at_work, skipped_pairs, unread_languages
from reviews.queries.stuck_turns import stuck_turns


@never_cache
@require_GET
@permission_required("reviews.view_evaluation", raise_exception=True)
def reviewers(request: HttpRequest, pk: int) -> HttpResponse:
    return _page(request, access.watched_evaluation(pk))


@require_POST
@permission_required("reviews.change_evaluation", raise_exception=True)
def invite(request: HttpRequest, pk: int) -> HttpResponse:
    found = access.watched_evaluation(pk)
    form = InviteForm(request.POST)
    if form.is_valid():
        try:
            new = actions.invite(evaluation=found, **form.cleaned_data, by=access.signed_in(request))
            said = ngettext("%(count)d new invitation.", "%(count)d new invitations.", new)
            messages.success(request, said % {"count": new})
            return redirect("evaluation_reviewers", pk)
        except ValidationError as error:
            form.add_error(None, error)
    return _page(request, found, invite_form=form)


@require_POST
@permission_required("reviews.change_evaluation", raise_exception=True)
def withdraw(request: HttpRequest, pk: int, invitation: int) -> HttpResponse:
    found = get_object_or_404(Invitation.objects.select_related("evaluation"), pk=invitation, evaluation=pk)
    actions.withdraw_invitation(invitation=found, by=access.signed_in(request))
    messages.info(request, _("The invitation is taken back. Votes that are in stay."))
    return redirect("evaluation_reviewers", pk)


@require_POST
@permission_required("reviews.change_evaluation", raise_exception=True)
def who_votes(request: HttpRequest, pk: int) -> HttpResponse:
    found = access.watched_evaluation(pk)
    form = WhoVotesForm(request.POST, instance=Evaluation.objects.get(pk=pk))
    if not form.is_valid():
        return _page(request, found, who_form=form)
    actions.set_who_votes(evaluation=found, **form.cleaned_data, by=access.signed_in(request))
    messages.success(request, _("Saved. It holds for every pair from now on."))
    return redirect("evaluation_reviewers", pk)


@require_POST
@permission_required("reviews.change_evaluation", raise_exception=True)
def release(request: HttpRequest, pk: int, reviewer: int) -> HttpResponse:
    found = access.watched_evaluation(pk)
    person = get_object_or_404(User, pk=reviewer)
    count = actions.release_turns(evaluation=found, reviewer=person, by=access.signed_in(request))
    said = ngettext(
        "%(count)d pair of %(name)s went back to the queue.",
        "%(count)d pairs of %(name)s went back to the queue.",
        count,
    )
    messages.info(request, said % {"count": count, "name": name_of(person)})
    return redirect("evaluation_reviewers", pk)


@require_POST
@permission_required("reviews.change_evaluation", raise_exception=True)
def offer(request: HttpRequest, pk: int, comparison: int) -> HttpResponse:
    found = access.watched_comparison(comparison)
    offer_again(comparison=found, by=access.signed_in(request))
    messages.info(request, _("The pair is offered again, also to those who skipped it."))
    return redirect("evaluation_reviewers", pk)


def _page(
    request: HttpRequest,
    evaluation: Evaluation,
    *,
    invite_form: InviteForm | None = None,
    who_form: WhoVotesForm | None = None,
) -> HttpResponse:
    is_refused = invite_form is not None or who_form is not None
    people = at_work(evaluation)
    context = {
        "evaluation": evaluation,
        "people": people,
        "reading": sum(person.is_here for person in people),
        "today": sum(person.today for person in people),
        "progress": voting_progress(evaluation),
        "checks": hidden_checks(evaluation),
        "skipped": skipped_pairs(evaluation),
        "unread": unread_languages(evaluation),
        "stuck": stuck_turns(evaluation),
        "invitations": evaluation.invitations.select_related("reviewer", "group", "invited_by"),
        "invite_form": invite_form or InviteForm(),
        "who_form": who_form or WhoVotesForm(instance=evaluation),
    }
    return render(request, "reviews/reviewers.html", context, status=422 if is_refused else 200)
