"""Warnings about a golden set, with the rows behind them. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from models_registry.golden_files.row import Row

MOST_ROWS = 200
MOST_SUBJECTS = 200


@dataclass(frozen=True, slots=True, order=True)
class RowBehind:
    """A row that a warning is about. `note` says what of it, never a text of the row: "e-mail, phone (2)"."""

    line: int
    key: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class Subject:
    """What a warning counts, other than rows: an intent, a kind of personal data, a group; with its examples."""

    name: str
    count: int


@dataclass(frozen=True, slots=True)
class Warning:
    """One thing to look at before the set counts: what (`message`), what to do (`fix`).

    `count`: how many rows it concerns, all of them. `rows`: the first 200 of them, by line. `subjects`: the intents,
    languages or kinds it is about (first 200), with the number of their examples.
    """

    code: str
    message: str
    fix: str
    count: int
    rows: tuple[RowBehind, ...] = ()
    subjects: tuple[Subject, ...] = ()

    @property
    def keys(self) -> tuple[str, ...]:
        return tuple(row.key for row in self.rows)


class RowsBehind:
    """Counts rows and keeps the first 200 by line, in whatever order they come."""

    def __init__(self) -> None:
        self.count = 0
        self._kept: list[RowBehind] = []

    def add(self, row: Row, note: str = "") -> None:
        self.extend([RowBehind(row.line, row.key, note)])

    def extend(self, rows: Iterable[RowBehind]) -> None:
        for row in rows:
            self.count += 1
            if len(self._kept) >= 2 * MOST_ROWS:
                self._kept = sorted(self._kept)[:MOST_ROWS]
            self._kept.append(row)

    @property
    def rows(self) -> tuple[RowBehind, ...]:
        return tuple(sorted(self._kept)[:MOST_ROWS])


def examples(count: int) -> str:
    return "1 example" if count == 1 else f"{count:,} examples"


def listed(names: list[str], most: int = 3) -> str:
    """Names in a sentence: "billing", "returns" and 4 more."""
    shown = [f'"{name}"' for name in names[:most]]
    if len(names) > most:
        shown.append(f"{len(names) - most:,} more")
    return shown[0] if len(shown) == 1 else ", ".join(shown[:-1]) + " and " + shown[-1]
