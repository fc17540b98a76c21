"""Ask for the leak scan, and note who opens voting in spite of it."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from reviews.models import Evaluation
from reviews.queries.leaks import responses_stamp
from reviews.tasks import scan_for_leaks


@transaction.atomic
def scan_again(*, evaluation: Evaluation, by: User | None) -> None:
    """Forget the report of an evaluation that was not opened, and make another. Twice is the same as once."""
    forgotten = Evaluation.objects.filter(pk=evaluation.pk, opened_at__isnull=True)
    if forgotten.update(leak_report=None):
        # sooner than the schedule does; not tried twice, because someone is waiting for a page
        transaction.on_commit(partial(scan_for_leaks.apply_async, (evaluation.pk,), retry=False), robust=True)


def forget_reports_of(versions: Iterable[int]) -> None:
    """Responses of these model versions are asked for again: what was found in the old ones says nothing of the new.

    An evaluation whose voting is open keeps what was known when it was opened.
    """
    Evaluation.objects.filter(
        Q(candidate__in=versions) | Q(baseline__in=versions),
        opened_at__isnull=True,
        leak_report__isnull=False,
    ).update(leak_report=None)


def wants_a_tick(evaluation: Evaluation) -> bool:
    """Whether a scan of just these responses found a serious leak."""
    report = evaluation.leak_report
    return bool(report and report["is_serious"] and report["stamp"] == responses_stamp(evaluation))


def accept(evaluation: Evaluation, by: User | None) -> None:
    """Into the report, which the caller saves."""
    evaluation.leak_report = (evaluation.leak_report or {}) | {
        "accepted": {
            "by": by.username if by else "",
            "at": timezone.now().isoformat(),
        }
    }
