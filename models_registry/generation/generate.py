"""Fill responses. Safe to run twice, by any number of workers, and to be killed at any point.

The database is the queue: a response is *due* when it is pending, its run runs, it is not held by a living lease, and
its next try has come. A worker takes a lease, asks, and stores; whoever stores first wins, and nobody overwrites an
answer.
"""

from __future__ import annotations

import logging
import threading
import time
import uuid
from typing import Any

from django.db import InterfaceError, OperationalError, connection, transaction
from django.db.models import Count, F, Q, QuerySet
from django.utils import timezone

from models_registry.generation import limits, storing
from models_registry.generation.messages import request_parameters, user_turns
from models_registry.models import Endpoint, EndpointUse, GenerationRun, Response

logger = logging.getLogger(__name__)

# set when the process is about to end: what is leased from then on would be cut off, and asked and paid for again
stopping = threading.Event()

# How long one task keeps asking before it lets the next in the queue have its thread.
TURN_SECONDS = 10.0
LIVE = Q(run__isnull=True) | Q(run__state=GenerationRun.State.RUNNING)
# what goes by the Batch API; a conversation that is replayed turn by turn can't
BY_BATCH = Q(run__batch=True, model_version__endpoint__has_batches=True, asked_live=False)


def due_responses() -> QuerySet[Response]:
    now = timezone.now()
    return Response.objects.filter(
        LIVE,
        Q(lease_until__isnull=True) | Q(lease_until__lt=now),
        Q(next_try_at__isnull=True) | Q(next_try_at__lte=now),
        ~BY_BATCH,
        status=Response.Status.PENDING,
        batch_job__isnull=True,
        model_version__endpoint__isnull=False,
    )


def leased_responses() -> QuerySet[Response]:
    return Response.objects.filter(status=Response.Status.PENDING, lease_until__gte=timezone.now())


def release_leases() -> int:
    """End every lease. Only for a start-up that knows no other worker is alive."""
    held = Response.objects.filter(status=Response.Status.PENDING, claim__isnull=False)
    return held.update(lease_until=None, claim=None, lost_attempts=F("lost_attempts") + 1)


def idle_places() -> dict[int, int]:
    """How many more requests each endpoint with due responses could have under way: {endpoint id: places}."""
    due = due_responses().values_list("model_version__endpoint").annotate(n=Count("pk"))
    leased = dict(leased_responses().values_list("model_version__endpoint").annotate(n=Count("pk")))
    awake = Endpoint.objects.exclude(use__paused_until__gt=timezone.now())
    most = {
        pk: most if down_since is None else 1
        for pk, most, down_since in awake.values_list("pk", "max_concurrency", "use__down_since")
    }
    places = {endpoint: min(n, most.get(endpoint, 0) - leased.get(endpoint, 0)) for endpoint, n in due}
    return {endpoint: n for endpoint, n in places.items() if n > 0}


def generate_for_a_while(endpoint_id: int) -> bool:
    """Ask an endpoint for one due response after the other, so long as a task may last; is there more to do?"""
    until = time.monotonic() + TURN_SECONDS
    while generate_next(endpoint_id):
        if time.monotonic() > until:
            return True
    return False


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


def _take(endpoint_id: int) -> tuple[Response, float] | None:
    """Lease one due response of an endpoint, and the seconds after which it may be sent.

    The lock on the endpoint's row keeps its limits exact.
    """
    if stopping.is_set():
        return None
    with transaction.atomic():
        use = locked_use(endpoint_id)
        endpoint = use.endpoint
        most = endpoint.max_concurrency if use.down_since is None else 1
        if leased_responses().filter(model_version__endpoint=endpoint).count() >= most:
            return None
        due = (
            due_responses()
            .filter(model_version__endpoint=endpoint)
            .select_related("model_version__endpoint", "example", "run")
            .order_by("pk")
        )
        # An attempt that stored neither answer nor fault took its worker with it, and would take the next one too.
        while (response := due.first()) is not None and response.attempts >= storing.MOST_ATTEMPTS:
            storing.store_lost(response)
            storing.give_up(response)
        if response is None:
            return None
        now = timezone.now()
        wait = limits.take_request(use, endpoint, now)
        if wait is None:
            return None
        if response.claim is not None:
            storing.store_lost(response)
        response.claim = uuid.uuid4()
        response.lease_until = now + limits.lease(endpoint, user_turns(response.example.messages), wait)
        response.attempts += 1
        response.save(update_fields=["claim", "lease_until", "attempts", "lost_attempts"])
    response.model_version.endpoint = endpoint
    return response, wait


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
    # A request lasts seconds; held open meanwhile, its connection would be one of the pool's few.
    if not connection.in_atomic_block:
        connection.close()
    try:
        completion = client.complete(model_version, response.example.messages, _parameters(response))
        storing.store(response, completion)
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


def _parameters(response: Response) -> dict[str, Any]:
    version = response.model_version
    if not version.parameters_by_tag:  # the tags are a query
        return dict(version.parameters)
    return request_parameters(version.parameters, version.parameters_by_tag, response.example.primary_intent)
