"""Models that judge beside the people: starting them, watching them, and what their verdicts are worth."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.decorators import permission_required
from django.core.exceptions import ValidationError
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST
from django.views.decorators.vary import vary_on_headers

from evalsite.requests import HttpRequest
from reviews import access
from reviews.actions import judges as actions
from reviews.actions.not_possible import NotPossible
from reviews.forms import ResumeForm
from reviews.judge_forms import JudgeForm
from reviews.models import Evaluation, Judge
from reviews.queries.judge_figures import JudgeFigures, differences, judge_figures
from reviews.queries.judges import (
    is_judged_itself,
    judge_cost,
    judge_progress,
    judges_of,
    unreadable_verdicts,
)
from reviews.queries.win_rates import Estimate
from reviews.views.forest import ForestRow

MOST_DIFFERENCES = 12
MOST_UNREADABLE = 20


@never_cache
@require_GET
@vary_on_headers("HX-Request")
@permission_required("reviews.view_evaluation", raise_exception=True)
def judges(request: HttpRequest, pk: int) -> HttpResponse:
    return _page(request, access.watched_evaluation(pk))


@require_POST
@permission_required("reviews.change_evaluation", raise_exception=True)
def start(request: HttpRequest, pk: int) -> HttpResponse:
    found = access.watched_evaluation(pk)
    form = JudgeForm(request.POST, cost=judge_cost(found))
    if form.is_valid():
        try:
            judge = actions.start_judge(evaluation=found, **form.cleaned_data, by=access.signed_in(request))
            messages.success(request, _("Started. Its verdicts appear here as they come."))
            return redirect(judge)
        except ValidationError as error:
            form.add_error(None, error)
        except NotPossible as reason:
            form.add_error(None, str(reason))
    return _page(request, found, form=form)


@require_POST
@permission_required("reviews.change_evaluation", raise_exception=True)
def retry(request: HttpRequest, pk: int) -> HttpResponse:
    judge = access.watched_judge(pk)
    count = actions.retry_verdicts(judge=judge, by=access.signed_in(request))
    said = ngettext("Asking again for %(count)d verdict.", "Asking again for %(count)d verdicts.", count)
    messages.info(request, said % {"count": count})
    return redirect(judge)


@require_POST
@permission_required("reviews.change_evaluation", raise_exception=True)
def stop(request: HttpRequest, pk: int) -> HttpResponse:
    judge = access.watched_judge(pk)
    actions.stop_judge(judge=judge, by=access.signed_in(request))
    messages.info(request, _("Stopped. What is under way is still stored; nothing new is asked."))
    return redirect(judge)


@require_POST
@permission_required("reviews.change_evaluation", raise_exception=True)
def resume(request: HttpRequest, pk: int) -> HttpResponse:
    judge = access.watched_judge(pk)
    form = ResumeForm(request.POST)
    try:
        if not form.is_valid():
            raise ValidationError(form.errors.as_data())
        actions.resume_judge(judge=judge, by=access.signed_in(request), budget=form.cleaned_data["budget"])
        messages.success(request, _("Resumed. What is missing is being asked for."))
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
    return redirect(judge)


def _page(request: HttpRequest, evaluation: Evaluation, *, form: JudgeForm | None = None) -> HttpResponse:
    every = list(judges_of(evaluation))
    wanted = request.GET.get("judge", "")
    chosen = next((judge for judge in every if str(judge.pk) == wanted), every[0] if every else None)
    context: dict[str, object] = {"evaluation": evaluation, "judges": every, "judge": chosen}
    if chosen is not None:
        chosen.evaluation = evaluation
        context |= _figures(chosen)
    if request.htmx:
        return render(request, "reviews/judges.html#judge", context)
    cost = judge_cost(evaluation)
    context |= {"cost": cost, "form": form or JudgeForm(cost=cost), "is_refused": form is not None}
    return render(request, "reviews/judges.html", context, status=422 if form else 200)


def _figures(judge: Judge) -> dict[str, object]:
    figures = judge_figures(judge)
    return {
        "progress": judge_progress(judge),
        "resume_form": ResumeForm(),
        "judges_itself": is_judged_itself(judge.evaluation, judge.model_version),
        "figures": figures,
        "forest": _forest(figures),
        "differences": differences(judge, MOST_DIFFERENCES),
        "unreadable": unreadable_verdicts(judge, MOST_UNREADABLE),
    }


def _forest(figures: JudgeFigures) -> list[ForestRow]:
    """The plain figure of people first, always; the judge's own is no estimate of it, and has no row."""
    found = figures.estimate
    people, together = found.people, found.examples + found.unlabelled
    alone = Estimate(people.examples, people.win_rate, people.interval)
    rows = [ForestRow(_("People alone"), "", alone, None, overall=True)]
    if found.trust:  # where it is not used, a second figure would be the same by another method
        both = Estimate(together, found.win_rate, found.interval)
        rows.append(ForestRow(_("People and judge"), "", both, None))
    return rows
