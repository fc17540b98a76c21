"""Give a reviewer their next turn."""

from __future__ import annotations

from datetime import timedelta

from django.conf import settings
from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.db.models import Exists, OuterRef, Q
from django.utils import timezone

from reviews.models import Assignment, Evaluation

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
        for pk in heads:
            if _take(pk, reviewer):
                return _with_texts(pk)


def _queue(evaluation: Evaluation, reviewer: User) -> list[int]:
    """The first free turns, in the queue's order, of comparisons this reviewer has had no turn at.

    All N turns of a comparison stand together, so that its votes come close together in time.
    """
    had = Assignment.objects.filter(comparison=OuterRef("comparison"), reviewer=reviewer)
    free = (
        Assignment.objects.filter(_is_free(), evaluation=evaluation, voted=False)
        .exclude(Exists(had))
        .order_by("position", "slot")
    )
    return list(free.values_list("pk", flat=True)[:LOOK_AHEAD])


def _take(pk: int, reviewer: User) -> bool:
    """Win a free turn, or lose it to whoever was faster."""
    now = timezone.now()
    try:
        with transaction.atomic():
            won = Assignment.objects.filter(_is_free(), pk=pk, voted=False).update(
                reviewer=reviewer, lease_until=now + lease_time(), shown_at=now
            )
    except IntegrityError:
        return False  # another tab of this reviewer just took another turn of the same comparison
    return won == 1


def _renew(pk: int, reviewer: User) -> bool:
    """Keep a turn that is still this reviewer's: until another takes it, even one that ran out is."""
    now = timezone.now()
    return (
        Assignment.objects.filter(pk=pk, reviewer=reviewer, voted=False).update(
            lease_until=now + lease_time()
        )
        == 1
    )


def _is_free() -> Q:
    return Q(reviewer__isnull=True) | Q(lease_until__lt=timezone.now())


def _with_texts(pk: int) -> Assignment:
    return Assignment.objects.select_related(
        "evaluation",
        "comparison__example",
        "comparison__candidate_response",
        "comparison__baseline_response",
    ).get(pk=pk)
