"""A golden set file into checked rows and problems, one after the other. Pure."""

from __future__ import annotations

import io
import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from hashlib import blake2b, sha256
from itertools import chain, islice
from typing import Any, BinaryIO

from models_registry.golden_files import csv_file, json_array, jsonl, llm_comparator, parquet
from models_registry.golden_files.common_row import NAMES, common_row
from models_registry.golden_files.limits import Limits
from models_registry.golden_files.recognise import (
    ROWS_TO_RECOGNISE_BY,
    SHAPES,
    Recognised,
    recognise,
    shape_of,
)
from models_registry.golden_files.row import (
    CheckedRow,
    Problem,
    RawRow,
    Row,
    Wrong,
    check_row,
    shorten,
    unknown_columns,
)
from models_registry.golden_files.source import Source, Unreadable, lines_of, open_source, raw_lines

MOST_PROBLEMS = 1000
MOST_NAMES_COUNTED = 1000
ID_CHARACTERS = 16
DIGEST_BYTES = 15


@dataclass(frozen=True)
class Reading:
    """What a file holds. `errors` lists the first MOST_PROBLEMS; `more_errors` counts those left out."""

    rows: tuple[Row, ...]
    errors: tuple[Problem, ...]
    warnings: tuple[str, ...]
    more_errors: int = 0
    skipped_rows: int = 0
    format: str = ""

    @property
    def error_count(self) -> int:
        return len(self.errors) + self.more_errors


class Opened:
    """A file that is being read. `rows` gives each row, or each thing wrong with it, in the order of the file.

    A Problem with `whole_file` is the last, and then no row counts. `format` is known from the start ("" where
    the file has none that is known), `warnings` once `rows` has come to its end.
    """

    def __init__(self, format: str, rows: Iterator[Row | Problem], counts: _Counts | None = None) -> None:
        self.format, self.rows, self._counts = format, rows, counts

    @property
    def warnings(self) -> tuple[str, ...]:
        return tuple(self._counts.warnings()) if self._counts else ()


def open_golden_set(
    stream: BinaryIO,
    filename: str = "",
    *,
    format: str | None = None,
    columns: Mapping[str, str] | None = None,
    limits: Limits | None = None,
) -> Opened:
    """Begin to read a golden set file: JSON Lines, a JSON array, CSV or Parquet, packed with gzip or not.

    stream    bytes, read once from where it stands; it has to stay open until the rows are read
    format    one of FORMATS; without it the content tells, and the name where the content does not
    columns   of a CSV: which of its columns is which of ours, such as {"prompt": "Question", "tags": "Topic"}

    Any bytes give rows or problems. The first row with an id has it; later ones are problems. Where a format
    has no ids, and where `columns` name none, a row's id is the beginning of the sha256 of its messages.
    Memory does not grow with the file, but for some 100 bytes an id. Raises ValueError for an unknown format,
    OSError where the stream does.
    """
    limits = limits or Limits()
    counts = _Counts()
    try:
        source = open_source(stream, limits)
        found = recognise(source, filename, limits, columns, format)
        if found.container == "parquet":
            from_parquet = parquet.raw_rows(source, limits)
            head = list(islice(from_parquet, ROWS_TO_RECOGNISE_BY))
            if format is None:
                rows = [item[1] for item in head if not isinstance(item, Problem)]
                found = replace(found, shape=shape_of(rows))
            raw: Iterator[CheckedRow | RawRow | Problem] = chain(head, from_parquet)
        else:
            raw = _raw_rows(source, found, limits, columns, counts)
    except Unreadable as unreadable:
        return Opened("", iter([unreadable.problem]))
    derive = bool(found.shape) or (columns is not None and not columns.get("id"))
    return Opened(found.format, _checked(raw, found, limits, derive, counts), counts)


def read(
    source: bytes | BinaryIO,
    filename: str = "",
    *,
    most_bytes: int | None = None,
    format: str | None = None,
    columns: Mapping[str, str] | None = None,
    limits: Limits | None = None,
) -> Reading:
    """Every row of a golden set file, and everything wrong with it: `open_golden_set`, collected.

    Any bytes give a Reading: a file that can't be read as a whole has no rows, and what is wrong with it is the
    first error. `most_bytes` is the limit on the file alone.
    """
    limits = limits or Limits()
    if most_bytes is not None:
        limits = replace(limits, file_bytes=most_bytes)
    stream = io.BytesIO(source) if isinstance(source, bytes) else source
    opened = open_golden_set(stream, filename, format=format, columns=columns, limits=limits)
    rows: list[Row] = []
    errors: list[Problem] = []
    more_errors = 0
    bad_lines: set[int] = set()
    for item in opened.rows:
        if isinstance(item, Row):
            rows.append(item)
        elif item.whole_file:
            return Reading((), (item, *errors), (), more_errors, len(bad_lines), opened.format)
        else:
            bad_lines.add(item.line)
            if len(errors) < MOST_PROBLEMS:
                errors.append(item)
            else:
                more_errors += 1
    if not rows and not bad_lines:
        errors.append(
            Problem(1, "the file holds no rows", "write one row a line; see the example on the upload page")
        )
    return Reading(tuple(rows), tuple(errors), opened.warnings, more_errors, len(bad_lines), opened.format)


def _raw_rows(
    source: Source,
    found: Recognised,
    limits: Limits,
    columns: Mapping[str, str] | None,
    counts: _Counts,
) -> Iterator[CheckedRow | RawRow | Problem]:
    match found.container:
        case "json":
            return json_array.items(source, limits)
        case "document":
            return json_array.items_below(source, limits, llm_comparator.ITEMS)
        case "csv":
            changed = None if csv_file.is_our_own(source.head, source.start) else counts.cell_changed
            return csv_file.raw_rows(lines_of(source, limits), found.delimiter, limits, columns, changed)
    if found.shape:
        return jsonl.raw_rows(lines_of(source, limits), limits)
    return jsonl.rows(raw_lines(source, limits), limits)


def _checked(
    raw_rows: Iterator[CheckedRow | RawRow | Problem],
    found: Recognised,
    limits: Limits,
    derive: bool,
    counts: _Counts,
) -> Iterator[Row | Problem]:
    unit = "line" if found.container in ("jsonl", "csv") else "item"
    line_of: dict[bytes, int] = {}
    number = 0
    try:
        for number, item in enumerate(raw_rows, start=1):
            if number > limits.rows:
                row = item if isinstance(item, Problem) else item[0]
                line = row if isinstance(row, int) else row.line
                raise Unreadable(
                    f"the file has more than {limits.rows:,} rows", "split it into several", line, unit
                )
            if isinstance(item, Problem):
                yield item
                continue
            row, given = item
            if isinstance(row, int):
                checked = _row(row, given, unit, found.shape, derive, counts)
            else:
                checked = row
                if not NAMES.issuperset(given):
                    counts.unknown_columns(unknown_columns(given))
            if isinstance(checked, list):
                yield from checked
                continue
            # a short id takes no more room than a digest, and is none, being shorter
            name = checked.key.encode()
            if len(name) >= DIGEST_BYTES:
                name = blake2b(name, digest_size=DIGEST_BYTES).digest()
            first = line_of.setdefault(name, checked.line)
            if first == checked.line:
                yield checked
            elif checked.key == derived_id(checked.messages):
                message = f"the prompt is the same as in {unit} {first}"
                yield Problem(checked.line, message, "remove one of the two, or give both an id", unit)
            else:
                message = f'the id "{shorten(checked.key)}" was used in {unit} {first} already'
                yield Problem(checked.line, message, "give each row an id of its own", unit)
    except Unreadable as unreadable:
        yield unreadable.problem


def _row(
    line: int, given: dict[str, Any], unit: str, shape: str, derive: bool, counts: _Counts
) -> Row | list[Problem]:
    raw = given
    if shape:
        try:
            raw = SHAPES[shape].as_raw(given)
        except Wrong as wrong:
            return [Problem(line, wrong.message, wrong.fix, unit)]
    without_id = derive and raw.get("id") is None
    if without_id:
        raw = raw | {"id": "-"}
    checked = common_row(line, raw) or check_row(line, raw, unit)
    if without_id and isinstance(checked, Row):
        checked = replace(checked, key=derived_id(checked.messages))
        counts.derived += 1
    if isinstance(checked, Row):
        counts.unknown_columns(unknown_columns(raw))
        if shape and (left_out := SHAPES[shape].left_out & given.keys()):
            counts.left_out.update(left_out)
    return checked


def derived_id(messages: tuple[dict[str, str], ...]) -> str:
    """The id of a row whose format has none: the same for the same messages, whatever file they stand in."""
    text = json.dumps(messages, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return sha256(text.encode()).hexdigest()[:ID_CHARACTERS]


class _Counts:
    """What is worth a warning, counted while the rows go by."""

    def __init__(self) -> None:
        self.unknown: Counter[str] = Counter()
        self.left_out: Counter[str] = Counter()
        self.more_unknown = self.derived = self.cells_changed = 0

    def cell_changed(self) -> None:
        self.cells_changed += 1

    def unknown_columns(self, names: list[str]) -> None:
        for name in names:
            if name in self.unknown or len(self.unknown) < MOST_NAMES_COUNTED:
                self.unknown[name] += 1
            else:
                self.more_unknown += 1

    def warnings(self) -> Iterator[str]:
        if self.derived:
            yield f"{_rows(self.derived)} without an id: given one made of the sha256 of the prompt."
        if self.cells_changed:
            cells = "1 cell" if self.cells_changed == 1 else f"{self.cells_changed:,} cells"
            yield f"{cells} with an apostrophe before = + - or @: read without it; write two to keep one."
        for name, count in sorted(self.left_out.items()):
            yield f'{_rows(count)} with "{name}": left out, being no part of a prompt.'
        for name, count in self.unknown.most_common(50):
            column = f'"{shorten(name)}", which is not known here: kept under "metadata".'
            yield f"{_rows(count)} with a column {column}"
        if len(self.unknown) > 50:
            more = len(self.unknown) - 50
            yield f'{more}{" or" if self.more_unknown else ""} more unknown columns: kept under "metadata".'


def _rows(count: int) -> str:
    return "1 row" if count == 1 else f"{count:,} rows"
