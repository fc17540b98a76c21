from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import permission_required
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST
from django.views.decorators.vary import vary_on_headers

from evalsite.requests import HttpRequest
from reviews import access
from reviews.actions import plans as actions
from reviews.actions.not_possible import NotPossible
from reviews.models import Evaluation, EvaluationPlan
from reviews.plan_forms import ExtendForm, PlanForm
from reviews.queries.plans import (
    Outlook,
    PlanNotPossible,
    available,
    frozen_plan,
    outlook,
    proposed_plan,
)


@never_cache
@require_http_methods(["GET", "POST"])
@vary_on_headers("HX-Request")
@permission_required("reviews.view_evaluation", raise_exception=True)
def plan(request: HttpRequest, pk: int) -> HttpResponse:
    """The frozen plan; before voting opens the form of it, for those who may change it."""
    evaluation = access.watched_evaluation(pk)
    found = (
        EvaluationPlan.objects.filter(evaluation=evaluation)
        .select_related("frozen_by", "extended_by")
        .first()
    )
    may_change = request.user.has_perm("reviews.change_evaluation")
    if request.method == "POST" and not may_change:
        raise PermissionDenied
    if evaluation.opened_at or not may_change:
        if request.method == "POST":
            messages.error(request, _("Voting is open, so the plan is frozen."))
            return redirect("plan", pk)
        return _frozen(request, evaluation, found)
    return _edit(request, evaluation, found or EvaluationPlan(evaluation=evaluation))


def _frozen(request: HttpRequest, evaluation: Evaluation, found: EvaluationPlan | None) -> HttpResponse:
    context: dict[str, Any] = {"evaluation": evaluation, "plan": found}
    if found is not None and found.frozen:
        planned = frozen_plan(found)
        context["outlook"] = outlook(planned, available(evaluation))
    return render(request, "reviews/plan.html", context)


def _edit(request: HttpRequest, evaluation: Evaluation, found: EvaluationPlan) -> HttpResponse:
    sizes = available(evaluation)
    posted = request.method == "POST"
    form = PlanForm(
        request.POST if posted else None, request.FILES if posted else None, plan=found, sizes=sizes
    )
    if posted and "outlook" not in request.POST and form.is_valid():
        try:
            actions.set_plan(evaluation=evaluation, by=access.signed_in(request), **form.cleaned_data)
            messages.success(request, _("The plan is kept. It freezes when voting opens."))
            return redirect(evaluation)
        except ValidationError as wrong:
            form.add_error(None, wrong)
        except NotPossible as wrong:
            form.add_error(None, str(wrong))
    told = _outlook(form, found, sizes)
    context = {
        "evaluation": evaluation,
        "plan": found,
        "form": form,
        "outlook": told,
        "rows": _rows(form, told),
    }
    fragment = "#outlook" if request.htmx else ""
    return render(
        request,
        f"reviews/plan_form.html{fragment}",
        context,
        status=422 if form.errors and not fragment else 200,
    )


def _outlook(form: PlanForm, found: EvaluationPlan, sizes: dict[str, int]) -> Outlook | None:
    """What the plan as it is filled in would take; None, with an error on the form, where it is no plan."""
    if form.is_bound:
        if not form.is_valid():
            return None
        for name, value in form.cleaned_data.items():
            setattr(found, name, value)
    try:
        return outlook(proposed_plan(found, sizes), sizes)
    except PlanNotPossible as wrong:
        if form.is_bound:
            form.add_error(None, str(wrong))
        return None


def _rows(form: PlanForm, told: Outlook | None) -> list[tuple[object, ...]]:
    by_name = {row.name: row for row in told.intents} if told is not None else {}
    return [(*fields, by_name.get(fields[0])) for fields in form.intents()]


@require_POST
@permission_required("reviews.change_evaluation", raise_exception=True)
def extend(request: HttpRequest, pk: int) -> HttpResponse:
    evaluation = access.watched_evaluation(pk)
    form = ExtendForm(request.POST)
    if not form.is_valid():
        for errors in form.errors.values():
            messages.error(request, " ".join(map(str, errors)))
        return redirect(evaluation)
    try:
        plan = actions.extend_plan(evaluation=evaluation, **form.cleaned_data, by=access.signed_in(request))
        messages.success(
            request, _("Extended to %(examples)d examples.") % {"examples": plan.extended_to or 0}
        )
    except NotPossible as reason:
        messages.error(request, str(reason))
    return redirect(evaluation)
