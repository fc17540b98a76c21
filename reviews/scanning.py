"""Scan evaluations for leaks, in the background. Safe to run twice, by any number of workers, and to be killed.

The database is the queue: a scan is due while its evaluation has no report and no living lease.
"""

from __future__ import annotations

from dataclasses import asdict
from datetime import timedelta

from django.utils import timezone

from reviews.leaks import scan
from reviews.models import Evaluation
from reviews.queries.leaks import due_scans, leak_pairs, own_words, responses_stamp

# ten thousand pairs take about ten seconds
LEASE = timedelta(minutes=3)


def scan_evaluation(evaluation_id: int) -> None:
    """Store what the scan finds, unless it was done meanwhile or another worker is at it."""
    until = timezone.now() + LEASE
    if not due_scans().filter(pk=evaluation_id).update(leak_scan_until=until):
        return
    evaluation = Evaluation.objects.select_related("candidate__model", "baseline__model").get(
        pk=evaluation_id
    )
    # before the texts are read: what changes after that makes the report an old one
    stamp = responses_stamp(evaluation)
    report = scan(leak_pairs(evaluation), own_words=own_words(evaluation), seed=evaluation.seed)
    stored = asdict(report) | {
        "stamp": stamp,
        "scanned_at": timezone.now().isoformat(),
        "is_serious": report.is_serious,
    }
    # to whom the lease went, if it ran out, will say the same
    Evaluation.objects.filter(pk=evaluation_id, leak_report__isnull=True).update(
        leak_report=stored, leak_scan_until=None
    )
