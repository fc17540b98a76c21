"""Turns of the queue: which a reviewer holds, which they could be given next."""

from __future__ import annotations

from datetime import timedelta

from django.conf import settings
from django.contrib.auth.models import User
from django.db.models import Exists, F, OuterRef, QuerySet, Subquery, Sum

from reviews.models import Assignment, Evaluation, LapsedTurn, ReviewerTally, SkippedTurn
from reviews.queries.progress import is_free


def lease_time() -> timedelta:
    return timedelta(minutes=settings.ASSIGNMENT_LEASE_MINUTES)


def open_turns(evaluation: Evaluation, reviewer: User) -> QuerySet[Assignment]:
    """Those a reviewer has and has not voted on: what they are shown, and what is held for them."""
    return Assignment.objects.filter(evaluation=evaluation, reviewer=reviewer, voted=False)


def free_turns(evaluation: Evaluation, reviewer: User) -> QuerySet[Assignment]:
    """In the queue's order, the free turns of comparisons this reviewer has had no turn at and has not skipped.

    All N turns of a comparison stand together, so that its votes come close together in time.
    """
    mine = {"comparison": OuterRef("comparison"), "reviewer": reviewer}
    return (
        Assignment.objects.filter(is_free(), evaluation=evaluation, voted=False)
        .exclude(Exists(Assignment.objects.filter(**mine)))
        .exclude(Exists(SkippedTurn.objects.filter(**mine)))
        .order_by("position", "slot")
    )


def left_behind(reviewer: User) -> Exists:
    """Of a comparison that this reviewer was shown and left without a vote."""
    return Exists(LapsedTurn.objects.filter(comparison=OuterRef("comparison"), reviewer=reviewer))


def surplus_of_left(evaluation: Evaluation, reviewer: User) -> Subquery:
    """How many more of a reviewer's votes had the candidate on the left than on the right; null before the first."""
    mine = ReviewerTally.objects.filter(evaluation=evaluation, reviewer=reviewer).order_by()
    surplus = mine.values("reviewer").annotate(surplus=Sum(2 * F("candidate_left") - F("votes")))
    return Subquery(surplus.values("surplus"))
