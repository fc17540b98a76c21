"""How far an evaluation is: which comparisons are ready, and their votes. Of responses: generation.py beside this."""

from __future__ import annotations

from dataclasses import dataclass

from django.contrib.auth.models import User
from django.db.models import Count, Exists, OuterRef, Q, QuerySet, Sum
from django.utils import timezone

from models_registry.models import GenerationRun, Response
from reviews.checks import still_to_come
from reviews.models import Assignment, Comparison, Evaluation, ReviewerTally, SkippedTurn
from reviews.queries.claiming import standing
from reviews.queries.counts import CAST
from reviews.queries.eligibility import eligibility
from reviews.queries.hidden_checks import checks_given

DONE, FAILED, PENDING = Response.Status.DONE, Response.Status.FAILED, Response.Status.PENDING


READY = Q(candidate_response__status=DONE, baseline_response__status=DONE)


def ready_comparisons(evaluation: Evaluation) -> QuerySet[Comparison]:
    """Those whose responses are both done."""
    return evaluation.comparisons.filter(READY)


# A comparison that may still become ready: a response is pending, and none has failed.
WAITING = (Q(candidate_response__status=PENDING) | Q(baseline_response__status=PENDING)) & ~(
    Q(candidate_response__status=FAILED) | Q(baseline_response__status=FAILED)
)


def waiting_comparisons(evaluation: Evaluation) -> QuerySet[Comparison]:
    return evaluation.comparisons.filter(WAITING)


@dataclass(frozen=True)
class VotingProgress:
    """`left_out`: comparisons without both responses. `spare`: with both, yet nobody votes on them."""

    wanted: int
    cast: int
    left_out: int
    spare: int
    reviewers: int

    @property
    def left(self) -> int:
        return self.wanted - self.cast

    @property
    def is_complete(self) -> bool:
        return self.cast == self.wanted


def voting_progress(evaluation: Evaluation) -> VotingProgress:
    counts = evaluation.comparisons.aggregate(
        wanted=Sum("turns", default=0),
        cast=Sum(CAST, default=0),
        left_out=Count("pk", filter=Q(turns=0, identical=False) & ~READY),
        spare=Count("pk", filter=Q(turns=0, identical=False) & READY),
    )
    voted = ReviewerTally.objects.filter(evaluation=evaluation, votes__gt=0).order_by()
    return VotingProgress(**counts, reviewers=voted.values("reviewer").distinct().count())


@dataclass(frozen=True)
class ReviewerProgress:
    """What one reviewer has done, and what is left that they could take."""

    voted: int
    left: int

    @property
    def total(self) -> int:
        return self.voted + self.left


def reviewer_progress(evaluation: Evaluation, reviewer: User) -> ReviewerProgress:
    left = open_comparisons(evaluation, reviewer).count()
    most = eligibility(evaluation, reviewer).left
    if most is not None:
        # what they have open is taken from the number of their invitation already
        has_open = Assignment.objects.filter(evaluation=evaluation, reviewer=reviewer, voted=False)
        left = min(left, most + has_open.count())
    stands = standing(evaluation, reviewer)
    checks = checks_given(evaluation, reviewer)
    to_come = still_to_come(
        seed=evaluation.seed,
        reviewer=reviewer.pk,
        percent=evaluation.check_percent,
        shown=stands.votes + checks.given,
        last=checks.last,
        left=left,
    )
    return ReviewerProgress(voted=stands.judged, left=left + checks.open + to_come)


def is_free() -> Q:
    """A turn that has no vote is free when it is nobody's, or when its lease has run out."""
    return Q(reviewer__isnull=True) | Q(lease_until__lt=timezone.now())


def open_comparisons(evaluation: Evaluation, reviewer: User) -> QuerySet[Comparison]:
    """Comparisons with a turn that this reviewer could take now or holds already."""
    turns = Assignment.objects.filter(comparison=OuterRef("pk"))
    may_take = is_free() & eligibility(evaluation, reviewer).turns()
    free = turns.filter(may_take | Q(reviewer=reviewer), voted=False)
    return (
        evaluation.comparisons.filter(Exists(free))
        .exclude(Exists(turns.filter(reviewer=reviewer, voted=True)))
        .exclude(
            Exists(
                SkippedTurn.objects.filter(
                    comparison=OuterRef("pk"), reviewer=reviewer, lifted_at__isnull=True
                )
            )
        )
    )


def open_evaluations() -> QuerySet[Evaluation]:
    return Evaluation.objects.filter(opened_at__isnull=False, closed_at__isnull=True)


@dataclass(frozen=True)
class EvaluationSummary:
    """One line of a list: responses while generating, votes after that."""

    evaluation: Evaluation
    done: int
    total: int
    failed: int = 0
    waiting: int = 0

    @property
    def stage(self) -> str:
        """Its status, where "generating" is told apart from what waits for a lead.

        "ready" or "failed"; and "paused", "spent" or "cancelled" where its run stands still.
        """
        if self.evaluation.status != Evaluation.Status.GENERATING:
            return self.evaluation.status
        run = self.evaluation.run
        if self.waiting:
            stopped = run is not None and run.state != GenerationRun.State.RUNNING
            return run.state if run is not None and stopped else self.evaluation.status
        return "failed" if self.failed else "ready"


def evaluation_summaries() -> list[EvaluationSummary]:
    """Every evaluation with how far it is, newest first, in three queries."""
    evaluations = Evaluation.objects.select_related(
        "candidate__model", "baseline__model", "golden_set_version__golden_set", "run"
    )
    votes = {
        pk: (done, total)
        for pk, done, total in Comparison.objects.filter(evaluation__opened_at__isnull=False)
        .order_by()
        .values_list("evaluation")
        .annotate(done=Sum(CAST), total=Sum("turns"))
    }
    both = ("candidate_response__status", "baseline_response__status")

    def responses(status: str) -> Count:
        return Count("pk", filter=Q(**{both[0]: status})) + Count("pk", filter=Q(**{both[1]: status}))  # type: ignore[return-value]

    generating = Comparison.objects.filter(evaluation__opened_at__isnull=True).order_by()
    answers = {
        pk: (done, 2 * total, failed, waiting)
        for pk, total, done, failed, waiting in generating.values_list("evaluation").annotate(
            total=Count("pk"),
            done=responses(DONE),
            failed=responses(FAILED),
            waiting=Count("pk", filter=WAITING),
        )
    }
    return [
        EvaluationSummary(
            evaluation, *(votes if evaluation.opened_at else answers).get(evaluation.pk, (0, 0))
        )
        for evaluation in evaluations
    ]


def work_for_lead() -> dict[str, list[EvaluationSummary]]:
    """What waits for a lead (to open, retry or resume), what is under way, and the last that were closed.

    One that was cancelled waits for nobody.
    """
    summaries = evaluation_summaries()
    status = Evaluation.Status
    return {
        "waiting": [s for s in summaries if s.stage in {"ready", "failed", "paused", "spent"}],
        "generating": [s for s in summaries if s.stage == status.GENERATING],
        "voting": [s for s in summaries if s.evaluation.status == status.VOTING],
        "closed": [s for s in summaries if s.evaluation.status == status.CLOSED][:5],
    }
