"""What changed from one version of a golden set to another.

The database compares the rows by their keys. Python looks again at those it finds different, one at a time (SQLite
compares JSON as text, so the order of names), and keeps two numbers of each: so neither version is ever in memory.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Literal

from django.db.models import Exists, OuterRef, Q, QuerySet, Subquery, TextField
from django.db.models.functions import Cast

from models_registry.differences import RowChange, row_change, same_json
from models_registry.golden_files import Row
from models_registry.models import Example, ExampleTag, GoldenSetVersion
from models_registry.queries.golden_sets import language_counts, row_of, tag_counts

type ChangeKind = Literal["added", "removed", "changed", "tags"]


@dataclass(frozen=True, slots=True)
class Change:
    """Primary keys of an example in either version, None where it isn't in it.

    `kind` is "changed" where text, language or metadata changed, and "tags" where only its tags moved.
    """

    kind: ChangeKind
    before: int | None
    after: int | None
    tags_moved: bool = False


@dataclass(frozen=True)
class VersionDifference:
    """What changed, each kind in the order of the version it stands in: changed, tags moved, added, removed."""

    before: GoldenSetVersion
    after: GoldenSetVersion
    changes: tuple[Change, ...]
    prompts_changed: int

    @property
    def counts(self) -> dict[str, int]:
        """Examples by kind; those that changed and whose tags moved too count for both."""
        by_kind = Counter(change.kind for change in self.changes)
        counts: dict[str, int] = {kind: by_kind[kind] for kind in ("added", "removed", "changed")}
        return counts | {"tags": sum(change.tags_moved for change in self.changes)}

    @property
    def unchanged(self) -> int:
        return self.after.rows - sum(change.after is not None for change in self.changes)

    @property
    def prompts_kept(self) -> int:
        """Examples whose prompt is word for word the same in both."""
        return self.after.rows - self.counts["added"] - self.prompts_changed

    def of_kind(self, kind: str) -> tuple[Change, ...]:
        """All of them for a kind that isn't one."""
        if kind == "tags":
            return tuple(change for change in self.changes if change.tags_moved)
        if kind in ("added", "removed", "changed"):
            return tuple(change for change in self.changes if change.kind == kind)
        return self.changes


@dataclass(frozen=True)
class ShownChange:
    """A change with its texts: `row` as it is in the later version, or was in the earlier one."""

    kind: ChangeKind
    row: Row
    change: RowChange | None


@dataclass(frozen=True)
class CoverageChange:
    """Examples with a tag or in a language, in either version; `name` is empty where no language is given."""

    name: str
    before: int
    after: int

    @property
    def difference(self) -> int:
        return self.after - self.before

    @property
    def lost(self) -> int:
        return self.before - self.after


def version_difference(before: GoldenSetVersion, after: GoldenSetVersion) -> VersionDifference:
    changes, prompts_changed = _compared(before.pk, before.sealed_at, after.pk, after.sealed_at)
    return VersionDifference(before, after, changes, prompts_changed)


# A sealed version never changes, so that what was found for the first page is as true for the second. A few only:
# a hundred thousand changes take some ten megabytes.
@lru_cache(maxsize=4)
def _compared(
    before: int, _before_sealed: datetime | None, after: int, _after_sealed: datetime | None
) -> tuple[tuple[Change, ...], int]:
    """The changes, and how many of them change a prompt."""
    earlier, later = _examples(before), _examples(after)
    same_key = {"key": OuterRef("key")}
    changed: list[Change] = []
    tags_moved: list[Change] = []
    prompts_changed = 0
    for pk, pk_before, moved, prompt, content in _different(before, after):
        prompts_changed += prompt
        if content:
            changed.append(Change("changed", pk_before, pk, moved))
        elif moved:
            tags_moved.append(Change("tags", pk_before, pk, moved))
    added = later.filter(~Exists(earlier.filter(**same_key))).values_list("pk", flat=True)
    removed = earlier.filter(~Exists(later.filter(**same_key))).values_list("pk", flat=True)
    changes = (
        *changed,
        *tags_moved,
        *(Change("added", None, pk) for pk in added.order_by("position")),
        *(Change("removed", pk, None) for pk in removed.order_by("position")),
    )
    return changes, prompts_changed


def shown_changes(changes: Iterable[Change]) -> list[ShownChange]:
    """With their texts and words compared: for a page of them, not for all."""
    changes = list(changes)
    wanted = {pk for change in changes for pk in (change.before, change.after) if pk is not None}
    found = Example.objects.filter(pk__in=wanted).prefetch_related("tags")
    rows = {example.pk: row_of(example) for example in found}
    shown = []
    for change in changes:
        before = rows[change.before] if change.before is not None else None
        after = rows[change.after] if change.after is not None else None
        row = after or before
        assert row is not None
        shown.append(ShownChange(change.kind, row, row_change(before, after) if before and after else None))
    return shown


def tag_coverage(before: GoldenSetVersion, after: GoldenSetVersion) -> list[CoverageChange]:
    """By intent tag, the most frequent first."""
    earlier, later = ({tag.name: tag.examples for tag in tag_counts(version)} for version in (before, after))
    return _coverage(earlier, later)


def language_coverage(before: GoldenSetVersion, after: GoldenSetVersion) -> list[CoverageChange]:
    earlier, later = (
        {each.lang: each.examples for each in language_counts(version)} for version in (before, after)
    )
    return _coverage(earlier, later)


def _coverage(before: dict[str, int], after: dict[str, int]) -> list[CoverageChange]:
    found = (
        CoverageChange(name, before.get(name, 0), after.get(name, 0)) for name in before.keys() | after.keys()
    )
    return sorted(found, key=lambda each: (-max(each.before, each.after), each.name))


def _examples(version: int) -> QuerySet[Example]:
    # a prefetch or an order would only cost
    return Example.objects.filter(golden_set_version=version).order_by()


def _different(before: int, after: int) -> Iterator[tuple[int, int, bool, bool, bool]]:
    """Of the examples in both that differ: later and earlier primary key; did tags, prompt, any content change?"""
    earlier = _examples(before).filter(key=OuterRef("key"))
    same = earlier.annotate(said=Cast("messages", TextField()), data=Cast("metadata", TextField())).filter(
        reference=OuterRef("reference"), lang=OuterRef("lang"), said=OuterRef("said"), data=OuterRef("data")
    )
    mine, theirs = (
        ExampleTag.objects.filter(example=OuterRef("pk")),
        ExampleTag.objects.filter(example__golden_set_version=before, example__key=OuterRef("key")),
    )
    tag = {"position": OuterRef("position"), "name": OuterRef("name")}
    new_tag = mine.filter(
        ~Exists(
            ExampleTag.objects.filter(
                example__golden_set_version=before, example__key=OuterRef(OuterRef("key")), **tag
            )
        )
    )
    lost_tag = theirs.filter(~Exists(ExampleTag.objects.filter(example=OuterRef(OuterRef("pk")), **tag)))
    found = (
        _examples(after)
        .annotate(
            said=Cast("messages", TextField()),
            data=Cast("metadata", TextField()),
            moved=Exists(new_tag) | Exists(lost_tag),
        )
        .filter(Exists(earlier))
        .filter(~Exists(same) | Q(moved=True))
        .annotate(
            before=Subquery(earlier.values("pk")),
            messages_before=Subquery(earlier.values("messages")),
            reference_before=Subquery(earlier.values("reference")),
            lang_before=Subquery(earlier.values("lang")),
            metadata_before=Subquery(earlier.values("metadata")),
        )
        .order_by("position")
    )
    for example in found.iterator(chunk_size=500):
        prompt = not same_json(example.messages, example.messages_before)
        content = (
            prompt
            or example.reference != example.reference_before
            or example.lang != example.lang_before
            or not same_json(example.metadata, example.metadata_before)
        )
        if content or example.moved:
            yield example.pk, example.before, example.moved, prompt, content
