"""Batches whose runs are paused, cancelled or switched, and batches that the provider does not take."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.utils import timezone

from models_registry.actions.responses import request_responses, retry_failed_responses
from models_registry.actions.runs import cancel_run, choose_path, pause_run, resume_run, start_run
from models_registry.generation import generate
from models_registry.models import BatchJob, Response
from tests.batch_endpoint import BatchEndpoint
from tests.models_registry.batches import (
    ask_by_batch,
    go_on,
    job_of,
    make_batch_version,
    now_due,
    only,
    tick,
)

pytestmark = pytest.mark.django_db

ALL = [f"Question {number}?" for number in range(5)]


@pytest.fixture
def provider() -> Iterator[BatchEndpoint]:
    with BatchEndpoint() as endpoint:
        yield endpoint


@pytest.fixture
def version(provider: BatchEndpoint) -> Any:
    return make_batch_version(provider)


def live(version: Any) -> None:
    """Ask live for whatever is due so."""
    while generate.generate_next(version.endpoint_id):
        pass


def look() -> None:
    now_due()
    tick()


@pytest.mark.parametrize("stop", [pause_run, cancel_run], ids=["paused", "cancelled"])
def test_a_stopped_run_cancels_its_batch_and_keeps_what_was_done(version, provider, stop):
    provider.polls, provider.answered = 100, 2
    responses = ask_by_batch(version, 5)
    run = responses[0].run
    assert run is not None
    job_of(run, sent=True)
    stop(run=run)

    look()
    assert [batch["status"] for batch in provider.batches.values()] == ["cancelling"]
    look()

    assert job_of(run).state == "cancelled"
    assert [only(response).status for response in responses] == ["done"] * 2 + ["pending"] * 3
    assert not Response.objects.exclude(batch_job=None).exists()
    tick()
    live(version)
    assert len(provider.batches) == 1
    assert len(provider.paid) == 2

    provider.polls, provider.answered = 1, None
    resume_run(run=run)
    go_on()
    assert {only(response).status for response in responses} == {"done"}
    assert sorted(provider.paid) == ALL


def test_a_run_that_leaves_the_batch_api_is_asked_live_for_what_was_not_done(version, provider):
    provider.polls, provider.answered = 100, 2
    responses = ask_by_batch(version, 5)
    run = responses[0].run
    assert run is not None
    job_of(run, sent=True)
    choose_path(run=run, batch=False)
    live(version)
    assert not provider.paid  # the batch has them still

    look()
    look()
    live(version)

    assert {only(response).status for response in responses} == {"done"}
    assert sorted(provider.paid) == ALL
    by_batch = [response for response in responses if response.latency_seconds is None]
    assert len(by_batch) == 2


def test_switching_forth_and_back_asks_nothing_twice(version, provider):
    provider.polls, provider.answered = 100, 2
    responses = ask_by_batch(version, 5)
    run = responses[0].run
    assert run is not None
    job_of(run, sent=True)
    for batch in (False, True, False, True):
        choose_path(run=run, batch=batch)
        look()
    provider.polls, provider.answered = 1, None
    go_on()
    assert {only(response).status for response in responses} == {"done"}
    assert sorted(provider.paid) == ALL


def test_a_run_that_is_stopped_before_its_file_was_sent_sends_nothing(version, provider):
    provider.fail("upload", 500)
    (response,) = ask_by_batch(version)
    run = response.run
    assert run is not None
    tick()
    pause_run(run=run)
    look()
    assert job_of(run).state == "cancelled"
    assert (only(response).status, response.batch_job) == ("pending", None)
    assert not provider.batches


def test_a_batch_that_ends_while_it_is_being_cancelled_is_collected(version, provider):
    provider.polls = 2
    (response,) = ask_by_batch(version)
    run = response.run
    assert run is not None
    job = job_of(run, sent=True)
    pause_run(run=run)
    # it is in progress when it is looked at, and done when it is to be cancelled
    provider.on_done = lambda name: name == "retrieve" and provider.finish(job.provider_id)
    look()
    assert job_of(run).message
    provider.on_done = lambda _name: None
    look()
    assert only(response).status == "done"
    assert job_of(run).state == "done"


def test_a_batch_that_another_run_waits_for_goes_on(version, provider):
    provider.polls = 3
    (response,) = ask_by_batch(version)
    run = response.run
    assert run is not None
    job_of(run, sent=True)
    request_responses(model_version=version, examples=[response.example], run=start_run(by=None, batch=True))
    cancel_run(run=run)
    go_on()
    assert only(response).status == "done"
    assert not provider.calls["cancel"]


def test_a_batch_that_someone_cancels_at_the_provider_is_asked_for_again(version, provider):
    provider.answered, provider.outcome = 1, "cancelled"
    responses = ask_by_batch(version, 5)
    go_on(until=lambda: job_of(None).state == "cancelled")
    provider.answered, provider.outcome = None, "completed"
    go_on()
    assert {only(response).status for response in responses} == {"done"}
    assert sorted(provider.paid) == ALL


# --- the provider does not take the file


def test_a_model_that_is_not_there_fails_all_with_the_providers_words(version, provider):
    provider.errors = [{"code": "model_not_found", "message": "There is no aurora-small.", "line": 1}]
    responses = ask_by_batch(version, 3)
    go_on()
    job = job_of(None)
    assert job.state == "failed"
    assert "There is no aurora-small (model_not_found)" in job.message
    for response in responses:
        assert (only(response).status, response.batch_job) == ("failed", None)
        assert response.last_error == job.message
    assert BatchJob.objects.count() == 1

    provider.errors = []
    retry_failed_responses(responses=responses)
    go_on()
    assert {only(response).status for response in responses} == {"done"}


def test_a_line_that_is_not_taken_fails_alone(version, provider):
    provider.errors = [{"code": "invalid_request", "message": "Too long.", "line": 2}]
    responses = ask_by_batch(version, 3)
    go_on(until=lambda: job_of(None).state == "failed")
    assert [only(response).status for response in responses] == ["pending", "failed", "pending"]
    assert "Too long (invalid_request)" in responses[1].last_error
    assert {only(response).attempts for response in (responses[0], responses[2])} == {0}
    provider.errors = []
    go_on()
    assert [only(response).status for response in responses] == ["done", "failed", "done"]


def test_a_full_queue_is_tried_again_later_with_half_as_much(version, provider):
    said = "Enqueued token limit reached. Please try again once some batches have been completed."
    provider.errors = [{"code": "token_limit_exceeded", "message": said}]
    responses = ask_by_batch(version, 5)
    go_on(until=lambda: job_of(None).state == "failed")
    waiting = only(responses[0])
    assert (waiting.status, waiting.attempts, waiting.batch_job) == ("pending", 0, None)
    assert waiting.next_try_at is not None
    assert (waiting.next_try_at - timezone.now()).total_seconds() > 500
    assert said.rstrip(".") in waiting.last_error
    tick()
    assert len(provider.batches) == 1

    provider.errors = []
    go_on()
    assert {only(response).status for response in responses} == {"done"}
    assert [len(provider.lines(batch)) for batch in provider.batches.values()][:2] == [5, 2]


@pytest.mark.parametrize("errors", [[], [{"code": "cosmic_rays", "message": "Oh."}]])
def test_what_nobody_can_explain_is_tried_a_few_times(version, provider, errors):
    provider.outcome, provider.errors = "failed", errors
    (response,) = ask_by_batch(version)
    go_on()
    assert only(response).status == "failed"
    assert "Given up after 6 attempts" in response.last_error
    assert BatchJob.objects.count() == 6
