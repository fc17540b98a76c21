"""Pause, resume and cancel the asking for an evaluation's responses."""

from __future__ import annotations

from decimal import Decimal

from django.contrib.auth.models import User
from django.utils.translation import gettext as _

from models_registry.actions.runs import cancel_run, choose_path, pause_run, resume_run
from models_registry.models import GenerationRun
from reviews.actions.not_possible import NotPossible
from reviews.models import Evaluation
from reviews.queries.generation import has_batches


def pause_generation(*, evaluation: Evaluation, by: User | None) -> bool:
    """Send no new request; what is under way is stored. False where it stands still already."""
    return pause_run(run=_run_of(evaluation), by=by)


def cancel_generation(*, evaluation: Evaluation, by: User | None) -> bool:
    """Send no request any more. What is answered stays, for this and any other evaluation; it can be resumed."""
    return cancel_run(run=_run_of(evaluation), by=by)


def resume_generation(
    *, evaluation: Evaluation, by: User | None, budget: Decimal | None = None, keep_budget: bool = True
) -> bool:
    """Go on. keep_budget=False: with this budget from now on, or with none.

    Raises ValidationError for a budget that is spent already, NotPossible where its own one is.
    """
    run = _run_of(evaluation)
    if keep_budget and run.state == GenerationRun.State.SPENT:
        raise NotPossible(_("The budget is spent meanwhile; resume with a higher one, or with none."))
    if not keep_budget and budget is None and run.state != GenerationRun.State.SPENT:
        keep_budget = True
    return resume_run(run=run, budget=None if keep_budget else budget, by=by)


def choose_generation_path(*, evaluation: Evaluation, batch: bool, by: User | None) -> bool:
    """Ask for what is missing by the Batch API, or live. Nothing that is answered is asked again; False where it is so.

    Raises NotPossible where no endpoint of the two models has a Batch API.
    """
    run = _run_of(evaluation)
    if batch and not has_batches(evaluation):
        raise NotPossible(_("Neither model's endpoint has a Batch API; what is missing is asked for live."))
    return choose_path(run=run, batch=batch)


def _run_of(evaluation: Evaluation) -> GenerationRun:
    if evaluation.opened_at:
        raise NotPossible(_("Voting was opened, so there is nothing to ask for any more."))
    if evaluation.run_id is None:
        raise NotPossible(_("This evaluation asks for nothing: its responses came from elsewhere."))
    return GenerationRun.objects.get(pk=evaluation.run_id)
