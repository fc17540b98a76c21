"""Celery tasks. Each takes ids, calls one function below it, and returns nothing."""

from __future__ import annotations

from celery import shared_task

from reviews import judging, rendering, scanning
from reviews.queries.leaks import due_scans

SCAN_EXPIRES_SECONDS = 10
VERDICTS_EXPIRE_SECONDS = 10


@shared_task
def wake_scans() -> None:
    """Take up the scans that are due: responses came in, a worker died, or a message was lost."""
    for evaluation_id in due_scans().values_list("pk", flat=True):
        scan_for_leaks.apply_async((evaluation_id,), expires=SCAN_EXPIRES_SECONDS)


@shared_task
def scan_for_leaks(evaluation_id: int) -> None:
    scanning.scan_evaluation(evaluation_id)


@shared_task
def render_responses(evaluation_id: int, start: int = 0) -> None:
    """A slice at a time, so that nothing else waits long; what is lost on the way is rendered when it is shown."""
    following = rendering.render_slice(evaluation_id, start)
    if following is not None:
        render_responses.delay(evaluation_id, following)


@shared_task
def wake_judges() -> None:
    """Take up the judges whose answers are to be read."""
    for judge_id in judging.judges_to_read().values_list("pk", flat=True):
        read_verdicts.apply_async((judge_id,), expires=VERDICTS_EXPIRE_SECONDS)


@shared_task
def read_verdicts(judge_id: int) -> None:
    judging.read_verdicts(judge_id)
