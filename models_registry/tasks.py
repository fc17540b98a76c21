"""Celery tasks. Each takes ids, calls one function below it, and returns nothing."""

from __future__ import annotations

from celery import shared_task

from models_registry.generation import batch_jobs, batches, generate
from models_registry.importing import background, process

# A chain that waited longer than this in the broker is let go: the next waking starts as many as there is room for,
# so a queue can't grow while all threads are busy.
CHAIN_EXPIRES_SECONDS = 5
# each waking sends a message for every upload that waits
UPLOAD_EXPIRES_SECONDS = 10
BATCH_EXPIRES_SECONDS = 20


@shared_task
def wake_endpoints() -> None:
    """Start as many chains of requests as the endpoints with due responses have room for.

    Runs every two seconds, and once when responses are asked for. A chain too many ends at once.
    """
    for endpoint_id, places in generate.idle_places().items():
        for _ in range(places):
            generate_next.apply_async((endpoint_id,), expires=CHAIN_EXPIRES_SECONDS)


@shared_task
def generate_next(endpoint_id: int) -> None:
    """Ask an endpoint for one response after the other: a chain keeps one request under way.

    After a while it goes to the end of the queue, so that other endpoints and uploads get their turn.
    """
    if generate.generate_for_a_while(endpoint_id):
        generate_next.apply_async((endpoint_id,), expires=CHAIN_EXPIRES_SECONDS)


@shared_task
def advance_batches() -> None:
    """Give what waits for a batch to one, and take up the batches that are to be looked at."""
    batches.start_jobs()
    for job_id in batch_jobs.due_jobs().values_list("pk", flat=True):
        advance_batch.apply_async((job_id,), expires=BATCH_EXPIRES_SECONDS)


@shared_task
def advance_batch(job_id: int) -> None:
    batches.advance(job_id)


@shared_task
def wake_uploads() -> None:
    """Take up the uploads that wait for work: those whose worker died, or whose message was lost."""
    for upload_id in process.due_uploads().values_list("pk", flat=True):
        process_upload.apply_async((upload_id,), expires=UPLOAD_EXPIRES_SECONDS)


@shared_task
def process_upload(upload_id: int) -> None:
    background.process_in_background(upload_id)


@shared_task
def remove_old_uploads() -> None:
    process.remove_old_uploads()
