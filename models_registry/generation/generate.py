"""Fill responses. Safe to run twice, by any number of workers, and to be killed at any point.

The database is the queue: a response is *due* when it is pending, its run runs, it is not held by a living lease, and
its next try has come. A worker takes a lease, asks, and stores; whoever stores first wins, and nobody overwrites an
answer.
"""

from __future__ import annotations

import logging
import random
import threading
import time
import uuid
from collections import defaultdict
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from django.db import InterfaceError, OperationalError, connection, transaction
from django.db.models import Case, Count, F, Q, QuerySet, When
from django.utils import timezone

from models_registry.generation import limits, storing
from models_registry.generation.lanes import lane
from models_registry.generation.messages import request_parameters, user_turns
from models_registry.generation.together import Together
from models_registry.models import Endpoint, EndpointUse, GenerationRun, ModelVersion, Response

if TYPE_CHECKING:
    from models_registry.generation import client

logger = logging.getLogger(__name__)

# a leased response, and the seconds after which it may be sent
type Taken = tuple[Response, float]

# set when the process is about to end: what is leased from then on would be cut off, and asked and paid for again
stopping = threading.Event()

USUAL_ANSWER_TOKENS = 300
# How long an answer waits for a database that is away. Its lease may run out meanwhile; whoever stores first wins.
STORE_SECONDS = 120.0
STORE_SECONDS_WHEN_STOPPING = 5.0
# How long one task keeps asking before it lets the next in the queue have its thread.
TURN_SECONDS = 10.0
# by a subquery and not by a join: beside one, PostgreSQL expects a single row and sorts all that wait to find the first
LIVE = Q(run__isnull=True) | ~Q(
    run_id__in=GenerationRun.objects.exclude(state=GenerationRun.State.RUNNING).values("pk")
)
# what goes by the Batch API; a conversation that is replayed turn by turn can't
BY_BATCH = Q(run__batch=True, model_version__endpoint__has_batches=True, asked_live=False)


def due_responses() -> QuerySet[Response]:
    return _may_be_asked().filter(~BY_BATCH, model_version__endpoint__isnull=False)


def _may_be_asked() -> QuerySet[Response]:
    now = timezone.now()
    return Response.objects.filter(
        LIVE,
        Q(lease_until__isnull=True) | Q(lease_until__lt=now),
        Q(next_try_at__isnull=True) | Q(next_try_at__lte=now),
        status=Response.Status.PENDING,
        batch_job__isnull=True,
    )


def leased_responses() -> QuerySet[Response]:
    return Response.objects.filter(status=Response.Status.PENDING, lease_until__gte=timezone.now())


@transaction.atomic
def release_leases() -> int:
    """End every lease. Only for a start-up that knows no other worker is alive."""
    held = Response.objects.filter(status=Response.Status.PENDING, claim__isnull=False)
    for response in held:
        storing.store_lost(response)
    return held.update(lease_until=None, claim=None, lost_attempts=F("lost_attempts") + 1)


def idle_places() -> dict[int, int]:
    """How many more requests each endpoint with due responses could have under way: {endpoint id: places}."""
    due = dict(due_responses().values_list("model_version__endpoint").annotate(n=Count("pk")))
    leased = dict(leased_responses().values_list("model_version__endpoint").annotate(n=Count("pk")))
    awake = Endpoint.objects.exclude(use__paused_until__gt=timezone.now())
    places = {
        pk: min(
            due.get(pk, 0),
            (most if down_since is None else 1) - leased.get(pk, 0),
            limits.most_ahead(per_minute),
        )
        for pk, most, down_since, per_minute in awake.values_list(
            "pk", "max_concurrency", "use__down_since", "requests_per_minute"
        )
    }
    return {endpoint: n for endpoint, n in places.items() if n > 0}


def generate_for_a_while(endpoint_id: int) -> bool:
    """Ask an endpoint for one due response after the other, so long as a task may last; is there more to do?"""
    until = time.monotonic() + TURN_SECONDS
    with lane(endpoint_id) as granted:
        while granted and (generate_next(endpoint_id) or _wait_out_pause(endpoint_id)):
            if time.monotonic() > until:
                return True
    return False


def _wait_out_pause(endpoint_id: int) -> bool:
    """Wait until an endpoint's short pause is over; False where there is none. Nothing is leased meanwhile.

    A lane that ended would be started again only when the schedule looks the next time.
    """
    use = EndpointUse.objects.filter(endpoint_id=endpoint_id, down_since=None).first()
    connection.close()
    if use is None or use.paused_until is None:
        return False
    left = (use.paused_until - timezone.now()).total_seconds()
    return 0 < left <= limits.AHEAD_SECONDS and not stopping.wait(left)


def generate_next(endpoint_id: int) -> bool:
    """Ask an endpoint for one due response and store what came; False where none is due or a limit forbids it."""
    taken = _take(endpoint_id)
    if taken is None:
        return False
    response, wait = taken
    if wait and stopping.wait(wait):
        storing.give_back(response)
        return False
    _answer(response)
    return True


def _take(endpoint_id: int) -> Taken | None:
    """Lease one due response of an endpoint, and the seconds after which it may be sent."""
    return None if stopping.is_set() else _takers[endpoint_id](endpoint_id)


def _take_for_all(endpoint_ids: Sequence[int]) -> list[Taken | None]:
    """Lease as many due responses of an endpoint as there are threads that want one; its id stands for each."""
    taken = _take_several(endpoint_ids[0], len(endpoint_ids))
    return [*taken, *[None] * (len(endpoint_ids) - len(taken))]


_takers: defaultdict[int, Together[int, Taken | None]] = defaultdict(lambda: Together(_take_for_all))
_store = Together(storing.store_answers)


@transaction.atomic
def _take_several(endpoint_id: int, wanted: int) -> list[Taken]:
    """Lease up to so many due responses. The lock on the endpoint's row keeps its limits exact."""
    use = locked_use(endpoint_id)
    endpoint, now = use.endpoint, timezone.now()
    if use.paused_until is not None and use.paused_until > now:
        return []
    most = endpoint.max_concurrency if use.down_since is None else 1
    in_flight = leased_responses().filter(model_version__endpoint=endpoint).count()
    due = _due_of(endpoint, min(wanted, most - in_flight))
    guessed = 0.0
    if endpoint.tokens_per_minute is not None and use.tokens_each is None and due:
        guessed = sum(_guess_tokens(response) for response in due) / len(due)
    waits = limits.take_requests(use, endpoint, now, len(due), in_flight=in_flight, tokens_guessed=guessed)
    if not waits:
        return []
    taken = list(zip(due, waits, strict=False))
    turns = max(user_turns(response.messages) for response, _wait in taken)
    claim, lease_until = uuid.uuid4(), now + limits.lease(endpoint, turns, waits[-1])
    for response, _wait in taken:
        if response.claim is not None:
            storing.store_lost(response)
        response.claim, response.lease_until = claim, lease_until
        response.attempts += 1
    Response.objects.filter(pk__in=[response.pk for response, _wait in taken]).update(
        claim=claim,
        lease_until=lease_until,
        attempts=F("attempts") + 1,
        # a claim that is there still is of a worker that died
        lost_attempts=F("lost_attempts") + Case(When(claim__isnull=False, then=1), default=0),
    )
    return taken


def _due_of(endpoint: Endpoint, most: int) -> list[Response]:
    """Up to so many due responses of an endpoint, locked; those that were lost too often are given up."""
    if most <= 0:
        return []
    versions = ModelVersion.objects.filter(endpoint=endpoint)
    due = (
        _may_be_asked()
        .filter(model_version_id__in=list(versions.values_list("pk", flat=True)))
        .select_related("example")
        .order_by("pk")
        # whoever holds such a row may be waiting for the endpoint's
        .select_for_update(of=("self",), skip_locked=True)
    )
    if endpoint.has_batches:
        due = due.exclude(BY_BATCH)
    while True:
        found = list(due[:most])
        # An attempt that stored neither answer nor fault took its worker with it, and would take the next one too.
        lost = [response for response in found if response.attempts >= storing.MOST_ATTEMPTS]
        for response in lost:
            storing.store_lost(response)
            storing.give_up(response)
        if len(lost) < len(found) or not lost:
            found = [response for response in found if response not in lost]
            break
    asked = versions.in_bulk({response.model_version_id for response in found})
    for response in found:
        response.model_version = asked[response.model_version_id]
        response.model_version.endpoint = endpoint
    return found


def _guess_tokens(response: Response) -> int:
    """What a request may use, before the endpoint answered any: four characters a token, and the answer's limit."""
    parameters = response.model_version.parameters
    limit = parameters.get("max_tokens") or parameters.get("max_completion_tokens")
    return storing.prompt_tokens(response) + (limit if isinstance(limit, int) else USUAL_ANSWER_TOKENS)


def locked_use(endpoint_id: int) -> EndpointUse:
    locked = EndpointUse.objects.select_for_update(of=("self",)).select_related("endpoint")
    use = locked.filter(endpoint_id=endpoint_id).first()
    if use is None:
        EndpointUse.objects.get_or_create(endpoint_id=endpoint_id)
        use = locked.get(endpoint_id=endpoint_id)
    return use


def _answer(response: Response) -> None:
    from models_registry.generation import client  # two seconds of CPU: in workers only

    model_version, endpoint = response.model_version, response.model_version.endpoint
    assert endpoint is not None  # due_responses asks for one
    try:
        completion = client.complete(model_version, response.messages, _parameters(response))
        if (error := _store_patiently(response, completion)) is not None:
            raise error
    except client.TransientFault as fault:
        storing.store_transient(response, endpoint, fault)
    except client.PermanentFault as fault:
        storing.store_permanent(response, fault)
    except (InterfaceError, OperationalError):
        # The database is away, so nothing can be said about the response; when its lease has run out it is due again.
        raise
    except Exception as error:
        # Whatever this is, the response must not stay leased until its lease runs out, and a person must see it.
        logger.exception("Asking for response %s failed in an unforeseen way", response.pk)
        storing.store_unforeseen(response, f"Unforeseen fault: {type(error).__name__}: {error}")


def _store_patiently(response: Response, completion: client.Completion) -> Exception | None:
    """Store an answer, and wait for a database that is away: the answer is paid for, and nobody else has it."""
    until, wait = time.monotonic() + STORE_SECONDS, 0.25
    while True:
        try:
            return _store((response, completion))
        except (InterfaceError, OperationalError) as error:
            if stopping.is_set():
                until = min(until, time.monotonic() + STORE_SECONDS_WHEN_STOPPING)
            if time.monotonic() + wait > until:
                raise
            logger.warning("The database is away (%s); the answer to response %s waits", error, response.pk)
            connection.close()
            time.sleep(wait * random.uniform(0.5, 1.0))  # noqa: S311 - jitter
            wait = min(2 * wait, 5.0)


def _parameters(response: Response) -> dict[str, Any]:
    version = response.model_version
    return request_parameters(version.parameters, version.parameters_by_tag, response.intent_asked_for)
