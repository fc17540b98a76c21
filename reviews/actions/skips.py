"""Give a pair back unjudged."""

from __future__ import annotations

from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from reviews.actions.hidden_checks import skip_check
from reviews.actions.votes import refusal
from reviews.models import Assignment, Comparison, SkippedTurn
from reviews.queries.hidden_checks import check_of
from reviews.queries.progress import open_evaluations

LONGEST_NOTE = 2000


def skip_turn(*, assignment: Assignment, reviewer: User, reason: str, note: str = "") -> None:
    """Let a pair go to someone else, and never to this reviewer again. Twice is the same as once.

    Raises ValidationError for an unknown reason, VoteRefused where the turn is not theirs any more.
    """
    if reason not in SkippedTurn.Reason.values:
        raise ValidationError({"reason": _("Choose why you skip this pair.")})
    if check := check_of(assignment):
        if check.reviewer_id != reviewer.pk or not skip_check(
            check, reason=reason, note=note.strip()[:LONGEST_NOTE]
        ):
            raise refusal(assignment)
        return
    _skip(assignment, reviewer, reason, note.strip()[:LONGEST_NOTE])


@transaction.atomic
def _skip(assignment: Assignment, reviewer: User, reason: str, note: str) -> None:
    given_back = Assignment.objects.filter(
        pk=assignment.pk, reviewer=reviewer, voted=False, evaluation__in=open_evaluations()
    ).update(reviewer=None, lease_until=None, shown_at=None)
    skipped = SkippedTurn.objects.filter(comparison=assignment.comparison_id, reviewer=reviewer)
    if not given_back:
        if skipped.exists():
            return
        raise refusal(Assignment.objects.select_related("evaluation").get(pk=assignment.pk))
    said = {"reason": reason, "note": note, "skipped_at": timezone.now(), "lifted_at": None}
    SkippedTurn.objects.update_or_create(
        comparison_id=assignment.comparison_id, reviewer=reviewer, defaults=said
    )


def offer_again(*, comparison: Comparison, by: User | None) -> int:
    """Let those who skipped a comparison be given it again; how many. That they did, and why, stays on record."""
    return SkippedTurn.objects.filter(comparison=comparison, lifted_at__isnull=True).update(
        lifted_at=timezone.now()
    )
