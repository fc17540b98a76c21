"""An endpoint's limits, kept over all workers on all hosts.

Requests per minute are paced: each request is given the moment at which it may be sent (the generic cell rate
algorithm, ITU-T I.371), so that no minute, wherever it begins, holds more than the limit. Tokens per minute are paced
in the same way, by a bucket that each answer's real use is taken from; until it is known, what is under way is expected
to use what answers used lately. Concurrency is the number of leases that run. A caller holds the lock of the endpoint's
row while it asks, so that two workers can't both take the last place.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db.models import Case, F, Q, When
from django.db.models.functions import Least

from models_registry.models import Endpoint, EndpointUse

# Clocks and networks are not exact: at the very limit, one request in a hundred would come too early.
PACE = 0.985
# how much of the pace an endpoint that was idle may make up for at once, and how far ahead a moment is given
BURST_SECONDS = 0.5
AHEAD_SECONDS = 2.0
# The bucket of tokens, and the pace that keeps a minute and a whole bucket within the limit.
TOKEN_BURST_SECONDS = 3.0
TOKEN_PACE = 60 / (60 + TOKEN_BURST_SECONDS)
# what a text uses, where nobody counted
CHARACTERS_A_TOKEN = 4
# how much the newest answer counts in what one is expected to use
NEWEST_COUNTS = 0.1
# What a header asks for is believed up to here: a wrong one must not stop an evaluation for the night.
LONGEST_PAUSE_SECONDS = 120.0


def take_request(use: EndpointUse, endpoint: Endpoint, now: datetime) -> float | None:
    """Seconds after which a request may be sent; None where it has to be asked for again. Saves the locked row."""
    waits = take_requests(use, endpoint, now, 1)
    return waits[0] if waits else None


def take_requests(
    use: EndpointUse,
    endpoint: Endpoint,
    now: datetime,
    wanted: int,
    *,
    in_flight: int = 0,
    tokens_guessed: float = 0.0,
) -> list[float]:
    """The same for up to so many requests: the waits of those that are granted, the shortest first.

    in_flight: requests of the endpoint that are under way. tokens_guessed: what one may use, before any answer told.
    """
    if wanted <= 0 or (use.paused_until is not None and use.paused_until > now):
        return []
    waits = [0.0] * wanted
    if endpoint.tokens_per_minute is not None:
        per_second = TOKEN_PACE * endpoint.tokens_per_minute / 60
        each = tokens_guessed if use.tokens_each is None else use.tokens_each
        # what is under way has its tokens in the bucket still, beside those that are free
        under_way = each * in_flight
        use.tokens_left = _refilled(
            use, use.tokens_left, per_second, TOKEN_BURST_SECONDS, now, beside=under_way
        )
        token_waits = [
            # alone it may overdraw: an answer larger than the bucket would never be asked for
            0.0
            if nth == 1 and not in_flight and use.tokens_left > 0
            else max(0.0, (under_way + each * nth - use.tokens_left) / per_second)
            for nth in range(1, wanted + 1)
        ]
        waits = [wait for wait in token_waits if wait <= AHEAD_SECONDS]
    if endpoint.requests_per_minute is not None:
        per_second = PACE * endpoint.requests_per_minute / 60
        use.requests_left = _refilled(use, use.requests_left, per_second, BURST_SECONDS, now)
        # below zero are the requests whose moment is still to come
        moments = [max(0.0, (nth - use.requests_left) / per_second) for nth in range(1, len(waits) + 1)]
        both = [max(pair) for pair in zip(waits, moments, strict=True)]
        waits = [wait for wait in both if wait <= AHEAD_SECONDS]
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


def _refilled(
    use: EndpointUse,
    left: float,
    per_second: float,
    burst_seconds: float,
    now: datetime,
    *,
    beside: float = 0.0,
) -> float:
    """What is left by now, at most a whole burst beside what is spoken for; the first time that much."""
    most = max(1.0, per_second * burst_seconds) + beside
    if use.refilled_at is None:
        return most
    return min(most, left + per_second * max(0.0, (now - use.refilled_at).total_seconds()))


def spend_tokens(endpoint: Endpoint, tokens: Sequence[int]) -> None:
    """Take what answers really used; a bucket below zero holds the next requests back until it has recovered."""
    most = endpoint.tokens_per_minute
    if most is None or not tokens:
        return
    # no provider gives one answer more than a minute's worth, so a larger number is a mistake of its own
    used = [min(one, most) for one in tokens]
    mean, kept = sum(used) / len(used), (1 - NEWEST_COUNTS) ** len(used)
    EndpointUse.objects.filter(endpoint=endpoint).update(
        tokens_left=F("tokens_left") - sum(used),
        tokens_each=Case(
            When(tokens_each=None, then=mean), default=F("tokens_each") * kept + mean * (1 - kept)
        ),
    )


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
