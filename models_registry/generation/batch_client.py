"""The calls of a provider's Batch API. Beside client.py the only module that uses the openai package.

Import it where a batch is worked on, not at start-up: the package takes about two seconds of CPU to load.
All functions raise TransientFault or PermanentFault, whose messages are written for the person who runs the evaluation.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import IO, Any

import openai

from models_registry.generation import client
from models_registry.generation.deadline import deadline
from models_registry.generation.faults import (
    NO_KEY,
    PermanentFault,
    TransientFault,
    unreadable,
    without,
)
from models_registry.models import Endpoint

__all__ = ["PermanentFault", "TransientFault"]

# Slower than this a file is not coming.
BYTES_A_SECOND = 100_000
LONGEST_DOWNLOAD_SECONDS = 3600.0
PAGE = 100
# Newest first; one that is older than so many others was not created a moment ago.
MOST_LISTED = 2000

ENDED = {"completed", "expired", "cancelled", "failed"}
CAN_BE_CANCELLED = {"validating", "in_progress"}
NO_SUCH_PATH = {404, 405, 501}


@dataclass(frozen=True, kw_only=True)
class Error:
    """What is wrong with a whole file, or with one line of it (1 is the first)."""

    code: str
    message: str
    line: int | None = None


@dataclass(frozen=True, kw_only=True)
class Batch:
    """What the provider says of a batch. `total`, `completed` and `failed` count requests."""

    id: str
    status: str
    input_file_id: str
    output_file_id: str
    error_file_id: str
    metadata: Mapping[str, str]
    total: int
    completed: int
    failed: int
    errors: tuple[Error, ...]
    created_at: datetime | None = None
    expires_at: datetime | None = None


def upload_seconds(size: int, endpoint: Endpoint) -> float:
    """How long an upload of so many bytes may last."""
    return endpoint.timeout_seconds + size / BYTES_A_SECOND


def upload_file(endpoint: Endpoint, file: IO[bytes], name: str, size: int) -> str:
    """Upload a file of requests, piece by piece; its id."""
    with _calling(endpoint, upload_seconds(size, endpoint)) as provider:
        answer = provider.files.create(
            file=(name, file, "application/jsonl"),
            purpose="batch",
            timeout=upload_seconds(size, endpoint),
            **_extra(endpoint),
        )
    return _needed(answer, "id")


def create_batch(endpoint: Endpoint, input_file_id: str, url: str, metadata: dict[str, str]) -> Batch:
    with _calling(endpoint) as provider:
        answer = provider.batches.create(
            input_file_id=input_file_id,
            endpoint=url,  # type: ignore[arg-type]  # Azure's has no /v1 before it
            completion_window="24h",
            metadata=metadata,
            **_extra(endpoint),
        )
    return _batch(answer)


def retrieve_batch(endpoint: Endpoint, batch_id: str) -> Batch:
    with _calling(endpoint) as provider:
        answer = provider.batches.retrieve(batch_id, **_extra(endpoint))
    return _batch(answer)


def cancel_batch(endpoint: Endpoint, batch_id: str) -> Batch:
    with _calling(endpoint) as provider:
        answer = provider.batches.cancel(batch_id, **_extra(endpoint))
    return _batch(answer)


def find_batch(endpoint: Endpoint, input_file_id: str, metadata: Mapping[str, str]) -> Batch | None:
    """The batch that was made of a file. By the file too, for another installation may have the same metadata."""
    for batch in list_batches(endpoint):
        if batch.input_file_id == input_file_id and metadata.items() <= batch.metadata.items():
            return batch
    return None


def list_batches(endpoint: Endpoint) -> Iterator[Batch]:
    """The newest of the account's batches, newest first."""
    after: dict[str, Any] = {}
    for _page in range(MOST_LISTED // PAGE):
        with _calling(endpoint) as provider:
            page = provider.batches.list(limit=PAGE, **after, **_extra(endpoint))
        found = getattr(page, "data", None)
        if not isinstance(found, list):
            raise unreadable("The endpoint's list of batches can't be read.")
        batches = [_batch(batch) for batch in found]
        yield from batches
        if not batches or not getattr(page, "has_more", False):
            return
        after = {"after": batches[-1].id}


def download(endpoint: Endpoint, file_id: str, into: IO[bytes]) -> None:
    """Write the content of a file, piece by piece."""
    with (
        _calling(endpoint, LONGEST_DOWNLOAD_SECONDS) as provider,
        provider.files.with_streaming_response.content(file_id, **_extra(endpoint)) as content,
    ):
        for piece in content.iter_bytes():
            into.write(piece)


def key_of(endpoint: Endpoint) -> str:
    """To be kept out of whatever is stored; not a secret where there is none."""
    try:
        return client.endpoint_key(endpoint)
    except PermanentFault:
        return NO_KEY


def _extra(endpoint: Endpoint) -> dict[str, Any]:
    """What each call of Azure's says besides."""
    headers = client.request_options(endpoint).get("headers")
    return {"extra_headers": headers} if headers else {}


@contextmanager
def _calling(endpoint: Endpoint, seconds: float | None = None) -> Iterator[openai.OpenAI]:
    key = client.endpoint_key(endpoint)
    provider = client.shared_client(endpoint.base_url, endpoint.api_version, key, endpoint.timeout_seconds)
    seconds = endpoint.timeout_seconds if seconds is None else seconds
    try:
        with client.as_faults(key, seconds), deadline(seconds):
            yield provider
    except PermanentFault as fault:
        said = without(key, str(fault))
        if isinstance(fault.__cause__, openai.APIStatusError) and fault.__cause__.status_code in NO_SUCH_PATH:
            said += " If the endpoint has no Batch API, switch it off where the endpoint is set up."
        fault.args = (said,)
        raise
    except TransientFault as fault:
        fault.args = (without(key, str(fault)),)
        raise


def _batch(answer: object) -> Batch:
    counts, errors = getattr(answer, "request_counts", None), getattr(answer, "errors", None)
    metadata = getattr(answer, "metadata", None)
    found = getattr(errors, "data", None)
    return Batch(
        id=_needed(answer, "id"),
        status=_needed(answer, "status"),
        input_file_id=_text(answer, "input_file_id"),
        output_file_id=_text(answer, "output_file_id"),
        error_file_id=_text(answer, "error_file_id"),
        metadata=metadata if isinstance(metadata, Mapping) else {},
        total=_count(counts, "total"),
        completed=_count(counts, "completed"),
        failed=_count(counts, "failed"),
        errors=tuple(
            Error(
                code=_text(error, "code"), message=_text(error, "message"), line=_count(error, "line") or None
            )
            for error in (found if isinstance(found, list) else [])
        ),
        created_at=_time(answer, "created_at"),
        expires_at=_time(answer, "expires_at"),
    )


def _needed(answer: object, name: str) -> str:
    text = _text(answer, name)
    if not text:
        raise unreadable(f'The Batch API\'s answer has no "{name}".')
    return text


def _text(part: object, name: str) -> str:
    text = getattr(part, name, None)
    return (
        text[:200] if isinstance(text, str) and name != "message" else text if isinstance(text, str) else ""
    )


def _time(part: object, name: str) -> datetime | None:
    """Seconds since 1970, which some who copied the API leave out or write otherwise; before 2001 it is no date."""
    seconds = getattr(part, name, None)
    return datetime.fromtimestamp(seconds, UTC) if type(seconds) is int and 10**9 < seconds < 2**32 else None


def _count(part: object, name: str) -> int:
    count = getattr(part, name, None)
    return count if type(count) is int and 0 <= count < 2**31 else 0
