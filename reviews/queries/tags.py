"""Which examples of an evaluation bear which intent tag."""

from __future__ import annotations

from collections.abc import Iterable

from models_registry.models import ExampleTag
from models_registry.models.golden_set import UNTAGGED
from reviews.models import Evaluation


def examples_by_tag(evaluation: Evaluation, example_ids: Iterable[int]) -> dict[str, list[int]]:
    """{tag: example ids} of the given examples, by name, those without a tag last as "untagged"."""
    wanted = set(example_ids)
    pairs = (
        ExampleTag.objects.filter(example__golden_set_version=evaluation.golden_set_version_id)
        .order_by("name", "example_id")
        .values_list("name", "example_id")
    )
    by_tag: dict[str, list[int]] = {}
    for name, example in pairs:
        if example in wanted:
            by_tag.setdefault(name, []).append(example)
    untagged = sorted(wanted.difference(*by_tag.values()))
    if untagged:
        by_tag[UNTAGGED] = by_tag.pop(UNTAGGED, []) + untagged
    return by_tag
