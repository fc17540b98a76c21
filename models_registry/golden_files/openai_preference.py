"""OpenAI's preference format, for direct preference optimisation. Pure.

{"input": {"messages": [...], "tools": [], "parallel_tool_calls": true},
 "preferred_output": [{"role": "assistant", "content": "…"}],
 "non_preferred_output": [{"role": "assistant", "content": "…"}]}

The preferred answer becomes the reference, the other one is kept in the metadata. It has no ids.
Source: https://platform.openai.com/docs/guides/direct-preference-optimization
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from models_registry.golden_files.conversation import answer_of, conversation, metadata_with
from models_registry.golden_files.row import Wrong, kind_of

NAME = "openai_preference"
COLUMNS = ("input", "preferred_output", "non_preferred_output")
EXAMPLE = '{"messages": [{"role": "user", "content": "…"}]}'


def recognises(row: Mapping[str, Any]) -> bool:
    return isinstance(row.get("input"), dict) and "preferred_output" in row


def as_raw(row: Mapping[str, Any]) -> dict[str, Any]:
    """The row's columns as `check_row` takes them, without an id where it has none. Raises Wrong."""
    given = row.get("input")
    if not isinstance(given, dict):
        raise Wrong(f'"input" is {kind_of(given)}', f"give an object such as {EXAMPLE}")
    found = conversation(given.get("messages"), '"input.messages"')
    if found.answer:
        raise Wrong("the last message of the input is an answer", "end the input with what the user says")
    raw = {name: value for name, value in row.items() if name not in COLUMNS}
    raw["messages"] = found.messages
    raw["reference"] = answer_of(row.get("preferred_output"), '"preferred_output"')
    kept = found.kept | {name: value for name, value in given.items() if name != "messages"}
    if row.get("non_preferred_output") is not None:
        kept["non_preferred_output"] = answer_of(row["non_preferred_output"], '"non_preferred_output"')
    raw["metadata"] = metadata_with(raw, kept)
    return raw
