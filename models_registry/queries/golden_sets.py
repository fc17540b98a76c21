from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.db.models import BooleanField, Count, Exists, F, Func, OuterRef, Prefetch, Q, QuerySet, Value
from django.db.models.sql.compiler import SQLCompiler

from models_registry.golden_files import Row
from models_registry.models import Example, ExampleTag, GoldenSet, GoldenSetVersion
from models_registry.models.golden_set import UNTAGGED


@dataclass(frozen=True)
class GoldenSetSummary:
    golden_set: GoldenSet
    newest: GoldenSetVersion | None
    versions: int


@dataclass(frozen=True)
class TagCount:
    """How many examples bear a tag, and for how many of them it is the primary intent."""

    name: str
    examples: int
    primary: int


@dataclass(frozen=True)
class LanguageCount:
    """How many examples are in a language; `lang` is empty for those that name none."""

    lang: str
    examples: int


def golden_sets() -> list[GoldenSetSummary]:
    sets = GoldenSet.objects.prefetch_related(
        Prefetch("versions", queryset=sealed_versions().defer("preflight"))
    )
    found = [(golden_set, list(golden_set.versions.all())) for golden_set in sets]
    return [
        GoldenSetSummary(golden_set, versions[0] if versions else None, len(versions))
        for golden_set, versions in found
    ]


def sealed_versions() -> QuerySet[GoldenSetVersion]:
    """Versions that are whole, newest first. One being imported at the moment isn't among them."""
    return (
        GoldenSetVersion.objects.filter(sealed_at__isnull=False)
        .select_related("golden_set")
        .order_by("-number")
    )


def golden_set_versions(golden_set: GoldenSet) -> QuerySet[GoldenSetVersion]:
    """Newest first, without their preflight reports, which take more than all else of them."""
    of_set = sealed_versions().filter(golden_set=golden_set)
    return of_set.select_related("created_by").defer("preflight")


def rows_of(version: GoldenSetVersion) -> Iterator[Row]:
    """A version's examples as the rows of a file, in their order, a thousand in memory at a time."""
    examples = version.examples.prefetch_related("tags").order_by("position").iterator(chunk_size=1000)
    for example in examples:
        yield row_of(example)


def row_of(example: Example) -> Row:
    """An example, with its tags fetched, as the row of a file."""
    return Row(
        line=example.position + 1,
        key=example.key,
        messages=tuple(example.messages),
        tags=tuple(example.tag_names),
        reference=example.reference,
        lang=example.lang,
        metadata=example.metadata,
    )


def tag_counts(version: GoldenSetVersion) -> list[TagCount]:
    """By number of examples, most first; UNTAGGED comes last, where there are any."""
    counted = (
        ExampleTag.objects.filter(example__golden_set_version=version)
        .order_by()
        .values("name")
        .annotate(examples=Count("pk"), primary=Count("pk", filter=Q(position=0)))
        .order_by("-examples", "name")
    )
    counts = [TagCount(row["name"], row["examples"], row["primary"]) for row in counted]
    untagged = version.rows - sum(count.primary for count in counts)
    return [*counts, TagCount(UNTAGGED, untagged, untagged)] if untagged else counts


def language_counts(version: GoldenSetVersion) -> list[LanguageCount]:
    counted = (
        Example.objects.filter(golden_set_version=version)
        .order_by()
        .values("lang")
        .annotate(examples=Count("pk"))
        .order_by("-examples", "lang")
    )
    return [LanguageCount(row["lang"], row["examples"]) for row in counted]


def examples_of(
    version: GoldenSetVersion, *, tag: str = "", lang: str | None = None, text: str = ""
) -> QuerySet[Example]:
    """Examples in the file's order, with their tags fetched. `lang=""` finds those that name no language."""
    examples = Example.objects.filter(golden_set_version=version)
    if tag:
        tagged = ExampleTag.objects.filter(example=OuterRef("pk"))
        examples = examples.filter(~Exists(tagged) if tag == UNTAGGED else Exists(tagged.filter(name=tag)))
    if lang is not None:
        examples = examples.filter(lang=lang)
    if text := text.replace("\x00", "").strip():
        examples = examples.filter(
            Q(key__icontains=text) | Q(reference__icontains=text) | Q(Said(F("messages"), Value(text)))
        )
    return examples.order_by("position").prefetch_related(
        Prefetch("tags", ExampleTag.objects.order_by("position"))
    )


class Said(Func):
    """Is the text said in one of the messages, whatever its case? (SQLite folds the case of ASCII only.)

    A search in the column's JSON text would find "user" everywhere and "niño" nowhere, where it is escaped.
    """

    output_field = BooleanField()
    arity = 2

    def as_sqlite(
        self, compiler: SQLCompiler, connection: Any, **context: Any
    ) -> tuple[str, tuple[Any, ...]]:
        messages, text = self.get_source_expressions()
        column, params = compiler.compile(messages)
        said = "json_extract(value, '$.content') LIKE %s ESCAPE '\\'"
        return (
            f"EXISTS (SELECT 1 FROM json_each({column}) WHERE {said})",  # noqa: S608 - a compiled column
            (*params, f"%{connection.ops.prep_for_like_query(text.value)}%"),
        )

    def as_postgresql(
        self, compiler: SQLCompiler, connection: Any, **context: Any
    ) -> tuple[str, tuple[Any, ...]]:
        messages, text = self.get_source_expressions()
        column, params = compiler.compile(messages)
        pattern = json.dumps(text.value, ensure_ascii=False)
        path = f'$[*].content ? (@ like_regex {pattern} flag "iq")'
        return f"jsonb_path_exists({column}, %s::jsonpath)", (*params, path)
