"""One raw row, whatever file it came from, into a checked `Row`, or into what is wrong with it. Pure.

A row has an "id" and a conversation, in one of three ways:

messages      [{"role": "user", "content": "…"}]: system only first, user and assistant take turns, user is last
prompt        the only user message; "system" may stand beside it
user_turns    the user's messages of a conversation that each model goes through on its own, giving its own
              answers in between (as in MT-bench); "system" may stand beside them

and, as it likes, "tags" (the first is the primary intent), "reference" (a known good answer), "lang" (BCP 47)
and "metadata" (an object). Any other column is kept in the metadata.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from models_registry.golden_files.languages import code_of, spelled

COLUMNS = ("id", "messages", "prompt", "user_turns", "system", "tags", "reference", "lang", "metadata")
UNTAGGED = "untagged"
ROLES = ("system", "user", "assistant")
MOST_KEY_CHARACTERS = 200
MOST_TAG_CHARACTERS = 100
MOST_LANG_CHARACTERS = 35
MOST_METADATA_DEPTH = 32

MESSAGES_EXAMPLE = '[{"role": "user", "content": "…"}]'
TURNS_EXAMPLE = '["…", "…"]'
CONTROL = re.compile(r"[\x00-\x1f\x7f\x85\u2028\u2029]")
# what steers a terminal, breaks a line, turns the direction of writing, or can't be stored
UNSEEN = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong in one line of a file (1 is the first), and how to mend it.

    `unit` is "line", or "item" where `line` counts the items of a JSON array or the rows of a Parquet file.
    `whole_file`: reading ended here and no row of the file counts.
    """

    line: int
    message: str
    fix: str
    unit: str = "line"
    whole_file: bool = False

    def __str__(self) -> str:
        return f"{self.unit} {self.line}: {self.message}; {self.fix}"


@dataclass(frozen=True, slots=True)
class Row:
    """One example, checked. `key` is the file's "id"; the first of `tags` is the primary intent.

    Two user messages in a row mean that the model's own answer stands between them.
    """

    line: int
    key: str
    messages: tuple[dict[str, str], ...]
    tags: tuple[str, ...] = ()
    reference: str = ""
    lang: str = ""
    metadata: Mapping[str, Any] | None = None


# the number of its line or item, and its columns
type RawRow = tuple[int, dict[str, Any]]
# the row, and the columns it was made of
type CheckedRow = tuple[Row, dict[str, Any]]


class Wrong(Exception):
    """What is wrong with a row, before it is known which row that is."""

    def __init__(self, message: str, fix: str) -> None:
        self.message, self.fix = message, fix


def check_row(line: int, raw: Mapping[str, Any], unit: str = "line") -> Row | list[Problem]:
    """The row, or everything that is wrong with it. `raw` has the columns' names as keys.

    Null is as good as absent. Columns that are not in COLUMNS go into the metadata.
    """
    given = {name: value for name, value in raw.items() if value is not None}
    found: dict[str, Any] = {}
    problems: list[Problem] = []
    for field, check in _CHECKS.items():
        try:
            found[field] = check(given)
        except Wrong as wrong:
            problems.append(Problem(line, wrong.message, wrong.fix, unit))
    return problems or Row(line=line, **found)


def unknown_columns(raw: Mapping[str, Any]) -> list[str]:
    return [name for name, value in raw.items() if name not in COLUMNS and value is not None]


def kind_of(value: object) -> str:
    """What JSON calls the type of a value."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true or false"
    if isinstance(value, int | float):
        return "a number"
    if isinstance(value, str):
        return "a string"
    if isinstance(value, list | tuple):
        return "a list"
    return "an object" if isinstance(value, Mapping) else type(value).__name__


def shorten(text: str, most: int = 40) -> str:
    """What a message quotes of a file: its beginning, harmless wherever it is shown or stored."""
    short = text if len(text) <= most else text[: most - 1] + "…"
    return UNSEEN.sub("\N{REPLACEMENT CHARACTER}", short)


def _show(value: object) -> str:
    return f'"{shorten(value)}"' if isinstance(value, str) else shorten(str(value))


def _check_text(where: str, text: str) -> None:
    if "\x00" in text:
        raise Wrong(f"{where} contains a NUL character (U+0000)", "remove it: the database can't store it")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise Wrong(
            f"{where} contains half of a surrogate pair",
            "write the whole character, or remove what is left of it",
        ) from None


def _key(given: Mapping[str, Any]) -> str:
    value = given.get("id")
    fix = 'give each row an id of its own, such as "billing-014"'
    if value is None:
        raise Wrong('"id" is missing', fix)
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise Wrong(f'"id" is {kind_of(value)}', "write it as a string or a whole number")
    key = str(value).strip()
    if not key:
        raise Wrong('"id" is empty', fix)
    if len(key) > MOST_KEY_CHARACTERS:
        raise Wrong(f'"id" has {len(key)} characters', f"shorten it to {MOST_KEY_CHARACTERS} or fewer")
    _check_text('"id"', key)
    if CONTROL.search(key):
        raise Wrong('"id" contains a line break or another control character', "keep it on one line")
    return key


def _messages(given: Mapping[str, Any]) -> tuple[dict[str, str], ...]:
    if "user_turns" in given:
        return _replayed(given)
    if "messages" in given:
        if "prompt" in given:
            raise Wrong('the row has both "messages" and "prompt"', "keep one of the two")
        if "system" in given:
            raise Wrong(
                '"system" stands beside "messages"',
                'make it the first message, {"role": "system", "content": "…"}; beside "prompt" it may stand',
            )
        return _check_messages(given["messages"])
    if "prompt" not in given:
        raise Wrong('"messages" is missing', f'give a list such as {MESSAGES_EXAMPLE}, or a "prompt"')
    prompt = _content('"prompt"', given["prompt"], "write what the user asks")
    return (*_system(given), {"role": "user", "content": prompt})


def _replayed(given: Mapping[str, Any]) -> tuple[dict[str, str], ...]:
    turns = given["user_turns"]
    if "prompt" in given:
        raise Wrong('the row has both "user_turns" and "prompt"', "keep one of the two")
    if not isinstance(turns, list | tuple) or not turns:
        what = "empty" if isinstance(turns, list | tuple) else kind_of(turns)
        raise Wrong(f'"user_turns" is {what}', f"give a list of what the user says, such as {TURNS_EXAMPLE}")
    said = [
        {"role": "user", "content": _content(f"turn {number} of the user", turn, "write what the user says")}
        for number, turn in enumerate(turns, start=1)
    ]
    if "messages" not in given:
        return (*_system(given), *said)
    # the first turn may be told in both ways, for readers that know only one of them
    begins = _messages({name: value for name, value in given.items() if name != "user_turns"})
    if begins[-1] != said[0] or len(begins) > 2:
        raise Wrong(
            'the row has "messages" and "user_turns" that are different conversations', "keep one of the two"
        )
    return (*begins[:-1], *said)


def _system(given: Mapping[str, Any]) -> tuple[dict[str, str], ...]:
    if "system" not in given:
        return ()
    system = _content('"system"', given["system"], "write the system message, or leave it out")
    return ({"role": "system", "content": system},)


def _content(where: str, value: object, fix: str) -> str:
    if not isinstance(value, str):
        raise Wrong(f"{where} is {kind_of(value)}", "write it as a string")
    if not value.strip():
        raise Wrong(f"{where} is empty", fix)
    _check_text(where, value)
    return value


def _check_messages(value: object) -> tuple[dict[str, str], ...]:
    if not isinstance(value, list | tuple):
        raise Wrong(f'"messages" is {kind_of(value)}', f"give a list such as {MESSAGES_EXAMPLE}")
    if not value:
        raise Wrong('"messages" is empty', f"give a list such as {MESSAGES_EXAMPLE}")
    messages: list[dict[str, str]] = []
    expected = "user"
    for number, message in enumerate(value, start=1):
        where = f"message {number}"
        if not isinstance(message, Mapping):
            raise Wrong(f"{where} is {kind_of(message)}", 'write it as {"role": "user", "content": "…"}')
        role = message.get("role")
        if role is None:
            raise Wrong(f'{where} has no "role"', 'give "system", "user" or "assistant"')
        if role not in ROLES:
            fix = 'write "system"' if role == "developer" else 'use "system", "user" or "assistant"'
            raise Wrong(f"{where} has the role {_show(role)}", fix)
        if "content" not in message:
            raise Wrong(f'{where} has no "content"', "write what is said, as a string")
        content = _content(
            f'"content" of {where}', message["content"], "write what is said, or remove the message"
        )
        other = [
            str(name) for name in message if name not in ("role", "content") and message[name] is not None
        ]
        if other:
            raise Wrong(
                f"{where} has {', '.join(_show(name) for name in other[:5])} beside role and content",
                'remove it; what is worth keeping can go into "metadata"',
            )
        if role == "system":
            if number != 1:
                raise Wrong(f"{where} has the role system", "a system message may only be the first")
        elif role != expected:
            raise Wrong(
                f"{where} has the role {role} where {expected} is expected",
                "let user and assistant take turns, beginning with user",
            )
        else:
            expected = "assistant" if role == "user" else "user"
        messages.append({"role": role, "content": content})
    if messages[-1]["role"] != "user":
        raise Wrong(
            f"the last message has the role {messages[-1]['role']}",
            'end with the user message to be answered; a known good answer goes into "reference"',
        )
    return tuple(messages)


def _tags(given: Mapping[str, Any]) -> tuple[str, ...]:
    value = given.get("tags", ())
    if not isinstance(value, list | tuple):
        example = f'["{shorten(value)}"]' if isinstance(value, str) and value.strip() else '["billing"]'
        raise Wrong(f'"tags" is {kind_of(value)}', f"give a list such as {example}")
    tags: list[str] = []
    for number, item in enumerate(value, start=1):
        if not isinstance(item, str):
            raise Wrong(f"tag {number} is {kind_of(item)}", "write it as a string")
        tag = item.strip()
        if not tag:
            raise Wrong(f"tag {number} is empty", 'remove it; a row without a tag leaves "tags" out')
        if len(tag) > MOST_TAG_CHARACTERS:
            raise Wrong(
                f"the tag {_show(tag)} has {len(tag)} characters",
                f"shorten it to {MOST_TAG_CHARACTERS} or fewer",
            )
        _check_text(f"tag {number}", tag)
        if CONTROL.search(tag):
            raise Wrong(
                f"tag {number} contains a line break or another control character", "keep it on one line"
            )
        if tag.lower() == UNTAGGED:
            raise Wrong(
                f'"{tag}" is what a row without a tag is called here', 'leave "tags" out, or use another word'
            )
        if tag in tags:
            raise Wrong(f"the tag {_show(tag)} is given twice", "give each tag once")
        tags.append(tag)
    return tuple(tags)


def _reference(given: Mapping[str, Any]) -> str:
    value = given.get("reference", "")
    if not isinstance(value, str):
        raise Wrong(f'"reference" is {kind_of(value)}', "write it as a string, or leave it out")
    _check_text('"reference"', value)
    return value if value.strip() else ""


def _lang(given: Mapping[str, Any]) -> str:
    value = given.get("lang", "")
    fix = "give a language code (BCP 47) such as en, es or pt-BR, or leave it out"
    if not isinstance(value, str):
        raise Wrong(f'"lang" is {kind_of(value)}', fix)
    lang = value.strip()
    if not lang:
        return ""
    language = spelled(lang) if len(lang) <= MOST_LANG_CHARACTERS else None
    if language is None:
        _check_text('"lang"', lang)
        code = code_of(lang)
        raise Wrong(f'"lang" is {_show(lang)}', f"write {code}" if code else fix)
    return language


def _metadata(given: Mapping[str, Any]) -> dict[str, Any]:
    value = given.get("metadata", {})
    if not isinstance(value, Mapping):
        raise Wrong(f'"metadata" is {kind_of(value)}', 'give an object such as {"source": "chat"}')
    metadata = dict(value)
    for name in unknown_columns(given):
        if name in metadata:
            raise Wrong(
                f'{_show(name)} is a column of the row and stands in "metadata" too', "keep one of the two"
            )
        metadata[name] = given[name]
    checked: dict[str, Any] = storable(metadata, '"metadata"', 0)
    return checked


def storable(value: Any, where: str, depth: int) -> Any:
    """The value as both databases give it back, so that an export has the sha256 of what was imported."""
    if depth > MOST_METADATA_DEPTH:
        raise Wrong(f"{where} is nested more than {MOST_METADATA_DEPTH} deep", "flatten it")
    if isinstance(value, str):
        _check_text(where, value)
        return value
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int | float):
        return _number(value, where)
    if isinstance(value, list | tuple):
        return [storable(item, where, depth + 1) for item in value]
    if isinstance(value, Mapping):
        for name in value:
            if not isinstance(name, str):
                raise Wrong(f"a name in {where} is {kind_of(name)}", "write names as strings")
            _check_text(f"a name in {where}", name)
        return {name: storable(item, where, depth + 1) for name, item in value.items()}
    raise Wrong(f"{where} contains {kind_of(value)}", "use strings, numbers, lists and objects")


def _number(value: float, where: str) -> float:
    if not math.isfinite(value):
        raise Wrong(f"{where} contains {value}, which is not a number in JSON", "give a number or null")
    if abs(value) >= 2**63:
        raise Wrong(f"{where} contains a number that is too large", "write it as a string")
    # PostgreSQL writes numbers without an exponent and has no negative zero
    if isinstance(value, float) and abs(value) >= 1e16:
        return int(Decimal(repr(value)))
    return value + 0


_CHECKS = {
    "key": _key,
    "messages": _messages,
    "tags": _tags,
    "reference": _reference,
    "lang": _lang,
    "metadata": _metadata,
}
