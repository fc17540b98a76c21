"""Ask a model version about examples, in words of one's own, by the queue that responses go by."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from itertools import batched

from django.db import transaction

from models_registry.content_hash import request_sha256
from models_registry.generation.messages import request_messages
from models_registry.models import GenerationRun, ModelVersion, Response
from models_registry.tasks import wake_endpoints

BATCH = 500


@dataclass(frozen=True)
class Question:
    """Messages about an example. again: how many answers to just this there are already that were no use."""

    example_id: int
    messages: list[dict[str, str]]
    again: int = 0


@transaction.atomic
def ask_questions(
    *, model_version: ModelVersion, questions: Sequence[Question], run: GenerationRun
) -> list[Response]:
    """The response to each question, in their order; those not there yet are asked for by the run.

    What was asked before is not asked again, whoever asked it. What waits becomes the run's: another may be paused.
    """
    # read again and locked: until its first response is there to freeze it, someone may be changing it
    version = ModelVersion.objects.select_for_update().get(pk=model_version.pk)
    found: list[Response] = []
    for some in batched(questions, BATCH):
        found += _responses(version, some, run)
    # now, rather than at the schedule's next tick; a broker that is down delays the workers, and no more
    transaction.on_commit(partial(wake_endpoints.apply_async, retry=False), robust=True)
    return found


def _responses(version: ModelVersion, some: Sequence[Question], run: GenerationRun) -> list[Response]:
    hashes = [
        request_sha256(
            messages=request_messages(version.system_prompt, question.messages),
            parameters=version.parameters,
            again=question.again,
        )
        for question in some
    ]
    fresh = {
        sha256: Response(
            model_version=version,
            example_id=question.example_id,
            question=question.messages,
            request_sha256=sha256,
            run=run,
        )
        for sha256, question in zip(hashes, some, strict=True)
    }
    Response.objects.bulk_create(fresh.values(), ignore_conflicts=True)
    asked = Response.objects.filter(model_version=version, request_sha256__in=fresh)
    asked.filter(status=Response.Status.PENDING).update(run=run)
    stored = {response.request_sha256: response for response in asked.defer("question", "text")}
    return [stored[sha256] for sha256 in hashes]
