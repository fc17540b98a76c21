"""An evaluation while its responses are asked for: how far it is, and the buttons beside that."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.decorators import permission_required
from django.core.exceptions import ValidationError
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST, require_safe

from evalsite.requests import HttpRequest
from models_registry.queries import batch_totals
from reviews import access
from reviews.actions import evaluations as actions
from reviews.actions import generation
from reviews.actions.leaks import scan_again
from reviews.actions.not_possible import NotPossible
from reviews.forms import ResumeForm
from reviews.models import Evaluation, EvaluationPlan
from reviews.queries.generation import generation_progress, jobs_of, newest_faults
from reviews.queries.leaks import leak_report

BATCHES = 25


def progress(request: HttpRequest, found: Evaluation) -> HttpResponse:
    """The page of an evaluation whose voting is still to be opened; three parts of it refresh themselves."""
    target = request.htmx.target if request.htmx else ""
    context: dict[str, object] = {"evaluation": found}
    if target != "faults":
        context |= {"leaks": leak_report(found)}
    if target not in {"faults", "leaks"}:
        context |= {"progress": generation_progress(found), "resume_form": ResumeForm()}
    if not request.htmx:
        context["plan"] = EvaluationPlan.objects.filter(evaluation=found).first()
    if target == "faults" or not request.htmx:
        context["faults"] = newest_faults(found)
    part = "" if not request.htmx else f"#{target}" if target in {"faults", "leaks"} else "#progress"
    return render(request, f"reviews/progress.html{part}", context)


@require_POST
@permission_required("reviews.change_evaluation", raise_exception=True)
def evaluation_pause(request: HttpRequest, pk: int) -> HttpResponse:
    found = access.watched_evaluation(pk)
    try:
        generation.pause_generation(evaluation=found, by=access.signed_in(request))
        messages.info(request, _("Paused. What is under way is still stored; nothing new is asked."))
    except NotPossible as reason:
        messages.error(request, str(reason))
    return redirect(found)


@require_POST
@permission_required("reviews.change_evaluation", raise_exception=True)
def evaluation_cancel(request: HttpRequest, pk: int) -> HttpResponse:
    found = access.watched_evaluation(pk)
    try:
        generation.cancel_generation(evaluation=found, by=access.signed_in(request))
        messages.info(request, _("Cancelled. What is answered stays; nothing new is asked."))
    except NotPossible as reason:
        messages.error(request, str(reason))
    return redirect(found)


@require_POST
@permission_required("reviews.change_evaluation", raise_exception=True)
def evaluation_resume(request: HttpRequest, pk: int) -> HttpResponse:
    found = access.watched_evaluation(pk)
    form = ResumeForm(request.POST)
    try:
        if not form.is_valid():
            raise ValidationError(form.errors.as_data())
        generation.resume_generation(
            evaluation=found,
            by=access.signed_in(request),
            budget=form.cleaned_data["budget"],
            keep_budget="budget" not in request.POST,
        )
        messages.success(request, _("Resumed. What is missing is being asked for."))
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
    except NotPossible as reason:
        messages.error(request, str(reason))
    return redirect(found)


@require_POST
@permission_required("reviews.change_evaluation", raise_exception=True)
def evaluation_path(request: HttpRequest, pk: int) -> HttpResponse:
    found = access.watched_evaluation(pk)
    batch = request.POST.get("path") == "batch"
    try:
        generation.choose_generation_path(evaluation=found, batch=batch, by=access.signed_in(request))
        messages.info(
            request,
            _("What waits goes by batch from now on.")
            if batch
            else _(
                "What waits is asked live from now on; a batch under way is cancelled and what it has is kept."
            ),
        )
    except NotPossible as reason:
        messages.error(request, str(reason))
    return redirect(found)


@require_safe
@permission_required("reviews.view_evaluation", raise_exception=True)
def evaluation_batches(request: HttpRequest, pk: int) -> HttpResponse:
    found = access.watched_evaluation(pk)
    jobs = jobs_of(found)
    context = {
        "evaluation": found,
        "page": Paginator(jobs, BATCHES).get_page(request.GET.get("page")),
        "totals": batch_totals(jobs),
    }
    return render(request, "reviews/evaluation_batches.html", context)


@require_POST
@permission_required("reviews.change_evaluation", raise_exception=True)
def evaluation_retry(request: HttpRequest, pk: int) -> HttpResponse:
    found = access.watched_evaluation(pk)
    try:
        count = actions.retry_failed(evaluation=found, by=access.signed_in(request))
        said = ngettext(
            "Asking again for %(count)d response.", "Asking again for %(count)d responses.", count
        )
        messages.info(request, said % {"count": count})
    except NotPossible as reason:
        messages.error(request, str(reason))
    return redirect(found)


@require_POST
@permission_required("reviews.change_evaluation", raise_exception=True)
def evaluation_scan(request: HttpRequest, pk: int) -> HttpResponse:
    found = access.watched_evaluation(pk)
    scan_again(evaluation=found, by=access.signed_in(request))
    messages.info(request, _("The responses are being scanned again."))
    return redirect(found)
