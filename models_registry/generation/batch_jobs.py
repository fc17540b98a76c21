"""A BatchJob while a worker holds it: taken, written to, ended. Every write asks whether the job is still its own."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from django.db import connection, transaction
from django.db.models import F, Q, QuerySet
from django.utils import timezone

from models_registry.generation import storing
from models_registry.models import BatchJob, Fault, GenerationRun, Response

if TYPE_CHECKING:
    from models_registry.generation.batch_client import Batch

State = BatchJob.State
# A worker that holds a job for longer says so beforehand.
LEASE_SECONDS = 60.0
# between two looks at a batch: a sixth of its age, within these
SHORTEST_WAIT, LONGEST_WAIT = 5.0, 60.0
# after a fault of the Batch API itself: twice as long each time, up to this
LONGEST_BACKOFF = 600.0
# A batch lasts a day at most. What can't be sent or fetched for longer than two is given up, for a person to see.
GIVEN_UP_AFTER = timedelta(days=2)


class Superseded(Exception):
    """Another worker has taken the job up, or it has ended."""


def due_jobs() -> QuerySet[BatchJob]:
    now = timezone.now()
    return BatchJob.objects.filter(
        Q(lease_until__isnull=True) | Q(lease_until__lt=now),
        Q(next_poll_at__isnull=True) | Q(next_poll_at__lte=now),
        state__in=BatchJob.OPEN,
    )


def release_leases() -> int:
    """End every lease. Only for a start-up that knows no other worker is alive."""
    return BatchJob.objects.filter(state__in=BatchJob.OPEN).update(lease_until=None, claim=None)


def take(job_id: int) -> BatchJob | None:
    claim = uuid.uuid4()
    lease_until = timezone.now() + timedelta(seconds=LEASE_SECONDS)
    taken = (
        due_jobs().filter(pk=job_id).update(claim=claim, lease_until=lease_until, attempts=F("attempts") + 1)
    )
    if not taken:
        return None
    job = BatchJob.objects.select_related("run", "model_version__endpoint").get(pk=job_id)
    return job if job.claim == claim else None


def is_wanted(job: BatchJob) -> bool:
    """Whether anything of it is still to be asked, by a run that runs and goes by batch."""
    return Response.objects.filter(
        batch_job=job,
        status=Response.Status.PENDING,
        run__state=GenerationRun.State.RUNNING,
        run__batch=True,
    ).exists()


def hold(job: BatchJob, seconds: float = LEASE_SECONDS, **fields: object) -> None:
    """Write down what is known, and keep the job for so long. Raises Superseded where it is another's by now."""
    lease_until = timezone.now() + timedelta(seconds=seconds)
    if not _own(job).update(lease_until=lease_until, **fields):
        raise Superseded
    for name, value in fields.items():
        setattr(job, name, value)


def let_go_of_connection() -> None:
    """A request lasts seconds; held open meanwhile, the connection would be one of the pool's few."""
    if not connection.in_atomic_block:
        connection.close()


def look_again(job: BatchJob, batch: Batch, *, soon: bool = False) -> None:
    """Write down what the provider says of a batch that goes on, and when to look again."""
    now = timezone.now()
    age = (now - job.created_at).total_seconds()
    wait = SHORTEST_WAIT if soon else min(LONGEST_WAIT, max(SHORTEST_WAIT, age / 6))
    hold(
        job,
        0,
        provider_id=batch.id,
        state=State.VALIDATING if batch.status == "validating" else State.IN_PROGRESS,
        completed=batch.completed,
        failed=batch.failed,
        message="",
        attempts=0,
        submitted_at=job.submitted_at or batch.created_at or now,
        expires_at=batch.expires_at or job.expires_at,
        next_poll_at=now + timedelta(seconds=wait),
        claim=None,
    )


@transaction.atomic
def end(job: BatchJob, state: str, message: str = "", *, next_try_at: datetime | None = None) -> None:
    """End a job. What has no answer goes back to wait, not before `next_try_at`."""
    message = storing.storable(message)
    hold(job, 0, state=state, message=message, ended_at=timezone.now(), claim=None, next_poll_at=None)
    Response.objects.filter(batch_job=job).update(batch_job=None, next_try_at=next_try_at, last_error=message)


@transaction.atomic
def fail(job: BatchJob, message: str, kind: str = Fault.Kind.REFUSED) -> None:
    """End a job whose requests would all meet the same again: a person mends it and says "retry"."""
    message = storing.storable(message)
    hold(job, 0, state=State.FAILED, message=message, ended_at=timezone.now(), claim=None, next_poll_at=None)
    of_job = Response.objects.filter(batch_job=job, status=Response.Status.PENDING).order_by("pk")
    first = of_job.first()
    if first is not None:  # one for all: fifty thousand times the same would help nobody
        storing.log(first, kind, message)
    of_job.update(status=Response.Status.FAILED, last_error=message, batch_job=None, next_try_at=None)


@transaction.atomic
def end_by_fault(job: BatchJob, state: str, message: str, kind: str, wait_seconds: float) -> None:
    """End a job whose requests each had an attempt that brought nothing; what has had too many is given up."""
    message = storing.storable(message)
    of_job = Response.objects.filter(batch_job=job, status=Response.Status.PENDING)
    first = of_job.order_by("pk").first()
    if first is not None:
        storing.log(first, kind, message)
    of_job.update(attempts=F("attempts") + 1)
    of_job.filter(attempts__gte=storing.MOST_ATTEMPTS).update(
        status=Response.Status.FAILED,
        last_error=f"{message} Given up after {storing.MOST_ATTEMPTS} attempts.",
        batch_job=None,
    )
    end(job, state, message, next_try_at=timezone.now() + timedelta(seconds=wait_seconds))


def meet(job: BatchJob, message: str, wait_seconds: float | None = None) -> None:
    """A fault of the Batch API: later again, and not for ever."""
    now = timezone.now()
    if now - job.created_at > GIVEN_UP_AFTER:
        fail(job, f"{message} Given up after {GIVEN_UP_AFTER.days} days.", Fault.Kind.SERVER)
        return
    wait = min(LONGEST_BACKOFF, SHORTEST_WAIT * 2 ** min(job.attempts - 1, 10))
    wait = min(LONGEST_BACKOFF, max(wait, wait_seconds or 0.0))
    _own(job).update(
        message=storing.storable(message),
        next_poll_at=now + timedelta(seconds=wait),
        lease_until=None,
        claim=None,
    )


def _own(job: BatchJob) -> QuerySet[BatchJob]:
    """The job while this worker still holds it: a lease that ran out and was taken up is someone else's."""
    return BatchJob.objects.filter(pk=job.pk, claim=job.claim, state__in=BatchJob.OPEN)
