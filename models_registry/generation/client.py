"""Ask a model version over an OpenAI-compatible API. The only module that uses the openai package.

Import it where a response is fetched, not at start-up: the package takes about two seconds of CPU to load.
"""

from __future__ import annotations

import email.utils
import json
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any

import openai
from django.core.exceptions import ValidationError

from models_registry.generation.deadline import deadline, keep_to_deadlines
from models_registry.generation.messages import request_messages
from models_registry.models import Endpoint, ModelVersion
from models_registry.models.model_version import validate_environment_name

# What a provider takes back by itself; everything else would fail the same way again.
TRANSIENT_STATUS = {408, 409, 425, 429}
# The package insists on a key; an endpoint that wants none ignores it.
NO_KEY = "none"
# No model takes or gives more in one turn, and the sum over a conversation fits its column.
MOST_TOKENS = 10_000_000


class TransientFault(Exception):
    """Worth another try. `wait_seconds` is what the endpoint asked for, if it asked; `pauses_endpoint` if for all."""

    def __init__(
        self, message: str, *, wait_seconds: float | None = None, pauses_endpoint: bool = False
    ) -> None:
        super().__init__(message)
        self.wait_seconds = wait_seconds
        self.pauses_endpoint = pauses_endpoint


class PermanentFault(Exception):
    """Asking again would fail the same way until a person changes something; the message says what."""


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


def complete(model_version: ModelVersion, messages: list[dict[str, str]]) -> Completion:
    """Send a conversation and wait for the answer (seconds, up to the endpoint's timeout a turn).

    Where two user messages follow each other the model's own answer is asked for first and put between them.
    Raises TransientFault or PermanentFault, whose messages are written for the person who runs the evaluation.
    """
    endpoint = model_version.endpoint
    if endpoint is None:
        raise PermanentFault("This model version has no endpoint: its responses are recorded, not asked for.")
    key = _key(endpoint)
    try:
        return _converse(
            _shared_client(endpoint.base_url, key, endpoint.timeout_seconds), model_version, messages
        )
    except (TransientFault, PermanentFault) as fault:
        fault.args = (_without(key, str(fault)),)
        raise
    except Exception as error:
        if key == NO_KEY or key not in f"{error} {error!r}":
            raise
        # what is not foreseen is logged with its traceback, and so must not lead back to the key either
        raise RuntimeError(_without(key, f"{type(error).__name__}: {error}")) from None


def _converse(
    client: openai.OpenAI, model_version: ModelVersion, messages: list[dict[str, str]]
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
        answer = _ask(client, model_version, sent)
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
    )


def cost(model_version: ModelVersion, input_tokens: int | None, output_tokens: int | None) -> Decimal | None:
    """US dollars for one response, or None where the endpoint did not say how many tokens it used."""
    if input_tokens is None or output_tokens is None:
        return None
    spent = model_version.input_price * input_tokens + model_version.output_price * output_tokens
    return Decimal(spent) / 1_000_000


def _ask(client: openai.OpenAI, model_version: ModelVersion, messages: list[dict[str, str]]) -> Any:
    try:
        with deadline(model_version.endpoint.timeout_seconds):  # type: ignore[union-attr]
            answer = client.chat.completions.create(
                model=model_version.served_name,
                messages=messages,  # type: ignore[arg-type]  # plain dicts are what golden sets hold
                **model_version.parameters,
            )
    except openai.APITimeoutError as error:
        raise TransientFault(f"No answer within {model_version.endpoint.timeout_seconds} s.") from error  # type: ignore[union-attr]
    except openai.APIConnectionError as error:
        raise TransientFault(f"The endpoint can't be reached: {error.__cause__ or error}.") from error
    except openai.APIStatusError as error:
        raise _status_fault(error, client.api_key) from error
    except (openai.APIResponseValidationError, openai.OpenAIError, ValueError) as error:
        raise TransientFault(f"The endpoint's answer can't be read: {error}") from error
    # A body that is JSON but no completion comes through the package unvalidated.
    choices = getattr(answer, "choices", None)
    if not isinstance(choices, list) or not choices or getattr(choices[0], "message", None) is None:
        raise TransientFault("The endpoint's answer holds no choices.")
    return answer


def _text(message: Any) -> str:
    """The content of a message: text, none, or a list of parts that are text."""
    content = getattr(message, "content", None)
    parts = content if isinstance(content, list) else [{"text": content or ""}]
    texts: list[str] = []
    for part in parts:
        text = part.get("text") if isinstance(part, Mapping) else None
        if not isinstance(text, str):
            raise TransientFault("The endpoint's answer can't be read: its content is not text.")
        texts.append(text)
    return "".join(texts)


def _count(answer: Any, name: str) -> int | None:
    """A number of tokens. What can't be one is as good as none: the answer is paid for, and need not be lost."""
    count = getattr(getattr(answer, "usage", None), name, None)
    return count if type(count) is int and 0 <= count <= MOST_TOKENS else None


def _word(part: Any, name: str) -> str:
    word = getattr(part, name, None)
    return word if isinstance(word, str) else ""


def _status_fault(error: openai.APIStatusError, key: str) -> TransientFault | PermanentFault:
    status = error.status_code
    said = f"The endpoint answered {status}: {_said(error, key)}"
    if status in TRANSIENT_STATUS or status >= 500:
        wait = _retry_after(error.response.headers)
        return TransientFault(said, wait_seconds=wait, pauses_endpoint=status == 429)
    fix = {
        401: "Check the key in the endpoint's environment variable.",
        403: "The key may not use this model.",
        404: "Check the endpoint's base URL and the version's served name.",
    }.get(status, "Check the version's decoding parameters and the prompt.")
    return PermanentFault(f"{said} {fix}")


def _said(error: openai.APIStatusError, key: str) -> str:
    """What the endpoint said, cut short; the key goes first, because half of one would no longer be found."""
    body = error.body
    if isinstance(body, Mapping):
        message = body.get("message")
        if isinstance(message, str) and message:
            message = _without(key, message)
            return message[:500] if message.endswith((".", "!", "?")) else message[:500] + "."
    return (_without(key, error.response.text)[:200].strip() or "nothing more") + "."


def _without(key: str, text: str) -> str:
    if key == NO_KEY:
        return text
    for spelling in {key, json.dumps(key)[1:-1]}:
        text = text.replace(spelling, "[the key]")
    return text


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds to wait, from `retry-after-ms`, or `retry-after` in seconds or as a date (RFC 9110, 10.2.3)."""
    for name, unit in (("retry-after-ms", 1000), ("retry-after", 1)):
        value = headers.get(name)
        if value is None:
            continue
        try:
            return max(0.0, min(float(value) / unit, 3600.0))
        except ValueError:
            pass
        parsed = email.utils.parsedate_tz(value)
        if parsed is not None:
            at = datetime.fromtimestamp(email.utils.mktime_tz(parsed), UTC)
            return max(0.0, min((at - datetime.now(UTC)).total_seconds(), 3600.0))
    return None


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
        raise PermanentFault(f"{name}, the key of endpoint {endpoint.name}: {error.message}") from None
    key = os.environ.get(name, "").strip()
    if not key:
        raise PermanentFault(
            f"{name} is not set in the worker's environment; endpoint {endpoint.name} needs its key."
        )
    if not (key.isascii() and key.isprintable()):
        raise PermanentFault(
            f"{name} holds a line break or another character that no key has; set it to the key alone, "
            "on one line, and start the worker again."
        )
    return key


@lru_cache(maxsize=64)
def _shared_client(base_url: str, key: str, timeout_seconds: int) -> openai.OpenAI:
    # Retries are ours: they are counted on the response, wait without holding a thread, and survive a restart.
    client = openai.OpenAI(base_url=base_url, api_key=key, timeout=timeout_seconds, max_retries=0)
    keep_to_deadlines(client._client)  # one of our own would not be closed when the cache lets go of it
    return client
