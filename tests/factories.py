"""Rows for tests, as plain functions: each makes what it needs unless it is given."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from decimal import Decimal
from itertools import count
from typing import Any

from django.contrib.auth.models import User
from django.utils import timezone

from models_registry.content_hash import canonical_row, golden_set_sha256, request_sha256
from models_registry.generation.messages import request_messages
from models_registry.models import (
    Endpoint,
    Example,
    ExampleTag,
    GenerationRun,
    GoldenSet,
    GoldenSetVersion,
    KnownLimitation,
    Model,
    ModelVersion,
    Response,
)
from reviews.models import (
    Assignment,
    Comparison,
    Evaluation,
    EvaluationPlan,
    Judge,
    JudgeVerdict,
    ReviewerTally,
    Vote,
)
from reviews.queries.plans import available, measured, proposed_plan
from reviews.verdicts import DEFAULT_TEMPLATE

_number = count(1)

ROWS: list[dict[str, Any]] = [
    {"id": "refund-1", "prompt": "Where is my refund?", "tags": ["refunds"]},
    {"id": "refund-2", "prompt": "I was charged twice.", "tags": ["refunds", "billing"]},
    {"id": "talla-1", "prompt": "¿Qué talla necesito?", "tags": ["sizing"], "lang": "es"},
    {"id": "rash-1", "prompt": "The cream gave me a rash. What now?", "tags": ["medical disclaimer"]},
    {"id": "hello-1", "prompt": "Hello?"},
]


def make_endpoint(base_url: str = "http://127.0.0.1:9/v1", **fields: Any) -> Endpoint:
    """Nothing listens on its address unless one is given: `make_endpoint(chat_endpoint.base_url)`."""
    return Endpoint.objects.create(**{"name": f"endpoint-{next(_number)}", "base_url": base_url} | fields)


def make_model_version(
    model: str | Model = "",
    *,
    endpoint: Endpoint | None = None,
    limitations: Iterable[str] = (),
    **fields: Any,
) -> ModelVersion:
    """A version with an endpoint; `endpoint=None` makes one. `model` is a name or a row."""
    number = next(_number)
    if not isinstance(model, Model):
        model, _created = Model.objects.get_or_create(name=model or f"model-{number}")
    defaults: dict[str, Any] = {
        "version": str(number),
        "served_name": f"served-{number}",
        "parameters": {"temperature": 0},
        "input_price": Decimal("0.50"),
        "output_price": Decimal("1.50"),
    }
    version = ModelVersion.objects.create(
        model=model, endpoint=endpoint or make_endpoint(), **(defaults | fields)
    )
    for limitation in limitations:
        KnownLimitation.objects.create(model_version=version, limitation=limitation)
    return version


def messages_of(row: Mapping[str, Any]) -> list[dict[str, str]]:
    """The conversation of a row as golden set files give it: `messages`, or `prompt` and perhaps `system`."""
    if "messages" in row:
        return list(row["messages"])
    system = [{"role": "system", "content": row["system"]}] if row.get("system") else []
    return [*system, {"role": "user", "content": row["prompt"]}]


def make_rows(number: int, tags: Sequence[str] = ("refunds", "sizing")) -> list[dict[str, Any]]:
    """`number` rows of one short question each, the tags taken in turn."""
    return [
        {
            "id": f"row-{index:04}",
            "prompt": f"Question {index}?",
            "tags": [tags[index % len(tags)]] if tags else [],
        }
        for index in range(number)
    ]


def make_golden_set_version(
    rows: Sequence[Mapping[str, Any]] | int = ROWS,
    *,
    name: str = "",
    sealed: bool = True,
    by: User | None = None,
    **fields: Any,
) -> GoldenSetVersion:
    """A version with these rows, or with so many of them, as `import_golden_set` would store it.

    fields: of the version, such as `changelog` and `preflight`; without them there is no report.
    """
    if isinstance(rows, int):
        rows = make_rows(rows)
    golden_set, _created = GoldenSet.objects.get_or_create(name=name or f"golden-set-{next(_number)}")
    lines = [
        (
            row["id"],
            canonical_row(
                key=row["id"],
                messages=messages_of(row),
                tags=row.get("tags", ()),
                reference=row.get("reference", ""),
                lang=row.get("lang", ""),
                metadata=row.get("metadata"),
            ),
        )
        for row in rows
    ]
    version = GoldenSetVersion.objects.create(
        golden_set=golden_set,
        number=golden_set.versions.count() + 1,
        sha256=golden_set_sha256(lines),
        rows=len(rows),
        created_by=by,
        **fields,
    )
    examples = Example.objects.bulk_create(
        Example(
            golden_set_version=version,
            position=position,
            key=row["id"],
            messages=messages_of(row),
            reference=row.get("reference", ""),
            lang=row.get("lang", ""),
            metadata=row.get("metadata", {}),
        )
        for position, row in enumerate(rows)
    )
    ExampleTag.objects.bulk_create(
        ExampleTag(example=example, position=position, name=tag)
        for example, row in zip(examples, rows, strict=True)
        for position, tag in enumerate(row.get("tags", ()))
    )
    if sealed:
        version.sealed_at = timezone.now()
        version.save(update_fields=["sealed_at"])
    return version


def make_response(
    model_version: ModelVersion, example: Example, text: str | None = None, **fields: Any
) -> Response:
    """A response that is done; `status="pending"` or `"failed"` makes one that isn't."""
    messages = request_messages(model_version.system_prompt, example.messages)
    done: dict[str, Any] = {
        "status": "done",
        "text": f"{model_version} on {example.key}" if text is None else text,
        "input_tokens": 20,
        "output_tokens": 40,
        "latency_seconds": 0.5,
        "cost": Decimal("0.00007"),
        "finish_reason": "stop",
        "attempts": 1,
        "done_at": timezone.now(),
    }
    sha256 = request_sha256(messages=messages, parameters=model_version.parameters)
    return Response.objects.create(
        model_version=model_version,
        example=example,
        request_sha256=sha256,
        **((done if fields.get("status", "done") == "done" else {}) | fields),
    )


def make_evaluation(
    golden_set_version: GoldenSetVersion | Sequence[Mapping[str, Any]] | int = ROWS,
    *,
    candidate: ModelVersion | None = None,
    baseline: ModelVersion | None = None,
    votes_per_comparison: int = 1,
    opened: bool = True,
    **fields: Any,
) -> Evaluation:
    """An evaluation whose responses are all done and whose turns stand in the queue.

    The candidate is on the left in every second one. `opened=False` leaves it generating: responses pending,
    no turns.
    """
    if not isinstance(golden_set_version, GoldenSetVersion):
        golden_set_version = make_golden_set_version(golden_set_version)
    number = next(_number)
    evaluation = Evaluation.objects.create(
        **{
            "name": f"evaluation {number}",
            "candidate": candidate or make_model_version(),
            "baseline": baseline or make_model_version(),
            "golden_set_version": golden_set_version,
            "votes_per_comparison": votes_per_comparison,
            "seed": number,
            "opened_at": timezone.now() if opened else None,
        }
        | fields
    )
    status = "done" if opened else "pending"
    for position, example in enumerate(golden_set_version.examples.all()):
        comparison = Comparison.objects.create(
            evaluation=evaluation,
            example=example,
            candidate_response=make_response(evaluation.candidate, example, status=status),
            baseline_response=make_response(evaluation.baseline, example, status=status),
            position=position,
            lang=example.language[:8],
            intent=example.primary_intent,
            turns=votes_per_comparison if opened else 0,
        )
        if opened:
            Assignment.objects.bulk_create(
                Assignment(
                    comparison=comparison,
                    slot=slot,
                    position=position,
                    evaluation=evaluation,
                    lang=example.language[:8],
                    intent=example.primary_intent,
                    candidate_on_left=(position + slot) % 2 == 0,
                )
                for slot in range(votes_per_comparison)
            )
    return evaluation


def freeze(evaluation: Evaluation, **fields: Any) -> EvaluationPlan:
    """The plan that opening would have frozen, with these fields; make_evaluation opens without one."""
    plan = EvaluationPlan(evaluation=evaluation, **fields)
    proposed = proposed_plan(plan, available(evaluation))
    plan.frozen, plan.sha256, plan.frozen_at = proposed.canonical_json(), proposed.sha256, timezone.now()
    plan.measured = asdict(measured(evaluation))
    plan.save()
    return plan


def leave_out(comparison: Comparison) -> None:
    """As where a response failed, or where the plan takes fewer examples: nobody votes on it."""
    comparison.assignments.all().delete()
    comparison.turns = 0
    comparison.save(update_fields=["turns"])


def make_vote(comparison: Comparison, reviewer: User, choice: str, **fields: Any) -> Vote:
    """This reviewer's vote on this comparison, in its first turn that nobody has taken."""
    assignment = comparison.assignments.filter(reviewer=None).order_by("slot").first()
    assert assignment is not None, f"every turn of comparison {comparison.pk} is taken"
    now = timezone.now()
    assignment.reviewer, assignment.voted, assignment.shown_at = reviewer, True, now
    assignment.save(update_fields=["reviewer", "voted", "shown_at"])
    tally, _created = ReviewerTally.objects.get_or_create(
        evaluation_id=assignment.evaluation_id, reviewer=reviewer, intent=assignment.intent
    )
    tally.votes += 1
    tally.candidate_left += assignment.candidate_on_left
    tally.judgements += 1
    tally.save()
    return Vote.objects.create(
        **{"assignment": assignment, "choice": choice, "cast_at": now, "seconds": 4.0} | fields
    )


def make_judge(evaluation: Evaluation, model_version: ModelVersion | None = None, **fields: Any) -> Judge:
    """A judge that was asked nothing yet; see `make_verdict`."""
    return Judge.objects.create(
        evaluation=evaluation,
        model_version=model_version or make_model_version("judge"),
        run=GenerationRun.objects.create(),
        **{"template": DEFAULT_TEMPLATE, "template_sha256": "0" * 64} | fields,
    )


def make_verdict(
    judge: Judge, comparison: Comparison, choice: str, *, candidate_first: bool = True, **fields: Any
) -> JudgeVerdict:
    """A verdict that is read, of a response that is done."""
    number = next(_number)
    response = Response.objects.create(
        model_version=judge.model_version,
        example=comparison.example,
        question=[{"role": "user", "content": f"Question {number}"}],
        request_sha256=f"{number:064}",
        run=judge.run,
        status="done",
        text=choice,
        done_at=timezone.now(),
        cost=Decimal("0.0001"),
    )
    return JudgeVerdict.objects.create(
        judge=judge,
        comparison=comparison,
        candidate_first=candidate_first,
        response=response,
        **{"choice": choice, "rationale": f"Because of {number}."} | fields,
    )


def make_verdicts(judge: Judge, comparison: Comparison, choice: str, other: str = "") -> None:
    """In both orders, the same where the second is not given."""
    make_verdict(judge, comparison, choice)
    make_verdict(judge, comparison, other or choice, candidate_first=False)
