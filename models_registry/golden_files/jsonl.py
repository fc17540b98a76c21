"""JSON Lines: one object a line; and how any JSON text is read, whatever format holds it. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from models_registry.golden_files.row import Problem, kind_of, shorten
from models_registry.golden_files.source import MOST_LINE_BYTES, Line, megabytes

NAME_IN_TEXT = re.compile(r'"[ \t\r\n]*:')
ROW_EXAMPLE = '{"id": "billing-014", "messages": [{"role": "user", "content": "…"}]}'


class BadJson(Exception):
    def __init__(self, message: str, fix: str) -> None:
        self.message, self.fix = message, fix


def raw_rows(lines: Iterable[Line]) -> Iterator[tuple[int, dict[str, Any]] | Problem]:
    """(line, object) of every line that holds one, in order; a Problem for any other; nothing for blank ones."""
    for line in lines:
        if line.text is None:
            yield Problem(
                line.number, f"the row is longer than {megabytes(MOST_LINE_BYTES)}", "shorten or remove it"
            )
            continue
        text = line.text.strip(" \t\r\n")
        if not text:
            continue
        try:
            value = decode(text)
        except BadJson as bad:
            yield Problem(line.number, bad.message, bad.fix)
            continue
        if isinstance(value, dict):
            yield line.number, value
        else:
            yield Problem(
                line.number, f"the row is {kind_of(value)}", f"write one object a line: {ROW_EXAMPLE}"
            )


def decode(text: str, what: str = "the row") -> Any:
    """The value of a JSON text. Raises BadJson, also where a name stands twice in one object.

    `what` is what the message calls the text.
    """
    try:
        value = msgspec.json.decode(text)
    except (msgspec.MsgspecError, UnicodeError, RecursionError, ValueError) as error:
        raise _diagnosis(text, error, what) from None
    # A name is followed by a colon, so as many colons after a quote as names means that none was given twice.
    # More of them may also stand inside a string: then the slower parser says which it is.
    if len(NAME_IN_TEXT.findall(text)) != _count_names(value):
        _refuse_double_names(text)
    return value


def _count_names(value: Any) -> int:
    count = 0
    todo = [value]
    while todo:
        item = todo.pop()
        if isinstance(item, dict):
            count += len(item)
            todo.extend(item.values())
        elif isinstance(item, list):
            todo.extend(item)
    return count


def _refuse_double_names(text: str) -> None:
    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        names: dict[str, Any] = {}
        for name, value in pairs:
            if name in names:
                raise BadJson(f'the name "{shorten(name)}" stands twice in one object', "keep one of the two")
            names[name] = value
        return names

    try:
        json.loads(text, object_pairs_hook=once)
    except (RecursionError, ValueError):
        return


def _diagnosis(text: str, error: Exception, what: str) -> BadJson:
    def refuse(name: str) -> None:
        raise BadJson(f"{what} contains {name}, which is not JSON", "give a number or null")

    try:
        json.loads(text, parse_constant=refuse)
    except BadJson as bad:
        return bad
    except RecursionError:
        return BadJson(f"{what} is nested too deep", "flatten it")
    except json.JSONDecodeError as bad:
        return BadJson(
            f"{what} is not JSON: {bad.msg[:1].lower()}{bad.msg[1:]}, at character {bad.pos + 1}",
            f"write one object a line: {ROW_EXAMPLE}",
        )
    except ValueError:
        return BadJson(f"{what} contains a number that is too large", "write it as a string")
    if "range" in str(error):
        return BadJson(f"{what} contains a number that is too large", "write it as a string")
    if isinstance(error, RecursionError):
        return BadJson(f"{what} is nested too deep", "flatten it")
    return BadJson(
        f"{what} contains half of a surrogate pair, such as \\ud83d alone",
        "write the whole character, or remove what is left of it",
    )
