"""Ask a model version over an OpenAI-compatible API. The only module that uses the openai package.

Import it where a response is fetched, not at start-up: the package takes about two seconds of CPU to load.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import Any

import openai
from django.core.exceptions import ValidationError

from models_registry.generation.deadline import deadline, keep_to_deadlines
from models_registry.generation.faults import (
    NO_KEY,
    PermanentFault,
    TransientFault,
    status_fault,
    unreadable,
    without,
)
from models_registry.generation.headroom import Headroom, headroom
from models_registry.generation.messages import request_messages
from models_registry.models import Endpoint, Fault, ModelVersion
from models_registry.models.model_version import validate_environment_name

__all__ = ["Completion", "Headroom", "PermanentFault", "TransientFault", "complete", "cost"]

# No model takes or gives more in one turn, and the sum over a conversation fits its column.
MOST_TOKENS = 10_000_000


@dataclass(frozen=True, kw_only=True)
class Completion:
    """One answer: its text, the conversation's own earlier answers, tokens, and wall-clock seconds for all of it."""

    text: str
    earlier_answers: list[str]
    input_tokens: int | None
    output_tokens: int | None
    latency_seconds: float
    finish_reason: str
    reported_model: str
    first_token_seconds: float | None = None
    headroom: Headroom | None = None


def complete(
    model_version: ModelVersion,
    messages: list[dict[str, str]],
    parameters: Mapping[str, Any] | None = None,
) -> Completion:
    """Send a conversation and wait for the answer (seconds, up to the endpoint's timeout a turn).

    parameters: of decoding, instead of the version's own, which may vary by intent tag.
    Where two user messages follow each other the model's own answer is asked for first and put between them.
    Raises TransientFault or PermanentFault, whose messages are written for the person who runs the evaluation.
    """
    endpoint = model_version.endpoint
    if endpoint is None:
        raise PermanentFault(
            "This model version has no endpoint: its responses are recorded, not asked for.",
            stops_version=True,
        )
    key = _key(endpoint)
    try:
        return _converse(
            _shared_client(endpoint.base_url, key, endpoint.timeout_seconds),
            model_version,
            messages,
            model_version.parameters if parameters is None else parameters,
        )
    except (TransientFault, PermanentFault) as fault:
        fault.args = (without(key, str(fault)),)
        raise
    except Exception as error:
        if key == NO_KEY or key not in f"{error} {error!r}":
            raise
        # what is not foreseen is logged with its traceback, and so must not lead back to the key either
        raise RuntimeError(without(key, f"{type(error).__name__}: {error}")) from None


def _converse(
    client: openai.OpenAI,
    model_version: ModelVersion,
    messages: list[dict[str, str]],
    parameters: Mapping[str, Any],
) -> Completion:
    sent: list[dict[str, str]] = []
    answers: list[str] = []
    tokens_in: list[int | None] = []
    tokens_out: list[int | None] = []
    started = time.perf_counter()
    asked = request_messages(model_version.system_prompt, messages)
    for index, message in enumerate(asked):
        sent.append(message)
        last = index == len(asked) - 1
        if not last and not (message["role"] == "user" and asked[index + 1]["role"] == "user"):
            continue
        answer, headers = _ask(client, model_version, sent, parameters)
        choice = answer.choices[0]
        answers.append(_text(choice.message))
        tokens_in.append(_count(answer, "prompt_tokens"))
        tokens_out.append(_count(answer, "completion_tokens"))
        sent.append({"role": "assistant", "content": answers[-1]})
    return Completion(
        text=answers[-1],
        earlier_answers=answers[:-1],
        input_tokens=_total(tokens_in),
        output_tokens=_total(tokens_out),
        latency_seconds=time.perf_counter() - started,
        finish_reason=_word(choice, "finish_reason"),
        reported_model=_word(answer, "model"),
        headroom=headroom(headers),
    )


def cost(model_version: ModelVersion, input_tokens: int | None, output_tokens: int | None) -> Decimal | None:
    """US dollars for one response, or None where the endpoint did not say how many tokens it used."""
    if input_tokens is None or output_tokens is None:
        return None
    spent = model_version.input_price * input_tokens + model_version.output_price * output_tokens
    return Decimal(spent) / 1_000_000


def _ask(
    client: openai.OpenAI,
    model_version: ModelVersion,
    messages: list[dict[str, str]],
    parameters: Mapping[str, Any],
) -> tuple[Any, Mapping[str, str]]:
    timeout = model_version.endpoint.timeout_seconds  # type: ignore[union-attr]
    try:
        with deadline(timeout):
            raw = client.chat.completions.with_raw_response.create(
                model=model_version.served_name,
                messages=messages,  # type: ignore[arg-type]  # plain dicts are what golden sets hold
                **parameters,
            )
            answer = raw.parse()
    except openai.APITimeoutError as error:
        raise TransientFault(f"No answer within {timeout} s.", kind=Fault.Kind.TIMEOUT) from error
    except openai.APIConnectionError as error:
        why = f"The endpoint can't be reached: {error.__cause__ or error}."
        raise TransientFault(why, kind=Fault.Kind.CONNECTION) from error
    except openai.APIStatusError as error:
        raise status_fault(
            error.status_code, error.response.headers, error.body, error.response.text, client.api_key
        ) from error
    except (openai.APIResponseValidationError, openai.OpenAIError, ValueError) as error:
        raise unreadable(f"The endpoint's answer can't be read: {error}") from error
    # A body that is JSON but no completion comes through the package unvalidated.
    choices = getattr(answer, "choices", None)
    if not isinstance(choices, list) or not choices or getattr(choices[0], "message", None) is None:
        raise unreadable("The endpoint's answer holds no choices.")
    return answer, raw.headers


def _text(message: Any) -> str:
    """The content of a message: text, none, or a list of parts that are text."""
    content = getattr(message, "content", None)
    parts = content if isinstance(content, list) else [{"text": content or ""}]
    texts: list[str] = []
    for part in parts:
        text = part.get("text") if isinstance(part, Mapping) else None
        if not isinstance(text, str):
            raise unreadable("The endpoint's answer can't be read: its content is not text.")
        texts.append(text)
    return "".join(texts)


def _count(answer: Any, name: str) -> int | None:
    """A number of tokens. What can't be one is as good as none: the answer is paid for, and need not be lost."""
    count = getattr(getattr(answer, "usage", None), name, None)
    return count if type(count) is int and 0 <= count <= MOST_TOKENS else None


def _word(part: Any, name: str) -> str:
    word = getattr(part, name, None)
    return word if isinstance(word, str) else ""


def _total(counts: list[int | None]) -> int | None:
    known = [count for count in counts if count is not None]
    return sum(known) if len(known) == len(counts) else None


def _key(endpoint: Endpoint) -> str:
    name = endpoint.api_key_env
    if not name:
        return NO_KEY
    try:
        validate_environment_name(name)
    except ValidationError as error:
        # the row may be older than the rule, or have been written past it
        raise PermanentFault(
            f"{name}, the key of endpoint {endpoint.name}: {error.message}", stops_version=True
        ) from None
    key = os.environ.get(name, "").strip()
    if not key:
        raise PermanentFault(
            f"{name} is not set in the worker's environment; endpoint {endpoint.name} needs its key.",
            stops_version=True,
        )
    if not (key.isascii() and key.isprintable()):
        raise PermanentFault(
            f"{name} holds a line break or another character that no key has; set it to the key alone, "
            "on one line, and start the worker again.",
            stops_version=True,
        )
    return key


@lru_cache(maxsize=64)
def _shared_client(base_url: str, key: str, timeout_seconds: int) -> openai.OpenAI:
    # Retries are ours: they are counted on the response, wait without holding a thread, and survive a restart.
    client = openai.OpenAI(base_url=base_url, api_key=key, timeout=timeout_seconds, max_retries=0)
    keep_to_deadlines(client._client)  # one of our own would not be closed when the cache lets go of it
    return client
