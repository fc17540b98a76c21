"""What is sent for an example. Apart from the client, so that a request can be hashed without loading openai."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import pairwise
from typing import Any


def request_messages(system_prompt: str, messages: list[dict[str, str]]) -> list[dict[str, str]]:
    """The messages as sent: the version's system prompt first, an example's own system message appended to it.

    One system message, because many servers take no second one.
    """
    own = [message["content"] for message in messages if message["role"] == "system"]
    system = "\n\n".join(part for part in [system_prompt, *own] if part)
    rest = [message for message in messages if message["role"] != "system"]
    return [{"role": "system", "content": system}, *rest] if system else rest


def request_parameters(
    parameters: Mapping[str, Any], by_tag: Mapping[str, Mapping[str, Any]], primary_intent: str
) -> dict[str, Any]:
    """The decoding parameters as sent: a version's, with those of the example's primary intent laid over them."""
    return {**parameters, **by_tag.get(primary_intent, {})}


def user_turns(messages: Iterable[Mapping[str, str]]) -> int:
    """How many requests a conversation takes at most: one for each of the user's messages."""
    return sum(message["role"] == "user" for message in messages)


def is_replayed(messages: Iterable[Mapping[str, str]]) -> bool:
    """Whether the model's own answers stand between the messages, so that one request can't ask for it all."""
    roles = [message["role"] for message in messages if message["role"] != "system"]
    return any(pair == ("user", "user") for pair in pairwise(roles))
