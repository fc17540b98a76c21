"""The draft of a golden set: what is to become its next version, and what people found wrong with its examples."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import batched, zip_longest
from typing import Any

from django.db.models import Prefetch

from models_registry.differences import Segment, word_difference
from models_registry.golden_files import Row, check_row
from models_registry.models import (
    DraftChange,
    ExampleFlag,
    ExampleTag,
    GoldenSet,
    GoldenSetVersion,
    Upload,
)
from models_registry.queries.golden_sets import golden_set_versions, row_of, rows_of

KEYS_AT_ONCE = 500
SETTLED_SHOWN = 50


@dataclass(frozen=True)
class Difference:
    """One part of an example before and after. `part` is system, user, assistant or a column of the row."""

    part: str
    segments: tuple[Segment, ...]

    @property
    def is_change(self) -> bool:
        return any(segment.kind != "equal" for segment in self.segments)

    @property
    def before(self) -> list[Segment]:
        return [segment for segment in self.segments if segment.kind != "added"]

    @property
    def after(self) -> list[Segment]:
        return [segment for segment in self.segments if segment.kind != "removed"]


@dataclass(frozen=True)
class Round:
    """What the user says, and the answer that stands before it; empty where the model gives its own."""

    answer: str
    user: str


@dataclass(frozen=True)
class PendingChange:
    change: DraftChange
    before: Row | None
    after: Row | None
    conflict: str = ""
    is_older: bool = False

    @property
    def differences(self) -> list[Difference]:
        return differences(self.before, self.after)


@dataclass(frozen=True)
class Draft:
    """The changes since `newest`, oldest first. `waiting` is what was made of them and isn't stored yet."""

    golden_set: GoldenSet
    newest: GoldenSetVersion | None
    changes: list[PendingChange]
    waiting: Upload | None

    @property
    def conflicts(self) -> list[PendingChange]:
        return [pending for pending in self.changes if pending.conflict]

    @property
    def next_number(self) -> int:
        return self.newest.number + 1 if self.newest else 1

    @property
    def rows_after(self) -> int:
        more = {DraftChange.Kind.ADD: 1, DraftChange.Kind.EDIT: 0, DraftChange.Kind.RETIRE: -1}
        sure = (DraftChange.Kind(pending.change.kind) for pending in self.changes if not pending.conflict)
        return (self.newest.rows if self.newest else 0) + sum(more[kind] for kind in sure)


@dataclass(frozen=True)
class ExampleInDraft:
    """An example as the newest version has it and as the draft would have it; None where it hasn't."""

    key: str
    before: Row | None
    change: DraftChange | None
    flags: list[ExampleFlag]

    @property
    def row(self) -> Row | None:
        if self.change is not None and self.change.row is not None:
            return row_of_change(self.change)
        return self.before

    @property
    def is_retired(self) -> bool:
        return self.change is not None and self.change.kind == DraftChange.Kind.RETIRE


@dataclass(frozen=True)
class FlaggedExample:
    """What is open about the example of one key. `text` is its last message in the newest version."""

    key: str
    text: str
    is_there: bool
    change: DraftChange | None
    flags: list[ExampleFlag] = field(default_factory=list)


@dataclass(frozen=True)
class DraftCounts:
    changes: int
    flags: int


# --- changes -----------------------------------------------------------------------------------------------


def newest_version(golden_set: GoldenSet) -> GoldenSetVersion | None:
    return golden_set_versions(golden_set).first()


def draft_of(golden_set: GoldenSet) -> Draft:
    newest = newest_version(golden_set)
    changes = list(golden_set.draft_changes.select_related("created_by").order_by("created_at", "pk"))
    before = _rows_by_key(newest, [change.key for change in changes])
    waiting = Upload.objects.filter(name=golden_set.name, from_draft=True).exclude(
        state__in=[Upload.State.STORED, Upload.State.DISCARDED]
    )
    return Draft(
        golden_set,
        newest,
        [_pending(change, before.get(change.key), newest) for change in changes],
        waiting.first(),
    )


def draft_counts(golden_set: GoldenSet) -> DraftCounts:
    return DraftCounts(golden_set.draft_changes.count(), _flags(golden_set).filter(settled_at=None).count())


def example_in_draft(golden_set: GoldenSet, key: str) -> ExampleInDraft:
    flags = _flags(golden_set).filter(settled_at=None, example__key=key)
    return ExampleInDraft(
        key=key,
        before=_rows_by_key(newest_version(golden_set), [key]).get(key),
        change=golden_set.draft_changes.filter(key=key).first(),
        flags=list(flags.order_by("created_at")),
    )


def drafted_rows(draft: Draft) -> Iterator[Row]:
    """The newest version with the changes applied, in its order; what is new comes last."""
    after = {pending.change.key: pending.after for pending in draft.changes}
    for row in rows_of(draft.newest) if draft.newest else ():
        drafted = after.get(row.key, row)
        if drafted is not None:
            yield drafted
    for pending in draft.changes:
        if pending.change.kind == DraftChange.Kind.ADD and pending.after is not None:
            yield pending.after


def row_of_change(change: DraftChange) -> Row:
    row = check_row(1, change.row or {})
    assert isinstance(row, Row), "an action checked it before it was stored"
    return row


def _pending(change: DraftChange, before: Row | None, newest: GoldenSetVersion | None) -> PendingChange:
    is_new = change.kind == DraftChange.Kind.ADD
    conflict = ""
    if is_new and before is not None:
        conflict = "taken"
    elif not is_new and before is None:
        conflict = "gone"
    return PendingChange(
        change=change,
        before=before,
        after=None if change.row is None else row_of_change(change),
        conflict=conflict,
        is_older=bool(newest and newest.sealed_at and change.changed_at < newest.sealed_at),
    )


def _rows_by_key(version: GoldenSetVersion | None, keys: list[str]) -> dict[str, Row]:
    if version is None:
        return {}
    tags = Prefetch("tags", ExampleTag.objects.order_by("position"))
    found: dict[str, Row] = {}
    for some in batched(keys, KEYS_AT_ONCE):
        for example in version.examples.filter(key__in=some).prefetch_related(tags):
            found[example.key] = row_of(example)
    return found


# --- what changed ------------------------------------------------------------------------------------------


def rounds_of(messages: tuple[dict[str, str], ...]) -> tuple[str, list[Round]]:
    """A conversation as its system message and its rounds, whether its answers are given or the model's own."""
    system, answer = "", ""
    rounds: list[Round] = []
    for message in messages:
        if message["role"] == "system":
            system = message["content"]
        elif message["role"] == "assistant":
            answer = message["content"]
        else:
            rounds.append(Round(answer, message["content"]))
            answer = ""
    return system, rounds


def differences(before: Row | None, after: Row | None) -> list[Difference]:
    """The whole conversation, so that what changed is read where it stands; of the rest only what differs."""
    old_system, old_rounds = rounds_of(before.messages if before else ())
    new_system, new_rounds = rounds_of(after.messages if after else ())
    texts = [("system", old_system, new_system)]
    for old, new in zip_longest(old_rounds, new_rounds, fillvalue=Round("", "")):
        texts += [("assistant", old.answer, new.answer), ("user", old.user, new.user)]
    found = [Difference(part, word_difference(old, new)) for part, old, new in texts if old or new]
    for part in ("reference", "tags", "lang", "metadata"):
        difference = Difference(part, word_difference(_text_of(before, part), _text_of(after, part)))
        if difference.is_change:
            found.append(difference)
    return found


def _text_of(row: Row | None, column: str) -> str:
    value: Any = getattr(row, column) if row else None
    if not value:
        return ""
    if isinstance(value, str):
        return value
    return "; ".join(value) if column == "tags" else json.dumps(value, ensure_ascii=False)


# --- flags -------------------------------------------------------------------------------------------------


def open_flags(golden_set: GoldenSet) -> list[FlaggedExample]:
    """By example, whichever version it was flagged in; what most people dispute comes first."""
    flags = list(_flags(golden_set).filter(settled_at=None).order_by("created_at", "pk"))
    keys = list(dict.fromkeys(flag.example.key for flag in flags))
    rows = _rows_by_key(newest_version(golden_set), keys)
    changes = {change.key: change for change in golden_set.draft_changes.all()}
    texts = {flag.example.key: flag.example.messages[-1]["content"] for flag in flags}
    found = {
        key: FlaggedExample(
            key=key,
            text=rows[key].messages[-1]["content"] if key in rows else texts[key],
            is_there=key in rows,
            change=changes.get(key),
        )
        for key in keys
    }
    for flag in flags:
        found[flag.example.key].flags.append(flag)
    return sorted(found.values(), key=lambda flagged: -len({flag.created_by_id for flag in flagged.flags}))


def settled_flags(golden_set: GoldenSet) -> list[ExampleFlag]:
    """The last ones that were settled, newest first."""
    settled = _flags(golden_set).filter(settled_at__isnull=False).select_related("settled_by")
    return list(settled.order_by("-settled_at", "-pk")[:SETTLED_SHOWN])


def _flags(golden_set: GoldenSet) -> Any:
    return ExampleFlag.objects.filter(example__golden_set_version__golden_set=golden_set).select_related(
        "example__golden_set_version", "created_by"
    )
