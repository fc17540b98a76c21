"""CSV with a header, as spreadsheets and pandas write it: comma, semicolon or tab. Pure."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator
from typing import Any

from models_registry.golden_files.jsonl import BadJson, decode
from models_registry.golden_files.row import COLUMNS, Problem, shorten
from models_registry.golden_files.source import MOST_LINE_BYTES, Line, Unreadable, megabytes

DELIMITERS = ",;\t"
TAG_SEPARATORS = re.compile(r"[;|]")
MOST_COLUMNS = 1000

# The module's default of 128 KB a cell is less than a long conversation; the limit is the interpreter's.
csv.field_size_limit(MOST_LINE_BYTES)


def delimiter_of(first_line: str) -> str | None:
    """The delimiter with which the line names the most columns known here; None where it names none."""
    best = max(DELIMITERS, key=lambda delimiter: _known_columns(first_line, delimiter))
    return best if _known_columns(first_line, best) else None


def _known_columns(line: str, delimiter: str) -> int:
    try:
        cells = next(csv.reader(line.splitlines()[:1], delimiter=delimiter), [])
    except csv.Error:
        return 0
    return len({_column(cell) for cell in cells} & set(COLUMNS))


def _column(cell: str) -> str:
    name = cell.strip()
    return name.lower() if name.lower() in COLUMNS else name


def raw_rows(lines: Iterable[Line], delimiter: str) -> Iterator[tuple[int, dict[str, Any]] | Problem]:
    """(line, columns) of every row below the header, in order; a Problem for any that can't be read.

    Raises Unreadable where the header won't do. Empty cells are as good as absent, empty rows passed over.
    """
    reader = csv.reader(_texts(lines), delimiter=delimiter, strict=True)
    header: list[str] | None = None
    while True:
        line = reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            problem = _unreadable_row(line, reader.line_num, error)
            if header is None:
                raise Unreadable(problem.message, problem.fix, line=line) from None
            yield problem
            continue
        if not any(cell.strip() for cell in cells):
            continue
        if header is None:
            header = _checked_header(line, cells)
        elif any(cell.strip() for cell in cells[len(header) :]):
            yield Problem(
                line,
                f"the row has {len(cells)} cells where the header has {len(header)}",
                f'put a cell that contains "{"tab" if delimiter == "\t" else delimiter}" into double quotes',
            )
        else:
            yield _raw_row(line, header, cells)


def _texts(lines: Iterable[Line]) -> Iterator[str]:
    for line in lines:
        if line.text is None:
            raise Unreadable(
                f"the line is longer than {megabytes(MOST_LINE_BYTES)}",
                "shorten or remove it",
                line=line.number,
            )
        # a first line that only tells Excel the delimiter
        yield "\n" if line.number == 1 and re.fullmatch(r"sep=.\s*", line.text) else line.text


def _checked_header(line: int, cells: list[str]) -> list[str]:
    header = [_column(cell) or f"column {number}" for number, cell in enumerate(cells, start=1)]
    if len(header) > MOST_COLUMNS:
        raise Unreadable(
            f"the header names {len(header)} columns", "remove those that are not needed", line=line
        )
    twice = next((name for number, name in enumerate(header) if name in header[:number]), None)
    if twice is not None:
        raise Unreadable(
            f'the header names "{shorten(twice)}" twice', "rename or remove one of the two", line=line
        )
    found = ", ".join(f'"{shorten(name)}"' for name in header[:12])
    if "id" not in header:
        raise Unreadable(
            f'the header has no column "id", only {found}', 'name the column with the ids "id"', line=line
        )
    if "prompt" not in header and "messages" not in header:
        raise Unreadable(
            f'the header has neither a column "prompt" nor "messages", only {found}',
            'name the column with the questions "prompt"',
            line=line,
        )
    return header


def _raw_row(line: int, header: list[str], cells: list[str]) -> tuple[int, dict[str, Any]] | Problem:
    row: dict[str, Any] = {
        name: cell for name, cell in zip(header, cells, strict=False) if cell.strip() and name != "tags"
    }
    if "prompt" in header and "messages" not in row:
        row.setdefault("prompt", "")
    if "tags" in header[: len(cells)]:
        row["tags"] = cells[header.index("tags")].strip()
    for name in ("messages", "metadata", "tags"):
        if name not in row:
            continue
        if name == "tags" and not row[name].startswith("["):
            row[name] = [tag.strip() for tag in TAG_SEPARATORS.split(row[name]) if tag.strip()]
            continue
        try:
            row[name] = decode(row[name], f'the cell "{name}"')
        except BadJson as bad:
            return Problem(line, bad.message, _cell_fix(name, bad))
    return line, row


def _cell_fix(name: str, bad: BadJson) -> str:
    if "not JSON:" not in bad.message:
        return bad.fix
    return {
        "messages": 'write [{"role": "user", "content": "…"}], or use the columns "prompt" and "system"',
        "metadata": 'write an object such as {"source": "chat"}, or give each value a column of its own',
        "tags": "write the tags with a semicolon between them, such as billing; refunds",
    }[name]


def _unreadable_row(first: int, last: int, error: csv.Error) -> Problem:
    text = str(error)
    if "unexpected end of data" in text:
        return Problem(
            first, "a double quote opens in this row and never closes", 'close it; inside a cell write ""'
        )
    if "field larger than" in text:
        return Problem(first, f"a cell is longer than {megabytes(MOST_LINE_BYTES)}", "shorten or remove it")
    if "new-line character" in text:
        return Problem(
            first,
            "the row contains a carriage return outside double quotes",
            "save the file with LF or CRLF line ends",
        )
    where = "in this row" if last == first else f"in the row that ends in line {last}"
    return Problem(
        first,
        f"{where} a cell goes on after its closing double quote",
        'put the whole cell into double quotes and write "" for a quote inside it',
    )
