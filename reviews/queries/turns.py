"""Turns that a reviewer holds; those they could be given next: claiming.py beside this."""

from __future__ import annotations

from datetime import timedelta

from django.conf import settings
from django.contrib.auth.models import User
from django.db.models import QuerySet

from reviews.models import Assignment, Evaluation


def lease_time() -> timedelta:
    return timedelta(minutes=settings.ASSIGNMENT_LEASE_MINUTES)


def open_turns(evaluation: Evaluation, reviewer: User) -> QuerySet[Assignment]:
    """Those a reviewer has and has not voted on: what they are shown, and what is held for them."""
    return Assignment.objects.filter(evaluation=evaluation, reviewer=reviewer, voted=False)
