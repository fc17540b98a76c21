"""Canonical forms and their sha256: what a golden set version *is*, and what a request *is*.

Both are hashes of JSON with sorted keys, no spaces, UTF-8 and no NaN. A golden set version's is over its rows in
the order of their keys ("id"), one line each, so the order of a file does not matter and its format does not
either. Pure: no Django.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from json.encoder import encode_basestring as _string
from typing import Any

# json.dumps with options would make an encoder a call, which takes longer than a short text's encoding
_CANONICAL = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def canonical_json(value: Any) -> str:
    return _CANONICAL.encode(value)


def canonical_row(
    *,
    key: str,
    messages: list[dict[str, str]],
    tags: Iterable[str] = (),
    reference: str = "",
    lang: str = "",
    metadata: dict[str, Any] | None = None,
) -> str:
    """One example as one line. What is absent is left out, so that a later column doesn't change old hashes."""
    row: dict[str, Any] = {"id": key, "messages": messages}
    optional = {"tags": list(tags), "reference": reference, "lang": lang, "metadata": metadata or {}}
    return canonical_json(row | {name: value for name, value in optional.items() if value})


def canonical_messages(messages: Iterable[Mapping[str, str]]) -> str:
    """`canonical_json` of messages that have a role and a content and nothing else, in a third of its time."""
    said = [
        f'{{"content":{_string(message["content"])},"role":{_string(message["role"])}}}'
        for message in messages
    ]
    return f"[{','.join(said)}]"


def canonical_line(
    key: str, messages: str, tags: Iterable[str], reference: str, lang: str, metadata: str
) -> str:
    """`canonical_row` of an example whose messages and metadata are canonical JSON already."""
    parts = [
        f'"id":{_string(key)}',
        f'"lang":{_string(lang)}' if lang else "",
        f'"messages":{messages}',
        f'"metadata":{metadata}' if metadata != "{}" else "",
        f'"reference":{_string(reference)}' if reference else "",
        f'"tags":{canonical_json(list(tags))}' if tags else "",
    ]
    return f"{{{','.join(filter(None, parts))}}}"


def golden_set_sha256(rows: Iterable[tuple[str, str]]) -> str:
    """sha256 (hex) of canonical rows, given as (key, line) pairs in any order."""
    return ordered_sha256(line for _key, line in sorted(rows))


def ordered_sha256(lines: Iterable[str]) -> str:
    """sha256 (hex) of canonical rows that come in the order of their keys already."""
    digest = hashlib.sha256()
    for line in lines:
        digest.update(line.encode("utf-8", "surrogatepass"))
        digest.update(b"\n")
    return digest.hexdigest()


def request_sha256(*, messages: list[dict[str, str]], parameters: dict[str, Any], again: int = 0) -> str:
    """sha256 (hex) of what is sent to a model version: the messages as sent and the decoding parameters.

    again: how many answers to the same thing there are that were no use; another one is another request.
    """
    request: dict[str, Any] = {"messages": messages, "parameters": parameters}
    if again:
        request["again"] = again
    return hashlib.sha256(canonical_json(request).encode("utf-8", "surrogatepass")).hexdigest()
