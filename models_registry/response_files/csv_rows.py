"""Responses in CSV with a header, as spreadsheets and pandas write it. Pure.

"earlier_answers" holds JSON. An empty cell is as good as absent, but for the text: there it is an empty answer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from models_registry.golden_files.csv_file import read_cells
from models_registry.golden_files.json_text import BadJson, decode
from models_registry.golden_files.limits import Limits
from models_registry.golden_files.row import Problem, RawRow, shorten
from models_registry.golden_files.source import Line, Unreadable
from models_registry.response_files.row import ANSWERS_EXAMPLE, COLUMNS, NAMES

MOST_NAME_CHARACTERS = 1000


def raw_rows(
    lines: Iterable[Line], delimiter: str, limits: Limits, changed: Callable[[], None]
) -> Iterator[RawRow | Problem]:
    """(line, columns) of every row below the header, in order; a Problem for any that can't be read.

    Raises Unreadable where the header won't do. `changed` is called for each cell from which an apostrophe is
    taken, which spreadsheets need before = + - and @.
    """
    header: list[str] | None = None
    for line, cells in read_cells(lines, delimiter, limits, changed):
        if isinstance(cells, Problem):
            if header is None:
                raise Unreadable(cells.message, cells.fix, line=line)
            yield cells
        elif header is None:
            header = _header(line, cells, limits)
        elif any(cell.strip() for cell in cells[len(header) :]):
            yield Problem(
                line,
                f"the row has {len(cells)} cells where the header has {len(header)}",
                f'put a cell that contains "{"tab" if delimiter == "\t" else delimiter}" into double quotes',
            )
        else:
            yield _raw_row(line, header, cells, limits)


def _header(line: int, cells: list[str], limits: Limits) -> list[str]:
    if len(cells) > limits.columns:
        raise Unreadable(
            f"the header names {len(cells):,} columns", "remove those that are not needed", line=line
        )
    header = [_column(cell) or f"column {number}" for number, cell in enumerate(cells, start=1)]
    for number, name in enumerate(header):
        if len(name) > MOST_NAME_CHARACTERS:
            what = f"the name of column {number + 1} has {len(name):,} characters"
            fix = "begin with a header that names the columns shortly, then one row a line"
            raise Unreadable(what, fix, line=line)
        if name in header[:number]:
            fix = "rename or remove one of the two"
            raise Unreadable(f'the header names "{shorten(name)}" twice', fix, line=line)
    found = ", ".join(f'"{shorten(name)}"' for name in header[:12])
    for field, what in (("id", "ids of the examples"), ("text", "answers")):
        if not any(name in header for name in COLUMNS[field]):
            problem = f'the header has no column "{field}", only {found}'
            raise Unreadable(problem, f'name the column with the {what} "{field}"', line=line)
    return header


def _column(cell: str) -> str:
    name = cell.strip()
    return name.lower() if name.lower() in NAMES else name


def _raw_row(line: int, header: list[str], cells: list[str], limits: Limits) -> RawRow | Problem:
    row: dict[str, Any] = {name: cell for name, cell in zip(header, cells, strict=False) if cell.strip()}
    texts = {name: cell for name, cell in zip(header, cells, strict=False) if name in COLUMNS["text"]}
    if not texts.keys() & row.keys():
        # blanks are what was answered, too
        row |= dict(list(texts.items())[:1])
    if "earlier_answers" in row:
        try:
            row["earlier_answers"] = decode(
                row["earlier_answers"], 'the cell "earlier_answers"', depth=limits.json_depth
            )
        except BadJson as bad:
            fix = f"write {ANSWERS_EXAMPLE}" if "not JSON:" in bad.message else bad.fix
            return Problem(line, bad.message, fix)
    return line, row
