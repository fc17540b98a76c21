"""An answer that is no completion is asked for again a few times, and then given up: nothing is paid without end."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.db import IntegrityError, OperationalError
from django.utils import timezone

from models_registry.actions.responses import request_responses
from models_registry.generation import client, generate, storing
from models_registry.generation.generate import generate_next
from models_registry.generation.storing import MOST_ATTEMPTS
from models_registry.models import EndpointUse, Response
from tests.chat_endpoint import Fault
from tests.factories import make_endpoint, make_golden_set_version, make_model_version

pytestmark = pytest.mark.django_db


@pytest.fixture
def endpoint(chat_endpoint):
    return make_endpoint(chat_endpoint.base_url, timeout_seconds=5)


@pytest.fixture
def response(endpoint) -> Response:
    (response,) = request_responses(
        model_version=make_model_version(endpoint=endpoint),
        examples=make_golden_set_version(1).examples.all(),
    ).values()
    return response


def body(message: Any = None, **parts: Any) -> Fault:
    choice = {"index": 0, "message": message or {"content": "Hi."}, "finish_reason": "stop"}
    answer = {"object": "chat.completion", "model": "m", "choices": [choice], "usage": None} | parts
    return Fault(200, body=json.dumps(answer).encode())


def only(response: Response) -> Response:
    response.refresh_from_db()
    return response


@pytest.mark.parametrize(
    "fault",
    [
        body({"content": [{"type": "image_url", "image_url": {"url": "data:,"}}]}),
        body({"content": ["Hi."]}),
        body({"content": {"text": "Hi."}}),
        body({"content": 7}),
        body(choices={"0": "Hi."}),
        body(choices="Hi."),
        body(choices=[None]),
        Fault(200, body=b"[]"),
        Fault(200, body=b'"Hi."'),
    ],
)
def test_what_is_no_text_is_a_fault_until_attempts_run_out(response, endpoint, chat_endpoint, fault):
    chat_endpoint.fail(*[fault] * (MOST_ATTEMPTS + 3))
    for _ in range(MOST_ATTEMPTS + 3):
        generate_next(endpoint.pk)
        Response.objects.update(next_try_at=None)
        EndpointUse.objects.update(paused_until=None)
    assert only(response).status == "failed"
    assert "The endpoint's answer" in response.last_error
    assert len(chat_endpoint.requests) == MOST_ATTEMPTS


def test_text_in_parts_is_joined(response, endpoint, chat_endpoint):
    parts = [{"type": "text", "text": "We refund "}, {"type": "text", "text": "within 7 days."}]
    chat_endpoint.fail(body({"content": parts}))
    generate_next(endpoint.pk)
    assert (only(response).status, response.text) == ("done", "We refund within 7 days.")


@pytest.mark.parametrize("content", [None, "", []])
def test_an_empty_answer_is_an_answer(response, endpoint, chat_endpoint, content):
    chat_endpoint.fail(body({"content": content}))
    generate_next(endpoint.pk)
    assert (only(response).status, response.text) == ("done", "")


@pytest.mark.parametrize("count", [-1, 1.5, "7", True, 10**30, {"n": 7}])
def test_a_count_that_is_none_leaves_the_cost_unknown_and_keeps_the_answer(
    response, endpoint, chat_endpoint, count
):
    chat_endpoint.fail(body(usage={"prompt_tokens": count, "completion_tokens": 3}))
    generate_next(endpoint.pk)
    stored = only(response)
    assert (stored.status, stored.text) == ("done", "Hi.")
    assert (stored.input_tokens, stored.output_tokens, stored.cost) == (None, 3, None)


@pytest.mark.parametrize("parts", [{"usage": "none"}, {"model": 7}, {"model": "a\x00b"}, {"model": None}])
def test_what_else_is_odd_about_an_answer_does_not_lose_it(response, endpoint, chat_endpoint, parts):
    chat_endpoint.fail(body(**parts))
    generate_next(endpoint.pk)
    assert (only(response).status, response.text) == ("done", "Hi.")


def test_a_fault_that_no_database_takes_as_it_is_is_stored_all_the_same(response, endpoint, chat_endpoint):
    chat_endpoint.fail(Fault(400, "zero \x00 here"))
    generate_next(endpoint.pk)
    assert only(response).status == "failed"
    assert "zero \N{REPLACEMENT CHARACTER} here" in response.last_error


def test_an_answer_that_can_not_be_stored_fails_and_is_not_asked_for_again(
    response, endpoint, chat_endpoint, monkeypatch
):
    def refuses(*args):
        raise IntegrityError("CHECK constraint failed")

    monkeypatch.setattr(storing, "_cost", refuses)
    generate_next(endpoint.pk)
    assert only(response).status == "failed"
    assert "CHECK constraint failed" in response.last_error
    assert not generate_next(endpoint.pk)
    assert len(chat_endpoint.requests) == 1


def test_a_database_that_goes_away_does_not_fail_the_response(response, endpoint, monkeypatch):
    def goes_away(*args):
        raise OperationalError("server closed the connection unexpectedly")

    monkeypatch.setattr(storing, "_cost", goes_away)
    monkeypatch.setattr(generate, "STORE_SECONDS", 0)
    with pytest.raises(OperationalError):
        generate_next(endpoint.pk)
    assert only(response).status == "pending"
    assert response.lease_until is not None
    assert response.lease_until > timezone.now()


def test_a_prompt_that_kills_its_worker_is_given_up(response, endpoint, monkeypatch):
    deaths = []

    def dies(*args):
        deaths.append(args)
        raise SystemExit

    monkeypatch.setattr(client, "complete", dies)
    for _ in range(MOST_ATTEMPTS):
        with pytest.raises(SystemExit):
            generate_next(endpoint.pk)
        Response.objects.update(lease_until=None)
    assert only(response).status == "pending"

    assert not generate_next(endpoint.pk)

    assert only(response).status == "failed"
    assert (
        f"Given up after {MOST_ATTEMPTS} attempts: the last one ended with its worker" in response.last_error
    )
    assert len(deaths) == MOST_ATTEMPTS
