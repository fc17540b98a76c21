"""Which examples a model version has answered. By what is sent, as any golden set may hold the same prompt."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import batched

from django.db.models import Prefetch, QuerySet

from models_registry.content_hash import request_sha256
from models_registry.generation.messages import request_messages, request_parameters
from models_registry.models import Example, ExampleTag, GoldenSetVersion, ModelVersion, Response

BATCH = 500
# of all versions of the golden sets together; more would keep a page waiting for a second and longer
MOST_EXAMPLES_LOOKED_AT = 20_000


@dataclass(frozen=True)
class Answered:
    """How many examples of a golden set version have a response; `at_least` where not all were looked at."""

    golden_set_version: GoldenSetVersion
    examples: int
    at_least: bool = False


def unanswered(model_version: ModelVersion, golden_set_version: GoldenSetVersion) -> Iterator[str]:
    """The keys of the examples to which this model version has no response, in their order."""
    examples = golden_set_version.examples.order_by("position")
    if model_version.parameters_by_tag:
        examples = examples.prefetch_related(
            Prefetch("tags", queryset=ExampleTag.objects.order_by("position"))
        )
    for batch in batched(examples.iterator(chunk_size=BATCH), BATCH):
        hashes = {example.key: _request_sha256(model_version, example) for example in batch}
        done = set(
            _done(model_version)
            .filter(request_sha256__in=set(hashes.values()))
            .values_list("request_sha256", flat=True)
        )
        yield from (key for key, sha256 in hashes.items() if sha256 not in done)


def answered_versions(model_version: ModelVersion) -> list[Answered]:
    """The versions of the golden sets that this model version has responses to, newest first."""
    sets = _done(model_version).order_by().values("example__golden_set_version__golden_set").distinct()
    versions = (
        GoldenSetVersion.objects.filter(golden_set__in=sets, sealed_at__isnull=False)
        .select_related("golden_set")
        .order_by("golden_set__name", "-number")
    )
    found: list[Answered] = []
    left = MOST_EXAMPLES_LOOKED_AT
    for version in versions:
        if version.rows <= left:
            left -= version.rows
            missing = sum(1 for _key in unanswered(model_version, version))
            found.append(Answered(version, version.rows - missing))
        else:
            first_asked_for = _done(model_version).filter(example__golden_set_version=version)
            found.append(Answered(version, first_asked_for.count(), at_least=True))
    return [answered for answered in found if answered.examples]


def _done(model_version: ModelVersion) -> QuerySet[Response]:
    return Response.objects.filter(
        model_version=model_version, status=Response.Status.DONE, question__isnull=True
    )


def _request_sha256(model_version: ModelVersion, example: Example) -> str:
    by_tag = model_version.parameters_by_tag
    return request_sha256(
        messages=request_messages(model_version.system_prompt, example.messages),
        parameters=request_parameters(
            model_version.parameters, by_tag, example.primary_intent if by_tag else ""
        ),
    )
