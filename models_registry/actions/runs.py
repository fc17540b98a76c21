"""A generation run, paused, resumed and cancelled by a person."""

from __future__ import annotations

from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from models_registry.models import GenerationRun
from models_registry.tasks import wake_endpoints

if TYPE_CHECKING:
    from django.contrib.auth.models import User

State = GenerationRun.State


def start_run(*, by: User | None, budget: Decimal | None = None, batch: bool = False) -> GenerationRun:
    """A run for `request_responses`. Raises ValidationError for a budget that is not above zero."""
    run = GenerationRun(created_by=by, budget=budget, batch=batch)
    run.clean_fields(exclude=["created_by", "changed_by"])
    run.save()
    return run


def pause_run(*, run: GenerationRun, by: User | None = None) -> bool:
    """Send no new request; what is under way is stored. False where it doesn't run."""
    return _move(run, State.PAUSED, from_states=[State.RUNNING], by=by)


def cancel_run(*, run: GenerationRun, by: User | None = None) -> bool:
    """Send no request any more, until someone resumes it; what is answered stays. False where it is cancelled."""
    return _move(run, State.CANCELLED, from_states=[State.RUNNING, State.PAUSED, State.SPENT], by=by)


@transaction.atomic
def resume_run(*, run: GenerationRun, budget: Decimal | None = None, by: User | None = None) -> bool:
    """Go on. A run that its budget stopped needs a higher one, or `budget=None` and no limit from then on.

    Raises ValidationError for a budget that is spent already. False where it runs.
    """
    run = GenerationRun.objects.select_for_update().get(pk=run.pk)
    if run.state == State.RUNNING:
        return False
    if run.state == State.SPENT or budget is not None:
        if budget is not None and budget <= run.spent:
            raise ValidationError(
                {
                    "budget": _("%(spent)s dollars are spent already; give more than that, or no budget.")
                    % {"spent": f"{run.spent:.2f}"}
                }
            )
        run.budget = budget
    run.state, run.changed_at, run.changed_by = State.RUNNING, timezone.now(), by
    run.clean_fields(exclude=["created_by", "changed_by"])
    run.save(update_fields=["state", "budget", "changed_at", "changed_by"])
    _wake()
    return True


def choose_path(*, run: GenerationRun, batch: bool) -> bool:
    """Ask for what is not asked for yet by the Batch API, or live. False where it is so already.

    A batch that is under way is cancelled at the provider once nothing wants it; what it has done is collected first.
    """
    changed = GenerationRun.objects.filter(pk=run.pk).exclude(batch=batch)
    done = bool(changed.update(batch=batch, changed_at=timezone.now()))
    _wake()
    return done


def _move(run: GenerationRun, state: str, *, from_states: list[State], by: User | None) -> bool:
    moved = GenerationRun.objects.filter(pk=run.pk, state__in=from_states).update(
        state=state, changed_at=timezone.now(), changed_by=by
    )
    run.refresh_from_db()
    return bool(moved)


def _wake() -> None:
    transaction.on_commit(partial(wake_endpoints.apply_async, retry=False), robust=True)
