"""Batches by real workers: on the schedule, several at once, and killed at the worst moments."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from models_registry.generation import batches
from models_registry.models import BatchJob, Response
from tests.batch_endpoint import BatchEndpoint
from tests.models_registry.batches import ask_by_batch, go_on, leases_end, make_batch_version, now_due, only

pytestmark = pytest.mark.django_db(transaction=True)

FIVE = [f"Question {number}?" for number in range(5)]


@pytest.fixture
def provider() -> Iterator[BatchEndpoint]:
    with BatchEndpoint() as endpoint:
        yield endpoint


@pytest.fixture
def version(provider: BatchEndpoint) -> Any:
    return make_batch_version(provider)


def all_done() -> bool:
    return not Response.objects.exclude(status="done").exists()


def test_the_schedule_takes_a_batch_to_its_end(version, provider, worker, eventually):
    responses = ask_by_batch(version, 5)
    eventually(all_done)
    assert sorted(provider.paid) == FIVE
    assert all(only(response).latency_seconds is None for response in responses)


def test_workers_at_the_same_moment_make_one_batch(version, provider, in_threads):
    responses = ask_by_batch(version, 5)
    in_threads(lambda _: batches.start_jobs(), range(4))
    (job,) = BatchJob.objects.all()
    for _ in range(4):
        in_threads(batches.advance, [job.pk] * 4)
        now_due()
    go_on()
    assert {only(response).status for response in responses} == {"done"}
    assert sorted(provider.paid) == FIVE
    assert provider.calls["upload"] == provider.calls["create"] == provider.calls["download"] == 1


@pytest.mark.parametrize("moment", ["create", "download"])
def test_a_worker_that_is_killed_leaves_nothing_undone_and_nothing_paid_twice(
    version, provider, worker_process, eventually, moment
):
    """Killed when the provider has done what was asked and before the worker knows of it."""
    responses = ask_by_batch(version, 5)
    process = worker_process()
    killed: list[str] = []

    def kill(name: str) -> None:
        if name == moment and not killed:
            killed.append(name)
            process.kill()

    provider.on_done = kill
    eventually(lambda: killed)
    assert not all_done()

    leases_end()
    now_due()
    worker_process()
    eventually(all_done)

    assert sorted(provider.paid) == FIVE
    assert len(provider.batches) == 1
    run = responses[0].run
    assert run is not None
    run.refresh_from_db()
    assert run.spent == sum(only(response).cost or 0 for response in responses)
