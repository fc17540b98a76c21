"""Batches through faults of the Batch API and through workers that die: nothing lost, nothing paid twice."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from models_registry.generation import batch_client, batch_collecting, batch_jobs, batches
from models_registry.models import BatchJob, Response
from tests.batch_endpoint import BatchEndpoint
from tests.chat_endpoint import Fault
from tests.models_registry.batches import (
    ask_by_batch,
    go_on,
    job_of,
    leases_end,
    make_batch_version,
    now_due,
    only,
    soon,
    tick,
)

pytestmark = pytest.mark.django_db

FIVE = [f"Question {number}?" for number in range(5)]


class Killed(BaseException):
    """The worker is gone: nothing that it would do afterwards is done."""


@pytest.fixture
def provider() -> Iterator[BatchEndpoint]:
    with BatchEndpoint() as endpoint:
        yield endpoint


@pytest.fixture
def version(provider: BatchEndpoint) -> Any:
    return make_batch_version(provider)


def die_once(monkeypatch: pytest.MonkeyPatch, module: Any, name: str, *, before: bool, call: int = 1) -> None:
    """Let a worker die before or after its so-manieth call of a function, and the next ones live."""
    original: Callable[..., Any] = getattr(module, name)
    calls = 0

    def dying(*args: Any, **kwargs: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == call and before:
            raise Killed
        result = original(*args, **kwargs)
        if calls == call:
            raise Killed
        return result

    monkeypatch.setattr(module, name, dying)


def done_once(responses: list[Response], provider: BatchEndpoint) -> None:
    assert {only(response).status for response in responses} == {"done"}
    assert sorted(provider.paid) == FIVE
    run = responses[0].run
    assert run is not None
    run.refresh_from_db()
    assert run.spent == sum(response.cost for response in responses if response.cost)


@pytest.mark.parametrize(
    ("name", "before"),
    [
        ("upload_file", True),
        ("upload_file", False),
        ("create_batch", True),
        ("create_batch", False),
        ("retrieve_batch", True),
        ("retrieve_batch", False),
        ("download", True),
        ("download", False),
    ],
)
def test_a_worker_dies_beside_a_call(version, provider, monkeypatch, name, before):
    responses = ask_by_batch(version, 5)
    die_once(monkeypatch, batch_client, name, before=before)
    with pytest.raises(Killed):
        go_on()
    assert Response.objects.filter(batch_job=None).count() == 0
    tick()  # its lease runs
    assert {only(response).status for response in responses} == {"pending"}

    leases_end()
    go_on()

    done_once(responses, provider)
    assert len(provider.batches) == 1
    assert BatchJob.objects.count() == 1


@pytest.mark.parametrize("call", [1, 2, 3])
def test_a_worker_dies_in_the_middle_of_collecting(version, provider, monkeypatch, call):
    monkeypatch.setattr(batch_collecting, "CHUNK", 2)
    provider.answer = lambda request: (
        Fault(500) if request.last_message == "Question 1?" else f"On {request.last_message}"
    )
    responses = ask_by_batch(version, 5)
    die_once(monkeypatch, batch_collecting, "_store_lines", before=True, call=call)
    with pytest.raises(Killed):
        go_on()
    assert Response.objects.filter(status="done").count() == [0, 2, 4][call - 1]
    assert job_of(None).state == "collecting"

    leases_end()
    now_due()
    tick()

    assert job_of(None).state == "done"
    broken = only(responses[1])
    assert (broken.status, broken.attempts, broken.attempts_failed.count()) == ("pending", 1, 1)
    provider.answer = lambda request: f"On {request.last_message}"
    go_on()
    done_once(responses, provider)


def test_of_the_batches_of_an_account_only_ones_own_is_taken_up(version, provider, monkeypatch):
    """Another installation with the same account has a job of the same number."""
    monkeypatch.setattr(batch_client, "PAGE", 3)
    ask_by_batch(version, 5)
    die_once(monkeypatch, batch_client, "create_batch", before=False)
    with pytest.raises(Killed):
        tick()
    job = job_of(None)
    for _ in range(7):
        theirs = provider.create(
            {
                "input_file_id": provider.add_file(b"{}\n"),
                "endpoint": "/v1/chat/completions",
                "completion_window": "24h",
                "metadata": {"evalsite_job": str(job.pk)},
            }
        )
        assert theirs["id"]
    leases_end()
    go_on(until=lambda: bool(job_of(None).provider_id))
    assert job_of(None).provider_id == next(iter(provider.batches))
    assert provider.calls["create"] == 1
    assert provider.calls["list"] == 3


def test_of_two_batches_for_one_job_the_second_is_cancelled(version, provider, monkeypatch):
    """A worker is so slow to create a batch that another takes the job up meanwhile, and creates its own."""
    provider.polls = 3
    responses = ask_by_batch(version, 5)
    create = batch_client.create_batch

    def slowly(*args: Any) -> Any:
        monkeypatch.setattr(batch_client, "create_batch", create)
        leases_end()
        tick()
        assert job_of(None).provider_id
        return create(*args)

    monkeypatch.setattr(batch_client, "create_batch", slowly)
    tick()
    first, second = provider.batches.values()
    assert job_of(None).provider_id == first["id"]
    assert (first["status"], second["status"]) == ("validating", "cancelling")
    go_on()
    done_once(responses, provider)


@pytest.mark.parametrize("name", ["upload", "create", "retrieve", "download"])
@pytest.mark.parametrize(
    "fault",
    [Fault.rate_limit(), Fault(500), Fault(503), Fault(200, hang_up=True)],
    ids=["429", "500", "503", "cut off"],
)
@pytest.mark.parametrize("done", [False, True], ids=["not done", "done"])
def test_a_call_that_fails_is_made_again(version, provider, name, fault, done):
    meets_fault(version, provider, name, fault, done)


@pytest.mark.parametrize("name", ["upload", "create", "retrieve"])
@pytest.mark.parametrize("body", [b"[]", b"{}", b"<html>", b'{"id": 7, "status": []}'])
def test_an_answer_that_makes_no_sense_is_asked_for_again(version, provider, name, body):
    meets_fault(version, provider, name, Fault(200, body=body), done=True)


def meets_fault(version: Any, provider: BatchEndpoint, name: str, fault: Fault, done: bool) -> None:
    responses = ask_by_batch(version, 5)
    provider.fail(name, fault, done=done)
    go_on()
    done_once(responses, provider)
    assert len(provider.batches) == 1
    assert provider.calls[name] == 2 - (name == "create" and done)


def test_faults_in_a_row_are_met_with_patience(version, provider):
    provider.fail("upload", *[503] * 9)
    ask_by_batch(version)
    waits = []
    for _ in range(9):
        tick()
        waits.append(round(soon(job_of(None))))
        now_due()
    assert waits == [5, 10, 20, 40, 80, 160, 320, 600, 600]
    assert "answered 503" in job_of(None).message
    provider.fail("upload", Fault.rate_limit(retry_after=30))
    BatchJob.objects.update(attempts=0)
    tick()
    assert 28 < soon(job_of(None)) <= 30


@pytest.mark.parametrize("status", [400, 401, 403, 404])
def test_a_refused_file_fails_its_requests_with_the_reason(version, provider, status):
    provider.fail("upload", Fault(status, "no, thank you"))
    responses = ask_by_batch(version, 3)
    go_on()
    assert job_of(None).state == "failed"
    assert {only(response).status for response in responses} == {"failed"}
    assert f"answered {status}: no, thank you." in responses[0].last_error
    assert ("no Batch API" in responses[0].last_error) == (status == 404)
    assert not provider.batches


def test_a_key_that_is_taken_away_loses_no_answer(version, provider, monkeypatch):
    monkeypatch.setenv("AURORA_TEST_TOKEN", "s3cret")
    version.endpoint.api_key_env = "AURORA_TEST_TOKEN"
    version.endpoint.save()
    responses = ask_by_batch(version, 5)
    tick()
    monkeypatch.delenv("AURORA_TEST_TOKEN")
    now_due()
    tick()
    assert "AURORA_TEST_TOKEN is not set" in job_of(None).message
    assert {only(response).status for response in responses} == {"pending"}
    monkeypatch.setenv("AURORA_TEST_TOKEN", "s3cret")
    go_on()
    done_once(responses, provider)


def test_a_batch_that_can_not_be_fetched_for_days_is_given_up(version, provider):
    (response,) = ask_by_batch(version)
    tick()
    provider.batches.clear()
    BatchJob.objects.update(created_at=timezone.now() - batch_jobs.GIVEN_UP_AFTER - timedelta(minutes=1))
    go_on()
    assert job_of(None).state == "failed"
    assert only(response).status == "failed"
    assert "No batch found" in response.last_error
    assert "Given up after 2 days" in response.last_error


def test_the_key_is_in_nothing_that_is_stored(version, provider, monkeypatch):
    monkeypatch.setenv("AURORA_TEST_TOKEN", "s3cret-s3cret")
    version.endpoint.api_key_env = "AURORA_TEST_TOKEN"
    version.endpoint.save()
    (response,) = ask_by_batch(version)
    provider.fail("upload", Fault(500, "your key s3cret-s3cret is odd"))
    tick()
    assert job_of(None).message == "The endpoint answered 500: your key [the key] is odd."
    provider.answer = lambda _: Fault(400, "your key s3cret-s3cret is odd")
    go_on()
    assert "your key [the key] is odd" in only(response).last_error


def test_what_is_unforeseen_keeps_the_job(version, provider, monkeypatch):
    responses = ask_by_batch(version, 5)

    def broken(*_: object) -> None:
        raise RuntimeError("a bug")

    with monkeypatch.context() as patch:
        patch.setattr(batch_client, "retrieve_batch", broken)
        tick()
        now_due()
        tick()
    assert job_of(None).message == "Unforeseen fault: RuntimeError: a bug"
    go_on()
    done_once(responses, provider)


def test_leases_end_at_the_start_of_the_only_worker(version):
    ask_by_batch(version)
    batches.start_jobs()
    assert batch_jobs.take(job_of(None).pk) is not None
    assert not batch_jobs.due_jobs().exists()
    assert batch_jobs.release_leases() == 1
    assert batch_jobs.due_jobs().exists()
