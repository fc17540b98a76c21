"""The project's JSON Lines: one object a line, as described in `row.py`. In and out. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec

from models_registry.golden_files.json_text import ROW_EXAMPLE, BadJson, decode
from models_registry.golden_files.limits import Limits, megabytes
from models_registry.golden_files.raw import raw_of
from models_registry.golden_files.row import Problem, RawRow, Row, kind_of
from models_registry.golden_files.source import Line


def raw_rows(lines: Iterable[Line], limits: Limits) -> Iterator[RawRow | Problem]:
    """(line, object) of every line that holds one, in order; a Problem for any other; nothing for blank ones."""
    for line in lines:
        if line.text is None:
            most = megabytes(limits.row_bytes)
            yield Problem(line.number, f"the row is longer than {most}", "shorten or remove it")
            continue
        text = line.text.strip(" \t\r\n")
        if text:
            yield object_of(text, line.number, limits)


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
