"""The short way through the checks of `row.py`, for rows with nothing unusual about them. Pure.

What is wrong with a row, and what is rare but right, only `check_row` knows: here it is None. So the short way may
know less than `check_row`, never more; where it gives a row, `check_row` gives the same.

Only for what was read from a file: UTF-8 and JSON are decoded strictly, so no text holds half of a surrogate pair,
and the lists and objects are no subclasses of `list` and `dict`.
"""

from __future__ import annotations

from typing import Any

from models_registry.golden_files.languages import spelled
from models_registry.golden_files.row import (
    COLUMNS,
    MOST_KEY_CHARACTERS,
    MOST_LANG_CHARACTERS,
    MOST_METADATA_DEPTH,
    MOST_TAG_CHARACTERS,
    UNTAGGED,
    Row,
    Wrong,
    storable,
)

NAMES = frozenset(COLUMNS) - {"user_turns"}
# the row, its metadata and what that may hold; messages are not as deep
DEPTH = 2 + MOST_METADATA_DEPTH
# below it, no database writes a number in another way
PLAIN_NUMBER = 1e15


def common_row(line: int, raw: dict[str, Any]) -> Row | None:
    """The row that `check_row` gives, or None where it has to be asked. Nothing in the row is deeper than DEPTH."""
    key = raw.get("id")
    if type(key) is int:
        key = str(key)
    if type(key) is not str or not key.isprintable():  # nor is NUL, nor a line break
        return None
    key = key.strip()
    if not 0 < len(key) <= MOST_KEY_CHARACTERS:
        return None

    messages = _messages(raw)
    if messages is None:
        return None

    tags = raw.get("tags")
    if tags is None:
        tags = []
    elif type(tags) is not list:
        return None
    for tag in tags:
        if type(tag) is not str or not tag.isprintable() or tag.strip() != tag:
            return None
        if not 0 < len(tag) <= MOST_TAG_CHARACTERS or tag.lower() == UNTAGGED:
            return None
    if len(tags) > 1 and len(set(tags)) < len(tags):
        return None

    reference = raw.get("reference")
    if reference is None:
        reference = ""
    elif type(reference) is not str or "\x00" in reference:
        return None

    lang = raw.get("lang")
    if lang is None:
        lang = ""
    elif type(lang) is not str or len(lang) > MOST_LANG_CHARACTERS:
        return None
    language = spelled(lang.strip())
    if language is None:
        return None

    metadata = _metadata(raw)
    if metadata is None:
        return None
    return Row(line, key, messages, tuple(tags), reference if reference.strip() else "", language, metadata)


def fewest_names(raw: dict[str, Any]) -> int:
    """How many names the objects in a common row have, those within its metadata not counted."""
    return len(raw) + 2 * len(raw.get("messages") or ()) + len(raw.get("metadata") or ())


def _messages(raw: dict[str, Any]) -> tuple[dict[str, str], ...] | None:
    given, prompt, system = raw.get("messages"), raw.get("prompt"), raw.get("system")
    if given is None:
        given = [{"role": "user", "content": prompt}]
        if system is not None:
            given = [{"role": "system", "content": system}, *given]
    elif type(given) is not list or prompt is not None or system is not None:
        return None
    messages: list[dict[str, str]] = []
    expected = "user"
    for message in given:
        if type(message) is not dict or len(message) != 2:
            return None
        role, content = message.get("role"), message.get("content")
        if type(content) is not str or "\x00" in content or not content.strip():
            return None
        if role == expected:
            expected = "assistant" if role == "user" else "user"
        elif role != "system" or messages:
            return None
        messages.append({"role": role, "content": content})
    # it is the answer's turn
    return tuple(messages) if expected == "assistant" else None


def _metadata(raw: dict[str, Any]) -> dict[str, Any] | None:
    given = raw.get("metadata")
    if given is None:
        given = {}
    elif type(given) is not dict:
        return None
    if not NAMES.issuperset(raw):
        other = {name: value for name, value in raw.items() if name not in NAMES and value is not None}
        if "user_turns" in other or not other.keys().isdisjoint(given):
            return None
        given = given | other
    metadata = {}
    for name, value in given.items():
        if "\x00" in name:
            return None
        if type(value) is str:
            if "\x00" in value:
                return None
        elif (type(value) is int or type(value) is float) and -PLAIN_NUMBER < value < PLAIN_NUMBER:
            value += 0  # no negative zero
        elif value is not None and type(value) is not bool:
            try:
                value = storable(value, '"metadata"', 1)
            except Wrong:
                return None
        metadata[name] = value
    return metadata
