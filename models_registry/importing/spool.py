"""Checked rows on disk, as they are to be stored: read once, hashed, then written to the database in one go."""

from __future__ import annotations

import json
import marshal
import os
from collections.abc import Iterator
from tempfile import TemporaryFile
from types import TracebackType
from typing import NamedTuple, Self

from models_registry.content_hash import canonical_json, canonical_line, canonical_messages, ordered_sha256
from models_registry.golden_files import Row


class Spooled(NamedTuple):
    """A row as the columns of the database take it: `messages` and `metadata` are canonical JSON."""

    key: str
    messages: str
    tags: tuple[str, ...]
    reference: str
    lang: str
    metadata: str
    line: int


class Spool:
    """Rows in the order in which they came. Of each only its key and its place are in memory, so that a file of any
    size can be hashed (which takes the order of the keys) before the first row of it is stored.
    """

    def __init__(self) -> None:
        self._file = TemporaryFile(prefix="evalsite-rows-")  # noqa: SIM115 - closed by __exit__
        self._places: list[tuple[str, int, int]] = []  # key, where it begins, how long it is
        self._end = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def __len__(self) -> int:
        return len(self._places)

    @property
    def size(self) -> int:
        """Bytes, about those of the rows in the database."""
        return self._end

    def add(self, row: Row) -> None:
        record = marshal.dumps(
            (
                row.key,
                canonical_messages(row.messages),
                row.tags,
                row.reference,
                row.lang,
                canonical_json(row.metadata) if row.metadata else "{}",
                row.line,
            )
        )
        self._file.write(record)
        self._places.append((row.key, self._end, len(record)))
        self._end += len(record)

    def __iter__(self) -> Iterator[Spooled]:
        return self._read(self._places)

    def rows(self) -> Iterator[Row]:
        """The rows as they were added."""
        for key, messages, tags, reference, lang, metadata, line in self:
            yield Row(line, key, tuple(json.loads(messages)), tags, reference, lang, json.loads(metadata))

    def sha256(self) -> str:
        """Of the rows as a golden set version: see content_hash.golden_set_sha256."""
        return ordered_sha256(canonical_line(*spooled[:6]) for spooled in self._read(sorted(self._places)))

    def _read(self, places: list[tuple[str, int, int]]) -> Iterator[Spooled]:
        self._file.flush()
        descriptor = self._file.fileno()
        for _key, begin, length in places:
            yield Spooled(*marshal.loads(os.pread(descriptor, length, begin)))  # noqa: S302 - written above
