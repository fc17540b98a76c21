"""Which of a row's texts a scan reads. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from models_registry.golden_files.row import Row

UNDETERMINED = "und"  # BCP 47's word for it


def prompt_of(row: Row) -> str:
    """What was said before the answer, turn by turn, with a line break between turns.

    Without the system message: one that all rows share would make any two of them alike.
    """
    return "\n".join(message["content"] for message in row.messages if message["role"] != "system")


def language_of(row: Row) -> str:
    """The declared language without its region ("es" for "es-MX"), or "und" where the row names none."""
    return row.lang.partition("-")[0].lower() or UNDETERMINED


def texts_of(row: Row) -> Iterator[str]:
    """Every text that people wrote: messages, reference, and strings anywhere in the metadata."""
    for message in row.messages:
        yield message["content"]
    if row.reference:
        yield row.reference
    todo: list[Any] = [row.metadata]
    while todo:
        value = todo.pop()
        if isinstance(value, str):
            yield value
        elif isinstance(value, list | tuple):
            todo.extend(value)
        elif value is not None and hasattr(value, "values"):
            todo.extend(value.values())
