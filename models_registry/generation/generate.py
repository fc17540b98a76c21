"""Fill responses. Safe to run twice, by any number of workers, and to be killed at any point.

The database is the queue: a response is *due* when it is pending, not held by a living lease, and its next try has
come. A worker takes a lease, asks, and stores; whoever stores first wins, and nobody overwrites an answer.
"""

from __future__ import annotations

import logging
import random
import threading
import uuid
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from django.db import InterfaceError, OperationalError, connection, transaction
from django.db.models import Count, Q, QuerySet
from django.utils import timezone

from models_registry.generation import limits
from models_registry.models import Endpoint, EndpointUse, Response

if TYPE_CHECKING:
    from models_registry.generation.client import Completion

logger = logging.getLogger(__name__)

# set when the process is about to end: what is leased from then on would be cut off, and asked and paid for again
stopping = threading.Event()

MOST_ATTEMPTS = 6
# first, second, … wait after a transient fault, each jittered by half
BACKOFF_SECONDS = (1.0, 3.0, 8.0, 20.0, 45.0)


def due_responses() -> QuerySet[Response]:
    now = timezone.now()
    return Response.objects.filter(
        Q(lease_until__isnull=True) | Q(lease_until__lt=now),
        Q(next_try_at__isnull=True) | Q(next_try_at__lte=now),
        status=Response.Status.PENDING,
        model_version__endpoint__isnull=False,
    )


def leased_responses() -> QuerySet[Response]:
    return Response.objects.filter(status=Response.Status.PENDING, lease_until__gte=timezone.now())


def release_leases() -> int:
    """End every lease. Only for a start-up that knows no other worker is alive."""
    return leased_responses().update(lease_until=None, claim=None)


def idle_places() -> dict[int, int]:
    """How many more requests each endpoint with due responses could have under way: {endpoint id: places}."""
    due = due_responses().values_list("model_version__endpoint").annotate(n=Count("pk"))
    leased = dict(leased_responses().values_list("model_version__endpoint").annotate(n=Count("pk")))
    awake = Endpoint.objects.exclude(use__paused_until__gt=timezone.now())
    most = dict(awake.values_list("pk", "max_concurrency"))
    places = {endpoint: min(n, most.get(endpoint, 0) - leased.get(endpoint, 0)) for endpoint, n in due}
    return {endpoint: n for endpoint, n in places.items() if n > 0}


def generate_next(endpoint_id: int) -> bool:
    """Ask an endpoint for one due response and store what came; False where none is due or a limit forbids it."""
    response = _take(endpoint_id)
    if response is None:
        return False
    _answer(response)
    return True


def _take(endpoint_id: int) -> Response | None:
    """Lease one due response of an endpoint. The lock on the endpoint's row keeps its limits exact."""
    if stopping.is_set():
        return None
    with transaction.atomic():
        EndpointUse.objects.get_or_create(endpoint_id=endpoint_id)
        use = (
            EndpointUse.objects.select_for_update(of=("self",))
            .select_related("endpoint")
            .get(endpoint_id=endpoint_id)
        )
        endpoint = use.endpoint
        if leased_responses().filter(model_version__endpoint=endpoint).count() >= endpoint.max_concurrency:
            return None
        due = (
            due_responses()
            .filter(model_version__endpoint=endpoint)
            .select_related("model_version__endpoint", "example")
            .order_by("pk")
        )
        # An attempt that stored neither answer nor fault took its worker with it, and would take the next one too.
        while (response := due.first()) is not None and response.attempts >= MOST_ATTEMPTS:
            _store_failure(
                response,
                f"Given up after {response.attempts} attempts: the last one ended with its worker, before it could "
                "store anything. The log of the workers may say why.",
            )
        if response is None:
            return None
        now = timezone.now()
        if not limits.take_request(use, endpoint, now):
            return None
        turns = sum(message["role"] == "user" for message in response.example.messages)
        response.claim = uuid.uuid4()
        response.lease_until = now + limits.lease(endpoint, turns)
        response.attempts += 1
        response.save(update_fields=["claim", "lease_until", "attempts"])
    return response


def _answer(response: Response) -> None:
    from models_registry.generation import client  # two seconds of CPU: in workers only

    model_version, endpoint = response.model_version, response.model_version.endpoint
    assert endpoint is not None  # due_responses asks for one
    # A request lasts seconds; held open meanwhile, its connection would be one of the pool's few.
    if not connection.in_atomic_block:
        connection.close()
    try:
        completion = client.complete(model_version, response.example.messages)
        _store(response, completion)
    except client.TransientFault as fault:
        _store_transient(response, endpoint, str(fault), fault.wait_seconds, fault.pauses_endpoint)
        return
    except client.PermanentFault as fault:
        _store_failure(response, str(fault))
        return
    except (InterfaceError, OperationalError):
        # The database is away, so nothing can be said about the response; when its lease has run out it is due again.
        raise
    except Exception as error:
        # Whatever this is, the response must not stay leased until its lease runs out, and a person must see it.
        logger.exception("Asking for response %s failed in an unforeseen way", response.pk)
        _store_failure(response, f"Unforeseen fault: {type(error).__name__}: {error}")
        return
    limits.spend_tokens(endpoint, (completion.input_tokens or 0) + (completion.output_tokens or 0))


@transaction.atomic
def _store(response: Response, completion: Completion) -> None:
    stored = (
        Response.objects.filter(pk=response.pk)
        .exclude(status=Response.Status.DONE)
        .update(
            status=Response.Status.DONE,
            text=_storable(completion.text),
            earlier_answers=[_storable(answer) for answer in completion.earlier_answers],
            input_tokens=completion.input_tokens,
            output_tokens=completion.output_tokens,
            latency_seconds=completion.latency_seconds,
            cost=_cost(response, completion.input_tokens, completion.output_tokens),
            finish_reason=_storable(completion.finish_reason)[:40],
            reported_model=_storable(completion.reported_model)[:200],
            done_at=timezone.now(),
            lease_until=None,
            claim=None,
            next_try_at=None,
            last_error="",
        )
    )
    if not stored:
        logger.info("Response %s had been answered meanwhile; the first answer stands", response.pk)


def _cost(response: Response, input_tokens: int | None, output_tokens: int | None) -> Decimal | None:
    from models_registry.generation import client

    return client.cost(response.model_version, input_tokens, output_tokens)


def _store_transient(
    response: Response, endpoint: Endpoint, message: str, wait_seconds: float | None, pauses_endpoint: bool
) -> None:
    now = timezone.now()
    wait = wait_seconds
    if wait is None:
        longest = BACKOFF_SECONDS[min(response.attempts, len(BACKOFF_SECONDS)) - 1]
        wait = longest * random.uniform(0.5, 1.0)  # noqa: S311 - jitter, not a secret
    if pauses_endpoint:
        limits.pause(endpoint, now + timedelta(seconds=wait))
    if response.attempts >= MOST_ATTEMPTS:
        _store_failure(response, f"{message} Given up after {response.attempts} attempts.")
        return
    _own(response).update(
        last_error=_storable(message), next_try_at=now + timedelta(seconds=wait), lease_until=None, claim=None
    )


def _store_failure(response: Response, message: str) -> None:
    _own(response).update(
        status=Response.Status.FAILED, last_error=_storable(message), lease_until=None, claim=None
    )


def _own(response: Response) -> QuerySet[Response]:
    """The response while this worker still holds it: a lease that ran out and was taken up is someone else's."""
    return Response.objects.filter(pk=response.pk, claim=response.claim, status=Response.Status.PENDING)


def _storable(text: str) -> str:
    """PostgreSQL stores no NUL and no half of a surrogate pair; a model can emit both."""
    return text.replace("\x00", "\N{REPLACEMENT CHARACTER}").encode("utf-8", "replace").decode("utf-8")
