"""The files of a Batch API: one request a line goes in, one answer or error a line comes out, in any order. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

# OpenAI's are 50,000 and 200 MB, those of others 100 MB.
MOST_REQUESTS = 50_000
MOST_BYTES = 100_000_000
# An id may have 64 characters. This much of the hash tells a request from that of any row with the same number.
SHA256_CHARACTERS = 40

# Not begun when the time was over or someone cancelled: neither the request nor the endpoint is to blame.
NOT_BEGUN = {"batch_expired", "batch_cancelled"}


@dataclass(frozen=True, kw_only=True)
class Line:
    """One line of an output or error file. `body` is that of an HTTP answer with `status`, if there was one."""

    response_id: int
    request_sha256: str
    status: int | None
    body: Any
    error_code: str
    error_message: str

    @property
    def was_begun(self) -> bool:
        return self.error_code not in NOT_BEGUN


def custom_id(response_id: int, request_sha256: str) -> str:
    """The same for the same request however often it is written."""
    return f"{response_id}-{request_sha256[:SHA256_CHARACTERS]}"


def request_line(name: str, url: str, body: Mapping[str, Any]) -> bytes:
    # ASCII: half of a surrogate pair could not be written otherwise
    line = {"custom_id": name, "method": "POST", "url": url, "body": body}
    return json.dumps(line, separators=(",", ":")).encode() + b"\n"


def read_line(raw: bytes) -> Line | None:
    """None where the line is not one, or names no request of ours: whose it is can't be said."""
    try:
        line = json.loads(raw)
        number, _hyphen, sha256 = line["custom_id"].partition("-")
        response_id = int(number)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None
    if len(sha256) != SHA256_CHARACTERS or not 0 < response_id < 2**63:
        return None
    response, error = _object(line.get("response")), _object(line.get("error"))
    status = response.get("status_code")
    return Line(
        response_id=response_id,
        request_sha256=sha256,
        status=status if type(status) is int else None,
        body=response.get("body"),
        error_code=_text(error.get("code")),
        error_message=_text(error.get("message")),
    )


def _object(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
