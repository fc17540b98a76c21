"""How a JSON text is read, whatever format holds it: strictly, and with a reason where it can't be. Pure."""

from __future__ import annotations

import json
import re
from typing import Any

import msgspec

from models_registry.golden_files.limits import Limits
from models_registry.golden_files.row import shorten

NAME_IN_TEXT = re.compile(r'"[ \t\r\n]*:')
NAME_IN_BYTES = re.compile(NAME_IN_TEXT.pattern.encode())
ROW_EXAMPLE = '{"id": "billing-014", "messages": [{"role": "user", "content": "…"}]}'
MOST_DEPTH = Limits.json_depth


class BadJson(Exception):
    def __init__(self, message: str, fix: str) -> None:
        self.message, self.fix = message, fix


def decode(text: str, what: str = "the row", *, depth: int = MOST_DEPTH) -> Any:
    """The value of a JSON text. Raises BadJson, also where a name stands twice in one object.

    `what` is what the message calls the text; `depth` how many lists and objects may stand within each other.
    """
    try:
        value = msgspec.json.decode(text)
    except (msgspec.MsgspecError, UnicodeError, RecursionError, ValueError) as error:
        raise _diagnosis(text, error, what) from None
    # brackets in strings count too: then the walk says how deep it really is
    if text.count("[") + text.count("{") > depth and _depth(value) > depth:
        raise BadJson(f"{what} is nested more than {depth} deep", "flatten it")
    # A name is followed by a colon, so as many colons as names means that none was given twice; or, where strings
    # have colons too, as many colons after a quote. If there are more of these, the slower parser says which it is.
    names = _count_names(value)
    if text.count(":") != names and len(NAME_IN_TEXT.findall(text)) != names:
        _refuse_double_names(text)
    return value


def names_are_single(raw: bytes, value: Any, fewest: int) -> bool:
    """Whether surely no object in the JSON text of a value gives a name twice; the value has `fewest` names or more.

    A name given twice is one that the text has and the value hasn't. Then all counts of the text are above that of
    the value, and so above `fewest`: either count spares the walk through the value.
    """
    if raw.count(b":") == fewest:
        return True
    names = len(NAME_IN_BYTES.findall(raw))
    return names == fewest or names == _count_names(value)


def _depth(value: Any) -> int:
    depth = 0
    level = [value]
    while level := [item for item in level if isinstance(item, dict | list)]:
        depth += 1
        level = [inner for item in level for inner in (item.values() if isinstance(item, dict) else item)]
    return depth


def _count_names(value: Any) -> int:
    # the decoder gives no subclasses, and most values are neither: looked at without a call, kept only if needed
    count = 0
    todo = [value] if type(value) is dict or type(value) is list else []
    while todo:
        item = todo.pop()
        if type(item) is dict:
            count += len(item)
            todo += [inner for inner in item.values() if type(inner) is dict or type(inner) is list]
        else:
            todo += [inner for inner in item if type(inner) is dict or type(inner) is list]
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
