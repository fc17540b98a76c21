"""Generation under faults, kills and restarts, and the account of every request; for make soak and the suite."""

from __future__ import annotations

import time
from collections.abc import Callable
from itertools import count

from django.db.models import Sum

from models_registry.actions.responses import request_responses
from models_registry.models import Fault, Response
from tests.factories import make_endpoint, make_golden_set_version, make_model_version, make_rows
from tests.fault_endpoint import FaultEndpoint
from tests.worker_process import WorkerProcess

DONE = Response.Status.DONE


def soak(
    *,
    responses: int,
    worker_process: Callable[..., WorkerProcess],
    workers: int,
    seconds_between_kills: float,
    most_kills: int,
    within: float,
    halfway: Callable[[], None] = lambda: None,
    seed: int = 1,
    environment: dict[str, str] | None = None,
) -> str:
    """Generate so many responses of an endpoint with 20 % faults while workers are killed in turn; the account."""
    with FaultEndpoint(delay=0.1, share=0.2, seed=seed) as served:
        endpoint = make_endpoint(served.base_url, timeout_seconds=2, max_concurrency=7 * workers)
        version = make_model_version(endpoint=endpoint)
        examples = list(make_golden_set_version(make_rows(responses)).examples.all())
        processes = [worker_process(**(environment or {})) for _ in range(workers)]
        request_responses(model_version=version, examples=examples)
        done = version.responses.filter(status=DONE)
        started = time.monotonic()
        while not done.exists():
            assert time.monotonic() - started < 240, "no response within 240 seconds"
            time.sleep(0.1)
        kills, next_kill, restarted = count(), time.monotonic() + seconds_between_kills, False
        killed = 0
        while (n := done.count()) < responses:
            given_up = version.responses.filter(status=Response.Status.FAILED).first()
            assert given_up is None, f"{given_up}: {given_up and given_up.last_error}"
            assert time.monotonic() - started < within, f"{n} of {responses} within {within:g} seconds"
            if n >= responses // 2 and not restarted:
                halfway()
                restarted = True
            if killed < most_kills and time.monotonic() > next_kill:
                victim = next(kills) % workers
                processes[victim].kill()
                processes[victim] = worker_process(**(environment or {}))
                killed += 1
                next_kill = time.monotonic() + seconds_between_kills
            time.sleep(0.2)
        took = time.monotonic() - started
        for process in processes:
            process.stop()
        return account(served, responses, killed, took)


def account(served: FaultEndpoint, responses: int, killed: int, took: float) -> str:
    """Hold what the endpoint saw against what the database says; a sentence of it."""
    texts = list(Response.objects.order_by("pk").values_list("text", flat=True))
    assert texts == [f"You said: Question {n}?" for n in range(responses)]
    assert not Response.objects.exclude(status=DONE).exists()

    given = served.count()
    seen = given.total()
    injected = seen - given["answer"]
    logged = Fault.objects.exclude(kind=Fault.Kind.LOST).count()
    lost = Fault.objects.filter(kind=Fault.Kind.LOST).count()
    assert Response.objects.aggregate(n=Sum("lost_attempts"))["n"] == lost
    # A request ended in a stored answer, in a logged fault, or with its worker; that may also have died before it sent.
    with_its_worker = seen - responses - logged
    assert 0 <= with_its_worker <= lost, (seen, responses, logged, lost)
    assert logged <= injected <= logged + lost
    # and so for each response by itself
    faults = dict.fromkeys(range(responses), 0)
    lost_of = dict(faults)
    for text, kind in Fault.objects.values_list("response__text", "kind"):
        number = int(text.removeprefix("You said: Question ").removesuffix("?"))
        (lost_of if kind == Fault.Kind.LOST else faults)[number] += 1
    for number in range(responses):
        asked = len(served.given[f"Question {number}?"])
        assert 1 + faults[number] <= asked <= 1 + faults[number] + lost_of[number], number
    return (
        f"{responses} responses in {took:.0f} s: {seen} requests = {responses} answers stored + {logged} faults of "
        f"{injected} injected + {with_its_worker} that ended with a worker ({killed} killed, {lost} leases lost)"
    )
