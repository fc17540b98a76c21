"""The web server with the workers inside: how it stops."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from models_registry.actions.responses import request_responses
from models_registry.models import Response
from tests.factories import make_endpoint, make_golden_set_version, make_model_version, make_rows
from tests.worker_process import test_database_url as database_url

ROOT = Path(__file__).resolve().parent.parent


@pytest.mark.parametrize("held", [False, True])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.django_db(transaction=True)
def test_a_server_that_is_stopped_while_it_generates_ends_soon_and_without_a_traceback(
    chat_endpoint, eventually, tmp_path, held, number
):
    chat_endpoint.delay = 0.02
    if held:
        chat_endpoint.hold()
    endpoint = make_endpoint(chat_endpoint.base_url, max_concurrency=4)
    request_responses(
        model_version=make_model_version(endpoint=endpoint),
        examples=make_golden_set_version(make_rows(400)).examples.all(),
    )
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    log = tmp_path / "log"
    with log.open("wb") as output:
        server = subprocess.Popen(
            [sys.executable, "-m", "gunicorn", "-c", "python:evalsite.gunicorn"],
            cwd=ROOT,
            env=os.environ | {"REDIS_URL": "", "DATABASE_URL": database_url(), "PORT": str(port)},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    try:
        eventually(lambda: len(chat_endpoint.requests) >= 4)
        started = time.monotonic()
        # Ctrl-C reaches the whole group, and a supervisor only the one it started
        os.killpg(server.pid, number) if number == signal.SIGINT else server.send_signal(number)
        server.wait(60)
        assert time.monotonic() - started < 40  # an answer that is waited for would take 60
    finally:
        if server.poll() is None:
            os.killpg(server.pid, signal.SIGKILL)
            server.wait(60)
    said = log.read_text()
    assert "CRITICAL" not in said, said
    assert "Traceback" not in said, said
    assert Response.objects.filter(status=Response.Status.FAILED).count() == 0
