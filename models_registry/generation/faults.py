"""What can come instead of an answer, in words for the person who runs the evaluation. Knows no openai."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from models_registry.generation.headroom import Headroom, headroom, retry_after
from models_registry.models import Fault

# What a provider takes back by itself; everything else would fail the same way again.
TRANSIENT_STATUS = {408, 409, 425, 429}
# The package insists on a key; an endpoint that wants none ignores it.
NO_KEY = "none"

FILTER_CODES = {
    "content_filter",
    "content_policy_violation",
    "content_management_policy",
    "responsibleaipolicyviolation",
}
# A 429 that no waiting mends.
MONEY_CODES = {"insufficient_quota", "billing_hard_limit_reached", "billing_not_active"}

FIXES = {
    401: "Check the key in the endpoint's environment variable.",
    403: "The key may not use this model.",
    404: "Check the endpoint's base URL and the version's served name.",
}
DIALECTS = (
    (
        r"max_completion_tokens|max_tokens['\"` ]+(is|was)?\s*(not|un)",
        "Choose another name of the token limit at the endpoint.",
    ),
    (
        r"system['\"` ]+(role|message)|role.{0,40}(system|developer)|developer.{0,20}(role|message)",
        "Choose another system role at the endpoint.",
    ),
    (
        r"stream['\"`:= ]+(must|has to|should|parameter|mode|true|set to)|(only|requires?).{0,20}stream",
        "Switch on “stream answers” at the endpoint.",
    ),
    (
        r"api-version|api version",
        "Check the endpoint's API version; Azure OpenAI lists those it knows.",
    ),
)


class TransientFault(Exception):
    """Worth another try. `wait_seconds` is what the endpoint asked for, if it asked; `pauses_endpoint` if for all."""

    def __init__(
        self,
        message: str,
        *,
        kind: str,
        wait_seconds: float | None = None,
        pauses_endpoint: bool = False,
        headroom: Headroom | None = None,
    ) -> None:
        super().__init__(message)
        self.kind = kind
        self.wait_seconds = wait_seconds
        self.pauses_endpoint = pauses_endpoint
        self.headroom = headroom


class PermanentFault(Exception):
    """Asking again would fail the same way until a person changes something; the message says what.

    `stops_version`: every other request of the version would meet the same.
    """

    def __init__(self, message: str, *, kind: str = Fault.Kind.REFUSED, stops_version: bool) -> None:
        super().__init__(message)
        self.kind = kind
        self.stops_version = stops_version


def unreadable(why: str) -> TransientFault:
    return TransientFault(why, kind=Fault.Kind.GARBAGE)


def filtered(said: str = "") -> PermanentFault:
    return PermanentFault(
        f"{said} " * bool(said)
        + "The endpoint's content filter held the answer back; change the prompt, or the filter at the provider.",
        kind=Fault.Kind.FILTERED,
        stops_version=False,
    )


def moved(status: int, location: str) -> PermanentFault:
    return PermanentFault(
        f"The endpoint answered {status}: it redirects to {location[:200]}. Keys are not carried to another address; "
        "if that one is meant, make it the endpoint's base URL.",
        stops_version=True,
    )


def refuses_stream_options(text: str) -> bool:
    """Is it for `stream_options`, as far as one can tell, that a server refused a request?"""
    return bool(
        re.search(r"stream_options|include_usage|extra|unknown|unrecogni|unexpected|permitted", text, re.I)
    )


def status_fault(
    status: int, headers: Mapping[str, str], body: object, text: str, key: str
) -> TransientFault | PermanentFault:
    """The fault of an answer with an error status; `body` is its error object, if it has one."""
    said = f"The endpoint answered {status}: {said_by(body, text, key)}"
    codes = error_codes(body)
    if codes & MONEY_CODES or status == 402:
        return PermanentFault(f"{said} The account has no credit left; pay, then retry.", stops_version=True)
    if status < 500 and codes & FILTER_CODES:
        return filtered(said)
    if status in TRANSIENT_STATUS or status >= 500:
        return TransientFault(
            said,
            kind=Fault.Kind.THROTTLED if status == 429 else Fault.Kind.SERVER,
            wait_seconds=retry_after(headers),
            pauses_endpoint=status == 429,
            headroom=headroom(headers),
        )
    if "no connected db" in said.lower():
        status = 401  # what a LiteLLM proxy without a database says of a key it does not know
    return PermanentFault(f"{said} {_fix(status, said)}", stops_version=status in FIXES)


def _fix(status: int, said: str) -> str:
    """What to change, by the status, or by what servers say of settings that are theirs alone."""
    if status in FIXES:
        return FIXES[status]
    return next(
        (fix for words, fix in DIALECTS if re.search(words, said, re.IGNORECASE)),
        "Check the version's decoding parameters and the prompt.",
    )


def error_codes(body: object) -> set[str]:
    """The codes of an error object in lower case: its own, its type, and that of Azure's inner error."""
    if not isinstance(body, Mapping):
        return set()
    inner: Any = body.get("innererror")
    found = [body.get("code"), body.get("type"), inner.get("code") if isinstance(inner, Mapping) else None]
    return {code.lower() for code in found if isinstance(code, str)}


def said_by(body: object, text: str, key: str) -> str:
    """What the endpoint said, cut short; the key goes first, because half of one would no longer be found."""
    if isinstance(body, Mapping):
        message = body.get("message")
        if isinstance(message, str) and message:
            message = without(key, message)
            return message[:500] if message.endswith((".", "!", "?")) else message[:500] + "."
    return (without(key, text)[:200].strip() or "nothing more") + "."


def without(key: str, text: str) -> str:
    if key == NO_KEY:
        return text
    for spelling in {key, json.dumps(key)[1:-1]}:
        text = text.replace(spelling, "[the key]")
    return text
