"""Give a reviewer their next turn."""

from __future__ import annotations

from datetime import timedelta

from django.conf import settings
from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.db.models import Case, Exists, F, OuterRef, Value, When
from django.utils import timezone

from reviews.models import Assignment, Evaluation, LapsedTurn
from reviews.queries.progress import is_free

# Reviewers who ask at the same moment see the same head of the queue; each tries on down this far before looking again.
LOOK_AHEAD = 8


def lease_time() -> timedelta:
    return timedelta(minutes=settings.ASSIGNMENT_LEASE_MINUTES)


def claim_next(*, evaluation: Evaluation, reviewer: User) -> Assignment | None:
    """The reviewer's open turn, or the next free one of the queue, leased; None where none is left for them.

    A second tab, or a page that was reloaded, gets the turn that is already theirs.
    """
    held = (
        Assignment.objects.filter(evaluation=evaluation, reviewer=reviewer, voted=False)
        .order_by("position", "slot")
        .values_list("pk", flat=True)
        .first()
    )
    if held is not None and _renew(held, reviewer):
        return _with_texts(held)
    while True:
        heads = _queue(evaluation, reviewer)
        if not heads:
            return None
        for head in heads:
            if _take(head, reviewer):
                return _with_texts(head.pk)


def _queue(evaluation: Evaluation, reviewer: User) -> list[Assignment]:
    """The first free turns, in the queue's order, of comparisons this reviewer has had no turn at.

    All N turns of a comparison stand together, so that its votes come close together in time. What a reviewer left
    without a vote comes back to them only when nothing else is left, and nobody else has taken it.
    """
    had = Assignment.objects.filter(comparison=OuterRef("comparison"), reviewer=reviewer)
    left_behind = LapsedTurn.objects.filter(comparison=OuterRef("comparison"), reviewer=reviewer)
    free = (
        Assignment.objects.filter(is_free(), evaluation=evaluation, voted=False)
        .exclude(Exists(had))
        .order_by("position", "slot")
        .only("comparison_id", "reviewer_id")
    )
    return list(free.exclude(Exists(left_behind))[:LOOK_AHEAD]) or list(free[:LOOK_AHEAD])


def _take(head: Assignment, reviewer: User) -> bool:
    """Win a free turn, or lose it to whoever was faster."""
    now = timezone.now()
    try:
        with transaction.atomic():
            # still whose it was when the queue was read: the one it is taken from is remembered below
            won = Assignment.objects.filter(
                is_free(), pk=head.pk, voted=False, reviewer_id=head.reviewer_id
            ).update(reviewer=reviewer, lease_until=now + lease_time(), shown_at=now)
            if won and head.reviewer_id is not None:
                LapsedTurn.objects.get_or_create(
                    comparison_id=head.comparison_id, reviewer_id=head.reviewer_id
                )
    except IntegrityError:
        return False  # another tab of this reviewer just took another turn of the same comparison
    return won == 1


def _renew(pk: int, reviewer: User) -> bool:
    """Keep a turn that is still this reviewer's: until another takes it, even one that ran out is.

    After a lease that ran out the pair counts as shown anew: time away is not time spent judging.
    """
    now = timezone.now()
    shown_at = Case(When(lease_until__lt=now, then=Value(now)), default=F("shown_at"))
    mine = Assignment.objects.filter(pk=pk, reviewer=reviewer, voted=False)
    return mine.update(lease_until=now + lease_time(), shown_at=shown_at) == 1


def _with_texts(pk: int) -> Assignment:
    return Assignment.objects.select_related(
        "evaluation",
        "comparison__example",
        "comparison__candidate_response",
        "comparison__baseline_response",
    ).get(pk=pk)
