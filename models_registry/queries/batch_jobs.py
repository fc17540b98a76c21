"""What was given to providers' Batch APIs, and what has come of it."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from django.db.models import Count, Q, QuerySet, Sum

from models_registry.models import BatchJob


@dataclass(frozen=True)
class BatchTotals:
    """Of several batch jobs together; `spent` in US dollars, at half the price."""

    jobs: int
    open: int
    requests: int
    answered: int
    spent: Decimal


def batch_jobs() -> QuerySet[BatchJob]:
    """The newest first, with what a page says of each."""
    return BatchJob.objects.select_related("model_version__model", "model_version__endpoint", "run")


def batch_totals(jobs: QuerySet[BatchJob]) -> BatchTotals:
    return BatchTotals(
        **jobs.order_by().aggregate(
            jobs=Count("pk"),
            open=Count("pk", filter=Q(state__in=BatchJob.OPEN)),
            requests=Sum("requests", default=0),
            answered=Sum("answered", default=0),
            spent=Sum("spent", default=Decimal(0)),
        )
    )
