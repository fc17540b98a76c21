"""One raw row, whatever file it came from, into a checked `ResponseRow`, or into what is wrong with it. Pure.

A row has the "id" of an example and the "text" that a model answered to it, which may be empty; and, as it likes,

latency_seconds    wall-clock time of the answer; or latency_ms, or latency (in seconds)
input_tokens       what the prompt had; or prompt_tokens
output_tokens      what the answer had; or completion_tokens
finish_reason      as the API gave it, such as stop or length
earlier_answers    a list of the model's own answers to the user's turns before the last, where an example is a
                   conversation that each model goes through on its own

Null is as good as absent. COLUMNS says what each may be called, too.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from models_registry.golden_files.row import (
    MOST_KEY_CHARACTERS,
    Problem,
    Wrong,
    kind_of,
    shorten,
    storable,
)

COLUMNS = {
    "id": ("id", "example_id", "question_id", "item_id"),
    "text": ("text", "response", "output", "answer", "completion"),
    "latency_seconds": ("latency_seconds", "latency_ms", "latency"),
    "input_tokens": ("input_tokens", "prompt_tokens"),
    "output_tokens": ("output_tokens", "completion_tokens"),
    "finish_reason": ("finish_reason",),
    "earlier_answers": ("earlier_answers",),
}
NAMES = frozenset(name for names in COLUMNS.values() for name in names)
ROW_EXAMPLE = '{"id": "billing-014", "text": "…"}'
ANSWERS_EXAMPLE = '["…", "…"]'

NUMBER = re.compile(r"[+-]?[0-9]{1,30}(\.[0-9]{1,30})?([eE][+-]?[0-9]{1,3})?\Z")
COMMA_NUMBER = re.compile(r"[+-]?[0-9]{1,30},[0-9]{1,30}\Z")
MOST_FINISH_REASON_CHARACTERS = 40
# no model takes or gives more for one response
MOST_TOKENS = 10_000_000
MOST_SECONDS = 86_400.0
# from here on, a "latency" without a unit is more likely one in milliseconds
DOUBTFUL_SECONDS = 600.0


@dataclass(frozen=True, slots=True)
class ResponseRow:
    """One response, checked. `key` is the id of its example; None is what the file doesn't tell."""

    line: int
    key: str
    text: str
    earlier_answers: tuple[str, ...] = ()
    latency_seconds: float | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    finish_reason: str = ""


def check_row(line: int, raw: Mapping[str, Any], unit: str = "line") -> ResponseRow | list[Problem]:
    """The row, or everything that is wrong with it. `raw` has the columns' names as keys."""
    found: dict[str, Any] = {}
    problems: list[Problem] = []
    for field, check in _CHECKS.items():
        try:
            found["key" if field == "id" else field] = check(*_given(raw, field))
        except Wrong as wrong:
            problems.append(Problem(line, wrong.message, wrong.fix, unit))
    return problems or ResponseRow(line=line, **found)


def unknown_columns(raw: Mapping[str, Any]) -> list[str]:
    return [name for name, value in raw.items() if name not in NAMES and value is not None]


def _given(raw: Mapping[str, Any], field: str) -> tuple[str, Any]:
    """The name a column has in this row, and its value."""
    given = [(name, raw[name]) for name in COLUMNS[field] if raw.get(name) is not None]
    if not given:
        return field, None
    name, value = given[0]
    for other, same in given[1:]:
        # seconds and milliseconds are never equal
        if same != value and field != "latency_seconds":
            raise Wrong(f'the row has "{name}" and "{other}", and they differ', "keep one of the two")
    return name, value


def _id(name: str, value: Any) -> str:
    fix = "give the id of the example that was answered"
    if value is None:
        raise Wrong('"id" is missing', fix)
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise Wrong(f'"{name}" is {kind_of(value)}', "write it as a string or a whole number")
    key: str = storable(str(value).strip(), f'"{name}"', 0)
    if not key:
        raise Wrong(f'"{name}" is empty', fix)
    if len(key) > MOST_KEY_CHARACTERS:
        raise Wrong(
            f'"{name}" has {len(key):,} characters', f"no example's id has over {MOST_KEY_CHARACTERS}"
        )
    return key


def _text(name: str, value: Any) -> str:
    if value is None:
        raise Wrong('"text" is missing', 'give what the model answered; "" where it answered nothing')
    return _string(name, value)


def _string(name: str, value: Any) -> str:
    if not isinstance(value, str):
        raise Wrong(f'"{name}" is {kind_of(value)}', "write it as a string")
    text: str = storable(value, f'"{name}"', 0)
    return text


def _latency(name: str, value: Any) -> float | None:
    number = _number(name, value, "1.25")
    if number is None:
        return None
    seconds = number / 1000 if name == "latency_ms" else number
    if name == "latency" and seconds > DOUBTFUL_SECONDS:
        raise Wrong(
            f'"latency" is {shorten(str(value))}, which in seconds is more than ten minutes',
            'call the column "latency_ms" if it holds milliseconds, "latency_seconds" if not',
        )
    if seconds > MOST_SECONDS:
        raise Wrong(
            f'"{name}" is {shorten(str(value))}, which is more than a day', "give the time of one answer"
        )
    return seconds


def _tokens(name: str, value: Any) -> int | None:
    number = _number(name, value, "412")
    if number is None:
        return None
    if number != int(number):
        raise Wrong(f'"{name}" is {shorten(str(value))}', "write a whole number such as 412")
    if number > MOST_TOKENS:
        raise Wrong(f'"{name}" is {shorten(str(value))}', f"give at most {MOST_TOKENS:,} tokens a response")
    return int(number)


def _number(name: str, value: Any, example: str) -> float | None:
    """A number, or a text that is one, as every cell of a CSV is."""
    if isinstance(value, str):
        value = value.strip()
        if not value:
            return None
        if COMMA_NUMBER.match(value):
            raise Wrong(
                f'"{name}" is "{shorten(value)}"', f"write a point instead of the comma, as in {example}"
            )
        if not NUMBER.match(value):
            raise Wrong(
                f'"{name}" is "{shorten(value)}"', f"write a number such as {example}, or leave it out"
            )
        value = float(value)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Wrong(f'"{name}" is {kind_of(value)}', f"write a number such as {example}, or leave it out")
    if not math.isfinite(value):
        raise Wrong(f'"{name}" is too large', f"write a number such as {example}, or leave it out")
    if value < 0:
        raise Wrong(
            f'"{name}" is {shorten(str(value))}', "give a number that is not below zero, or leave it out"
        )
    return float(value)


def _finish_reason(name: str, value: Any) -> str:
    reason = "" if value is None else _string(name, value).strip()
    if len(reason) > MOST_FINISH_REASON_CHARACTERS:
        raise Wrong(
            f'"{name}" has {len(reason):,} characters',
            f"give a word such as stop or length, of at most {MOST_FINISH_REASON_CHARACTERS}",
        )
    return reason


def _earlier_answers(name: str, value: Any) -> tuple[str, ...]:
    if value is None:
        return ()
    if not isinstance(value, list | tuple):
        raise Wrong(f'"{name}" is {kind_of(value)}', f"give a list such as {ANSWERS_EXAMPLE}")
    for number, answer in enumerate(value, start=1):
        if not isinstance(answer, str):
            raise Wrong(f'answer {number} of "{name}" is {kind_of(answer)}', "write it as a string")
        storable(answer, f'answer {number} of "{name}"', 0)
    return tuple(value)


_CHECKS: dict[str, Callable[[str, Any], Any]] = {
    "id": _id,
    "text": _text,
    "latency_seconds": _latency,
    "input_tokens": _tokens,
    "output_tokens": _tokens,
    "finish_reason": _finish_reason,
    "earlier_answers": _earlier_answers,
}
