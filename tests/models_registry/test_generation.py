"""Responses over real HTTP, by the real openai package."""

from __future__ import annotations

import uuid
from datetime import timedelta
from decimal import Decimal
from itertools import pairwise

import pytest
from django.utils import timezone

from models_registry.actions.responses import request_responses, retry_failed_responses
from models_registry.generation import client, generate, limits
from models_registry.generation.generate import generate_next
from models_registry.generation.storing import MOST_ATTEMPTS
from models_registry.models import EndpointUse, Response
from tests.chat_endpoint import Fault
from tests.factories import make_endpoint, make_golden_set_version, make_model_version, make_response

pytestmark = pytest.mark.django_db


@pytest.fixture
def endpoint(chat_endpoint):
    return make_endpoint(chat_endpoint.base_url, timeout_seconds=5)


@pytest.fixture
def version(endpoint):
    return make_model_version(
        endpoint=endpoint,
        served_name="aurora-small",
        system_prompt="Be kind.",
        parameters={"temperature": 0, "max_tokens": 50},
        input_price=Decimal(2),
        output_price=Decimal(10),
    )


def ask(version, rows=1) -> list[Response]:
    examples = list(make_golden_set_version(rows).examples.all())
    return list(request_responses(model_version=version, examples=examples).values())


def only(response: Response) -> Response:
    response.refresh_from_db()
    return response


def now_due() -> None:
    """Let the wait after a fault be over, and the rest of an endpoint that had several."""
    Response.objects.update(next_try_at=None)
    EndpointUse.objects.update(paused_until=None)


def test_a_response_stores_text_tokens_latency_cost_and_finish_reason(version, endpoint, chat_endpoint):
    chat_endpoint.answer = lambda _: {
        "text": "We refund within 7 days.",
        "usage": {"prompt_tokens": 1000, "completion_tokens": 100},
        "finish_reason": "length",
        "model": "aurora-small-0711",
    }
    chat_endpoint.delay = 0.05
    (response,) = ask(version)

    assert generate_next(endpoint.pk)

    stored = only(response)
    assert (stored.status, stored.text) == ("done", "We refund within 7 days.")
    assert (stored.input_tokens, stored.output_tokens) == (1000, 100)
    assert stored.cost == Decimal("0.003")
    assert stored.latency_seconds is not None
    assert 0.05 <= stored.latency_seconds < 60
    assert (stored.finish_reason, stored.reported_model, stored.attempts) == (
        "length",
        "aurora-small-0711",
        1,
    )
    assert stored.lease_until is None
    assert stored.done_at is not None


def test_the_request_carries_system_prompt_parameters_and_key(version, endpoint, chat_endpoint, monkeypatch):
    monkeypatch.setenv("AURORA_TEST_TOKEN", "s3cret")
    endpoint.api_key_env = "AURORA_TEST_TOKEN"
    endpoint.save()
    ask(version)

    generate_next(endpoint.pk)

    (request,) = chat_endpoint.requests
    assert request.headers["authorization"] == "Bearer s3cret"
    assert request.body["model"] == "aurora-small"
    assert request.body["messages"] == [
        {"role": "system", "content": "Be kind."},
        {"role": "user", "content": "Question 0?"},
    ]
    assert (request.body["temperature"], request.body["max_tokens"]) == (0, 50)


def test_an_examples_own_system_message_follows_the_versions(version, endpoint, chat_endpoint):
    ask(version, [{"id": "a", "prompt": "Hi", "system": "The customer is new."}])
    generate_next(endpoint.pk)
    assert chat_endpoint.requests[0].body["messages"][0]["content"] == "Be kind.\n\nThe customer is new."


def test_user_turns_in_a_row_are_replayed_with_the_models_own_answers(version, endpoint, chat_endpoint):
    turns = [{"role": "user", "content": "First?"}, {"role": "user", "content": "And then?"}]
    (response,) = ask(version, [{"id": "a", "messages": turns}])

    generate_next(endpoint.pk)

    stored = only(response)
    assert (stored.earlier_answers, stored.text) == (["You said: First?"], "You said: And then?")
    assert [message["role"] for message in chat_endpoint.requests[1].body["messages"]] == [
        *("system", "user", "assistant", "user")
    ]


def test_a_missing_key_fails_with_the_name_of_the_variable(version, endpoint, chat_endpoint):
    endpoint.api_key_env = "NOT_SET_ANYWHERE_KEY"
    endpoint.save()
    (response,) = ask(version)
    generate_next(endpoint.pk)
    assert only(response).status == "failed"
    assert "NOT_SET_ANYWHERE_KEY is not set" in response.last_error
    assert not chat_endpoint.requests


def test_nothing_is_due_after_every_response_is_done(version, endpoint):
    ask(version, 2)
    assert [generate_next(endpoint.pk) for _ in range(3)] == [True, True, False]


@pytest.mark.parametrize(
    "fault",
    [
        Fault(500),
        Fault(503),
        Fault(408),
        Fault(409),
        Fault.malformed(),
        Fault(200, body=b"{}"),
        Fault(200, hang_up=True),
    ],
    ids=["500", "503", "408", "409", "malformed", "no choices", "truncated"],
)
def test_a_transient_fault_is_tried_again_later(version, endpoint, chat_endpoint, fault):
    (response,) = ask(version)
    chat_endpoint.fail(fault)

    generate_next(endpoint.pk)

    waiting = only(response)
    assert waiting.status == "pending"
    assert waiting.last_error
    assert waiting.lease_until is None
    assert waiting.next_try_at is not None
    assert waiting.next_try_at > timezone.now()
    assert not generate_next(endpoint.pk)
    now_due()
    generate_next(endpoint.pk)
    assert only(response).status == "done"
    assert response.attempts == 2
    assert response.last_error == ""


def test_an_endpoint_that_can_not_be_reached_is_a_transient_fault():
    endpoint = make_endpoint("http://127.0.0.1:9/v1", timeout_seconds=1)
    (response,) = ask(make_model_version(endpoint=endpoint))
    generate_next(endpoint.pk)
    assert only(response).status == "pending"
    assert "can't be reached" in response.last_error


def test_a_request_that_lasts_longer_than_the_timeout_is_tried_again(chat_endpoint):
    chat_endpoint.delay = 2
    endpoint = make_endpoint(chat_endpoint.base_url, timeout_seconds=1)
    (response,) = ask(make_model_version(endpoint=endpoint))
    generate_next(endpoint.pk)
    assert only(response).status == "pending"
    assert "No answer within 1 s" in response.last_error


def test_retry_after_holds_the_whole_endpoint(version, endpoint, chat_endpoint):
    ask(version, 2)
    chat_endpoint.fail(Fault.rate_limit(retry_after=30))

    generate_next(endpoint.pk)

    use = EndpointUse.objects.get(endpoint=endpoint)
    assert use.paused_until is not None
    assert 28 < (use.paused_until - timezone.now()).total_seconds() <= 30
    assert not generate_next(endpoint.pk)
    assert generate.idle_places() == {}


@pytest.mark.parametrize("status", [400, 401, 403, 404])
def test_a_permanent_fault_fails_at_once_with_what_to_do(version, endpoint, chat_endpoint, status):
    (response,) = ask(version)
    chat_endpoint.fail(status)
    generate_next(endpoint.pk)
    assert only(response).status == "failed"
    assert f"answered {status}" in response.last_error
    assert len(chat_endpoint.requests) == 1


def test_attempts_run_out(version, endpoint, chat_endpoint):
    (response,) = ask(version)
    chat_endpoint.fail(*[500] * MOST_ATTEMPTS)
    for _ in range(MOST_ATTEMPTS):
        generate_next(endpoint.pk)
        now_due()
    assert only(response).status == "failed"
    assert f"Given up after {MOST_ATTEMPTS} attempts" in response.last_error
    assert not generate_next(endpoint.pk)


def test_a_failed_response_can_be_retried_with_a_fresh_budget(version, endpoint, chat_endpoint):
    (response,) = ask(version)
    chat_endpoint.fail(401)
    generate_next(endpoint.pk)

    assert retry_failed_responses(responses=[response]) == 1

    generate_next(endpoint.pk)
    assert only(response).status == "done"
    assert response.attempts == 1


def test_a_response_is_asked_for_once_however_many_evaluations_want_it(version, endpoint, chat_endpoint):
    examples = list(make_golden_set_version(3).examples.all())
    first = request_responses(model_version=version, examples=examples)
    while generate_next(endpoint.pk):
        pass
    again = request_responses(model_version=version, examples=examples)
    same_prompts = request_responses(
        model_version=version, examples=make_golden_set_version(3).examples.all()
    )

    assert (
        {r.pk for r in first.values()}
        == {r.pk for r in again.values()}
        == {r.pk for r in same_prompts.values()}
    )
    assert not generate_next(endpoint.pk)
    assert len(chat_endpoint.requests) == 3


def test_another_version_is_asked_for_itself(version, endpoint, chat_endpoint):
    examples = list(make_golden_set_version(1).examples.all())
    request_responses(model_version=version, examples=examples)
    request_responses(model_version=make_model_version(endpoint=endpoint), examples=examples)
    while generate_next(endpoint.pk):
        pass
    assert len(chat_endpoint.requests) == 2


def test_a_late_answer_never_replaces_the_one_that_is_there(version, endpoint, monkeypatch):
    (response,) = ask(version)
    ask_for_real = client.complete

    def while_another_worker_is_faster(*args):
        completion = ask_for_real(*args)
        Response.objects.filter(pk=response.pk).update(
            status="done", text="the first", done_at=timezone.now()
        )
        return completion

    monkeypatch.setattr(client, "complete", while_another_worker_is_faster)
    generate_next(endpoint.pk)
    assert only(response).text == "the first"


def test_a_lease_that_ran_out_is_taken_up(version, endpoint):
    (response,) = ask(version)
    Response.objects.update(lease_until=timezone.now() + timedelta(minutes=5))
    assert not generate_next(endpoint.pk)
    Response.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    assert generate_next(endpoint.pk)
    assert only(response).status == "done"


def test_a_response_that_can_not_be_stored_as_it_is_loses_only_what_no_database_takes(
    version, endpoint, chat_endpoint
):
    chat_endpoint.answer = lambda _: "zero \x00 and half a pair \ud83d here"
    (response,) = ask(version)
    generate_next(endpoint.pk)
    assert only(response).text == "zero \N{REPLACEMENT CHARACTER} and half a pair ? here"


def test_an_endpoint_that_does_not_count_tokens_leaves_the_cost_unknown(version, endpoint, chat_endpoint):
    chat_endpoint.answer = lambda _: {"text": "Hi.", "usage": None}
    (response,) = ask(version)
    generate_next(endpoint.pk)
    assert (only(response).status, response.cost, response.input_tokens) == ("done", None, None)


def test_no_more_requests_at_once_than_the_endpoint_allows(
    version, endpoint, chat_endpoint, worker, eventually
):
    endpoint.max_concurrency = 3
    endpoint.save()
    chat_endpoint.delay = 0.2
    ask(version, 20)
    eventually(lambda: Response.objects.filter(status="done").count() == 20)
    assert chat_endpoint.most_at_once == 3


def test_requests_per_minute_are_kept_over_time(endpoint):
    endpoint.requests_per_minute = 60
    use = EndpointUse(endpoint=endpoint)
    use.save()
    start = timezone.now()
    moments = [
        second + wait
        for second in range(60)
        for _ in range(5)
        if (wait := limits.take_request(use, endpoint, start + timedelta(seconds=second))) is not None
    ]
    assert 58 <= sum(moment < 60 for moment in moments) <= 60
    between = [after - before for before, after in pairwise(moments)]
    assert min(between) > 0.99  # paced, not in bursts


def test_a_longer_pause_is_not_shortened(endpoint):
    now = timezone.now()
    EndpointUse.objects.create(endpoint=endpoint, paused_until=now + timedelta(seconds=60))
    limits.pause(endpoint, now + timedelta(seconds=5))
    assert EndpointUse.objects.get(endpoint=endpoint).paused_until == now + timedelta(seconds=60)


def test_a_dead_endpoint_does_not_hold_up_a_healthy_one(chat_endpoint, worker, eventually, version):
    dead = make_model_version(endpoint=make_endpoint("http://127.0.0.1:9/v1"))
    ask(dead, 5)
    ask(version, 5)
    eventually(lambda: Response.objects.filter(model_version=version, status="done").count() == 5)
    assert Response.objects.filter(model_version=dead, status="pending").count() == 5


def test_leases_end_at_the_start_of_the_only_worker(version, endpoint):
    ask(version, 2)
    Response.objects.update(lease_until=timezone.now() + timedelta(minutes=5), claim=uuid.uuid4())
    assert not generate_next(endpoint.pk)
    assert generate.release_leases() == 2
    assert generate_next(endpoint.pk)
    assert list(Response.objects.values_list("lost_attempts", flat=True)) == [1, 1]


def test_recorded_responses_are_never_asked_for():
    recorded = make_model_version()
    recorded.endpoint = None
    type(recorded).objects.filter(pk=recorded.pk).update(endpoint=None, served_name="")
    example = make_golden_set_version(1).examples.get()
    make_response(recorded, example, status="pending")
    assert generate.idle_places() == {}
