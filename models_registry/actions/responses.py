"""Ask for responses, and record those that were made elsewhere."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import batched

from django.db import transaction
from django.utils import timezone

from models_registry.content_hash import request_sha256
from models_registry.generation.messages import request_messages
from models_registry.models import Example, ModelVersion, Response
from models_registry.tasks import wake_endpoints

BATCH = 500


class AnswerDiffers(Exception):
    """A model version has answered the same request before, with another text."""


@dataclass(frozen=True)
class RecordedAnswer:
    text: str
    earlier_answers: Sequence[str] = ()


@transaction.atomic
def request_responses(*, model_version: ModelVersion, examples: Iterable[Example]) -> dict[int, Response]:
    """The responses of a model version to these examples, by example id; those not there yet are now asked for.

    A response that failed before is tried again. Examples that would send the same thing share one response.
    """
    version = _as_it_stands(model_version)
    responses = _responses(version, examples, new={"status": Response.Status.PENDING})
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

    A model version that has answered the same request already keeps the answer it has, if it is the same.
    """
    examples = list(examples)
    now = timezone.now()
    responses = _responses(
        _as_it_stands(model_version),
        examples,
        new={"status": Response.Status.DONE, "done_at": now},
        per_example={
            example.pk: {
                "text": answers[example.key].text,
                "earlier_answers": list(answers[example.key].earlier_answers),
            }
            for example in examples
        },
    )
    for example in examples:
        if responses[example.pk].text != answers[example.key].text:
            raise AnswerDiffers(
                f'{model_version} has answered "{example.key}" already, with another text; '
                "import these answers as another model version"
            )
    return responses


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
        hashes = {
            example.pk: request_sha256(
                messages=request_messages(model_version.system_prompt, example.messages),
                parameters=model_version.parameters,
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
