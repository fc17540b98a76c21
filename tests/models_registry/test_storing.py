"""What an answer that came brings: it is stored and charged once, whatever its database and its usage say."""

from __future__ import annotations

from decimal import Decimal

import pytest
from django.db import OperationalError, connection

from models_registry.actions.responses import request_responses
from models_registry.actions.runs import start_run
from models_registry.generation import client, generate, storing
from models_registry.generation.generate import generate_next
from models_registry.models import EndpointUse, Response
from tests.factories import make_endpoint, make_golden_set_version, make_model_version

pytestmark = pytest.mark.django_db


@pytest.fixture
def version(chat_endpoint):
    return make_model_version(
        endpoint=make_endpoint(chat_endpoint.base_url, timeout_seconds=5),
        system_prompt="Be kind.",
        input_price=Decimal(2),
        output_price=Decimal(10),
    )


def ask(version, rows=1) -> list[Response]:
    examples = list(make_golden_set_version(rows).examples.all())
    return list(request_responses(model_version=version, examples=examples).values())


@pytest.mark.parametrize("usage", [None, {"prompt_tokens": 0, "completion_tokens": 0}])
def test_tokens_that_nobody_counted_are_taken_from_the_limit_by_the_texts(version, chat_endpoint, usage):
    version.endpoint.tokens_per_minute = 60_000
    version.endpoint.save()
    chat_endpoint.answer = lambda _: {"text": "x" * 4000, "usage": usage}
    (response,) = ask(version)
    generate_next(version.endpoint_id)
    asked = len("Be kind." + response.example.messages[-1]["content"]) // 4
    assert EndpointUse.objects.get().tokens_each == 1000 + asked


def test_answer_waits_until_the_database_takes_it(version, chat_endpoint, monkeypatch):
    (response,) = ask(version)
    store, tries = generate._store, []

    def away_twice(answer):
        tries.append(answer)
        if len(tries) < 3:
            raise OperationalError("the database system is shutting down")
        return store(answer)

    monkeypatch.setattr(generate, "_store", away_twice)
    monkeypatch.setattr(connection, "close", lambda: None)  # the test's transaction goes on
    assert generate_next(version.endpoint_id)
    response.refresh_from_db()
    assert response.status == "done"
    assert len(tries) == 3
    assert len(chat_endpoint.requests) == 1


def test_answer_whose_commit_came_through_unheard_is_counted_once(version, chat_endpoint, monkeypatch):
    version.endpoint.tokens_per_minute = 60_000
    version.endpoint.save()
    run = start_run(by=None)
    chat_endpoint.answer = lambda _: {"text": "Hi.", "usage": {"prompt_tokens": 100, "completion_tokens": 50}}
    examples = make_golden_set_version(1).examples.all()
    request_responses(model_version=version, examples=examples, run=run)
    store, left = generate._store, []

    def store_and_break_off_once(answer):
        error = store(answer)
        left.append(EndpointUse.objects.get().tokens_left)
        if len(left) == 1:
            raise OperationalError("server closed the connection unexpectedly")
        return error

    monkeypatch.setattr(generate, "_store", store_and_break_off_once)
    monkeypatch.setattr(connection, "close", lambda: None)  # the test's transaction goes on
    assert generate_next(version.endpoint_id)
    response = Response.objects.get()
    run.refresh_from_db()
    assert response.status == "done"
    assert response.cost
    assert run.spent == response.cost
    assert left[1] == left[0]


def test_answer_that_came_second_is_paid_for_too(version, chat_endpoint, monkeypatch):
    run = start_run(by=None)
    examples = make_golden_set_version(1).examples.all()
    request_responses(model_version=version, examples=examples, run=run)
    ask_for_real = client.complete
    costs = []

    def while_another_worker_is_faster(*args):
        slower, faster = ask_for_real(*args), ask_for_real(*args)
        assert storing.store(Response.objects.get(), faster)
        costs.append(Response.objects.get().cost)
        return slower

    monkeypatch.setattr(client, "complete", while_another_worker_is_faster)
    assert generate_next(version.endpoint_id)
    run.refresh_from_db()
    assert costs[0]
    assert run.spent == 2 * costs[0]


def test_answer_is_let_go_when_the_database_stays_away(version, chat_endpoint, monkeypatch):
    (response,) = ask(version)

    def away(answer):
        raise OperationalError("the database system is shutting down")

    monkeypatch.setattr(generate, "_store", away)
    monkeypatch.setattr(generate, "STORE_SECONDS", 0.6)
    monkeypatch.setattr(connection, "close", lambda: None)
    with pytest.raises(OperationalError):
        generate_next(version.endpoint_id)
    # its lease runs out, and it is asked for again and counted as lost, like any whose worker died
    response.refresh_from_db()
    assert (response.status, response.attempts) == ("pending", 1)
