"""A database that is away for some seconds costs no answer: it is paid for, and the worker keeps it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import psycopg
import pytest
from django.db import connection

from models_registry.actions.responses import request_responses
from models_registry.models import Fault, Response
from tests.chat_endpoint import ChatEndpoint
from tests.factories import make_endpoint, make_golden_set_version, make_model_version
from tests.worker_process import WorkerProcess

ROWS = 5


@contextmanager
def database_away() -> Iterator[None]:
    """Ends every connection to the test's database, and lets nobody in while the block lasts."""
    settings = connection.settings_dict
    name = settings["NAME"]
    connection.close()
    # or this process, too, would go on asking for the connections that it lost
    connection.close_pool()  # type: ignore[attr-defined] # PostgreSQL's alone
    given = {
        "host": settings["HOST"],
        "port": settings["PORT"] or None,
        "user": settings["USER"],
        "password": settings["PASSWORD"] or None,
    }
    with psycopg.connect(dbname="postgres", autocommit=True, **given) as maintenance:
        maintenance.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false')
        try:
            maintenance.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name]
            )
            yield
        finally:
            maintenance.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true')


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_answers_wait_for_a_database_that_is_away(
    worker_process: Callable[..., WorkerProcess],
    chat_endpoint: ChatEndpoint,
    eventually: Callable[..., None],
) -> None:
    chat_endpoint.hold()
    endpoint = make_endpoint(chat_endpoint.base_url, timeout_seconds=300, max_concurrency=ROWS)
    version = make_model_version(endpoint=endpoint)
    request_responses(model_version=version, examples=make_golden_set_version(ROWS).examples.all())
    worker_process()
    eventually(lambda: len(chat_endpoint.requests) == ROWS)

    with database_away():
        chat_endpoint.go_on()
        time.sleep(5)  # the answers come meanwhile

    done = Response.objects.filter(status="done")
    eventually(lambda: done.count() == ROWS)
    assert len(chat_endpoint.requests) == ROWS
    assert not Fault.objects.exists()
    assert not Response.objects.exclude(attempts=1, lost_attempts=0).exists()
