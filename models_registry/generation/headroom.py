"""What an endpoint says in its headers about its limits. Pure, and deaf to nonsense: a header is a hint."""

from __future__ import annotations

import email.utils
import math
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

# No limit is reset later than in a day, and none asks for a longer pause than an hour and means it.
LONGEST_RESET_SECONDS = 86_400.0
LONGEST_WAIT_SECONDS = 3600.0
# A number as large as this is a moment since 1970, in seconds or in milliseconds, and no time from now.
EPOCH_SECONDS = 1_000_000_000
EPOCH_MILLISECONDS = 100_000_000_000

# OpenAI's spelling (Azure's, Groq's, vLLM's), a provider's as LiteLLM hands it on, Anthropic's, Together's, Mistral's,
# and those that tell of one limit only.
SPELLINGS = {
    "requests_left": (
        "x-ratelimit-remaining-requests",
        "llm_provider-x-ratelimit-remaining-requests",
        "anthropic-ratelimit-requests-remaining",
        "x-ratelimit-remaining-req-minute",
        "x-ratelimit-remaining",
        "ratelimit-remaining",
    ),
    "requests_reset": (
        "x-ratelimit-reset-requests",
        "llm_provider-x-ratelimit-reset-requests",
        "anthropic-ratelimit-requests-reset",
        "x-ratelimit-reset",
        "ratelimit-reset",
    ),
    "tokens_left": (
        "x-ratelimit-remaining-tokens",
        "llm_provider-x-ratelimit-remaining-tokens",
        "anthropic-ratelimit-tokens-remaining",
        "x-ratelimit-remaining-tokens-minute",
        "x-ratelimitbysize-remaining-minute",
        "x-tokenlimit-remaining",
    ),
    "tokens_reset": (
        "x-ratelimit-reset-tokens",
        "llm_provider-x-ratelimit-reset-tokens",
        "anthropic-ratelimit-tokens-reset",
        "x-tokenlimit-reset",
    ),
}
_UNITS = {"d": 86_400.0, "h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001, "us": 1e-6, "µs": 1e-6, "ns": 1e-9}
_PIECE = re.compile(r"([0-9]{1,12}(?:\.[0-9]{1,12})?)(ms|us|µs|ns|[dhms])")
_DURATION = re.compile(rf"(?:{_PIECE.pattern})+\Z")
_NUMBER = re.compile(r"[0-9]{1,18}(?:\.[0-9]{1,12})?\Z")


@dataclass(frozen=True)
class Headroom:
    """What is left of the endpoint's limits, and in how many seconds they are whole again; None: it did not say."""

    requests_left: int | None
    requests_reset_seconds: float | None
    tokens_left: int | None
    tokens_reset_seconds: float | None


def headroom(headers: Mapping[str, str], now: float | None = None) -> Headroom | None:
    """Headers, whose names are found in lower case, as of `now` in seconds since 1970; None where they say nothing."""
    now = time.time() if now is None else now
    found = Headroom(
        requests_left=_first_count(headers, SPELLINGS["requests_left"]),
        requests_reset_seconds=_first_time(headers, SPELLINGS["requests_reset"], now),
        tokens_left=_first_count(headers, SPELLINGS["tokens_left"]),
        tokens_reset_seconds=_first_time(headers, SPELLINGS["tokens_reset"], now),
    )
    return None if found == Headroom(None, None, None, None) else found


def limit_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """The headers that speak of limits, as they came, for a person to read."""
    telling = re.compile(r"rate-?limit|tokenlimit|retry-after", re.IGNORECASE)
    return {name.lower(): value[:200] for name, value in headers.items() if telling.search(name)}


def retry_after(headers: Mapping[str, str], now: float | None = None) -> float | None:
    """Seconds to wait, from `retry-after-ms`, or `retry-after` in seconds or as a date (RFC 9110, 10.2.3)."""
    now = time.time() if now is None else now
    for name, unit in (("retry-after-ms", 1000), ("retry-after", 1)):
        value = headers.get(name)
        if value is None:
            continue
        try:
            seconds = float(value) / unit
        except ValueError:
            parsed = email.utils.parsedate_tz(value)
            if parsed is None:
                continue
            try:
                seconds = email.utils.mktime_tz(parsed) - now
            except (OverflowError, ValueError):
                continue
        if not math.isnan(seconds):
            return max(0.0, min(seconds, LONGEST_WAIT_SECONDS))
    return None


def seconds_until(value: str, now: float) -> float | None:
    """`6m0s`, `120ms`, `12`, `1799999999`, `1799999999000` or an ISO time as seconds from now; None if it is none."""
    value = value.strip()
    if _NUMBER.match(value):
        number = float(value)
        if number >= EPOCH_MILLISECONDS:
            number = number / 1000 - now
        elif number >= EPOCH_SECONDS:
            number -= now
        return max(0.0, number) if number <= LONGEST_RESET_SECONDS else None
    if _DURATION.match(value):
        total = sum(float(number) * _UNITS[unit] for number, unit in _PIECE.findall(value))
        return total if total <= LONGEST_RESET_SECONDS else None
    try:
        at = datetime.fromisoformat(value)
        seconds = at.timestamp() - now
    except (ValueError, OverflowError, OSError):
        return None
    if at.tzinfo is None or seconds > LONGEST_RESET_SECONDS:
        return None
    return max(0.0, seconds)


def _first_count(headers: Mapping[str, str], names: tuple[str, ...]) -> int | None:
    for name in names:
        value = headers.get(name, "").strip()
        if _NUMBER.match(value):
            return int(float(value))
    return None


def _first_time(headers: Mapping[str, str], names: tuple[str, ...], now: float) -> float | None:
    for name in names:
        value = headers.get(name)
        seconds = seconds_until(value, now) if value else None
        if seconds is not None:
            return seconds
    return None
