"""Ask a model version over an OpenAI-compatible API. Only this module and batch_client.py use the openai package.

Import it where a response is fetched, not at start-up: the package takes about two seconds of CPU to load.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from functools import lru_cache
from typing import Any

import httpx2
import openai
from django.core.exceptions import ValidationError

from models_registry.generation import answer as answers
from models_registry.generation import request
from models_registry.generation.answer import Answer
from models_registry.generation.deadline import deadline, keep_to_deadlines
from models_registry.generation.faults import (
    NO_KEY,
    PermanentFault,
    TransientFault,
    moved,
    refuses_stream_options,
    status_fault,
    unreadable,
    without,
)
from models_registry.generation.headroom import Headroom, headroom, limit_headers
from models_registry.generation.messages import request_messages
from models_registry.models import Endpoint, Fault, ModelVersion
from models_registry.models.model_version import validate_environment_name

__all__ = [
    "Completion",
    "Headroom",
    "PermanentFault",
    "TransientFault",
    "as_faults",
    "complete",
    "cost",
    "endpoint_key",
    "request_options",
    "shared_client",
]

# Addresses that take no stream_options: each is asked with them once a process, and not again before every answer.
_without_stream_options: set[str] = set()


@dataclass(frozen=True, kw_only=True)
class Completion:
    """One answer: its text, the conversation's own earlier answers, tokens, and wall-clock seconds for all of it.

    Nobody knows the seconds of an answer that came in a batch.
    `first_token_seconds` is of the last turn, the one that is judged; None where the answer came in one piece.
    `limit_headers` are what the endpoint said of its limits, word for word.
    """

    text: str
    earlier_answers: list[str]
    input_tokens: int | None
    output_tokens: int | None
    latency_seconds: float | None
    finish_reason: str
    reported_model: str
    first_token_seconds: float | None = None
    headroom: Headroom | None = None
    limit_headers: Mapping[str, str] = field(default_factory=dict)


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
    key = endpoint_key(endpoint)
    try:
        return _converse(
            shared_client(endpoint.base_url, endpoint.api_version, key, endpoint.timeout_seconds),
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
    said: list[Answer] = []
    started = time.perf_counter()
    asked = request_messages(model_version.system_prompt, messages)
    for index, message in enumerate(asked):
        sent.append(message)
        last = index == len(asked) - 1
        if not last and not (message["role"] == "user" and asked[index + 1]["role"] == "user"):
            continue
        turn_started = time.perf_counter()
        answer, headers = _ask(client, model_version, sent, parameters)
        said.append(answer)
        sent.append({"role": "assistant", "content": answer.text})
    return Completion(
        text=answer.text,
        earlier_answers=[earlier.text for earlier in said[:-1]],
        input_tokens=_total([turn.input_tokens for turn in said]),
        output_tokens=_total([turn.output_tokens for turn in said]),
        latency_seconds=time.perf_counter() - started,
        finish_reason=answer.finish_reason,
        reported_model=answer.reported_model,
        first_token_seconds=None if answer.first_token_at is None else answer.first_token_at - turn_started,
        headroom=headroom(headers),
        limit_headers=limit_headers(headers),
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
) -> tuple[Answer, Mapping[str, str]]:
    endpoint, served_name = model_version.endpoint, model_version.served_name
    assert endpoint is not None  # complete() asks for one
    asked = request.body(endpoint, served_name, messages, parameters)
    to = request.path(endpoint, served_name)
    with as_faults(client.api_key, endpoint.timeout_seconds), deadline(endpoint.timeout_seconds):
        if not endpoint.streams:
            return _whole(client, endpoint, to, asked)
        with_usage = endpoint.base_url not in _without_stream_options
        try:
            return _in_pieces(client, endpoint, to, request.streamed(endpoint, asked, with_usage=with_usage))
        except (openai.BadRequestError, openai.UnprocessableEntityError) as error:
            if not (with_usage and refuses_stream_options(error.response.text)):
                raise
        answer = _in_pieces(client, endpoint, to, request.streamed(endpoint, asked, with_usage=False))
        _without_stream_options.add(endpoint.base_url)
        return answer


def _whole(
    client: openai.OpenAI, endpoint: Endpoint, path: str, body: Mapping[str, Any]
) -> tuple[Answer, Mapping[str, str]]:
    response = client.post(path, cast_to=httpx2.Response, body=body, options=request_options(endpoint))
    if _is_stream(response):
        raise PermanentFault(
            "The endpoint answers in pieces only; switch on “stream answers” at the endpoint.",
            stops_version=True,
        )
    return _read(client, endpoint, response), response.headers


def _in_pieces(
    client: openai.OpenAI, endpoint: Endpoint, path: str, body: Mapping[str, Any]
) -> tuple[Answer, Mapping[str, str]]:
    options = request_options(endpoint)
    sent = client.post(
        path, cast_to=object, body=body, options=options, stream=True, stream_cls=openai.Stream[object]
    )
    with sent as stream:
        if not _is_stream(stream.response):  # some answer in one piece, whatever they are asked
            stream.response.read()
            return _read(client, endpoint, stream.response), stream.response.headers
        responses = endpoint.api == Endpoint.API.RESPONSES
        read = answers.responses_stream if responses else answers.chat_stream
        return read(stream, time.perf_counter, client.api_key), stream.response.headers


def request_options(endpoint: Endpoint) -> Any:
    """Azure's key has a header of its own; the package leaves out the usual one only where each request says so."""
    return {"headers": {"Authorization": openai.Omit()}} if endpoint.api_version else {}


def _read(client: openai.OpenAI, endpoint: Endpoint, response: httpx2.Response) -> Answer:
    data = response.json()
    if endpoint.api == Endpoint.API.RESPONSES:
        return answers.responses_answer(data, client.api_key)
    return answers.chat_answer(data, client.api_key)


def _is_stream(response: httpx2.Response) -> bool:
    return str(response.headers.get("content-type", "")).lower().startswith("text/event-stream")


@contextmanager
def as_faults(key: str, timeout: float) -> Iterator[None]:
    """What the package and the network raise, as faults."""
    try:
        yield
    except (openai.APITimeoutError, httpx2.TimeoutException) as error:
        raise TransientFault(f"No answer within {timeout:.0f} s.", kind=Fault.Kind.TIMEOUT) from error
    except (openai.APIConnectionError, httpx2.RequestError) as error:
        why = f"The endpoint can't be reached: {error.__cause__ or error}."
        raise TransientFault(why, kind=Fault.Kind.CONNECTION) from error
    except openai.APIStatusError as error:
        raise status_fault(
            error.status_code, error.response.headers, error.body, error.response.text, key
        ) from error
    except openai.APIResponseValidationError as error:
        raise unreadable(f"The endpoint's answer can't be read: {error}") from error
    except openai.APIError as error:  # an event of a stream that says what went wrong
        raise answers.error_fault(error.body or {"message": error.message}, key) from error
    except (openai.OpenAIError, ValueError, RecursionError) as error:
        raise unreadable(f"The endpoint's answer can't be read: {error}") from error


def _total(counts: list[int | None]) -> int | None:
    known = [count for count in counts if count is not None]
    return sum(known) if len(known) == len(counts) else None


def endpoint_key(endpoint: Endpoint) -> str:
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
def shared_client(base_url: str, api_version: str, key: str, timeout_seconds: int) -> openai.OpenAI:
    # Retries are ours: they are counted on the response, wait without holding a thread, and survive a restart.
    client = openai.OpenAI(
        base_url=base_url,
        api_key=key,
        timeout=timeout_seconds,
        max_retries=0,
        default_query={"api-version": api_version} if api_version else None,
        default_headers={"api-key": key} if api_version else None,
    )
    http = client._client  # one of our own would not be closed when the cache lets go of it
    keep_to_deadlines(http)
    http.event_hooks = {"response": [_stay]}
    return client


def _stay(response: httpx2.Response) -> None:
    """Follow a redirect on the same host that asks for the same request again, and no other: it carries the key."""
    if not response.has_redirect_location:
        return
    here, location = response.request.url, response.headers["location"]
    try:
        there = here.join(location)
    except httpx2.InvalidURL:
        raise moved(response.status_code, location) from None
    same = (here.scheme, here.host, here.port) == (there.scheme, there.host, there.port)
    if not (same and response.status_code in (307, 308)):
        raise moved(response.status_code, str(there))
