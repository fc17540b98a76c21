"""Requests by a Batch API over real HTTP, by the real openai package: sent, followed, collected."""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from models_registry.actions.runs import choose_path
from models_registry.generation import batch_client, batch_file, batch_steps, generate
from models_registry.models import BatchJob, Response
from models_registry.models import Fault as FaultRow
from tests.batch_endpoint import BatchEndpoint
from tests.chat_endpoint import Fault
from tests.models_registry.batches import (
    ask_by_batch,
    go_on,
    job_of,
    make_batch_version,
    only,
    soon,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def provider() -> Iterator[BatchEndpoint]:
    with BatchEndpoint() as endpoint:
        yield endpoint


@pytest.fixture
def version(provider: BatchEndpoint) -> Any:
    return make_batch_version(provider)


def test_answers_of_a_batch_are_stored_like_live_ones_at_half_the_price(version, provider):
    provider.answer = lambda request: {
        "text": f"On {request.last_message}",
        "usage": {"prompt_tokens": 1000, "completion_tokens": 100},
        "finish_reason": "length",
        "model": "aurora-small-0711",
    }
    responses = ask_by_batch(version, 3)

    go_on()

    for response in responses:
        stored = only(response)
        assert (stored.status, stored.attempts, stored.batch_job) == ("done", 1, None)
        assert stored.text == f"On {stored.example.messages[-1]['content']}"
        assert (stored.input_tokens, stored.output_tokens) == (1000, 100)
        # live: (2 * 1000 + 10 * 100) / 1,000,000
        assert stored.cost == Decimal("0.0015")
        assert stored.by_batch
        assert stored.latency_seconds is None
        assert stored.first_token_seconds is None
        assert (stored.finish_reason, stored.reported_model) == ("length", "aurora-small-0711")
    run = responses[0].run
    assert run is not None
    run.refresh_from_db()
    assert run.spent == Decimal("0.0045")
    job = job_of(run)
    assert (job.state, job.requests, job.completed, job.failed) == ("done", 3, 3, 0)
    assert job.ended_at is not None
    assert (job.answered, job.spent, job.line_error) == (3, Decimal("0.0045"), "")


def test_a_line_says_what_a_live_request_would(version, provider):
    version.parameters = {"temperature": 0, "max_tokens": 50, "extra_body": {"top_k": 1}}
    version.parameters_by_tag = {"refunds": {"temperature": 1}}
    version.endpoint.system_role = "developer"
    version.endpoint.max_tokens_name = "max_completion_tokens"
    version.endpoint.save()
    version.save()
    (response,) = ask_by_batch(version, [{"id": "a", "prompt": "Grüße \u2028", "tags": ["refunds"]}])

    go_on()

    (batch,) = provider.batches.values()
    (line,) = provider.lines(batch)
    assert line["custom_id"] == batch_file.custom_id(response.pk, response.request_sha256)
    assert len(line["custom_id"]) <= 64
    assert (line["method"], line["url"]) == ("POST", "/v1/chat/completions")
    assert line["body"] == {
        "model": "aurora-small",
        "messages": [
            {"role": "developer", "content": "Be kind."},
            {"role": "user", "content": "Grüße \u2028"},
        ],
        "temperature": 1,
        "max_completion_tokens": 50,
        "top_k": 1,
    }
    assert batch["metadata"] == {"evalsite_job": str(job_of(response.run).pk)}
    assert (batch["endpoint"], batch["completion_window"]) == ("/v1/chat/completions", "24h")


def test_the_key_is_sent_with_every_call(version, provider, monkeypatch):
    monkeypatch.setenv("AURORA_TEST_TOKEN", "s3cret")
    provider.api_key = "s3cret"
    version.endpoint.api_key_env = "AURORA_TEST_TOKEN"
    version.endpoint.save()
    (response,) = ask_by_batch(version)
    go_on()
    assert only(response).status == "done"
    assert {headers["authorization"] for headers in provider.headers} == {"Bearer s3cret"}


def test_an_endpoint_of_the_responses_api_is_asked_by_it(version, provider):
    version.endpoint.api = "responses"
    version.endpoint.save()
    (response,) = ask_by_batch(version)
    job = job_of(response.run, sent=True)
    (line,) = provider.lines(provider.batches[job.provider_id])
    assert line["url"] == provider.batches[job.provider_id]["endpoint"] == "/v1/responses"
    assert line["body"]["input"] == [{"role": "user", "content": "Question 0?"}]
    body = {
        "status": "completed",
        "output": [{"type": "message", "content": [{"type": "output_text", "text": "Sure."}]}],
        "usage": {"input_tokens": 10, "output_tokens": 2},
    }
    provider.give_body(job.provider_id, body)
    go_on()
    assert (only(response).text, response.input_tokens) == ("Sure.", 10)


def test_what_waits_in_a_batch_is_not_asked_live(version, provider):
    ask_by_batch(version, 2)
    assert not generate.due_responses().exists()
    job_of(None, sent=True)
    assert not generate.due_responses().exists()
    go_on()
    assert sorted(provider.paid) == ["Question 0?", "Question 1?"]


def test_a_conversation_that_is_replayed_is_asked_live(version, provider):
    turns = [{"role": "user", "content": "First?"}, {"role": "user", "content": "Then?"}]
    answered = [
        {"role": "user", "content": "One?"},
        {"role": "assistant", "content": "Two."},
        {"role": "user", "content": "Three?"},
    ]
    replayed, single = ask_by_batch(
        version, [{"id": "a", "messages": turns}, {"id": "b", "messages": answered}]
    )

    go_on()

    assert (only(replayed).status, replayed.asked_live) == ("pending", True)
    assert only(single).status == "done"
    assert generate.generate_next(version.endpoint_id)
    assert only(replayed).earlier_answers == ["You said: First?"]
    # 2 dollars for a million tokens in, 10 for one out, at the whole price
    live = 2 * (replayed.input_tokens or 0) + 10 * (replayed.output_tokens or 0)
    assert replayed.cost == Decimal(live) / 1_000_000
    assert not replayed.by_batch


def test_a_version_whose_endpoint_has_no_batches_is_asked_live(version):
    version.endpoint.has_batches = False
    version.endpoint.save()
    (response,) = ask_by_batch(version)
    go_on()
    assert not BatchJob.objects.exists()
    assert generate.generate_next(version.endpoint_id)
    assert only(response).status == "done"


def test_errors_of_lines_are_faults_like_live_ones(version, provider):
    def answer(request):
        return {
            "Question 0?": Fault(500, "the server had an error"),
            "Question 1?": Fault(400, "max_tokens is too large"),
            "Question 2?": Fault(429, "slow down"),
            "Question 3?": {"text": "", "finish_reason": "content_filter"},
            "Question 4?": {"text": "Fine."},
        }[request.last_message]

    provider.answer = answer
    broken, refused, throttled, filtered, fine = ask_by_batch(version, 5)

    go_on(until=lambda: job_of(None).state == "done")

    assert (only(broken).status, broken.attempts, broken.batch_job) == ("pending", 1, None)
    assert "answered 500: the server had an error" in broken.last_error
    assert broken.next_try_at is not None
    assert (only(throttled).status, throttled.attempts) == ("pending", 0)  # as live: no attempt
    assert (only(refused).status, refused.batch_job) == ("failed", None)
    assert "answered 400: max_tokens is too large" in refused.last_error
    assert only(filtered).status == "failed"
    assert "content filter" in filtered.last_error
    assert only(fine).status == "done"
    kinds = dict(FaultRow.objects.values_list("response", "kind"))
    assert kinds == {
        broken.pk: "server",
        refused.pk: "refused",
        throttled.pk: "throttled",
        filtered.pk: "filtered",
    }
    # a batch says nothing of live requests
    use = getattr(version.endpoint, "use", None)
    assert use is None or (use.paused_until, use.faults_in_a_row) == (None, 0)

    provider.answer = lambda _: "Better."
    go_on()
    assert {only(response).text for response in (broken, throttled)} == {"Better."}
    assert BatchJob.objects.count() == 2
    assert provider.paid.count("Question 4?") == 1


def test_a_line_that_always_fails_is_given_up(version, provider):
    provider.answer = lambda _: Fault(500)
    (response,) = ask_by_batch(version)
    go_on()
    assert only(response).status == "failed"
    assert "Given up after 6 attempts" in response.last_error
    assert BatchJob.objects.count() == 6


@pytest.mark.parametrize("mentioned", [True, False])
def test_an_expired_batch_keeps_its_answers_and_asks_the_rest_again(version, provider, mentioned):
    provider.outcome, provider.answered, provider.mentions_unanswered = "expired", 2, mentioned
    responses = ask_by_batch(version, 5)

    go_on(until=lambda: job_of(None).state == "expired")

    assert [only(response).status for response in responses] == ["done"] * 2 + ["pending"] * 3
    assert all(
        (only(response).attempts, response.batch_job, response.next_try_at) == (0, None, None)
        for response in responses[2:]
    )
    provider.outcome, provider.answered = "completed", None
    go_on()
    assert {only(response).status for response in responses} == {"done"}
    assert sorted(provider.paid) == [f"Question {number}?" for number in range(5)]


def test_an_answer_that_holds_nonsense_spoils_no_other(version, provider):
    nonsense = [
        b"no json\n",
        b"[]\n",
        b'{"custom_id": 7}\n',
        b'{"custom_id": "1-2", "response": null}\n',
        json.dumps({"custom_id": f"999999-{'a' * 40}", "response": {"status_code": 200}}).encode() + b"\n",
        b'{"custom_id": "' + b"[" * 5000,
    ]
    provider.garbage = b"".join(nonsense)
    responses = ask_by_batch(version, 2)
    go_on()
    assert {only(response).status for response in responses} == {"done"}


def test_a_line_of_another_request_with_the_same_number_is_not_taken(version, provider):
    (response,) = ask_by_batch(version)
    job = job_of(response.run, sent=True)
    provider.rename_lines(job.provider_id, lambda name: name.split("-")[0] + "-" + "0" * 40)
    go_on(until=lambda: job_of(response.run).state == "done")
    assert (only(response).status, response.attempts) == ("pending", 1)
    assert "without an answer to 1 of its requests" in response.last_error


def test_polls_come_at_first_every_five_seconds_and_then_every_minute(version, provider):
    provider.polls = 100
    ask_by_batch(version)
    job = job_of(None, sent=True)
    assert 4 < soon(job) <= 5
    for age, wait in ((10, 5), (120, 20), (3600, 60)):
        job = job_of(None, age=age)
        assert wait - 1 < soon(job) <= wait + 1


def test_a_file_takes_no_more_than_its_limit(version, provider, monkeypatch):
    responses = ask_by_batch(version, 5)
    line = len(batch_file.request_line("1-" + "a" * 40, "/v1/chat/completions", {})) + 250
    monkeypatch.setattr(batch_steps, "MOST_BYTES", 2 * line)
    go_on()
    assert {only(response).status for response in responses} == {"done"}
    assert len(provider.batches) > 1
    assert all(len(provider.files[batch["input_file_id"]]) <= 2 * line for batch in provider.batches.values())
    assert len(provider.paid) == 5


def test_a_request_that_fits_into_no_file_is_asked_live(version, provider, monkeypatch):
    (response,) = ask_by_batch(version)
    monkeypatch.setattr(batch_steps, "MOST_BYTES", 10)
    go_on()
    assert not provider.batches
    assert generate.generate_next(version.endpoint_id)
    assert only(response).status == "done"


def test_more_requests_than_a_file_may_hold_are_several_batches(version, provider, monkeypatch):
    from models_registry.generation import batches

    monkeypatch.setattr(batches, "MOST_REQUESTS", 2)
    responses = ask_by_batch(version, 5)
    go_on()
    assert {only(response).status for response in responses} == {"done"}
    assert sorted(len(provider.lines(batch)) for batch in provider.batches.values()) == [1, 2, 2]


def test_a_budget_is_learned_and_kept(version, provider, monkeypatch):
    from models_registry.generation import batches

    monkeypatch.setattr(batches, "REQUESTS_TO_LEARN_THE_COST", 2)
    usage = {"prompt_tokens": 1000, "completion_tokens": 100}
    provider.answer = lambda _: {"text": "Hi.", "usage": usage}
    responses = ask_by_batch(version, 12, budget=Decimal("0.0100"))
    go_on()
    run = responses[0].run
    assert run is not None
    run.refresh_from_db()
    # each costs 0.0015: six are affordable, and the one that reaches the budget is the seventh
    assert run.state == "spent"
    assert len(provider.paid) == 7
    assert Response.objects.filter(status="pending", batch_job=None).count() == 5


def test_switching_to_batches_takes_what_has_not_been_asked(version, provider):
    responses = ask_by_batch(version, 3, batch=False)
    generate.generate_next(version.endpoint_id)
    run = responses[0].run
    assert run is not None
    choose_path(run=run, batch=True)
    go_on()
    assert {only(response).status for response in responses} == {"done"}
    assert sorted(provider.paid) == [f"Question {number}?" for number in range(3)]
    assert len(provider.lines(next(iter(provider.batches.values())))) == 2


def test_files_are_written_and_read_as_pieces(version, provider):
    """A file of a few megabytes goes up and comes down whole."""
    provider.answer = lambda request: request.last_message[:10] + "ñ" * 20_000
    responses = ask_by_batch(
        version, [{"id": f"r{number}", "prompt": f"{number:04}" + "x" * 20_000} for number in range(60)]
    )
    go_on()
    assert all(only(response).text.endswith("ñ" * 20_000) for response in responses)
    assert provider.calls["upload"] == provider.calls["create"] == 1


def test_the_states_of_a_provider_that_end_are_known():
    assert {"completed", "expired", "cancelled", "failed"} <= batch_client.ENDED
