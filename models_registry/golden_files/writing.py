"""Checked rows into the bytes of a file, a piece at a time. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from models_registry.golden_files import csv_file, jsonl, openai_chat, parquet
from models_registry.golden_files.row import Problem, Row
from models_registry.golden_files.source import BLOCK

WRITTEN_FORMATS = ("jsonl", "csv", "parquet", "openai_chat")


class Unwritable(Exception):
    """A row that the format can't tell."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(str(problem))
        self.problem = problem


def write(
    rows: Iterable[Row], format: str, leave_out: Callable[[Problem], None] | None = None
) -> Iterator[bytes]:
    """The rows as a file, in pieces of some 64 KB; reading it gives the same rows, so the same sha256.

    format: jsonl, csv, parquet or openai_chat. Only openai_chat can't tell every row (see there): `leave_out`
    is called with a Problem for each that it leaves out; without `leave_out` such a row raises Unwritable.
    Raises ValueError for another format. Parquet is written to a temporary folder first.
    """
    if format not in WRITTEN_FORMATS:
        raise ValueError(f"{format!r} is not written here; give one of {', '.join(WRITTEN_FORMATS)}")
    match format:
        case "jsonl":
            lines = jsonl.write(rows)
        case "csv":
            lines = csv_file.write(rows)
        case "parquet":
            lines = parquet.write(rows)
        case _:
            lines = openai_chat.write(rows, leave_out or _refuse)
    return _pieces(lines)


def _refuse(problem: Problem) -> None:
    raise Unwritable(problem)


def _pieces(lines: Iterator[bytes]) -> Iterator[bytes]:
    piece = bytearray()
    for line in lines:
        piece += line
        if len(piece) >= BLOCK:
            yield bytes(piece)
            piece.clear()
    if piece:
        yield bytes(piece)
