"""An endpoint's limits, kept over all workers on all hosts.

Requests per minute are paced: each request is given the moment at which it may be sent (the generic cell rate
algorithm, ITU-T I.371), so that no minute, wherever it begins, holds more than the limit. Tokens per minute are a
bucket (Turner 1986) that a response's real use may overdraw. Concurrency is the number of leases that run. A caller
holds the lock of the endpoint's row while it asks, so that two workers can't both take the last place.
"""

from __future__ import annotations

import math
import sys
from datetime import datetime, timedelta

from django.db.models import F, Q
from django.db.models.functions import Least

from models_registry.models import Endpoint, EndpointUse

# Clocks and networks are not exact: at the very limit, one request in a hundred would come too early.
PACE = 0.985
# how much of the pace an endpoint that was idle may make up for at once, and how far ahead a moment is given
BURST_SECONDS = 0.5
AHEAD_SECONDS = 2.0
# tokens are known only afterwards, so their bucket is larger
TOKEN_BURST_SECONDS = 10.0
# What a header asks for is believed up to here: a wrong one must not stop an evaluation for the night.
LONGEST_PAUSE_SECONDS = 120.0


def take_request(use: EndpointUse, endpoint: Endpoint, now: datetime) -> float | None:
    """Seconds after which a request may be sent; None where it has to be asked for again. Saves the locked row."""
    waits = take_requests(use, endpoint, now, 1)
    return waits[0] if waits else None


def take_requests(use: EndpointUse, endpoint: Endpoint, now: datetime, wanted: int) -> list[float]:
    """The same for up to so many requests: the waits of those that are granted, the shortest first."""
    if wanted <= 0 or (use.paused_until is not None and use.paused_until > now):
        return []
    waits = [0.0] * wanted
    if endpoint.tokens_per_minute is not None:
        per_second = endpoint.tokens_per_minute / 60
        use.tokens_left = _refilled(use, use.tokens_left, per_second, TOKEN_BURST_SECONDS, now)
        if use.tokens_left <= 0:
            waits = []
    if endpoint.requests_per_minute is not None:
        per_second = PACE * endpoint.requests_per_minute / 60
        use.requests_left = _refilled(use, use.requests_left, per_second, BURST_SECONDS, now)
        # below zero are the requests whose moment is still to come
        moments = [max(0.0, (nth - use.requests_left) / per_second) for nth in range(1, len(waits) + 1)]
        waits = [wait for wait in moments if wait <= AHEAD_SECONDS]
        use.requests_left -= len(waits)
    if endpoint.tokens_per_minute is not None or endpoint.requests_per_minute is not None:
        use.refilled_at = now
        use.save(update_fields=["requests_left", "tokens_left", "refilled_at"])
    return waits


def most_ahead(requests_per_minute: int | None) -> int:
    """How many requests can be given their moment at once."""
    if requests_per_minute is None:
        return sys.maxsize
    return math.ceil(PACE * requests_per_minute / 60 * (BURST_SECONDS + AHEAD_SECONDS)) + 1


def _refilled(use: EndpointUse, left: float, per_second: float, burst_seconds: float, now: datetime) -> float:
    """What is left by now; the first time a whole burst."""
    most = max(1.0, per_second * burst_seconds)
    if use.refilled_at is None:
        return most
    return min(most, left + per_second * max(0.0, (now - use.refilled_at).total_seconds()))


def spend_tokens(endpoint: Endpoint, tokens: int) -> None:
    """Take what a response really used; a bucket below zero holds the next requests back until it has recovered."""
    if endpoint.tokens_per_minute is None:
        return
    EndpointUse.objects.filter(endpoint=endpoint).update(tokens_left=F("tokens_left") - tokens)


def pause(endpoint: Endpoint, until: datetime) -> None:
    """Hold every request to an endpoint that asked for it, and never shorten a longer pause."""
    EndpointUse.objects.filter(
        Q(paused_until__isnull=True) | Q(paused_until__lt=until), endpoint=endpoint
    ).update(paused_until=until)


def heed_requests_left(endpoint: Endpoint, left: int, reset_seconds: float | None, now: datetime) -> None:
    """Keep to what an endpoint says is left of its own limit, where that is less than ours; none left is a pause."""
    if left <= 0 and reset_seconds:
        pause(endpoint, now + timedelta(seconds=min(reset_seconds, LONGEST_PAUSE_SECONDS)))
    elif endpoint.requests_per_minute is not None:
        EndpointUse.objects.filter(endpoint=endpoint, requests_left__gt=left).update(
            requests_left=Least(F("requests_left"), float(left))
        )


def lease(endpoint: Endpoint, turns: int, wait: float = 0.0) -> timedelta:
    """How long a worker may hold a response: longer than its requests can last, so no living worker loses it."""
    return timedelta(seconds=endpoint.timeout_seconds * turns + 15 + wait)
