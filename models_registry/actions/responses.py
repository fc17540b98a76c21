"""Ask for responses, and record those that were made elsewhere."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from itertools import batched

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import prefetch_related_objects
from django.utils import timezone
from django.utils.translation import gettext as _

from models_registry.content_hash import request_sha256
from models_registry.generation.messages import request_messages, request_parameters
from models_registry.models import Example, GenerationRun, ModelVersion, Response
from models_registry.tasks import wake_endpoints

BATCH = 500
# what the column of the cost holds
MOST_DOLLARS = 1_000_000


class AnswerDiffers(Exception):
    """A model version has answered the same request before, otherwise. `found`: what differs, by example key."""

    def __init__(self, message: str, found: Mapping[str, str]) -> None:
        super().__init__(message)
        self.found = found


@dataclass(frozen=True)
class RecordedAnswer:
    """An answer made elsewhere; None is what nobody measured there."""

    text: str
    earlier_answers: Sequence[str] = ()
    latency_seconds: float | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    finish_reason: str = ""


@transaction.atomic
def request_responses(
    *, model_version: ModelVersion, examples: Iterable[Example], run: GenerationRun | None = None
) -> dict[int, Response]:
    """The responses of a model version to these examples, by example id; those not there yet are now asked for.

    A response that failed before is tried again. Examples that would send the same thing share one response. What is
    not done becomes the run's, also where an earlier one waits for it: that one may be paused.
    """
    version = _as_it_stands(model_version)
    responses = _responses(version, examples, new={"status": Response.Status.PENDING, "run": run})
    if run is not None:
        for batch in batched(responses.values(), BATCH):
            waiting = Response.objects.filter(pk__in=[response.pk for response in batch])
            waiting.exclude(status=Response.Status.DONE).update(run=run)
    retry_failed_responses(responses=responses.values())
    _wake_workers()
    return responses


@transaction.atomic
def retry_failed_responses(*, responses: Iterable[Response]) -> int:
    """Put failed responses back into the queue with a fresh budget of attempts; how many there were."""
    retried = 0
    for batch in batched({response.pk for response in responses}, BATCH):
        retried += Response.objects.filter(pk__in=batch, status=Response.Status.FAILED).update(
            status=Response.Status.PENDING, attempts=0, next_try_at=None, last_error=""
        )
    if retried:
        _wake_workers()
    return retried


@transaction.atomic
def record_responses(
    *, model_version: ModelVersion, examples: Iterable[Example], answers: Mapping[str, RecordedAnswer]
) -> dict[int, Response]:
    """Store answers made elsewhere, given by the examples' keys; the responses by example id.

    A model version that has answered the same request already keeps the answer it has, with its figures, if text
    and earlier answers are the same; AnswerDiffers where they are not. What a version without an endpoint was
    asked for by mistake is answered so, too. ValidationError for a cost that no response has.
    """
    examples = list(examples)
    version = _as_it_stands(model_version)
    done = {"status": Response.Status.DONE, "done_at": timezone.now()}
    given = {example.pk: _values(version, answers[example.key]) for example in examples}
    responses = _responses(version, examples, new=done, per_example=given)
    if version.endpoint_id is None:
        _answer_waiting(responses, {pk: done | values for pk, values in given.items()})
    found = {
        example.key: differs
        for example in examples
        if (differs := _difference(example, responses[example.pk], answers[example.key]))
    }
    if found:
        key, differs = next(iter(found.items()))
        raise AnswerDiffers(
            f'{model_version} has answered "{key}" already, {differs}; '
            "import these answers as another model version",
            found,
        )
    return responses


def _values(model_version: ModelVersion, answer: RecordedAnswer) -> dict[str, object]:
    return {
        "text": answer.text,
        "earlier_answers": list(answer.earlier_answers),
        "latency_seconds": answer.latency_seconds,
        "input_tokens": answer.input_tokens,
        "output_tokens": answer.output_tokens,
        "cost": _recorded_cost(model_version, answer),
        "finish_reason": answer.finish_reason,
    }


def _recorded_cost(model_version: ModelVersion, answer: RecordedAnswer) -> Decimal | None:
    """US dollars; None without tokens, and without prices: a version that was never asked here may have none."""
    version = model_version
    if answer.input_tokens is None or answer.output_tokens is None:
        return None
    if not (version.input_price or version.output_price):
        return None
    spent = version.input_price * answer.input_tokens + version.output_price * answer.output_tokens
    cost = Decimal(spent) / 1_000_000
    if cost >= MOST_DOLLARS:
        raise ValidationError(
            _("At these prices a response would cost $%(cost)s; prices are per million tokens.")
            % {"cost": f"{cost:,.0f}"}
        )
    return cost


def _answer_waiting(responses: Mapping[int, Response], values: Mapping[int, Mapping[str, object]]) -> None:
    for pk, response in responses.items():
        if response.status != Response.Status.DONE:
            Response.objects.filter(pk=response.pk).update(last_error="", **values[pk])
            response.refresh_from_db()


def _difference(example: Example, stored: Response, answer: RecordedAnswer) -> str:
    if stored.text != answer.text:
        what = "with another text"
    elif list(stored.earlier_answers) != list(answer.earlier_answers):
        what = "with other earlier answers"
    else:
        return ""
    return what if stored.example_id == example.pk else f'as "{stored.example.key}", {what}'


def _as_it_stands(model_version: ModelVersion) -> ModelVersion:
    """Read again and locked: until its first response is there to freeze it, someone may be changing it."""
    return ModelVersion.objects.select_for_update().get(pk=model_version.pk)


def _wake_workers() -> None:
    """Now, rather than at the schedule's next tick; so a broker that is down delays the workers, and no more.

    Not tried twice, because someone is waiting for a page.
    """
    transaction.on_commit(partial(wake_endpoints.apply_async, retry=False), robust=True)


def _responses(
    model_version: ModelVersion,
    examples: Iterable[Example],
    *,
    new: dict[str, object],
    per_example: Mapping[int, dict[str, object]] | None = None,
) -> dict[int, Response]:
    found: dict[int, Response] = {}
    for batch in batched(examples, BATCH):
        if model_version.parameters_by_tag:
            prefetch_related_objects(batch, "tags")
        hashes = {
            example.pk: request_sha256(
                messages=request_messages(model_version.system_prompt, example.messages),
                parameters=request_parameters(
                    model_version.parameters,
                    model_version.parameters_by_tag,
                    example.primary_intent if model_version.parameters_by_tag else "",
                ),
            )
            for example in batch
        }
        fresh: dict[str, Response] = {}
        for example in batch:
            values = new | (per_example or {}).get(example.pk, {})
            fresh.setdefault(
                hashes[example.pk],
                Response(
                    model_version=model_version, example=example, request_sha256=hashes[example.pk], **values
                ),
            )
        # a response that another evaluation asked for meanwhile stays what it is
        Response.objects.bulk_create(fresh.values(), ignore_conflicts=True)
        stored = {
            response.request_sha256: response
            for response in Response.objects.filter(model_version=model_version, request_sha256__in=fresh)
        }
        found |= {pk: stored[sha256] for pk, sha256 in hashes.items()}
    return found
