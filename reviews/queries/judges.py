"""What is asked of a judge, how far it is, and the comparisons it said most otherwise on than people."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from django.db.models import Count, F, Q, QuerySet, Sum, TextField
from django.db.models.functions import Cast, Length
from django.utils import timezone

from models_registry.models import GenerationRun, ModelVersion, Response
from reviews.models import Comparison, Evaluation, Judge
from reviews.queries.generation import Reason, Trouble, troubles
from reviews.queries.progress import DONE, FAILED, PENDING, ready_comparisons
from reviews.queries.voting import Message, split_conversation, weave
from reviews.verdicts import DEFAULT_TEMPLATE, filled, transcript

State = GenerationRun.State
MOST_REASONS = 5
ORDERS = 2
# what an answer of a judge has about, before one was seen
USUAL_VERDICT_TOKENS = 80
CHARACTERS_A_TOKEN = 4


def is_judged_itself(evaluation: Evaluation, model_version: ModelVersion) -> bool:
    return model_version.pk in (evaluation.candidate_id, evaluation.baseline_id)


def judges_of(evaluation: Evaluation) -> QuerySet[Judge]:
    return evaluation.judges.select_related(
        "model_version__model", "model_version__endpoint", "run__changed_by", "started_by"
    )


def to_be_judged(evaluation: Evaluation) -> list[Comparison]:
    """Those with two different responses; once voting is open, of them those that people vote on."""
    loaded = _to_look_at(evaluation).select_related("example", "candidate_response", "baseline_response")
    return [comparison for comparison in loaded.order_by("position") if not comparison.has_same_text]


def _to_look_at(evaluation: Evaluation) -> QuerySet[Comparison]:
    found = ready_comparisons(evaluation).filter(identical=False)
    return found.filter(turns__gt=0) if evaluation.opened_at else found


def prompt_for(
    template: str, evaluation: Evaluation, comparison: Comparison, *, candidate_first: bool
) -> str:
    """What a judge reads: neither a model's name nor which answer is whose."""
    shared, replayed = split_conversation(comparison.example.messages)
    candidate = _answer(comparison.candidate_response, replayed)
    baseline = _answer(comparison.baseline_response, replayed)
    first, second = (candidate, baseline) if candidate_first else (baseline, candidate)
    return filled(
        template,
        {
            "conversation": _said(shared),
            "first": first,
            "second": second,
            "reference": comparison.example.reference,
            "guidelines": evaluation.guidelines,
        },
    )


def _answer(response: Response, replayed: list[Message]) -> str:
    """The answer alone; of a conversation that was replayed turn by turn, with what led up to it."""
    earlier = weave(response.earlier_answers, replayed)
    return _said([*earlier, Message("assistant", response.text)]) if earlier else response.text


def _said(turns: list[Message]) -> str:
    return transcript([{"role": turn.role, "content": turn.content} for turn in turns])


@dataclass(frozen=True)
class JudgeProgress:
    """How far a judge is, in requests: two a comparison.

    `read` of `total` are verdicts; `unreadable` were answered otherwise, `failed` not at all, `unread` are answered
    and not looked at yet. `spent`: by it alone, what it found answered already not counted.
    """

    judge: Judge
    total: int
    read: int
    unreadable: int
    failed: int
    unread: int
    in_flight: int
    spent: Decimal
    input_tokens: int
    output_tokens: int
    reasons: list[Reason]
    troubles: list[Trouble]

    @property
    def run(self) -> GenerationRun:
        return self.judge.run

    @property
    def waiting(self) -> int:
        return self.total - self.read - self.unreadable - self.failed - self.unread - self.in_flight

    @property
    def to_retry(self) -> int:
        return self.failed + self.unreadable

    @property
    def is_stopped(self) -> bool:
        return self.run.state != State.RUNNING

    @property
    def moves(self) -> bool:
        return bool(self.in_flight or self.unread or (self.waiting and not self.is_stopped))

    @property
    def stage(self) -> str:
        if self.waiting or self.in_flight or self.unread:
            return str(self.run.state) if self.is_stopped else "judging"
        return "failed" if self.to_retry else "done"


def judge_progress(judge: Judge) -> JudgeProgress:
    now = timezone.now()
    is_open = Q(choice="", problem="")
    counts = judge.verdicts.aggregate(
        total=Count("pk"),
        read=Count("pk", filter=~Q(choice="")),
        unreadable=Count("pk", filter=~Q(problem="")),
        failed=Count("pk", filter=is_open & Q(response__status=FAILED)),
        unread=Count("pk", filter=is_open & Q(response__status=DONE)),
        in_flight=Count("pk", filter=is_open & Q(response__status=PENDING, response__lease_until__gte=now)),
        input_tokens=Sum("response__input_tokens", default=0),
        output_tokens=Sum("response__output_tokens", default=0),
    )
    endpoint = judge.model_version.endpoint_id
    asks = counts["read"] + counts["unreadable"] + counts["failed"] < counts["total"]
    return JudgeProgress(
        judge=judge,
        spent=judge.run.spent,
        reasons=_reasons(judge) if counts["failed"] or counts["unreadable"] else [],
        troubles=troubles([endpoint], now) if asks and endpoint is not None else [],
        **counts,
    )


def _reasons(judge: Judge) -> list[Reason]:
    """Why there is no verdict: what went wrong with the request, or with what came."""
    failed = judge.verdicts.filter(choice="", problem="", response__status=FAILED).order_by()
    unreadable = judge.verdicts.exclude(problem="").order_by()
    found = [
        *failed.values_list("response__last_error").annotate(number=Count("pk")),
        *unreadable.values_list("problem").annotate(number=Count("pk")),
    ]
    return [Reason(message, number) for message, number in sorted(found, key=lambda one: (-one[1], one[0]))][
        :MOST_REASONS
    ]


@dataclass(frozen=True)
class UnreadableVerdict:
    """An answer that is no verdict, word for word."""

    comparison: Comparison
    candidate_first: bool
    problem: str
    text: str


def unreadable_verdicts(judge: Judge, most: int) -> list[UnreadableVerdict]:
    found = (
        judge.verdicts.exclude(problem="")
        .select_related("comparison__example", "response")
        .order_by("comparison__position", "-candidate_first")
    )
    return [
        UnreadableVerdict(verdict.comparison, verdict.candidate_first, verdict.problem, verdict.response.text)
        for verdict in found[:most]
    ]


@dataclass(frozen=True)
class JudgeCost:
    """What a judge with the usual template would be asked, by characters: about four are a token."""

    requests: int
    input_tokens: int

    def dollars(self, version: ModelVersion) -> Decimal:
        written = self.requests * USUAL_VERDICT_TOKENS
        return (version.input_price * self.input_tokens + version.output_price * written) / 1_000_000


def judge_cost(evaluation: Evaluation) -> JudgeCost:
    """By one query, without loading a text."""
    texts = (
        Length("candidate_response__text")
        + Length("baseline_response__text")
        + Length(Cast("example__messages", TextField()))
        + Length("example__reference")
    )
    sums = (
        _to_look_at(evaluation)
        .exclude(candidate_response__text=F("baseline_response__text"))
        .order_by()
        .aggregate(comparisons=Count("pk"), characters=Sum(texts, default=0))
    )
    requests = ORDERS * sums["comparisons"]
    around = len(DEFAULT_TEMPLATE) + len(evaluation.guidelines)
    characters = ORDERS * sums["characters"] + requests * around
    return JudgeCost(requests, characters // CHARACTERS_A_TOKEN)
