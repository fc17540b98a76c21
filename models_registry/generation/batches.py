"""Give what is not urgent to a provider's Batch API, and collect what comes back: the life of a BatchJob.

Safe to run twice, by any number of workers, and to be killed at any point. The database is the queue: a job is *due*
when it is open, its next look has come, and no living lease holds it. What is to be done follows from its row alone:

    no file at the provider    write the file and upload it
    no batch of it             look for one that a killed worker made of it; else make it
    a batch that goes on       look again later; cancel it where its run doesn't go by batch any more
    a batch that has ended     collect, and put back what has no answer

An answer is stored where the response is still with the job, and storing takes it away from there: so a line that is
read twice counts once.
"""

from __future__ import annotations

import logging
from itertools import batched

from django.db import InterfaceError, OperationalError, transaction
from django.db.models import Avg, Case, Count, F, Q, QuerySet, When
from django.utils import timezone

from models_registry.generation import batch_jobs, generate
from models_registry.generation.batch_file import MOST_REQUESTS
from models_registry.generation.faults import PermanentFault, TransientFault
from models_registry.generation.messages import is_replayed
from models_registry.models import BatchJob, GenerationRun, Response

logger = logging.getLogger(__name__)

CHUNK = 500
# With a budget and no answer yet, nobody knows what a request costs.
REQUESTS_TO_LEARN_THE_COST = 100
# The provider has too many requests of ours in line: less at once, later.
QUEUE_IS_FULL = "token_limit_exceeded"


def waiting_responses() -> QuerySet[Response]:
    """What is to be given to a batch now."""
    now = timezone.now()
    return Response.objects.filter(
        Q(lease_until__isnull=True) | Q(lease_until__lt=now),
        Q(next_try_at__isnull=True) | Q(next_try_at__lte=now),
        generate.BY_BATCH,
        run__state=GenerationRun.State.RUNNING,
        status=Response.Status.PENDING,
        batch_job__isnull=True,
    )


def start_jobs() -> None:
    """Put what waits into jobs, each of one version and one run. Conversations that are replayed are left to be asked
    live, turn by turn: a batch asks once."""
    if generate.stopping.is_set():
        return
    pairs = waiting_responses().values_list("run", "model_version", "model_version__endpoint")
    for run_id, version_id, endpoint_id in (
        pairs.order_by()
        .annotate(n=Count("pk"))
        .values_list("run", "model_version", "model_version__endpoint")
    ):
        _start_job(run_id, version_id, endpoint_id)


def _start_job(run_id: int, version_id: int, endpoint_id: int) -> None:
    most = _most_requests(run_id, version_id)
    if most < 1:
        return
    waiting = waiting_responses().filter(run=run_id, model_version=version_id)
    single: list[int] = []
    rows = waiting.order_by("pk").values_list("pk", "example__messages").iterator(chunk_size=CHUNK)
    for chunk in batched(rows, CHUNK):
        replayed = [pk for pk, messages in chunk if is_replayed(messages)]
        if replayed:
            waiting.filter(pk__in=replayed).update(asked_live=True)
        single += [pk for pk, messages in chunk if not is_replayed(messages)]
        if len(single) >= most:
            break
    if single:
        _claim(run_id, version_id, endpoint_id, single[:most])


@transaction.atomic
def _claim(run_id: int, version_id: int, endpoint_id: int, responses: list[int]) -> None:
    # whoever asks live holds this lock while it takes a response
    generate.locked_use(endpoint_id)
    job = BatchJob.objects.create(model_version_id=version_id, run_id=run_id, next_poll_at=timezone.now())
    waiting = waiting_responses().filter(run=run_id, model_version=version_id)
    for chunk in batched(responses, CHUNK):
        job.requests += waiting.filter(pk__in=chunk).update(
            batch_job=job,
            # a worker that asked live and died has lost its request
            lost_attempts=F("lost_attempts") + Case(When(claim__isnull=False, then=1), default=0),
            claim=None,
            lease_until=None,
            next_try_at=None,
        )
    if job.requests:
        job.save(update_fields=["requests"])
    else:
        job.delete()


def _most_requests(run_id: int, version_id: int) -> int:
    """Of one job: what a file takes, what the provider's queue took last time, and what the run can pay."""
    jobs = BatchJob.objects.filter(model_version=version_id)
    last = jobs.exclude(state__in=BatchJob.OPEN).first()
    most = MOST_REQUESTS
    if last is not None and last.state == BatchJob.State.FAILED and QUEUE_IS_FULL in last.message:
        most = max(1, last.requests // 2)
    run = GenerationRun.objects.get(pk=run_id)
    if run.budget is None:
        return most
    # what is under way is not spent yet
    if run.batch_jobs.filter(state__in=BatchJob.OPEN).exists():
        return 0
    answered = Response.objects.filter(model_version=version_id, status=Response.Status.DONE)
    each = answered.aggregate(mean=Avg("cost"))["mean"]
    if not each:
        return min(most, REQUESTS_TO_LEARN_THE_COST)
    return min(most, max(1, int((run.budget - run.spent) / each)))


def advance(job_id: int) -> None:
    """Do the next thing for a job; nothing where another holds it or nothing is due."""
    job = None if generate.stopping.is_set() else batch_jobs.take(job_id)
    if job is None:
        return
    from models_registry.generation import batch_steps  # openai: two seconds of CPU, in workers only

    try:
        batch_steps.step(job)
    except batch_jobs.Superseded:
        logger.info("Batch job %s was taken up by another", job_id)
    except TransientFault as fault:
        batch_jobs.meet(job, str(fault), fault.wait_seconds)
    except PermanentFault as fault:
        if job.provider_id:
            # it may hold answers that are paid for, and a person may mend the key
            batch_jobs.meet(job, str(fault))
        else:
            batch_jobs.fail(job, str(fault), fault.kind)
    except (InterfaceError, OperationalError):
        # The database is away; when the lease has run out the job is due again.
        raise
    except Exception as error:
        logger.exception("Working on batch job %s failed in an unforeseen way", job_id)
        batch_jobs.meet(job, f"Unforeseen fault: {type(error).__name__}: {error}")
