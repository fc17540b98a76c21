"""A run is paused, cancelled, resumed, and stopped by its budget; an endpoint that is down is waited for."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.utils import timezone

from models_registry.actions.responses import request_responses, retry_failed_responses
from models_registry.actions.runs import cancel_run, choose_path, pause_run, resume_run, start_run
from models_registry.generation import breaker, generate, limits
from models_registry.generation.generate import generate_next
from models_registry.models import Endpoint, EndpointUse, Fault, GenerationRun, ModelVersion, Response
from tests import chat_endpoint as served
from tests.factories import make_endpoint, make_golden_set_version, make_model_version

pytestmark = pytest.mark.django_db

State = GenerationRun.State


@pytest.fixture
def endpoint(chat_endpoint: Any) -> Endpoint:
    return make_endpoint(chat_endpoint.base_url, timeout_seconds=5)


@pytest.fixture
def version(endpoint: Endpoint) -> ModelVersion:
    return make_model_version(endpoint=endpoint, input_price=Decimal(0), output_price=Decimal(500_000))


def ask(version: ModelVersion, rows: int = 3, run: GenerationRun | None = None) -> list[Response]:
    examples = list(make_golden_set_version(rows).examples.all())
    return list(request_responses(model_version=version, examples=examples, run=run).values())


def statuses() -> list[str]:
    return list(Response.objects.order_by("pk").values_list("status", flat=True))


def over() -> None:
    """Let every wait be over."""
    Response.objects.update(next_try_at=None)
    EndpointUse.objects.update(paused_until=None)


# --- pause, resume, cancel -----------------------------------------------------------------------------------


def test_run_knows_who_changed_it_last(lead: User, admin_user: User) -> None:
    run = start_run(by=admin_user)
    for change in (pause_run, resume_run, cancel_run):
        by = admin_user if change is resume_run else lead
        assert change(run=run, by=by)
        run.refresh_from_db()
        assert run.changed_by == by
    assert run.created_by == admin_user


def test_nothing_of_a_paused_run_is_asked_until_it_goes_on(version: ModelVersion, endpoint: Endpoint) -> None:
    run = start_run(by=None)
    ask(version, 2, run)
    assert generate_next(endpoint.pk)
    assert pause_run(run=run)
    assert not pause_run(run=run)
    assert not generate_next(endpoint.pk)
    assert generate.idle_places() == {}
    assert resume_run(run=run)
    assert not resume_run(run=run)
    assert generate_next(endpoint.pk)
    assert statuses() == ["done", "done"]


def test_a_cancelled_run_keeps_its_answers_and_can_be_resumed(
    version: ModelVersion, endpoint: Endpoint
) -> None:
    run = start_run(by=None)
    ask(version, 2, run)
    generate_next(endpoint.pk)
    assert cancel_run(run=run)
    assert not cancel_run(run=run)
    assert not generate_next(endpoint.pk)
    assert statuses() == ["done", "pending"]
    assert resume_run(run=run)
    assert generate_next(endpoint.pk)


def test_another_run_that_wants_the_same_takes_it_from_a_paused_one(
    version: ModelVersion, endpoint: Endpoint
) -> None:
    paused = start_run(by=None)
    ask(version, 1, paused)
    pause_run(run=paused)
    running = start_run(by=None)
    ask(version, 1, running)
    assert Response.objects.get().run == running
    assert generate_next(endpoint.pk)


# --- budget ------------------------------------------------------------------------------------------------------


def test_a_run_stops_when_its_budget_is_spent_and_goes_on_with_a_higher_one(
    version: ModelVersion, endpoint: Endpoint, chat_endpoint: Any
) -> None:
    chat_endpoint.answer = lambda _request: "one two"  # two tokens, a dollar
    run = start_run(by=None, budget=Decimal(2))
    ask(version, 4, run)
    while generate_next(endpoint.pk):
        pass
    run.refresh_from_db()
    assert (run.state, run.spent) == (State.SPENT, Decimal(2))
    assert len(chat_endpoint.requests) == 2
    with pytest.raises(ValidationError, match="dollars are spent already"):
        resume_run(run=run, budget=Decimal("1.5"))
    assert resume_run(run=run, budget=Decimal(3))
    while generate_next(endpoint.pk):
        pass
    assert len(chat_endpoint.requests) == 3
    assert resume_run(run=run)  # without a limit
    while generate_next(endpoint.pk):
        pass
    assert statuses() == ["done"] * 4


@pytest.mark.parametrize("budget", [Decimal(0), Decimal(-1)])
def test_a_budget_is_above_zero(budget: Decimal) -> None:
    with pytest.raises(ValidationError):
        start_run(by=None, budget=budget)


def test_what_the_endpoint_does_not_count_spends_nothing(
    version: ModelVersion, endpoint: Endpoint, chat_endpoint: Any
) -> None:
    chat_endpoint.answer = lambda _request: {"text": "Hi.", "usage": None}
    run = start_run(by=None, budget=Decimal(1))
    ask(version, 2, run)
    while generate_next(endpoint.pk):
        pass
    run.refresh_from_db()
    assert (run.state, run.spent) == (State.RUNNING, Decimal(0))


# --- by batch ----------------------------------------------------------------------------------------------------


def test_what_goes_by_batch_is_not_asked_live_until_it_is_chosen(
    version: ModelVersion, endpoint: Endpoint
) -> None:
    Endpoint.objects.update(has_batches=True)
    run = start_run(by=None, batch=True)
    ask(version, 2, run)
    assert not generate_next(endpoint.pk)
    Response.objects.filter(pk=Response.objects.earliest("pk").pk).update(asked_live=True)
    assert generate_next(endpoint.pk)
    assert not generate_next(endpoint.pk)
    assert choose_path(run=run, batch=False)
    assert not choose_path(run=run, batch=False)
    assert generate_next(endpoint.pk)


# --- faults ------------------------------------------------------------------------------------------------------


def test_every_fault_is_on_the_log(version: ModelVersion, endpoint: Endpoint, chat_endpoint: Any) -> None:
    ask(version, 1)
    chat_endpoint.fail(500, served.Fault.rate_limit(retry_after=0.01), served.Fault.malformed(), 400)
    for _ in range(4):
        generate_next(endpoint.pk)
        over()
    assert [
        (fault.kind, fault.attempt, fault.next_try_at is None) for fault in Fault.objects.order_by("pk")
    ] == [("server", 1, False), ("throttled", 2, False), ("garbage", 2, False), ("refused", 3, True)]
    assert "answered 400" in Fault.objects.latest("pk").message


def test_a_key_that_is_refused_stops_the_whole_version_with_one_message(
    version: ModelVersion, endpoint: Endpoint, chat_endpoint: Any
) -> None:
    other = make_model_version(endpoint=endpoint)
    ask(version, 5)
    ask(other, 1)
    chat_endpoint.fail(401)
    generate_next(endpoint.pk)
    mine = Response.objects.filter(model_version=version)
    assert set(mine.values_list("status", flat=True)) == {"failed"}
    assert len(set(mine.values_list("last_error", flat=True))) == 1
    assert len(chat_endpoint.requests) == 1
    assert Response.objects.get(model_version=other).status == "pending"

    assert retry_failed_responses(responses=mine) == 5
    while generate_next(endpoint.pk):
        pass
    assert set(statuses()) == {"done"}


def test_one_refused_prompt_does_not_stop_the_others_but_three_without_an_answer_do(
    version: ModelVersion, endpoint: Endpoint, chat_endpoint: Any
) -> None:
    ask(version, 6)
    chat_endpoint.fail(400)
    generate_next(endpoint.pk)
    generate_next(endpoint.pk)
    assert statuses() == ["failed", "done", *["pending"] * 4]

    other = make_model_version(endpoint=endpoint)
    ask(other, 6)
    Response.objects.filter(model_version=version, status="pending").update(
        next_try_at=timezone.now() + timedelta(1)
    )
    chat_endpoint.fail(400, 400, 400)
    while generate_next(endpoint.pk):
        pass
    assert set(Response.objects.filter(model_version=other).values_list("status", flat=True)) == {"failed"}
    assert len(chat_endpoint.requests) == 2 + 3


def test_throttling_costs_no_attempt(version: ModelVersion, endpoint: Endpoint, chat_endpoint: Any) -> None:
    (response,) = ask(version, 1)
    chat_endpoint.fail(*[served.Fault.rate_limit(retry_after=0.01)] * 10)
    for _ in range(11):
        assert generate_next(endpoint.pk)
        over()
    response.refresh_from_db()
    assert (response.status, response.attempts) == ("done", 1)


def test_a_header_that_asks_for_a_night_is_believed_for_two_minutes(
    version: ModelVersion, endpoint: Endpoint, chat_endpoint: Any
) -> None:
    ask(version, 1)
    chat_endpoint.fail(served.Fault(429, headers={"Retry-After": "86400"}))
    generate_next(endpoint.pk)
    until = EndpointUse.objects.get().paused_until
    assert until is not None
    assert until <= timezone.now() + timedelta(seconds=limits.LONGEST_PAUSE_SECONDS)


def test_an_endpoint_that_can_not_be_reached_is_waited_for_and_costs_no_attempt() -> None:
    endpoint = make_endpoint("http://127.0.0.1:9/v1", timeout_seconds=1)
    ask(make_model_version(endpoint=endpoint), 4)
    for _ in range(40):
        generate_next(endpoint.pk)
        over()
    use = EndpointUse.objects.get()
    assert use.down_since is not None
    assert "can't be reached" in use.down_message
    assert set(statuses()) == {"pending"}
    assert max(Response.objects.values_list("attempts", flat=True)) <= breaker.FAULTS_UNTIL_DOWN
    assert generate.idle_places() == {endpoint.pk: 1}  # one that tries whether it lives


def test_an_endpoint_that_answers_again_is_up(
    version: ModelVersion, endpoint: Endpoint, chat_endpoint: Any
) -> None:
    ask(version, 3)
    chat_endpoint.fail(*[503] * breaker.FAULTS_UNTIL_DOWN)
    for _ in range(breaker.FAULTS_UNTIL_DOWN):
        generate_next(endpoint.pk)
        Response.objects.update(next_try_at=None)
    assert EndpointUse.objects.get().down_since is not None
    assert not generate_next(endpoint.pk)
    over()
    assert generate_next(endpoint.pk)
    use = EndpointUse.objects.get()
    assert (use.down_since, use.faults_in_a_row, use.down_message) == (None, 0, "")
    assert generate.idle_places() == {endpoint.pk: 2}


def test_a_request_whose_worker_died_is_counted(version: ModelVersion, endpoint: Endpoint) -> None:
    (response,) = ask(version, 1)
    taken = generate._take(endpoint.pk)
    assert taken is not None
    Response.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    assert generate_next(endpoint.pk)
    response.refresh_from_db()
    assert (response.status, response.lost_attempts, response.attempts) == ("done", 1, 2)
    assert Fault.objects.get().kind == Fault.Kind.LOST


# --- decoding parameters by intent -----------------------------------------------------------------------------


def test_parameters_vary_by_the_primary_intent(endpoint: Endpoint, chat_endpoint: Any) -> None:
    version = make_model_version(
        endpoint=endpoint,
        parameters={"temperature": 0, "max_tokens": 50},
        parameters_by_tag={"small talk": {"temperature": 0.7}},
    )
    rows = [
        {"id": "a", "prompt": "Hi", "tags": ["small talk"]},
        {"id": "b", "prompt": "Hi", "tags": ["billing", "small talk"]},
    ]
    examples = make_golden_set_version(rows).examples.all()
    assert len(request_responses(model_version=version, examples=examples)) == 2
    assert Response.objects.count() == 2  # the same words, sent in two ways
    while generate_next(endpoint.pk):
        pass
    sent = [(request.body["temperature"], request.body["max_tokens"]) for request in chat_endpoint.requests]
    assert sent == [(0.7, 50), (0, 50)]
