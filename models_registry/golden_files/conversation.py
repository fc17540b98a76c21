"""Conversations as trainers write them, with the answer at their end, into a prompt and a reference. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from models_registry.golden_files.row import MESSAGES_EXAMPLE, Wrong, kind_of

TEXT_ONLY = "a golden set holds text only: remove the row, or say in words what happened"


@dataclass
class Conversation:
    """`messages` ends where a model has to answer; `answer` is what was said there, if anything was.

    `kept` is what else is worth keeping, for the metadata.
    """

    messages: list[dict[str, Any]]
    answer: str = ""
    kept: dict[str, Any] = field(default_factory=dict)


def conversation(value: object, where: str = '"messages"') -> Conversation:
    """The conversation, its last assistant message taken off as the answer. Raises Wrong.

    "developer" is what newer APIs call "system". Text in parts is joined. `weight` is 0 for an assistant
    message that is not to be learned from: as the last one it is no reference, and goes into the metadata. So
    do the `tool_calls` of the last; earlier ones, and what the tools gave, can't be told as text.
    """
    messages = [_message(number, item, where) for number, item in enumerate(_listed(value, where), start=1)]
    weights = [message.pop("weight", None) for message in messages]
    found = Conversation(messages)
    if any(weight is not None for weight in weights):
        found.kept["weights"] = [
            1 if weight is None else weight
            for message, weight in zip(messages, weights, strict=True)
            if message.get("role") == "assistant"
        ]
    if messages and messages[-1].get("role") == "assistant":
        last = messages.pop()
        if last.get("tool_calls"):
            found.kept["tool_calls"] = last["tool_calls"]
        text = last.get("content") or ""
        if not isinstance(text, str):
            raise Wrong(f"the last answer in {where} is {kind_of(text)}", "write it as a string")
        if weights[-1] == 0:
            found.kept["answer_of_weight_0"] = text
        else:
            found.answer = text
    for number, message in enumerate(messages, start=1):
        if message.get("role") in ("tool", "function") or message.get("tool_calls"):
            raise Wrong(f"message {number} is a call of a tool or its result", TEXT_ONLY)
    return found


def answer_of(value: object, where: str) -> str:
    """The text of an answer: a string, or a list of one assistant message. Raises Wrong."""
    if isinstance(value, str):
        return value
    messages = _listed(value, where)
    if len(messages) != 1:
        raise Wrong(f"{where} has {len(messages)} messages", "give one assistant message")
    message = _message(1, messages[0], where)
    if message.get("role") != "assistant" or not isinstance(message.get("content"), str):
        raise Wrong(f"{where} is not an assistant message", 'write [{"role": "assistant", "content": "…"}]')
    return str(message["content"])


def metadata_with(given: Mapping[str, Any], kept: Mapping[str, Any]) -> Any:
    """The row's own metadata and what is kept of the row beside it; what the row says itself wins."""
    own = given.get("metadata")
    if own is None or isinstance(own, dict):
        return {name: value for name, value in kept.items() if value is not None} | (own or {})
    return own


def _listed(value: object, where: str) -> list[Any]:
    if not isinstance(value, list) or not value:
        what = "empty" if isinstance(value, list) else kind_of(value)
        raise Wrong(f"{where} is {what}", f"give a list such as {MESSAGES_EXAMPLE}")
    return value


def _message(number: int, value: object, where: str) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        raise Wrong(
            f"message {number} of {where} is {kind_of(value)}", f"give a list such as {MESSAGES_EXAMPLE}"
        )
    message = {name: item for name, item in value.items() if item is not None}
    if message.get("role") == "developer":
        message["role"] = "system"
    weight = message.get("weight", 0)
    if isinstance(weight, bool) or weight not in (0, 1):
        raise Wrong(f"message {number} has a weight that is neither 0 nor 1", "give 0 or 1, or leave it out")
    content = message.get("content")
    if isinstance(content, list):
        message["content"] = "".join(_part(number, part) for part in content)
    return message


def _part(number: int, part: object) -> str:
    if isinstance(part, Mapping) and part.get("type") == "text" and isinstance(part.get("text"), str):
        return str(part["text"])
    raise Wrong(f"message {number} has a part that is not text", TEXT_ONLY)
