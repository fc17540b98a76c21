"""What a CSV file looks like, for the page on which its columns are mapped. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import BinaryIO

from models_registry.golden_files.csv_file import DELIMITERS, cells_of, delimiter_of, names_of, read_cells
from models_registry.golden_files.limits import Limits
from models_registry.golden_files.row import Problem
from models_registry.golden_files.source import Line, Unreadable, lines_of, open_source

FIRST_ROWS = 5
# where rows are bad or empty there is no end to the search for good ones
MOST_LINES = 1000
# what columns are called elsewhere, in the order in which they are believed
SYNONYMS = {
    "id": (
        "id",
        "key",
        "ticket",
        "ticket id",
        "example id",
        "question id",
        "uid",
        "nr",
        "number",
        "identificador",
        "nº",
        "n°",
        "número",
        "código",
    ),
    "prompt": (
        *("prompt", "question", "query", "input", "instruction", "message", "text", "utterance", "request"),
        *("pregunta", "consulta", "mensaje", "texto"),
    ),
    "system": ("system", "system prompt", "system message", "context"),
    "tags": (
        "tags",
        "tag",
        "intent",
        "intents",
        "topic",
        "category",
        "label",
        "intención",
        "categoría",
        "tema",
        "motivo",
        "asunto",
        "etiqueta",
        "etiquetas",
        "tipo",
    ),
    "reference": ("reference", "answer", "response", "expected", "gold", "ideal", "output", "respuesta"),
    "lang": ("lang", "language", "locale", "idioma"),
    "messages": ("messages", "conversation"),
    "metadata": ("metadata",),
}


@dataclass(frozen=True)
class CsvColumns:
    """`rows` are the first ones, as long as the header; `suggested` is a mapping for `open_golden_set`."""

    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    delimiter: str
    suggested: dict[str, str]


def csv_columns(
    stream: BinaryIO, *, limits: Limits | None = None, rows: int = FIRST_ROWS
) -> CsvColumns | Problem:
    """The header and the first rows of a CSV file, or what is wrong with it. Reads no further than that."""
    limits = limits or Limits()
    try:
        source = open_source(stream, limits)
        if source.is_parquet:
            return Problem(1, "the file is a Parquet file", "columns are mapped for CSV only")
        texts = source.head.decode("utf-8", "replace").splitlines()
        first = next((text for text in texts if text.strip() and not text.startswith("sep=")), "")
        delimiter = delimiter_of(first) or max(DELIMITERS, key=lambda one: len(cells_of(first, one)))
        return _columns(islice(lines_of(source, limits), MOST_LINES), delimiter, limits, rows)
    except Unreadable as unreadable:
        return unreadable.problem


def _columns(lines: Iterator[Line], delimiter: str, limits: Limits, most: int) -> CsvColumns | Problem:
    header: tuple[str, ...] = ()
    rows: list[tuple[str, ...]] = []
    for line, cells in read_cells(lines, delimiter, limits):
        if isinstance(cells, Problem):
            if not header:
                return cells
        elif not header:
            header = tuple(names_of(line, cells, limits))
        else:
            rows.append((*cells, *[""] * len(header))[: len(header)])
        if len(rows) == most:
            break
    if not header:
        return Problem(1, "the file holds no rows", "begin with a header, then one row a line")
    return CsvColumns(header, tuple(rows), delimiter, _suggested(header))


def _suggested(header: tuple[str, ...]) -> dict[str, str]:
    called = {name.lower().replace("_", " ").replace("-", " "): name for name in reversed(header)}
    suggested: dict[str, str] = {}
    for ours, names in SYNONYMS.items():
        theirs = next((called[name] for name in names if name in called), None) or next(
            (called[name] for name in called if ours != "id" and name.split(" ")[0] in names), None
        )
        if theirs is not None and theirs not in suggested.values():
            suggested[ours] = theirs
    if "messages" in suggested and "prompt" in suggested:
        del suggested["messages" if suggested["messages"].lower() != "messages" else "prompt"]
    return suggested
