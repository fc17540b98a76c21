"""A file of responses into checked rows and problems, one after the other. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from typing import BinaryIO

from models_registry.golden_files import csv_file, json_array, json_text, jsonl, parquet
from models_registry.golden_files.limits import Limits
from models_registry.golden_files.row import Problem, RawRow, shorten
from models_registry.golden_files.source import Source, Unreadable, lines_of, open_source
from models_registry.response_files import csv_rows
from models_registry.response_files.row import NAMES, ROW_EXAMPLE, ResponseRow, check_row, unknown_columns

JSON_LINES_SUFFIXES = (".jsonl", ".ndjson", ".jsonl.gz", ".ndjson.gz")
LINES_TO_RECOGNISE_BY = 20
MOST_NAMES_COUNTED = 1000
MOST_NAMES_TOLD = 50


class OpenedResponses:
    """A file that is being read. `rows` gives each row, or each thing wrong with it, in the order of the file.

    A Problem with `whole_file` is the last, and then no row counts. `format` is known from the start ("" where
    the file has none that is known), `warnings` once `rows` has come to its end.
    """

    def __init__(self, format: str, rows: Iterator[ResponseRow | Problem], counts: _Counts) -> None:
        self.format, self.rows, self._counts = format, rows, counts

    @property
    def warnings(self) -> tuple[str, ...]:
        return tuple(self._counts.warnings())


def open_responses(stream: BinaryIO, filename: str = "", *, limits: Limits | None = None) -> OpenedResponses:
    """Begin to read a file of responses: JSON Lines, a JSON array, CSV or Parquet, packed with gzip or not.

    stream    bytes, read once from where it stands; it has to stay open until the rows are read
    filename  decides only where the content doesn't

    Any bytes give rows or problems. The first row with an id has it; later ones are problems. Memory does not
    grow with the file, but for the ids. Raises OSError where the stream does.
    """
    limits = limits or Limits()
    counts = _Counts()
    try:
        source = open_source(stream, limits)
        format, delimiter = _recognise(source, filename)
        raw = _raw_rows(source, format, delimiter, limits, counts)
    except Unreadable as unreadable:
        return OpenedResponses("", iter([unreadable.problem]), counts)
    return OpenedResponses(format, _checked(raw, format, limits, counts), counts)


def _recognise(source: Source, filename: str) -> tuple[str, str]:
    """The format, and the delimiter of a CSV. Raises Unreadable."""
    if source.is_parquet:
        return "parquet", ""
    texts = [text for text in source.head.decode("utf-8", "replace").split("\n") if text.strip()]
    # a first line that only tells Excel the delimiter
    without = texts[1:] if texts and texts[0].startswith("sep=") else texts
    header = without[0].strip() if without else ""
    if not header:
        return "jsonl", ""
    if header.startswith("["):
        return "json", ""
    if header.startswith("<"):
        raise Unreadable("the file is HTML or XML", "give JSON Lines or CSV")
    if header == "{":
        raise Unreadable(
            "the file is one JSON document spread over several lines",
            f"write each row on one line: {ROW_EXAMPLE}",
        )
    if header.startswith("{"):
        return "jsonl", ""
    delimiter = csv_file.delimiter_of(header.lower(), NAMES)
    if delimiter is not None:
        return "csv", delimiter
    some_json = any(text.lstrip().startswith("{") for text in texts[:LINES_TO_RECOGNISE_BY])
    if some_json or filename.lower().endswith(JSON_LINES_SUFFIXES):
        return "jsonl", ""
    blank = source.head[: len(source.head) - len(source.head.lstrip())]
    raise Unreadable(
        "the file is neither JSON Lines nor CSV with the columns known here: "
        f'it begins with "{shorten(header)}"',
        f'write rows such as {ROW_EXAMPLE}, or a CSV whose header has "id" and "text"',
        line=1 + blank.count(b"\n"),
    )


def _raw_rows(
    source: Source, format: str, delimiter: str, limits: Limits, counts: _Counts
) -> Iterator[RawRow | Problem]:
    match format:
        case "parquet":
            return parquet.objects(source, limits)
        case "json":
            return json_array.items(source, limits)
        case "csv":
            return csv_rows.raw_rows(lines_of(source, limits), delimiter, limits, counts.cell_changed)
    return jsonl.raw_rows(lines_of(source, limits), limits)


def _checked(
    raw_rows: Iterator[RawRow | Problem], format: str, limits: Limits, counts: _Counts
) -> Iterator[ResponseRow | Problem]:
    unit = "line" if format in ("jsonl", "csv") else "item"
    line_of: dict[str, int] = {}
    number = 0
    try:
        for number, item in enumerate(raw_rows, start=1):
            line = item.line if isinstance(item, Problem) else item[0]
            if number > limits.rows:
                raise Unreadable(
                    f"the file has more than {limits.rows:,} rows", "split it into several", line, unit
                )
            if isinstance(item, Problem):
                yield _of_responses(item)
                continue
            counts.unknown_columns(unknown_columns(item[1]))
            checked = check_row(line, item[1], unit)
            if isinstance(checked, list):
                yield from checked
                continue
            first = line_of.setdefault(checked.key, line)
            if first != line:
                message = f'the id "{shorten(checked.key)}" was used in {unit} {first} already'
                yield Problem(line, message, "keep one response an example", unit)
                continue
            counts.empty += not checked.text.strip()
            yield checked
        if not number:
            raise Unreadable("the file holds no rows", f"write rows such as {ROW_EXAMPLE}", unit=unit)
    except Unreadable as unreadable:
        yield _of_responses(unreadable.problem)


def _of_responses(problem: Problem) -> Problem:
    """What the reading of golden sets found, with the row that is meant here as its example."""
    return replace(problem, fix=problem.fix.replace(json_text.ROW_EXAMPLE, ROW_EXAMPLE))


class _Counts:
    """What is worth a warning, counted while the rows go by."""

    def __init__(self) -> None:
        self.unknown: Counter[str] = Counter()
        self.empty = self.cells_changed = 0

    def cell_changed(self) -> None:
        self.cells_changed += 1

    def unknown_columns(self, names: list[str]) -> None:
        for name in names:
            if name in self.unknown or len(self.unknown) < MOST_NAMES_COUNTED:
                self.unknown[name] += 1

    def warnings(self) -> Iterator[str]:
        if self.empty:
            yield f"{_rows(self.empty)} with an empty text: kept, as an empty answer is an answer."
        if self.cells_changed:
            cells = "1 cell" if self.cells_changed == 1 else f"{self.cells_changed:,} cells"
            yield f"{cells} with an apostrophe before = + - or @: read without it; write two to keep one."
        for name, count in self.unknown.most_common(MOST_NAMES_TOLD):
            yield f'{_rows(count)} with a column "{shorten(name)}", which is not known here: left out.'
        if len(self.unknown) > MOST_NAMES_TOLD:
            yield f"{len(self.unknown) - MOST_NAMES_TOLD} or more other unknown columns: left out."


def _rows(count: int) -> str:
    return "1 row" if count == 1 else f"{count:,} rows"
