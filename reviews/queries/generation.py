"""How far the responses of an evaluation are: what is asked for, what it costs, and what went wrong."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from django.db.models import Count, Q, QuerySet, Sum
from django.utils import timezone

from models_registry.models import (
    BatchJob,
    Endpoint,
    EndpointUse,
    Fault,
    GenerationRun,
    ModelVersion,
    Response,
)
from models_registry.queries import batch_jobs
from reviews.models import Evaluation
from reviews.queries.progress import DONE, FAILED, PENDING, READY, WAITING

State = GenerationRun.State
STOPPED = (State.PAUSED, State.SPENT, State.CANCELLED)
RATE_SECONDS = 60
MOST_REASONS = 5
MOST_FAULTS = 50
MOST_JOBS = 5


@dataclass(frozen=True)
class Reason:
    """Why responses failed, in the words of the fault."""

    message: str
    responses: int


@dataclass(frozen=True)
class Trouble:
    """An endpoint that is not asked now: it does not answer (`since`), or it wants a pause."""

    endpoint: Endpoint
    since: datetime | None
    message: str
    trying_at: datetime | None


@dataclass(frozen=True)
class Generation:
    """The responses of one model version for one evaluation.

    `reused` of those done were asked for by others, most before it started; `cost` is that of the rest, in US dollars.
    `in_flight` are asked for now, `in_batch` of them by the Batch API. `held` wait for a run of another evaluation,
    which stands still. `lost`: requests that were sent again, because the worker that had them ended. `per_minute`:
    answers, over the last minute or what it has run of it.
    """

    model_version: ModelVersion
    is_candidate: bool
    is_running: bool
    total: int
    done: int
    reused: int
    failed: int
    in_flight: int
    in_batch: int
    has_batches: bool
    held: int
    lost: int
    per_minute: float
    cost: Decimal
    reasons: list[Reason]

    @property
    def waiting(self) -> int:
        return self.total - self.done - self.failed - self.in_flight

    @property
    def left(self) -> int:
        return self.in_flight + self.waiting

    @property
    def seconds_left(self) -> float | None:
        """None where nobody knows: it stands still, nothing came in the last minute, or a batch takes its time."""
        if not self.left:
            return 0.0
        if not self.is_running or not self.per_minute or self.in_batch:
            return None
        return 60 * self.left / self.per_minute


@dataclass(frozen=True)
class GenerationProgress:
    run: GenerationRun | None
    models: list[Generation]
    troubles: list[Trouble]
    jobs: list[BatchJob]
    fault_counts: list[tuple[str, int]]
    comparisons: int
    ready: int
    waiting: int  # comparisons that may still become ready

    @property
    def has_batches(self) -> bool:
        """Is anything left that a Batch API can be asked for?"""
        return any(model.has_batches and model.left for model in self.models)

    @property
    def live_only(self) -> list[ModelVersion]:
        """What is asked live whichever way the run goes."""
        return [model.model_version for model in self.models if model.left and not model.has_batches]

    @property
    def total(self) -> int:
        return sum(model.total for model in self.models)

    @property
    def done(self) -> int:
        return sum(model.done for model in self.models)

    @property
    def failed(self) -> int:
        return sum(model.failed for model in self.models)

    @property
    def in_flight(self) -> int:
        return sum(model.in_flight for model in self.models)

    @property
    def in_batch(self) -> int:
        return sum(model.in_batch for model in self.models)

    @property
    def held(self) -> int:
        return sum(model.held for model in self.models)

    @property
    def lost(self) -> int:
        return sum(model.lost for model in self.models)

    @property
    def faults(self) -> int:
        return sum(number for _kind, number in self.fault_counts)

    @property
    def per_minute(self) -> float:
        return sum(model.per_minute for model in self.models)

    @property
    def seconds_left(self) -> float | None:
        """Both models are asked at the same time, so it takes as long as the slower one."""
        each = [model.seconds_left for model in self.models]
        return None if None in each else max(seconds for seconds in each if seconds is not None)

    @property
    def cost(self) -> Decimal:
        return sum((model.cost for model in self.models), Decimal(0))

    @property
    def is_finished(self) -> bool:
        """Nothing can become ready any more: voting may be opened with what is there."""
        return not self.waiting

    @property
    def is_stopped(self) -> bool:
        return self.run is not None and self.run.state in STOPPED

    @property
    def moves(self) -> bool:
        """May the page change without anyone doing something?"""
        return bool(self.in_flight or (self.waiting and not self.is_stopped))

    @property
    def stage(self) -> str:
        if self.waiting:
            return str(self.run.state) if self.run is not None and self.is_stopped else "generating"
        return "failed" if self.failed else "ready"


def generation_progress(evaluation: Evaluation) -> GenerationProgress:
    """In a number of queries that does not grow; each reads the evaluation's responses once at most."""
    now = timezone.now()
    batched = set(_with_batches(evaluation).values_list("pk", flat=True))
    models = [
        _generation(
            evaluation, evaluation.candidate, "candidate_response", now, evaluation.candidate_id in batched
        ),
        _generation(
            evaluation, evaluation.baseline, "baseline_response", now, evaluation.baseline_id in batched
        ),
    ]
    counts = evaluation.comparisons.aggregate(
        comparisons=Count("pk"),
        ready=Count("pk", filter=READY),
        waiting=Count("pk", filter=WAITING),
    )
    asked = [model.model_version.endpoint_id for model in models if model.left and model.is_running]
    return GenerationProgress(
        run=evaluation.run,
        models=models,
        troubles=troubles([pk for pk in asked if pk is not None], now),
        jobs=list(jobs_of(evaluation)[:MOST_JOBS]),
        fault_counts=_fault_counts(evaluation),
        **counts,
    )


def jobs_of(evaluation: Evaluation) -> QuerySet[BatchJob]:
    """What its run gave to a Batch API, the newest first."""
    return batch_jobs().filter(run=evaluation.run_id) if evaluation.run_id else batch_jobs().none()


def has_batches(evaluation: Evaluation) -> bool:
    """Can any of the two models be asked by a Batch API?"""
    return _with_batches(evaluation).exists()


def _with_batches(evaluation: Evaluation) -> QuerySet[ModelVersion]:
    versions = (evaluation.candidate_id, evaluation.baseline_id)
    return ModelVersion.objects.filter(pk__in=versions, endpoint__has_batches=True)


def _generation(
    evaluation: Evaluation, model_version: ModelVersion, side: str, now: datetime, can_batch: bool
) -> Generation:
    run = evaluation.run
    responses = Response.objects.filter(pk__in=evaluation.comparisons.values(side))
    since = max(now - timedelta(seconds=RATE_SECONDS), run.changed_at if run else evaluation.started_at)
    elsewhere = Q(run__state__in=STOPPED) & ~Q(run=evaluation.run_id)
    # what another evaluation asked for is paid by that one
    reused = Q(done_at__lt=evaluation.started_at)
    if run is not None:
        reused = Q(status=DONE) & (Q(run__isnull=True) | ~Q(run=run))
    counts = responses.aggregate(
        total=Count("pk"),
        done=Count("pk", filter=Q(status=DONE)),
        failed=Count("pk", filter=Q(status=FAILED)),
        leased=Count("pk", filter=Q(status=PENDING, lease_until__gte=now, batch_job__isnull=True)),
        in_batch=Count("pk", filter=Q(status=PENDING, batch_job__isnull=False)),
        held=Count("pk", filter=Q(status=PENDING) & elsewhere),
        lost=Sum("lost_attempts", default=0),
        reused=Count("pk", filter=reused),
        lately=Count("pk", filter=Q(done_at__gte=since)),
        cost=Sum("cost", filter=~reused),
    )
    return Generation(
        model_version=model_version,
        is_candidate=side == "candidate_response",
        is_running=run is None or run.state == State.RUNNING,
        total=counts["total"],
        done=counts["done"],
        reused=counts["reused"],
        failed=counts["failed"],
        in_flight=counts["leased"] + counts["in_batch"],
        in_batch=counts["in_batch"],
        has_batches=can_batch,
        held=counts["held"],
        lost=counts["lost"],
        per_minute=60 * counts["lately"] / max(1.0, (now - since).total_seconds()),
        cost=counts["cost"] or Decimal(0),
        reasons=_reasons(responses) if counts["failed"] else [],
    )


def _reasons(responses: QuerySet[Response]) -> list[Reason]:
    grouped = responses.filter(status=FAILED).values_list("last_error").annotate(number=Count("pk"))
    return [
        Reason(message, number)
        for message, number in grouped.order_by("-number", "last_error")[:MOST_REASONS]
    ]


def troubles(endpoints: list[int], now: datetime) -> list[Trouble]:
    uses = EndpointUse.objects.filter(
        Q(down_since__isnull=False) | Q(paused_until__gt=now), endpoint__in=endpoints
    )
    return [
        Trouble(
            endpoint=use.endpoint,
            since=use.down_since,
            message=use.down_message,
            trying_at=use.paused_until if use.paused_until and use.paused_until > now else None,
        )
        for use in uses.select_related("endpoint").order_by("endpoint__name")
    ]


def faults(evaluation: Evaluation) -> QuerySet[Fault]:
    """What went wrong with responses of this evaluation since it started."""
    # lists of ids: SQLite would look for each fault through all comparisons, if it were asked whether one exists
    compared = evaluation.comparisons.order_by()
    return Fault.objects.filter(
        Q(model_version=evaluation.candidate_id, response__in=compared.values("candidate_response"))
        | Q(model_version=evaluation.baseline_id, response__in=compared.values("baseline_response")),
        at__gte=evaluation.started_at,
    )


def newest_faults(evaluation: Evaluation) -> list[Fault]:
    return list(faults(evaluation).select_related("model_version__model")[:MOST_FAULTS])


def _fault_counts(evaluation: Evaluation) -> list[tuple[str, int]]:
    """How many of each kind, in words, the most frequent first."""
    grouped = faults(evaluation).order_by().values_list("kind").annotate(number=Count("pk"))
    return [(str(Fault.Kind(kind).label), number) for kind, number in grouped.order_by("-number", "kind")]
