"""What the tests of batches share: versions and runs that go by batch, and a schedule that needs no waiting."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Any

from django.utils import timezone

from models_registry.actions.responses import request_responses
from models_registry.actions.runs import start_run
from models_registry.generation import batch_jobs, batches
from models_registry.models import BatchJob, GenerationRun, ModelVersion, Response
from tests.batch_endpoint import BatchEndpoint
from tests.factories import make_endpoint, make_golden_set_version, make_model_version


def make_batch_version(provider: BatchEndpoint, **fields: Any) -> ModelVersion:
    endpoint = make_endpoint(provider.base_url, timeout_seconds=5, has_batches=True)
    defaults: dict[str, Any] = {
        "endpoint": endpoint,
        "served_name": "aurora-small",
        "system_prompt": "Be kind.",
        "input_price": Decimal(2),
        "output_price": Decimal(10),
    }
    return make_model_version(**(defaults | fields))


def ask_by_batch(
    version: ModelVersion,
    rows: Sequence[Mapping[str, Any]] | int = 1,
    *,
    batch: bool = True,
    budget: Decimal | None = None,
) -> list[Response]:
    """Responses asked for in a run of their own, in the order of the rows."""
    run = start_run(by=None, batch=batch, budget=budget)
    examples = make_golden_set_version(rows).examples.order_by("position")
    return list(request_responses(model_version=version, examples=examples, run=run).values())


def only(response: Response) -> Response:
    response.refresh_from_db()
    return response


def now_due() -> None:
    """Let every wait be over."""
    Response.objects.filter(status="pending").update(next_try_at=None)
    BatchJob.objects.filter(state__in=BatchJob.OPEN).update(next_poll_at=timezone.now())


def leases_end() -> None:
    """As when the workers that held jobs have been dead for a while."""
    BatchJob.objects.exclude(lease_until=None).update(lease_until=timezone.now() - timedelta(seconds=1))


def tick() -> None:
    """What the schedule does, now."""
    batches.start_jobs()
    for job_id in batch_jobs.due_jobs().values_list("pk", flat=True):
        batches.advance(job_id)


def go_on(until: Callable[[], bool] | None = None, most: int = 40) -> None:
    """Tick until nothing is under way any more, or `until` is so."""
    for _ in range(most):
        tick()
        if until is not None and until():
            return
        now_due()
        open_jobs = BatchJob.objects.filter(state__in=BatchJob.OPEN).exists()
        if not open_jobs and not batches.waiting_responses().exists():
            return
    raise AssertionError(f"still going on after {most} ticks")


def job_of(run: GenerationRun | None, *, sent: bool = False, age: float = 0) -> BatchJob:
    """The newest job (of a run); `sent`: after a tick that gives it to the provider; `age`: looked at when so old."""
    if sent:
        tick()
    jobs = BatchJob.objects.all() if run is None else BatchJob.objects.filter(run=run)
    if age:
        jobs.update(created_at=timezone.now() - timedelta(seconds=age))
        now_due()
        tick()
    job = jobs.first()
    assert job is not None
    return job


def soon(job: BatchJob) -> float:
    """Seconds until the next look at it."""
    assert job.next_poll_at is not None
    return (job.next_poll_at - timezone.now()).total_seconds()
