"""An endpoint's limits, kept over all workers on all hosts.

Requests and tokens per minute are token buckets (Turner 1986) of ten seconds' worth; concurrency is the number of
leases that run. A caller holds the lock of the endpoint's row while it asks, so that two workers can't both take
the last place.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db.models import F, Q

from models_registry.models import Endpoint, EndpointUse

# How much an idle endpoint may save up. A minute's worth would let a burst of twice the limit into one minute.
BURST_SECONDS = 10.0


def refill(use: EndpointUse, endpoint: Endpoint, now: datetime) -> None:
    """Bring the buckets up to `now`. The first time they start full."""
    seconds = BURST_SECONDS if use.refilled_at is None else max(0.0, (now - use.refilled_at).total_seconds())
    for limit, name in (
        (endpoint.requests_per_minute, "requests_left"),
        (endpoint.tokens_per_minute, "tokens_left"),
    ):
        if limit is None:
            continue
        per_second = limit / 60
        most = max(1.0, per_second * BURST_SECONDS)
        setattr(use, name, min(most, getattr(use, name) + per_second * seconds))
    use.refilled_at = now


def take_request(use: EndpointUse, endpoint: Endpoint, now: datetime) -> bool:
    """Take one request from the buckets of a locked row; False where it has to wait. Saves the row."""
    refill(use, endpoint, now)
    granted = (
        (use.paused_until is None or use.paused_until <= now)
        and (endpoint.requests_per_minute is None or use.requests_left >= 1)
        and (endpoint.tokens_per_minute is None or use.tokens_left > 0)
    )
    if granted and endpoint.requests_per_minute is not None:
        use.requests_left -= 1
    use.save(update_fields=["requests_left", "tokens_left", "refilled_at"])
    return granted


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


def lease(endpoint: Endpoint, turns: int) -> timedelta:
    """How long a worker may hold a response: longer than its requests can last, so no living worker loses it."""
    return timedelta(seconds=endpoint.timeout_seconds * turns + 15)
