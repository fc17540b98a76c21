"""Answers in pieces: whole in the end, or not at all."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest

from models_registry.generation import client
from models_registry.generation.client import Completion
from tests.factories import make_endpoint, make_model_version
from tests.openai_flavours import (
    EVENTS,
    Flavour,
    Reply,
    chat,
    chat_chunks,
    events,
    refusal,
    response,
)

pytestmark = pytest.mark.django_db

QUESTION = [{"role": "user", "content": "Where is my refund?"}]
USAGE = {"prompt_tokens": 9, "completion_tokens": 4, "total_tokens": 13}


@pytest.fixture
def server() -> Iterator[Flavour]:
    with Flavour(events(*chat_chunks("Within ", "7 days.", usage=USAGE), pause=0.05)) as flavour:
        yield flavour


def ask(server: Flavour, messages: list[dict[str, str]] = QUESTION, **fields: Any) -> Completion:
    endpoint = make_endpoint(server.base_url, **{"timeout_seconds": 5, "streams": True} | fields)
    return client.complete(make_model_version(endpoint=endpoint, parameters={}), messages)


def seconds(completion: Completion) -> tuple[float, float]:
    """To the first token, and to the last."""
    assert completion.first_token_seconds is not None
    assert completion.latency_seconds is not None
    return completion.first_token_seconds, completion.latency_seconds


def test_pieces_make_an_answer_with_usage_and_the_time_to_its_first_token(server):
    completion = ask(server)
    assert (completion.text, completion.finish_reason) == ("Within 7 days.", "stop")
    assert (completion.input_tokens, completion.output_tokens, completion.reported_model) == (9, 4, "m-1")
    first, last = seconds(completion)
    assert 0.05 <= first < last - 0.1
    (body,) = server.bodies
    assert (body["stream"], body["stream_options"]) == (True, {"include_usage": True})


def test_the_first_token_is_that_of_the_last_turn(server):
    turns = [*QUESTION, {"role": "user", "content": "And?"}]
    completion = ask(server, turns)
    assert completion.earlier_answers == ["Within 7 days."]
    first, last = seconds(completion)
    assert first < last / 2
    assert (completion.input_tokens, completion.output_tokens) == (18, 8)


def test_reasoning_is_neither_text_nor_first_token(server):
    thought = {"choices": [{"index": 0, "delta": {"reasoning_content": "Hm."}, "finish_reason": None}]}
    server.reply = lambda _: events(thought, thought, *chat_chunks("Hi."), pause=0.1)
    completion = ask(server)
    assert completion.text == "Hi."
    assert seconds(completion)[0] > 0.25


def test_a_server_that_refuses_stream_options_is_asked_without_them_from_then_on(server):
    def reply(request):
        if "stream_options" in request.body:
            return refusal(400, "Unrecognized request argument supplied: stream_options")
        return events(*chat_chunks("Hi."))

    server.reply = reply
    endpoint = make_endpoint(server.base_url, streams=True)
    version = make_model_version(endpoint=endpoint)
    for _ in range(2):
        completion = client.complete(version, QUESTION)
        assert (completion.text, completion.input_tokens) == ("Hi.", None)
    assert ["stream_options" in body for body in server.bodies] == [True, False, False]


def test_what_is_refused_for_another_reason_is_asked_for_once(server):
    server.reply = lambda _: refusal(400, "This model's maximum context length is 8192 tokens.")
    with pytest.raises(client.PermanentFault, match="maximum context length"):
        ask(server)
    assert len(server.requests) == 1


def test_a_stream_of_azure_carries_the_key_in_its_own_header(server, monkeypatch):
    monkeypatch.setenv("AZURE_TEST_KEY", "s3cret")
    assert ask(server, api_version="2024-10-21", api_key_env="AZURE_TEST_KEY").text == "Within 7 days."
    (request,) = server.requests
    assert request.headers["api-key"] == "s3cret"
    assert "authorization" not in request.headers


@pytest.mark.parametrize("done", [True, False])
@pytest.mark.parametrize("cut", [True, False])
def test_a_stream_without_an_end_is_no_answer(server, done, cut):
    server.reply = lambda _: events(*chat_chunks("Within ", finish_reason=None), done=done, cut=cut)
    with pytest.raises(client.TransientFault) as fault:
        ask(server)
    assert fault.value.kind == "connection"
    assert "Within" not in str(fault.value)


def test_a_stream_that_ends_without_the_last_word_is_an_answer_if_it_is_finished(server):
    server.reply = lambda _: events(*chat_chunks("Hi."), done=False)
    assert ask(server).text == "Hi."


def test_a_stream_that_is_cut_behind_its_end_is_asked_for_again(server):
    server.reply = lambda _: events(*chat_chunks("Hi."), done=False, cut=True)
    with pytest.raises(client.TransientFault) as fault:
        ask(server)
    assert fault.value.kind == "connection"


@pytest.mark.parametrize(
    ("event", "kind"),
    [
        ({"error": {"message": "Overloaded", "code": 503}}, "server"),
        ({"error": {"message": "Slow down", "code": "rate_limit_exceeded"}}, "throttled"),
        ({"error": {"message": "Slow down", "code": 429}}, "throttled"),
        ({"error": "no"}, "server"),
        ({"choices": [{"delta": {"content": 7}, "finish_reason": None}]}, "garbage"),
    ],
)
def test_a_stream_that_tells_of_an_error_is_asked_for_again(server, event, kind):
    server.reply = lambda _: events(*chat_chunks("Within ", finish_reason=None), event)
    with pytest.raises(client.TransientFault) as fault:
        ask(server)
    assert fault.value.kind == kind


def test_a_stream_of_garbage_is_asked_for_again(server):
    server.reply = lambda _: Reply([b"data: {nonsense\n\n"], content_type=EVENTS)
    with pytest.raises(client.TransientFault) as fault:
        ask(server)
    assert fault.value.kind == "garbage"


@pytest.mark.parametrize("api", ["chat_completions", "responses"])
def test_a_stream_that_dribbles_is_given_up_within_the_timeout(server, api):
    server.reply = lambda _: events(*chat_chunks(*["and "] * 600), pause=0.1)
    started = time.monotonic()
    with pytest.raises(client.TransientFault, match="No answer within 1 s") as fault:
        ask(server, timeout_seconds=1, api=api)
    assert fault.value.kind == "timeout"
    assert time.monotonic() - started < 30  # and all of them a minute


def test_a_filter_that_stops_a_stream_before_its_first_word_is_a_fault_and_later_a_finish_reason(server):
    server.reply = lambda _: events(*chat_chunks(finish_reason="content_filter"))
    with pytest.raises(client.PermanentFault) as fault:
        ask(server)
    assert (fault.value.kind, fault.value.stops_version) == ("filtered", False)
    server.reply = lambda _: events(*chat_chunks("Take two", finish_reason="content_filter"))
    completion = ask(server)
    assert (completion.text, completion.finish_reason) == ("Take two", "content_filter")


def test_a_server_that_does_not_stream_when_asked_to_is_understood(server):
    server.reply = lambda _: chat("In one piece.", usage=USAGE)
    completion = ask(server)
    assert (completion.text, completion.output_tokens) == ("In one piece.", 4)
    assert completion.first_token_seconds is None


def test_a_server_that_only_streams_says_what_to_switch_on(server):
    with pytest.raises(client.PermanentFault, match="switch on “stream answers”") as fault:
        ask(server, streams=False)
    assert fault.value.stops_version


# --- the Responses API -------------------------------------------------------------------------------------


def deltas(*texts: str) -> list[dict[str, Any]]:
    return [{"type": "response.output_text.delta", "delta": text} for text in texts]


def test_events_of_the_responses_api_make_an_answer(server):
    thought = {"type": "response.reasoning_summary_text.delta", "delta": "Hm."}
    last = {"type": "response.completed", "response": response("Within 7 days.")}
    server.reply = lambda _: events(
        {"type": "response.created", "response": response(status="in_progress")},
        thought,
        *deltas("Within ", "7 days."),
        last,
        done=False,
        pause=0.05,
    )
    completion = ask(server, api="responses")
    assert (completion.text, completion.finish_reason) == ("Within 7 days.", "stop")
    assert (completion.input_tokens, completion.output_tokens) == (11, 7)
    first, whole = seconds(completion)
    assert 0.1 <= first < whole - 0.05
    assert "stream_options" not in server.bodies[0]


def test_the_text_counts_where_the_last_event_does_not_repeat_it(server):
    last = {"type": "response.completed", "response": response() | {"output": []}}
    server.reply = lambda _: events(*deltas("Within ", "7 days."), last)
    assert ask(server, api="responses").text == "Within 7 days."


@pytest.mark.parametrize(
    ("last", "kind"),
    [
        ([], "connection"),
        ([{"type": "error", "message": "Overloaded", "code": "server_error"}], "server"),
        ([{"type": "error", "error": {"message": "Overloaded", "code": 529}}], "server"),
        ([{"type": "response.failed", "response": response(status="failed")}], "server"),
    ],
)
def test_events_of_the_responses_api_without_a_good_end_are_no_answer(server, last, kind):
    server.reply = lambda _: events(*deltas("Within "), *last)
    with pytest.raises(client.TransientFault) as fault:
        ask(server, api="responses")
    assert fault.value.kind == kind
