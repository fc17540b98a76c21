"""What changed between two rows with the same key. Pure: no Django."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any

from models_registry.content_hash import canonical_json
from models_registry.differences.words import Segment, word_difference
from models_registry.golden_files import Row

NOTHING: Any = object()


@dataclass(frozen=True, slots=True)
class TurnChange:
    """One message of a conversation; `role` is the later one's where there are both."""

    role: str
    segments: tuple[Segment, ...]

    @property
    def kind(self) -> str:
        """equal, removed or added as a whole; else changed."""
        kinds = {segment.kind for segment in self.segments}
        return kinds.pop() if len(kinds) == 1 else "changed"


@dataclass(frozen=True, slots=True)
class ValueChange:
    """A value of the metadata, or the language; None where there was or is none."""

    name: str
    before: str | None
    after: str | None


@dataclass(frozen=True, slots=True)
class TagsMoved:
    """The intent tags of a row; the first one is its primary intent."""

    before: tuple[str, ...]
    after: tuple[str, ...]

    @property
    def removed(self) -> tuple[str, ...]:
        return tuple(tag for tag in self.before if tag not in self.after)

    @property
    def added(self) -> tuple[str, ...]:
        return tuple(tag for tag in self.after if tag not in self.before)

    @property
    def kept(self) -> tuple[str, ...]:
        return tuple(tag for tag in self.after if tag in self.before)

    @property
    def reordered(self) -> bool:
        return self.kept != tuple(tag for tag in self.before if tag in self.after)

    @property
    def primary_before(self) -> str | None:
        return next(iter(self.before), None)

    @property
    def primary_after(self) -> str | None:
        return next(iter(self.after), None)

    @property
    def primary_changed(self) -> bool:
        return self.primary_before != self.primary_after


@dataclass(frozen=True, slots=True)
class RowChange:
    """What of a row changed; empty or None what did not."""

    turns: tuple[TurnChange, ...] = ()
    reference: tuple[Segment, ...] = ()
    values: tuple[ValueChange, ...] = ()
    tags: TagsMoved | None = None

    @property
    def content_changed(self) -> bool:
        return bool(self.turns or self.reference or self.values)


def row_change(before: Row, after: Row) -> RowChange:
    metadata_before, metadata_after = before.metadata or {}, after.metadata or {}
    return RowChange(
        turns=_turns(before.messages, after.messages) if before.messages != after.messages else (),
        reference=word_difference(before.reference, after.reference)
        if before.reference != after.reference
        else (),
        values=tuple(_values(before.lang, after.lang, metadata_before, metadata_after)),
        tags=TagsMoved(before.tags, after.tags) if before.tags != after.tags else None,
    )


def same_json(before: Any, after: Any) -> bool:
    """Are these the same value for the sha256 of a version? 1 and 1.0 are not; the order of names is no difference."""
    return before is after or canonical_json(before) == canonical_json(after)


def _turns(before: Sequence[Mapping[str, str]], after: Sequence[Mapping[str, str]]) -> tuple[TurnChange, ...]:
    earlier = [(message["role"], message["content"]) for message in before]
    later = [(message["role"], message["content"]) for message in after]
    found: list[TurnChange] = []
    matcher = SequenceMatcher(None, earlier, later, autojunk=False)
    for _operation, start, end, other_start, other_end in matcher.get_opcodes():
        found += _paired(earlier[start:end], later[other_start:other_end])
    return tuple(found)


def _paired(before: list[tuple[str, str]], after: list[tuple[str, str]]) -> Iterator[TurnChange]:
    """Messages of the same role beside each other, in their order; what has no partner went or came."""
    before = list(before)
    for role, text in after:
        while before and before[0][0] != role and any(other == role for other, _text in before):
            gone = before.pop(0)
            yield TurnChange(gone[0], (Segment("removed", gone[1]),))
        if before and before[0][0] == role:
            yield TurnChange(role, word_difference(before.pop(0)[1], text))
        else:
            yield TurnChange(role, (Segment("added", text),))
    for role, text in before:
        yield TurnChange(role, (Segment("removed", text),))


def _values(
    lang_before: str, lang_after: str, before: Mapping[str, Any], after: Mapping[str, Any]
) -> Iterator[ValueChange]:
    if lang_before != lang_after:
        yield ValueChange("lang", lang_before or None, lang_after or None)
    for name in sorted(before.keys() | after.keys()):
        one, other = before.get(name, NOTHING), after.get(name, NOTHING)
        if one is NOTHING or other is NOTHING or not same_json(one, other):
            yield ValueChange(name, _shown(one), _shown(other))


def _shown(value: Any) -> str | None:
    if value is NOTHING:
        return None
    return value if isinstance(value, str) else canonical_json(value)
