"""CSV with a header, as spreadsheets and pandas write it: comma, semicolon or tab. In and out. Pure.

Columns are those of JSON Lines. "messages", "user_turns" and "metadata" hold JSON; tags stand with a semicolon
between them. A file with other columns is read with a mapping such as {"id": "Ticket", "prompt": "Question"}:
what it does not name is kept in the metadata.

A spreadsheet runs a cell that begins with = + - or @ as a formula. So an apostrophe is written before such a
cell, also before one that has apostrophes there already; reading takes one away from exactly these, and says
so unless the file is our own.
See https://owasp.org/www-community/attacks/CSV_Injection
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import batched
from typing import Any

from models_registry.golden_files.json_text import BadJson, decode
from models_registry.golden_files.limits import Limits, megabytes
from models_registry.golden_files.raw import raw_of
from models_registry.golden_files.row import COLUMNS, Problem, RawRow, Row, shorten
from models_registry.golden_files.source import Line, Unreadable

MARK = "\ufeff".encode()
DELIMITERS = ",;\t"
TAG_SEPARATORS = re.compile(r"[;|]")
FORMULA = re.compile("'*[=+\\-@\t\r\n＝＋－＠]")
JSON_CELLS = ("messages", "user_turns", "metadata", "tags")
WRITTEN = ("id", "system", "prompt", "user_turns", "messages", "tags", "reference", "lang", "metadata")
CONVERSATIONS = ("prompt", "messages", "user_turns")
MOST_NAME_CHARACTERS = 1000


def delimiter_of(first_line: str, wanted: Iterable[str] = COLUMNS) -> str | None:
    """The delimiter with which the line names the most columns that are wanted; None where it names none."""
    names = {_column(name) for name in wanted}

    def known(delimiter: str) -> int:
        return len({_column(cell) for cell in cells_of(first_line, delimiter)} & names)

    best = max(DELIMITERS, key=known)
    return best if known(best) else None


def cells_of(line: str, delimiter: str) -> list[str]:
    """The cells of a line; none where it can't be told apart."""
    try:
        return next(csv.reader(line.splitlines()[:1], delimiter=delimiter), [])
    except csv.Error:
        return []


def is_our_own(head: bytes, start: int) -> bool:
    """Whether a file begins as `write` begins it; `start` is where its text begins, after the mark."""
    return start == len(MARK) and head.startswith(_as_lines([WRITTEN]))


def _column(cell: str) -> str:
    name = cell.strip()
    return name.lower() if name.lower() in COLUMNS else name


def raw_rows(
    lines: Iterable[Line],
    delimiter: str,
    limits: Limits,
    columns: Mapping[str, str] | None = None,
    changed: Callable[[], None] | None = None,
) -> Iterator[RawRow | Problem]:
    """(line, columns) of every row below the header, in order; a Problem for any that can't be read.

    `columns` says which column of the file is which of ours. Raises Unreadable where the header won't do.
    Empty cells are as good as absent, empty rows passed over. `changed` is called for each cell
    from which an apostrophe is taken.
    """
    header: list[str] | None = None
    for line, cells in read_cells(lines, delimiter, limits, changed):
        if isinstance(cells, Problem):
            if header is None:
                raise Unreadable(cells.message, cells.fix, line=line)
            yield cells
        elif header is None:
            header = _checked_header(line, cells, limits, columns)
        elif any(cell.strip() for cell in cells[len(header) :]):
            yield Problem(
                line,
                f"the row has {len(cells)} cells where the header has {len(header)}",
                f'put a cell that contains "{"tab" if delimiter == "\t" else delimiter}" into double quotes',
            )
        else:
            yield _raw_row(line, header, cells, limits)


def read_cells(
    lines: Iterable[Line], delimiter: str, limits: Limits, changed: Callable[[], None] | None = None
) -> Iterator[tuple[int, list[str] | Problem]]:
    """(line, cells) of every row that is not empty, the header too; a Problem where it can't be told apart."""
    # The module's default of 128 KB a cell is less than a long conversation; the limit is the interpreter's.
    csv.field_size_limit(max(csv.field_size_limit(), limits.row_bytes))
    texts = _Texts(lines, limits)
    reader = csv.reader(texts, delimiter=delimiter, strict=True)
    while True:
        line = reader.line_num + 1
        texts.of_row = 0
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield line, _unreadable_row(line, reader.line_num, error, limits)
            continue
        if any(cell.strip() for cell in cells):
            for place, cell in enumerate(cells):
                if cell[:1] == "'" and FORMULA.match(cell):
                    cells[place] = cell[1:]
                    if changed is not None:
                        changed()
            yield line, cells


class _Texts:
    """The lines' texts, as long as those of one row are no more than a row may have."""

    def __init__(self, lines: Iterable[Line], limits: Limits) -> None:
        self.lines, self.limits, self.of_row = iter(lines), limits, 0

    def __iter__(self) -> _Texts:
        return self

    def __next__(self) -> str:
        line = next(self.lines)
        most = megabytes(self.limits.row_bytes)
        if line.text is None:
            raise Unreadable(f"the line is longer than {most}", "shorten or remove it", line=line.number)
        self.of_row += len(line.text)
        if self.of_row > self.limits.row_bytes:
            fix = "look for a double quote that never closes, or shorten the row"
            raise Unreadable(f"a row that ends here or later is longer than {most}", fix, line=line.number)
        # a first line that only tells Excel the delimiter
        return "\n" if line.number == 1 and re.fullmatch(r"sep=.\s*", line.text) else line.text


def names_of(line: int, cells: list[str], limits: Limits) -> list[str]:
    """The names in a header, those without one by their number. Raises Unreadable."""
    if len(cells) > limits.columns:
        raise Unreadable(
            f"the header names {len(cells)} columns", "remove those that are not needed", line=line
        )
    names = [cell.strip() or f"column {number}" for number, cell in enumerate(cells, start=1)]
    for number, name in enumerate(names, start=1):
        if "\x00" in name:
            what = f"the name of column {number} contains a NUL character (U+0000)"
            raise Unreadable(what, "remove it: the database can't store it", line=line)
        if len(name) > MOST_NAME_CHARACTERS:
            what = f"the name of column {number} has {len(name):,} characters"
            fix = "begin with a header that names the columns shortly, then one row a line"
            raise Unreadable(what, fix, line=line)
    return names


def _checked_header(
    line: int, cells: list[str], limits: Limits, columns: Mapping[str, str] | None
) -> list[str]:
    header = [_column(name) for name in names_of(line, cells, limits)]
    twice = next((name for number, name in enumerate(header) if name in header[:number]), None)
    if twice is not None:
        raise Unreadable(
            f'the header names "{shorten(twice)}" twice', "rename or remove one of the two", line=line
        )
    found = ", ".join(f'"{shorten(name)}"' for name in header[:12])
    if columns is not None:
        return _mapped_header(line, header, columns, found)
    if "id" not in header:
        raise Unreadable(
            f'the header has no column "id", only {found}', 'name the column with the ids "id"', line=line
        )
    if not any(name in header for name in CONVERSATIONS):
        raise Unreadable(
            f'the header has neither a column "prompt" nor "messages", only {found}',
            'name the column with the questions "prompt"',
            line=line,
        )
    return header


def _mapped_header(line: int, header: list[str], columns: Mapping[str, str], found: str) -> list[str]:
    ours = {_column(theirs): name for name, theirs in columns.items() if theirs}
    for name, theirs in columns.items():
        if theirs and _column(theirs) not in header:
            fix = f'choose another column for "{name}", or none'
            raise Unreadable(f'the header has no column "{shorten(theirs)}", only {found}', fix, line=line)
        if name not in COLUMNS or (columns[name] and ours[_column(theirs)] != name):
            problem = f'"{shorten(theirs)}" can\'t be "{shorten(name)}" here'
            raise Unreadable(problem, f"map each column once, to one of {', '.join(COLUMNS)}", line=line)
    if not any(columns.get(name) for name in CONVERSATIONS):
        raise Unreadable("no column is chosen for the prompt", "choose the one with the questions", line=line)
    # a column with a name of ours that is not chosen for it is one like any other
    return [ours.get(name) or (f"column {name}" if name in COLUMNS else name) for name in header]


def _raw_row(line: int, header: list[str], cells: list[str], limits: Limits) -> RawRow | Problem:
    row: dict[str, Any] = {
        name: cell for name, cell in zip(header, cells, strict=False) if cell.strip() and name != "tags"
    }
    if "prompt" in header and not any(name in row for name in CONVERSATIONS):
        row["prompt"] = ""
    if "tags" in header[: len(cells)]:
        row["tags"] = cells[header.index("tags")].strip()
    for name in JSON_CELLS:
        if name not in row:
            continue
        if name == "tags" and not row[name].startswith("["):
            row[name] = [tag.strip() for tag in TAG_SEPARATORS.split(row[name]) if tag.strip()]
            continue
        try:
            row[name] = decode(row[name], f'the cell "{name}"', depth=limits.json_depth)
        except BadJson as bad:
            return Problem(line, bad.message, _cell_fix(name, bad))
    return line, row


def _cell_fix(name: str, bad: BadJson) -> str:
    if "not JSON:" not in bad.message:
        return bad.fix
    return {
        "messages": 'write [{"role": "user", "content": "…"}], or use the columns "prompt" and "system"',
        "user_turns": 'write ["…", "…"], or use the columns "prompt" and "system"',
        "metadata": 'write an object such as {"source": "chat"}, or give each value a column of its own',
        "tags": "write the tags with a semicolon between them, such as billing; refunds",
    }[name]


def _unreadable_row(first: int, last: int, error: csv.Error, limits: Limits) -> Problem:
    text = str(error)
    if "unexpected end of data" in text:
        return Problem(
            first, "a double quote opens in this row and never closes", 'close it; inside a cell write ""'
        )
    if "field larger than" in text:
        most = megabytes(limits.row_bytes)
        return Problem(first, f"a cell is longer than {most}", "shorten or remove it")
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


def write(rows: Iterable[Row]) -> Iterator[bytes]:
    """UTF-8 with a mark and CRLF, which is what spreadsheets take for UTF-8; reading gives the same rows."""
    yield MARK
    yield _as_lines([WRITTEN])
    for batch in batched(rows, 100):
        yield _as_lines([_cells(row) for row in batch])


def _cells(row: Row) -> list[str]:
    raw = raw_of(row)
    if len(messages := raw.get("messages", ())) == 1:
        raw["prompt"] = messages[0]["content"]
    elif len(messages) == 2:
        raw["system"], raw["prompt"] = (message["content"] for message in messages)
    if "prompt" in raw:
        del raw["messages"]
    plain = "; ".join(row.tags)
    if row.tags and not plain.startswith("[") and len(TAG_SEPARATORS.findall(plain)) == len(row.tags) - 1:
        raw["tags"] = plain
    cells = [raw.get(name, "") for name in WRITTEN]
    texts = [cell if isinstance(cell, str) else json.dumps(cell, ensure_ascii=False) for cell in cells]
    return [f"'{text}" if FORMULA.match(text) else text for text in texts]


def _as_lines(rows: Iterable[Iterable[str]]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerows(rows)
    return text.getvalue().encode()
