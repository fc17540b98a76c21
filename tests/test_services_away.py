"""What a request meets where the database or the broker went away, or came back."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import psycopg
import pytest
from django.db import connection

from models_registry.actions.responses import request_responses
from models_registry.models import Response
from tests.factories import make_endpoint, make_golden_set_version, make_model_version

ROOT = Path(__file__).resolve().parent.parent
WAKE = """
import django, time
django.setup()
import kombu.transport.redis
from models_registry.actions.responses import _wake_workers
started = time.monotonic()
_wake_workers()
print(time.monotonic() - started)
"""


def test_a_redis_that_accepts_and_never_answers_holds_a_page_for_a_few_seconds_only(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        environment = {
            "DJANGO_SETTINGS_MODULE": "evalsite.settings",
            "REDIS_URL": f"redis://127.0.0.1:{silent.getsockname()[1]}/0",
            "DATABASE_URL": f"sqlite:///{tmp_path}/unused.sqlite3",
        }
        ended = subprocess.run(
            [sys.executable, "-c", WAKE],
            cwd=ROOT,
            env=os.environ | environment,
            capture_output=True,
            text=True,
            timeout=300,
            check=True,
        )
    assert float(ended.stdout) < 30  # without a limit it would be for ever


@pytest.mark.redis
def test_idle_workers_keep_their_connection_to_redis(worker_process, chat_endpoint, eventually):
    version = make_model_version(endpoint=make_endpoint(chat_endpoint.base_url))
    examples = list(make_golden_set_version(2).examples.all())
    process = worker_process(LOG_LEVEL="INFO")
    request_responses(model_version=version, examples=examples[:1])
    eventually(lambda: Response.objects.filter(status="done").count() == 1)

    time.sleep(12)

    request_responses(model_version=version, examples=examples[1:])
    eventually(lambda: Response.objects.filter(status="done").count() == 2)
    log = process.log.read_text()
    assert "connection" not in log.lower().replace("connected to", ""), log
    assert "Timeout" not in log


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_a_postgresql_that_restarted_costs_no_request(client):
    # what earlier tests left in the pool is not this test's matter
    connection.close()
    connection.close_pool()  # type: ignore[attr-defined]
    assert client.get("/readyz").status_code == 200
    database = connection.settings_dict
    connection.close()  # as at the end of a request: back into the pool
    with psycopg.connect(host=database["HOST"], user=database["USER"], dbname=database["NAME"]) as other:
        ended = other.execute(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        ).fetchone()
    assert ended is not None
    assert ended[0] >= 1
    assert client.get("/readyz").json()["database"] == "ok"
    connection.close()
    connection.close_pool()  # type: ignore[attr-defined]
