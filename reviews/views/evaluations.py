from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.decorators import permission_required
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST
from django.views.decorators.vary import vary_on_headers

from evalsite.requests import HttpRequest
from reviews import access
from reviews.actions import evaluations as actions
from reviews.actions.not_possible import NotPossible
from reviews.forms import EvaluationForm
from reviews.models import Evaluation
from reviews.queries.estimates import estimate
from reviews.queries.progress import evaluation_summaries
from reviews.views.dashboards import dashboard
from reviews.views.generation import progress


@require_GET
@permission_required("reviews.view_evaluation", raise_exception=True)
def evaluations(request: HttpRequest) -> HttpResponse:
    return render(request, "reviews/evaluations.html", {"summaries": evaluation_summaries()})


@require_http_methods(["GET", "POST"])
@vary_on_headers("HX-Request")
@permission_required("reviews.add_evaluation", raise_exception=True)
def evaluation_new(request: HttpRequest) -> HttpResponse:
    form = EvaluationForm(request.POST if request.method == "POST" else None)
    if "estimate" in request.POST:
        return _estimate(request, form)
    started = _start(form, access.signed_in(request)) if form.is_valid() else None
    if started:
        messages.success(
            request,
            _(
                "Started. While the models answer, say what would be worth shipping. It may change until voting opens."
            ),
        )
        return redirect("plan", started.pk)
    return render(request, "reviews/evaluation_new.html", {"form": form}, status=422 if form.errors else 200)


def _estimate(request: HttpRequest, form: EvaluationForm) -> HttpResponse:
    """What an evaluation of what is filled in so far would cost; nothing is started."""
    form.keep_errors_of_estimate()
    context = {"form": form, "asked": True}
    if not form.errors:
        given = form.cleaned_data
        context["estimate"] = estimate(
            candidate=given["candidate"],
            baseline=given["baseline"],
            golden_set_version=given["golden_set_version"],
            batch=given.get("batch", False),
            budget=given["budget"],
        )
    fragment = "#estimate" if request.htmx else ""
    return render(
        request, f"reviews/evaluation_new.html{fragment}", context, status=422 if form.errors else 200
    )


def _start(form: EvaluationForm, by: User) -> Evaluation | None:
    try:
        return actions.start_evaluation(**form.cleaned_data, by=by)
    except ValidationError as error:
        form.add_error(None, error)
        return None


@never_cache
@require_GET
@vary_on_headers("HX-Request")
@permission_required("reviews.view_evaluation", raise_exception=True)
def evaluation(request: HttpRequest, pk: int) -> HttpResponse:
    found = access.watched_evaluation(pk)
    if found.status == Evaluation.Status.GENERATING:
        return progress(request, found)
    return dashboard(request, found)


@require_POST
@permission_required("reviews.change_evaluation", raise_exception=True)
def evaluation_open(request: HttpRequest, pk: int) -> HttpResponse:
    found = access.watched_evaluation(pk)
    try:
        actions.open_voting(
            evaluation=found,
            by=access.signed_in(request),
            leave_out_failed="leave_out_failed" in request.POST,
            in_spite_of_leaks="in_spite_of_leaks" in request.POST,
        )
        messages.success(request, _("Voting is open. Reviewers find it on their home page."))
    except NotPossible as reason:
        messages.error(request, str(reason))
    return redirect(found)


@require_POST
@permission_required("reviews.change_evaluation", raise_exception=True)
def evaluation_close(request: HttpRequest, pk: int) -> HttpResponse:
    found = access.watched_evaluation(pk)
    try:
        actions.close_evaluation(evaluation=found, by=access.signed_in(request))
        messages.success(request, _("Closed. The votes that are in stay; no more are taken."))
    except NotPossible as reason:
        messages.error(request, str(reason))
    return redirect(found)
