"""The project's JSON Lines: one object a line, as described in `row.py`. In and out. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec

from models_registry.golden_files import common_row
from models_registry.golden_files.json_text import ROW_EXAMPLE, BadJson, decode, names_are_single
from models_registry.golden_files.limits import Limits, megabytes
from models_registry.golden_files.raw import raw_of
from models_registry.golden_files.row import CheckedRow, Problem, RawRow, Row, kind_of
from models_registry.golden_files.source import Line, RawLine, line_of


def raw_rows(lines: Iterable[Line], limits: Limits) -> Iterator[RawRow | Problem]:
    """(line, object) of every line that holds one, in order; a Problem for any other; nothing for blank ones."""
    for line in lines:
        found = _raw_row(line, limits)
        if found is not None:
            yield found


def rows(lines: Iterable[RawLine], limits: Limits) -> Iterator[CheckedRow | RawRow | Problem]:
    """The same, but (row, object) of a line that holds a common row, which is checked then."""
    any_common = limits.json_depth >= common_row.DEPTH
    for number, raw, offset in lines:
        if any_common and raw is not None and raw.startswith(b"{"):
            row = _common_row(number, raw)
            if row is not None:
                yield row
                continue
        found = _raw_row(line_of(number, raw, offset), limits)
        if found is not None:
            yield found


def _common_row(number: int, raw: bytes) -> CheckedRow | None:
    try:
        # strict about UTF-8 too: all of it stands in strings, which are decoded one by one
        value = msgspec.json.decode(raw)
    except (msgspec.MsgspecError, UnicodeError, RecursionError, ValueError):
        return None
    row = common_row.common_row(number, value)
    if row is None or not names_are_single(raw, value, common_row.fewest_names(value)):
        return None
    return row, value


def _raw_row(line: Line, limits: Limits) -> RawRow | Problem | None:
    if line.text is None:
        most = megabytes(limits.row_bytes)
        return Problem(line.number, f"the row is longer than {most}", "shorten or remove it")
    text = line.text.strip(" \t\r\n")
    return object_of(text, line.number, limits) if text else None


def object_of(text: str, number: int, limits: Limits, unit: str = "line") -> RawRow | Problem:
    """The number of a row and the object that its text is, or what is wrong with that."""
    try:
        value = decode(text, depth=limits.json_depth)
    except BadJson as bad:
        return Problem(number, bad.message, bad.fix, unit)
    if isinstance(value, dict):
        return number, value
    fix = f"write one object a line: {ROW_EXAMPLE}" if unit == "line" else f"give objects: {ROW_EXAMPLE}"
    return Problem(number, f"the row is {kind_of(value)}", fix, unit)


def write(rows: Iterable[Row]) -> Iterator[bytes]:
    """One line a row; reading them gives the same rows and so the same sha256."""
    encode = msgspec.json.Encoder().encode
    for row in rows:
        yield encode(raw_of(row)) + b"\n"
