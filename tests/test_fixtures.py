"""What tests lean on: the database they share with threads, the factories, the flush."""

from __future__ import annotations

import signal
from collections.abc import Callable
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth.models import Group, Permission, User
from django.db import IntegrityError, connection, transaction
from django.db.models import F

from evalsite.celery import app
from models_registry.models import Example, Response
from models_registry.tasks import wake_endpoints
from reviews.models import Assignment, Choice, Evaluation, Vote
from tests import services
from tests.chat_endpoint import ChatEndpoint
from tests.factories import (
    make_endpoint,
    make_evaluation,
    make_golden_set_version,
    make_model_version,
    make_vote,
)
from tests.worker_process import WorkerProcess


def frozen_row_refuses_a_change() -> bool:
    try:
        with transaction.atomic():
            Example.objects.update(position=F("position") + 100)
    except IntegrityError:
        return True
    return False


@pytest.mark.parametrize("_round", [1, 2])
def test_flush_keeps_triggers_and_roles(transactional_db: None, _round: int) -> None:
    """Twice, so that the second runs on a database that the first one's end has flushed."""
    assert set(Group.objects.values_list("name", flat=True)) == {"Reviewer", "Lead", "Admin"}
    assert Permission.objects.filter(group__name="Reviewer").count() == 1
    assert Example.objects.count() == 0
    make_golden_set_version()
    assert frozen_row_refuses_a_change()


def test_threads_see_each_others_rows(reviewer: User, in_threads: Callable[..., list[Any]]) -> None:
    evaluation = make_evaluation(8)
    comparisons = list(evaluation.comparisons.all())

    in_threads(lambda comparison: make_vote(comparison, reviewer, Choice.TIE), comparisons)

    assert Vote.objects.count() == 8


def test_factories_make_a_balanced_queue(db: None) -> None:
    evaluation = make_evaluation(6, votes_per_comparison=2)

    assert evaluation.status == Evaluation.Status.VOTING
    assert Assignment.objects.filter(candidate_on_left=True).count() == Assignment.objects.count() / 2 == 6


def test_run_is_on_the_database_it_asked_for(db: None) -> None:
    assert connection.vendor == ("postgresql" if services.on_postgresql() else "sqlite")


@pytest.mark.redis
def test_each_worker_has_a_redis_database_of_its_own(worker_id: str) -> None:
    number = 0 if worker_id == "master" else int(worker_id.removeprefix("gw")) + 1
    assert settings.REDIS_URL.endswith(f"/{number}")
    assert app.conf.broker_url == settings.REDIS_URL


def all_done() -> bool:
    return not Response.objects.exclude(status=Response.Status.DONE).exists()


def make_pending(chat_endpoint: ChatEndpoint, number: int) -> None:
    endpoint = make_endpoint(chat_endpoint.base_url, max_concurrency=4, timeout_seconds=60)
    versions = [make_model_version(endpoint=endpoint) for _ in range(2)]
    make_evaluation(number, candidate=versions[0], baseline=versions[1], opened=False)


@pytest.mark.usefixtures("worker")
def test_worker_generates_over_http(chat_endpoint: ChatEndpoint, eventually: Callable[..., None]) -> None:
    make_pending(chat_endpoint, 10)
    wake_endpoints.delay()

    eventually(all_done)

    assert len(chat_endpoint.requests) == 20
    assert chat_endpoint.most_at_once <= 4


def test_worker_process_generates_on_the_tests_database(
    worker_process: Callable[..., WorkerProcess], chat_endpoint: ChatEndpoint, eventually: Callable[..., None]
) -> None:
    make_pending(chat_endpoint, 10)

    process = worker_process()

    eventually(all_done)
    process.kill()
    assert process.process.returncode == -signal.SIGKILL
