"""Golden set files: bytes in, rows or line-numbered problems out. One module per format; pure, no Django."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain, islice
from typing import Any, BinaryIO

from models_registry.golden_files import csv_file, jsonl
from models_registry.golden_files.row import (
    COLUMNS,
    UNTAGGED,
    Problem,
    Row,
    check_row,
    shorten,
    unknown_columns,
)
from models_registry.golden_files.source import Line, Unreadable, lines_of

__all__ = ["COLUMNS", "MOST_BYTES", "UNTAGGED", "Problem", "Reading", "Row", "check_row", "read"]

MOST_BYTES = 1024 * 1024 * 1024
MOST_PROBLEMS = 1000
LINES_TO_RECOGNISE_BY = 20
JSON_LINES_SUFFIXES = (".jsonl", ".ndjson", ".jsonl.gz", ".ndjson.gz")


@dataclass(frozen=True)
class Reading:
    """What a file holds. `errors` lists the first MOST_PROBLEMS; `more_errors` counts those left out."""

    rows: tuple[Row, ...]
    errors: tuple[Problem, ...]
    warnings: tuple[str, ...]
    more_errors: int = 0
    skipped_rows: int = 0

    @property
    def error_count(self) -> int:
        return len(self.errors) + self.more_errors


def read(source: bytes | BinaryIO, filename: str = "", *, most_bytes: int = MOST_BYTES) -> Reading:
    """Every row of a golden set file, and everything wrong with it.

    The format is recognised by the content; the name only decides where the content does not. gzip is
    unpacked. `most_bytes` bounds the file, packed and unpacked alike. Any bytes give a Reading: a file that
    can't be read as a whole has no rows, and what is wrong with it is the first error. Rows after the first
    with the same id are errors.
    """
    rows: list[Row] = []
    errors: list[Problem] = []
    more_errors = 0
    bad_lines: set[int] = set()
    unknown: Counter[str] = Counter()
    line_of: dict[str, int] = {}
    stream = io.BytesIO(source) if isinstance(source, bytes) else source
    try:
        for item in _raw_rows(lines_of(stream, most_bytes), filename):
            checked: Row | list[Problem] = [item] if isinstance(item, Problem) else check_row(*item)
            if isinstance(checked, Row):
                first = line_of.setdefault(checked.key, checked.line)
                if first != checked.line:
                    message = f'the id "{shorten(checked.key)}" was used in line {first} already'
                    checked = [Problem(checked.line, message, "give each row an id of its own")]
            if isinstance(checked, list):
                bad_lines.add(checked[0].line)
                room = MOST_PROBLEMS - len(errors)
                errors += checked[:room]
                more_errors += len(checked[room:])
                continue
            rows.append(checked)
            if not isinstance(item, Problem):
                unknown.update(unknown_columns(item[1]))
    except Unreadable as unreadable:
        return Reading((), (unreadable.problem, *errors), (), more_errors, len(bad_lines))
    if not rows and not errors:
        errors.append(
            Problem(1, "the file holds no rows", "write one row a line; see the example on the upload page")
        )
    warnings = _warnings(rows, unknown)
    return Reading(tuple(rows), tuple(errors), tuple(warnings), more_errors, len(bad_lines))


def _raw_rows(lines: Iterator[Line], filename: str) -> Iterator[tuple[int, dict[str, Any]] | Problem]:
    head = list(islice(lines, LINES_TO_RECOGNISE_BY))
    texts = [text for line in head if (text := (line.text or "").strip())]
    # a first line that only tells Excel the delimiter
    header = texts[1] if len(texts) > 1 and texts[0].startswith("sep=") else texts[0] if texts else ""
    delimiter = csv_file.delimiter_of(header)
    if header.startswith("[") and not filename.lower().endswith(JSON_LINES_SUFFIXES):
        raise Unreadable(
            "the file is a JSON array", "write each of its objects on a line of its own (JSON Lines)"
        )
    if header == "{":
        raise Unreadable(
            "the file is one JSON document spread over several lines",
            f"write each row on one line: {jsonl.ROW_EXAMPLE}",
        )
    if header.startswith("<"):
        raise Unreadable("the file is HTML or XML", "give JSON Lines or CSV")
    looks_like_json_lines = any(text.startswith("{") for text in texts) or filename.lower().endswith(
        JSON_LINES_SUFFIXES
    )
    is_json_lines = not texts or header.startswith("{") or (delimiter is None and looks_like_json_lines)
    everything = chain(head, lines)
    if is_json_lines:
        return jsonl.raw_rows(everything)
    if delimiter is None:
        number = next(line.number for line in head if (line.text or "").strip())
        raise Unreadable(
            "the file is neither JSON Lines nor CSV with the columns known here: "
            f'it begins with "{shorten(header)}"',
            f'write rows such as {jsonl.ROW_EXAMPLE}, or a CSV whose header has "id" and "prompt"',
            line=number,
        )
    return csv_file.raw_rows(everything, delimiter)


def _warnings(rows: list[Row], unknown: Counter[str]) -> Iterator[str]:
    for name, count in unknown.most_common(50):
        column = f'"{shorten(name)}", which is not known here: kept under "metadata".'
        yield f"{_rows(count)} with a column {column}"
    if len(unknown) > 50:
        yield f'{len(unknown) - 50} more unknown columns: kept under "metadata".'
    untagged = sum(not row.tags for row in rows)
    if untagged:
        yield f"{_rows(untagged)} without a tag: shown as {UNTAGGED}."


def _rows(count: int) -> str:
    return "1 row" if count == 1 else f"{count:,} rows"
