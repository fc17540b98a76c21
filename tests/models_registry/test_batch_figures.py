"""A batch job's dates, errors and money, and the move to live and back in the middle of one."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from models_registry.actions.runs import choose_path
from models_registry.generation import generate
from models_registry.models import BatchJob
from tests.batch_endpoint import BatchEndpoint
from tests.chat_endpoint import Fault
from tests.models_registry.batches import ask_by_batch, go_on, job_of, make_batch_version, now_due, only, tick

pytestmark = pytest.mark.django_db


@pytest.fixture
def provider() -> Iterator[BatchEndpoint]:
    with BatchEndpoint() as endpoint:
        yield endpoint


@pytest.fixture
def version(provider: BatchEndpoint) -> Any:
    return make_batch_version(provider)


def again(job: BatchJob) -> BatchJob:
    job.refresh_from_db()
    return job


def test_moving_to_live_and_back_mid_way_asks_and_pays_for_each_once(version, provider):
    """A batch under way is cancelled, keeps what it has, and the rest is asked live; then the rest of that by batch."""
    provider.polls, provider.answered = 99, 2
    responses = ask_by_batch(version, 7)
    run = responses[0].run
    assert run is not None
    first = job_of(run, sent=True)
    now_due()
    tick()
    assert again(first).state == "in_progress"

    choose_path(run=run, batch=False)
    generate.generate_next(version.endpoint_id)
    assert provider.calls["chat"] == 0  # what is with the batch is not asked beside it
    now_due()
    tick()  # cancels
    now_due()
    tick()  # collects what it has
    assert again(first).state == "cancelled"
    assert again(first).answered == 2
    now_due()
    for _ in range(2):
        generate.generate_next(version.endpoint_id)
    assert provider.calls["chat"] == 2

    provider.polls, provider.answered = 1, None
    choose_path(run=run, batch=True)
    go_on()
    assert {only(response).status for response in responses} == {"done"}
    assert sorted(provider.paid) == [f"Question {number}?" for number in range(7)]
    assert [only(response).by_batch for response in responses].count(True) == 5
    second = job_of(run)
    assert (second.pk != first.pk, second.requests, second.answered) == (True, 3, 3)
    run.refresh_from_db()
    costs = [only(response).cost for response in responses]
    assert run.spent == sum(cost for cost in costs if cost is not None)
    assert again(first).spent + second.spent < run.spent


def test_dates_of_the_provider_are_kept(version, provider):
    provider.expires_at = lambda created: created + 86_400
    provider.polls = 99
    (response,) = ask_by_batch(version, 1)
    job = job_of(response.run, sent=True)
    assert job.submitted_at is not None
    assert job.expires_at == job.submitted_at + timedelta(days=1)


@pytest.mark.parametrize("nonsense", [True, -1, 2**40, "tomorrow", None])
def test_dates_that_are_none_spoil_nothing(version, provider, nonsense):
    provider.expires_at, provider.polls = (lambda _created: nonsense), 99
    (response,) = ask_by_batch(version, 1)
    job = job_of(response.run, sent=True)
    assert (job.state, job.expires_at) == ("validating", None)


def test_the_last_error_of_a_line_is_kept_beside_the_job(version, provider):
    provider.answer = lambda request: Fault(400, "too long") if "1" in request.last_message else "Hi."
    responses = ask_by_batch(version, 3)
    go_on()
    job = job_of(responses[0].run)
    assert (job.state, job.answered, job.failed) == ("done", 2, 1)
    assert "too long" in job.line_error
