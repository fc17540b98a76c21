"""What came of a request, written down: an answer once and for all, a fault with what is done about it."""

from __future__ import annotations

import logging
import random
from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from django.db import InterfaceError, OperationalError, transaction
from django.db.models import F, QuerySet
from django.utils import timezone

from models_registry.generation import breaker, limits
from models_registry.models import Endpoint, Fault, GenerationRun, Response

if TYPE_CHECKING:
    from models_registry.generation.client import Completion
    from models_registry.generation.faults import PermanentFault, TransientFault

logger = logging.getLogger(__name__)

MOST_ATTEMPTS = 6
# what a request in a batch costs, of the price of a live one; OpenAI's, and those of all who copied it
BATCH_PRICE = Decimal("0.5")
# A throttled request was never worked on, so it costs no attempt; but an endpoint that only throttles gives nothing.
MOST_THROTTLED = 50
# first, second, … wait after a transient fault, each jittered by half
BACKOFF_SECONDS = (1.0, 3.0, 8.0, 20.0, 45.0)
# so many refused prompts before the first answer mean that it is not the prompts
REFUSED_UNTIL_STOPPED = 3

PENDING, DONE, FAILED = Response.Status.PENDING, Response.Status.DONE, Response.Status.FAILED


def store(response: Response, completion: Completion, *, by_batch: bool = False) -> bool:
    """Store an answer, unless there is one; whether it was stored.

    by_batch: it costs half, and says nothing of the endpoint's limits, as a batch has limits of its own.
    """
    return _store_all([(response, completion)], by_batch=by_batch)[0]


def store_answers(answers: Sequence[tuple[Response, Completion]]) -> list[Exception | None]:
    """Store answers in one transaction. One that can't be stored leaves the others be; its error is in its place."""
    try:
        _store_all(answers)
    except (InterfaceError, OperationalError):
        raise
    except Exception as error:  # noqa: BLE001 - handed to the one it concerns
        if len(answers) == 1:
            return [error]
        return [failed for answer in answers for failed in store_answers([answer])]
    return [None] * len(answers)


@transaction.atomic
def _store_all(answers: Sequence[tuple[Response, Completion]], *, by_batch: bool = False) -> list[bool]:
    stored = []
    spent: dict[int, Decimal] = {}
    by_endpoint: dict[Endpoint, list[Completion]] = {}
    used: dict[Endpoint, list[int]] = {}
    price_factor = BATCH_PRICE if by_batch else Decimal(1)
    # in one order, or two workers that store the same two would wait for each other
    for response, completion in sorted(answers, key=lambda answer: answer[0].pk):
        cost = _cost(response, completion, price_factor)
        stored.append(_store_answer(response, completion, cost, by_batch=by_batch))
        if not stored[-1] and _stands(response, completion):
            continue
        # an answer that came second is paid for, too
        if response.run_id is not None and cost:
            spent[response.run_id] = spent.get(response.run_id, Decimal(0)) + cost
        endpoint = response.model_version.endpoint
        if endpoint is not None and not by_batch:
            by_endpoint.setdefault(endpoint, []).append(completion)
            used.setdefault(endpoint, []).append(_tokens(response, completion))
    for run_id, cost in sorted(spent.items()):
        _spend(run_id, cost)
    for endpoint, completions in sorted(by_endpoint.items(), key=lambda item: item[0].pk):
        breaker.count_answer(endpoint)
        limits.spend_tokens(endpoint, used[endpoint])
        _heed(endpoint, completions)
    return stored


def _store_answer(
    response: Response, completion: Completion, cost: Decimal | None, *, by_batch: bool
) -> bool:
    stored = (
        Response.objects.filter(pk=response.pk)
        .exclude(status=DONE)
        .update(
            status=DONE,
            text=storable(completion.text),
            earlier_answers=[storable(answer) for answer in completion.earlier_answers],
            input_tokens=completion.input_tokens,
            output_tokens=completion.output_tokens,
            latency_seconds=completion.latency_seconds,
            first_token_seconds=completion.first_token_seconds,
            cost=cost,
            by_batch=by_batch,
            finish_reason=storable(completion.finish_reason)[:40],
            reported_model=storable(completion.reported_model)[:200],
            done_at=timezone.now(),
            lease_until=None,
            claim=None,
            next_try_at=None,
            batch_job=None,
            last_error="",
        )
    )
    if not stored:
        logger.info("Response %s had been answered meanwhile; the first answer stands", response.pk)
    return bool(stored)


def _stands(response: Response, completion: Completion) -> bool:
    """Is it this very answer that is stored? Its transaction was committed, and the connection broke before it said so.

    No two answers last equally long. Those of a batch, of which nobody knows how long they took, are not stored twice.
    """
    return (
        completion.latency_seconds is not None
        and Response.objects.filter(
            pk=response.pk,
            status=DONE,
            latency_seconds=completion.latency_seconds,
            text=storable(completion.text),
        ).exists()
    )


def _tokens(response: Response, completion: Completion) -> int:
    """What an answer used; where the endpoint did not say, or says that it was nothing, as much as the texts tell."""
    said = sum(map(len, [*completion.earlier_answers, completion.text])) // limits.CHARACTERS_A_TOKEN
    return (completion.input_tokens or prompt_tokens(response)) + (completion.output_tokens or said)


def prompt_tokens(response: Response) -> int:
    """About how many tokens its prompt has, by its characters."""
    characters = sum(len(message["content"]) for message in response.messages)
    return (len(response.model_version.system_prompt) + characters) // limits.CHARACTERS_A_TOKEN


def _heed(endpoint: Endpoint, completions: Sequence[Completion]) -> None:
    """Keep to the least that the endpoint says is left."""
    said = [one.headroom for one in completions if one.headroom is not None]
    least = min(
        (one for one in said if one.requests_left is not None),
        key=lambda one: one.requests_left or 0,
        default=None,
    )
    if least is not None and least.requests_left is not None:
        limits.heed_requests_left(endpoint, least.requests_left, least.requests_reset_seconds, timezone.now())
    resets = [one.tokens_reset_seconds or 0.0 for one in said if one.tokens_left == 0]
    if resets:  # any other number knows of requests under way, which are taken from ours as well
        rest = min(max(resets), limits.LONGEST_PAUSE_SECONDS)
        limits.pause(endpoint, timezone.now() + timedelta(seconds=rest))


def store_transient(response: Response, endpoint: Endpoint | None, fault: TransientFault) -> None:
    """Put a response back for a later try, or give it up; the endpoint rests if it asked for it, or seems dead.

    endpoint: None where the fault came in a batch, which says nothing of live requests.
    """
    now = timezone.now()
    message = storable(str(fault))
    is_down = endpoint is not None and breaker.count_fault(endpoint, fault.kind, message, now)
    wait = fault.wait_seconds
    if wait is None:
        longest = BACKOFF_SECONDS[min(max(response.attempts, 1), len(BACKOFF_SECONDS)) - 1]
        wait = longest * random.uniform(0.5, 1.0)  # noqa: S311 - jitter, not a secret
    wait = min(wait, limits.LONGEST_PAUSE_SECONDS)
    if fault.pauses_endpoint and endpoint is not None:
        limits.pause(endpoint, now + timedelta(seconds=wait))
    # an endpoint that can't be reached says nothing about the prompt; one that answers with an error may
    is_free = (is_down and fault.kind == Fault.Kind.CONNECTION) or _is_throttled(response, fault)
    if response.attempts >= MOST_ATTEMPTS and not is_free:
        log(response, fault.kind, message)
        _own(response).update(
            status=FAILED,
            last_error=f"{message} Given up after {response.attempts} attempts.",
            lease_until=None,
            claim=None,
        )
        return
    next_try_at = now + timedelta(seconds=wait)
    log(response, fault.kind, message, next_try_at)
    _own(response).update(
        last_error=message,
        next_try_at=next_try_at,
        lease_until=None,
        claim=None,
        attempts=F("attempts") - (1 if is_free else 0),
    )


def store_permanent(response: Response, fault: PermanentFault) -> None:
    """Fail a response, and with it all that would meet the same; a person mends it and says "retry"."""
    message = storable(str(fault))
    log(response, fault.kind, message)
    _own(response).update(status=FAILED, last_error=message, lease_until=None, claim=None)
    if fault.stops_version or (fault.kind == Fault.Kind.REFUSED and _none_is_answered(response)):
        _waiting_beside(response).update(status=FAILED, last_error=message, next_try_at=None)


def store_unforeseen(response: Response, message: str) -> None:
    message = storable(message)
    log(response, Fault.Kind.UNFORESEEN, message)
    _own(response).update(status=FAILED, last_error=message, lease_until=None, claim=None)


def store_lost(response: Response) -> None:
    """Write down that the worker that held a response died with it. Its caller holds the endpoint's row."""
    response.lost_attempts += 1
    log(response, Fault.Kind.LOST, "The worker ended before it could store anything; asked again.")


def give_up(response: Response) -> None:
    Response.objects.filter(pk=response.pk, claim=response.claim, status=PENDING).update(
        status=FAILED,
        last_error=f"Given up after {response.attempts} attempts: the last one ended with its worker, before it could "
        "store anything. The log of the workers may say why.",
        lease_until=None,
        claim=None,
        lost_attempts=response.lost_attempts,
    )


def give_back(response: Response) -> None:
    """A response that was not asked after all: nothing of it counts."""
    _own(response).update(lease_until=None, claim=None, attempts=F("attempts") - 1)


def storable(text: str) -> str:
    """PostgreSQL stores no NUL and no half of a surrogate pair; a model can emit both."""
    return text.replace("\x00", "\N{REPLACEMENT CHARACTER}").encode("utf-8", "replace").decode("utf-8")


def _cost(response: Response, completion: Completion, price_factor: Decimal) -> Decimal | None:
    if completion.input_tokens is None or completion.output_tokens is None:
        return None
    version = response.model_version
    spent = version.input_price * completion.input_tokens + version.output_price * completion.output_tokens
    return Decimal(spent) * price_factor / 1_000_000


def _spend(run_id: int, cost: Decimal) -> None:
    """Count what answers cost, and stop their run where that is the budget."""
    run = GenerationRun.objects.filter(pk=run_id)
    run.update(spent=F("spent") + cost)
    run.filter(state=GenerationRun.State.RUNNING, budget__isnull=False, spent__gte=F("budget")).update(
        state=GenerationRun.State.SPENT, changed_at=timezone.now()
    )


def _is_throttled(response: Response, fault: TransientFault) -> bool:
    if fault.kind != Fault.Kind.THROTTLED:
        return False
    throttled = Fault.objects.filter(response_id=response.pk, kind=Fault.Kind.THROTTLED).count()
    return throttled < MOST_THROTTLED


def _none_is_answered(response: Response) -> bool:
    """Have several prompts of a version been refused, and has none been answered?"""
    of_version = Response.objects.filter(model_version_id=response.model_version_id)
    refused = of_version.filter(status=FAILED, attempts_failed__kind=Fault.Kind.REFUSED).distinct().count()
    return refused >= REFUSED_UNTIL_STOPPED and not of_version.filter(status=DONE).exists()


def _waiting_beside(response: Response) -> QuerySet[Response]:
    """The version's responses that wait; those under way find out for themselves."""
    return Response.objects.filter(
        model_version_id=response.model_version_id, status=PENDING, claim__isnull=True, batch_job__isnull=True
    )


def log(response: Response, kind: str, message: str, next_try_at: datetime | None = None) -> None:
    Fault.objects.create(
        response_id=response.pk,
        model_version_id=response.model_version_id,
        kind=kind,
        message=message[:2000],
        attempt=response.attempts,
        next_try_at=next_try_at,
    )


def _own(response: Response) -> QuerySet[Response]:
    """The response while this worker still holds it: a lease that ran out and was taken up is someone else's."""
    return Response.objects.filter(pk=response.pk, claim=response.claim, status=PENDING)
