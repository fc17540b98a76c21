"""Evaluations for browsers to open: their texts are given, their turns are dealt by the product."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from django.contrib.auth.models import User
from django.utils import timezone

from models_registry.models import Response
from reviews.actions.evaluations import open_voting
from reviews.models import Evaluation, Vote
from tests.factories import make_evaluation, make_rows

MARKS = {"candidate": "Warmly:", "baseline": "Curtly:"}


def open_evaluation(
    rows: Sequence[Mapping[str, Any]] | int = 3,
    *,
    text_of: Callable[[str, str], str] = lambda side, key: f"{MARKS[side]} an answer to {key}",
    votes_per_comparison: int = 1,
    **fields: Any,
) -> Evaluation:
    """Voting is open on answers of `text_of("candidate" or "baseline", example's id)`."""
    evaluation = started(rows, text_of=text_of, votes_per_comparison=votes_per_comparison, **fields)
    return open_voting(evaluation=evaluation, by=None)


def started(
    rows: Sequence[Mapping[str, Any]] | int = 3,
    *,
    text_of: Callable[[str, str], str] = lambda side, key: f"{MARKS[side]} an answer to {key}",
    **fields: Any,
) -> Evaluation:
    """Every response is there; voting waits for a lead to open it."""
    if isinstance(rows, int):
        rows = make_rows(rows)
    evaluation = make_evaluation(rows, opened=False, **fields)
    for comparison in evaluation.comparisons.select_related("example"):
        for side in MARKS:
            Response.objects.filter(pk=getattr(comparison, f"{side}_response_id")).update(
                text=text_of(side, comparison.example.key),
                status=Response.Status.DONE,
                input_tokens=20,
                output_tokens=40,
                latency_seconds=0.5,
                cost=Decimal("0.00007"),
                finish_reason="stop",
                attempts=1,
                done_at=timezone.now(),
            )
    return evaluation


def votes_of(reviewer: User) -> list[str]:
    """What the database holds of a reviewer, in truth, in the order it was cast."""
    votes = Vote.objects.filter(assignment__reviewer=reviewer).order_by("cast_at", "pk")
    return list(votes.values_list("choice", flat=True))
