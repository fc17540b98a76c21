"""The data sets of Hugging Face's TRL, conversational or plain, as JSON Lines, arrays or Parquet. Pure.

{"prompt": [{"role": "user", "content": "…"}]}                         prompts only
{"prompt": [...], "completion": [{"role": "assistant", "content": "…"}]}
{"prompt": [...], "chosen": [...], "rejected": [...]}                  or without the prompt, which both begin with
{"prompt": [...], "completion": [...], "label": true}                  false: a bad answer
{"messages": [...]}                                                    the last assistant message is the answer

The completion, or what was chosen, becomes the reference; what was rejected is kept in the metadata. Plain
strings in place of lists are read too. It has no ids.
Source: https://huggingface.co/docs/trl/dataset_formats
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from models_registry.golden_files.conversation import answer_of, conversation, metadata_with
from models_registry.golden_files.row import Wrong

NAME = "trl"
COLUMNS = ("prompt", "messages", "completion", "chosen", "rejected", "tools", "chat_template_kwargs")


def recognises(row: Mapping[str, Any]) -> bool:
    if isinstance(row.get("prompt"), list) or ("chosen" in row and "rejected" in row):
        return True
    return "prompt" in row and "completion" in row and "id" not in row


def as_raw(row: Mapping[str, Any]) -> dict[str, Any]:
    """The row's columns as `check_row` takes them, without an id where it has none. Raises Wrong."""
    given = {name: value for name, value in row.items() if value is not None}
    raw = {name: value for name, value in given.items() if name not in COLUMNS}
    kept = {name: given.get(name) for name in ("tools", "chat_template_kwargs")}
    if isinstance(given.get("prompt"), list) or "prompt" not in given:
        found = conversation(_prompt(given), '"prompt"' if "prompt" in given else '"messages"')
        raw["messages"] = found.messages
        kept |= found.kept
        if found.answer and "prompt" in given:
            raise Wrong("the last message of the prompt is an answer", "end it with what the user says")
        raw["reference"] = found.answer
    else:
        raw["prompt"] = given["prompt"]
    for name in ("completion", "chosen", "rejected"):
        if name not in given:
            continue
        text = _answer(given, name)
        if name == "rejected" or (name == "completion" and given.get("label") is False):
            kept[name] = text
        else:
            raw["reference"] = text
    raw["metadata"] = metadata_with(raw, kept)
    return raw


def _prompt(given: Mapping[str, Any]) -> Any:
    if "prompt" in given:
        return given["prompt"]
    chosen = given.get("chosen")
    # both answers begin with the prompt where it is not given by itself
    return chosen[:-1] if isinstance(chosen, list) else given.get("messages")


def _answer(given: Mapping[str, Any], name: str) -> str:
    value = given[name]
    if "prompt" not in given and isinstance(value, list):
        value = value[-1:]
    return answer_of(value, f'"{name}"')
