"""OpenAI's chat fine-tuning format, in and out. Pure.

{"messages": [{"role": "user", "content": "…"}, {"role": "assistant", "content": "…", "weight": 1}],
 "tools": [...], "parallel_tool_calls": true}

One object a line. The last assistant message becomes the reference; `weight`, `tools` and
`parallel_tool_calls` are kept in the metadata. It has no ids: each row gets one from its prompt.
Source: https://platform.openai.com/docs/guides/supervised-fine-tuning#formatting-your-data and
https://platform.openai.com/docs/api-reference/fine-tuning/chat-input
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import msgspec

from models_registry.golden_files.conversation import conversation, metadata_with
from models_registry.golden_files.raw import raw_of
from models_registry.golden_files.row import Problem, Row, Wrong

NAME = "openai_chat"
TOOLS = ("tools", "parallel_tool_calls", "functions")
OWN = ("id", "tags", "lang", "metadata")


def recognises(row: Mapping[str, Any]) -> bool:
    messages = row.get("messages")
    if "id" in row or not isinstance(messages, list) or not messages:
        return False
    last = messages[-1]
    answered = isinstance(last, dict) and last.get("role") == "assistant"
    return answered or any(name in row for name in TOOLS)


def as_raw(row: Mapping[str, Any]) -> dict[str, Any]:
    """The row's columns as `check_row` takes them, without an id where it has none. Raises Wrong."""
    found = conversation(row.get("messages"))
    raw = {name: value for name, value in row.items() if name not in TOOLS}
    raw |= _own_columns(row.get("metadata"))
    raw["messages"] = found.messages
    if found.answer:
        raw["reference"] = found.answer
    raw["metadata"] = metadata_with(raw, found.kept | {name: row.get(name) for name in TOOLS})
    return raw


def _own_columns(metadata: object) -> dict[str, Any]:
    """What `write` put there."""
    if isinstance(metadata, dict) and "id" in metadata and metadata.keys() <= set(OWN):
        return {"metadata": None} | metadata
    return {}


def write(rows: Iterable[Row], leave_out: Callable[[Problem], None]) -> Iterator[bytes]:
    """One line a row: its messages, then its reference as the assistant's; reading them gives the same rows.

    The id, tags, language and metadata stand under "metadata", for OpenAI takes no other names; `tools` and
    `parallel_tool_calls` go back to their places. A row without a reference (there is nothing to learn from
    it) and one whose earlier answers are the model's own can't be told in this format: `leave_out` is called
    for it.
    """
    encode = msgspec.json.Encoder().encode
    for row in rows:
        try:
            raw = raw_of(row)
            if "user_turns" in raw:
                raise Wrong("the conversation is replayed: its answers are the model's own", "use JSON Lines")
            if not row.reference:
                raise Wrong("the row has no reference, so there is nothing to learn from it", "give it one")
        except Wrong as wrong:
            leave_out(Problem(row.line, f'"{row.key}": {wrong.message}', wrong.fix))
            continue
        metadata = dict(row.metadata or {})
        tools = {name: metadata.pop(name) for name in TOOLS if metadata.get(name) is not None}
        messages = [*row.messages, {"role": "assistant", "content": row.reference}]
        own: dict[str, Any] = {name: raw[name] for name in ("id", "tags", "lang") if name in raw}
        if metadata:
            own["metadata"] = metadata
        yield encode({"messages": messages} | tools | {"metadata": own}) + b"\n"
