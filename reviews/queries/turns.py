"""Turns of the queue: which a reviewer holds, which they could be given next."""

from __future__ import annotations

from datetime import timedelta

from django.conf import settings
from django.contrib.auth.models import User
from django.db.models import Case, Exists, F, OuterRef, QuerySet, Subquery, Sum, When
from django.db.models.expressions import CombinedExpression
from django.db.models.functions import Coalesce

from reviews.models import Assignment, Evaluation, LapsedTurn, ReviewerTally, SkippedTurn
from reviews.queries.eligibility import eligibility
from reviews.queries.progress import is_free


def lease_time() -> timedelta:
    return timedelta(minutes=settings.ASSIGNMENT_LEASE_MINUTES)


def open_turns(evaluation: Evaluation, reviewer: User) -> QuerySet[Assignment]:
    """Those a reviewer has and has not voted on: what they are shown, and what is held for them."""
    return Assignment.objects.filter(evaluation=evaluation, reviewer=reviewer, voted=False)


def free_turns(evaluation: Evaluation, reviewer: User) -> QuerySet[Assignment]:
    """In the queue's order, the free turns that this reviewer may be given: not of what they had or skipped.

    All N turns of a comparison stand together, so that its votes come close together in time.
    """
    mine = {"comparison": OuterRef("comparison"), "reviewer": reviewer}
    return (
        Assignment.objects.filter(
            is_free(), eligibility(evaluation, reviewer).turns(), evaluation=evaluation, voted=False
        )
        .exclude(Exists(Assignment.objects.filter(**mine)))
        .exclude(Exists(SkippedTurn.objects.filter(**mine, lifted_at__isnull=True)))
        .order_by("position", "slot")
    )


def left_behind(reviewer: User) -> Exists:
    """Of a comparison that this reviewer was shown and left without a vote."""
    return Exists(LapsedTurn.objects.filter(comparison=OuterRef("comparison"), reviewer=reviewer))


def surplus_of_left(evaluation: Evaluation, reviewer: User) -> CombinedExpression:
    """How many more of a reviewer's pairs, judged or open, have the candidate on the left than on the right."""
    judged = ReviewerTally.objects.filter(evaluation=evaluation, reviewer=reviewer).order_by()
    of_judged = judged.values("reviewer").annotate(surplus=Sum(2 * F("candidate_left") - F("votes")))
    side = Case(When(candidate_on_left=True, then=1), default=-1)
    of_open = open_turns(evaluation, reviewer).order_by().values("reviewer").annotate(surplus=Sum(side))
    return Coalesce(Subquery(of_judged.values("surplus")), 0) + Coalesce(
        Subquery(of_open.values("surplus")), 0
    )
