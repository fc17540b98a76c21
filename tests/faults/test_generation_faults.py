"""Every fault of an endpoint, through the real openai client and a real worker: what passes is waited out."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from models_registry.actions.responses import request_responses
from models_registry.actions.runs import start_run
from models_registry.generation import lanes, limits, storing
from models_registry.models import Endpoint, EndpointUse, Fault, ModelVersion, Response
from tests.factories import make_endpoint, make_golden_set_version, make_model_version
from tests.fault_endpoint import FAULTS, WRONG_USAGE, FaultEndpoint

Kind = Fault.Kind
KINDS = {
    "throttled": Kind.THROTTLED,
    "throttled, silent": Kind.THROTTLED,
    "throttled, in the past": Kind.THROTTLED,
    "throttled, in words": Kind.THROTTLED,
    "throttled for a year": Kind.THROTTLED,
    "server error": Kind.SERVER,
    "request timeout": Kind.SERVER,
    "conflict": Kind.SERVER,
    "overloaded": Kind.SERVER,
    "stall": Kind.TIMEOUT,
    "reset": Kind.CONNECTION,
    "truncated": Kind.CONNECTION,
    "half a JSON": Kind.GARBAGE,
    "an HTML page": Kind.GARBAGE,
    "no choices": Kind.GARBAGE,
}


@pytest.fixture
def served() -> Iterator[FaultEndpoint]:
    with FaultEndpoint() as endpoint:
        yield endpoint


@pytest.fixture(autouse=True)
def _shorter_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(storing, "BACKOFF_SECONDS", (0.2, 0.3, 0.4, 0.5, 0.6))
    monkeypatch.setattr(limits, "LONGEST_PAUSE_SECONDS", 2.0)


def ask(served: Any, rows: int = 4, **fields: Any) -> tuple[Endpoint, ModelVersion]:
    endpoint = make_endpoint(served.base_url, **{"timeout_seconds": 60, "max_concurrency": 4} | fields)
    version = make_model_version(endpoint=endpoint)
    request_responses(model_version=version, examples=make_golden_set_version(rows).examples.all())
    return endpoint, version


def done(version: ModelVersion) -> int:
    return version.responses.filter(status=Response.Status.DONE).count()


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_that_passes_is_on_the_log_and_the_response_is_answered(
    name: str, served: FaultEndpoint, worker: Any, eventually: Callable[..., None]
) -> None:
    fault = FAULTS[name]
    if name == "stall":  # far beyond a timeout within which even a busy machine gives an honest answer
        fault = replace(fault, stall=60)
    served.fail(fault, fault)
    _endpoint, version = ask(served, 4, timeout_seconds=5 if name == "stall" else 60)
    eventually(lambda: done(version) == 4)

    assert set(Fault.objects.values_list("kind", flat=True)) == {KINDS[name]}
    assert Fault.objects.count() == 2
    assert len(served.requests) == 6
    assert max(version.responses.values_list("attempts", flat=True)) <= 3
    assert not version.responses.exclude(text__startswith="You said: Question").exists()
    if KINDS[name] == Kind.THROTTLED:  # which costs no attempt
        assert set(version.responses.values_list("attempts", flat=True)) == {1}


def test_what_never_passes_is_given_up_after_its_budget_and_says_why(
    served: FaultEndpoint, worker: Any, eventually: Callable[..., None]
) -> None:
    served.next_fault = lambda request: (  # type: ignore[method-assign]
        FAULTS["half a JSON"] if request.last_message == "Question 1?" else None
    )
    _endpoint, version = ask(served, 6)
    settled = version.responses.exclude(status=Response.Status.PENDING)
    eventually(lambda: settled.count() == 6)
    assert done(version) == 5
    failed = version.responses.get(status=Response.Status.FAILED)
    assert failed.attempts == storing.MOST_ATTEMPTS == Fault.objects.count()
    assert "Given up after 6 attempts" in failed.last_error


@pytest.mark.parametrize("name", WRONG_USAGE)
def test_usage_that_can_not_be_is_not_counted_and_spends_nothing(
    name: str, worker: Any, eventually: Callable[..., None]
) -> None:
    with FaultEndpoint(lambda _request: {"text": "Fine.", "usage": WRONG_USAGE[name]}) as served:
        endpoint = make_endpoint(served.base_url, tokens_per_minute=60_000)
        version = make_model_version(endpoint=endpoint)
        run = start_run(by=None, budget=Decimal(1))
        request_responses(model_version=version, examples=make_golden_set_version(3).examples.all(), run=run)
        eventually(lambda: done(version) == 3)
    run.refresh_from_db()
    assert (run.state, run.spent) == ("running", Decimal(0))
    assert set(version.responses.values_list("input_tokens", "output_tokens", "cost")) == {(None, None, None)}
    assert EndpointUse.objects.get().tokens_left > 0


def test_an_endpoint_that_dies_and_comes_back_is_waited_for(
    served: FaultEndpoint, worker: Any, eventually: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    served.hold(after=5)
    endpoint, version = ask(served, 40)
    eventually(lambda: done(version) == 5 and len(served.requests) > 5)
    served.die()
    eventually(lambda: EndpointUse.objects.get(endpoint=endpoint).down_since is not None)
    at_death = done(version)
    time.sleep(3)  # longer than any backoff: whoever counted these attempts would give up
    assert done(version) == at_death == 5
    assert not version.responses.filter(status=Response.Status.FAILED).exists()

    served.come_back()
    eventually(lambda: done(version) == 40)
    use = EndpointUse.objects.get(endpoint=endpoint)
    assert (use.down_since, use.faults_in_a_row) == (None, 0)
    assert max(len(given) for given in served.given.values()) <= 2


def test_an_endpoint_that_stalls_leaves_threads_to_a_healthy_one(
    served: FaultEndpoint,
    make_chat_endpoint: Callable[..., Any],
    worker: Any,
    eventually: Callable[..., None],
) -> None:
    served.hold()
    _endpoint, stalled = ask(served, 50, timeout_seconds=300, max_concurrency=50)
    assert lanes.threads == 8
    eventually(lambda: len(served.requests) >= 6)  # so many of its eight threads as one endpoint gets
    _endpoint, healthy = ask(make_chat_endpoint(), 20)
    eventually(lambda: done(healthy) == 20)
    assert done(stalled) == 0
    assert not Fault.objects.exists()  # those that stall are waited for still
    served.die()  # their threads would outlive the test


def test_many_faults_at_random_lose_nothing(worker: Any, eventually: Callable[..., None]) -> None:
    with FaultEndpoint(delay=0.02, share=0.3, seed=7) as served:
        _endpoint, version = ask(served, 60, max_concurrency=8)
        eventually(lambda: done(version) == 60)
    given = served.count()
    # each request is an answer or a fault, and each is in the books
    assert given["answer"] == 60
    assert given.total() - 60 == Fault.objects.count()
    assert all(names[-1] == "answer" for names in served.given.values())
