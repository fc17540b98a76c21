"""The default in one process: all of it is killed while it generates, starts again, and finishes."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.db.models import Sum

from models_registry.actions.responses import request_responses
from models_registry.models import Fault, Response
from tests.factories import make_endpoint, make_golden_set_version, make_model_version
from tests.worker_process import test_database_url as database_url

ROOT = Path(__file__).resolve().parent.parent.parent
RESPONSES = 80


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[[], subprocess.Popen[bytes]]]:
    """`serve()`: web server, schedule and workers in one process group of its own, as `make demo` has them."""
    started: list[subprocess.Popen[bytes]] = []

    def start() -> subprocess.Popen[bytes]:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        with (tmp_path / f"log-{len(started)}").open("wb") as output:
            started.append(
                subprocess.Popen(
                    [sys.executable, "-m", "gunicorn", "-c", "python:evalsite.gunicorn"],
                    cwd=ROOT,
                    env=os.environ | {"REDIS_URL": "", "DATABASE_URL": database_url(), "PORT": str(port)},
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=output,
                    start_new_session=True,
                )
            )
        return started[-1]

    yield start
    for server in started:
        if server.poll() is None:
            os.killpg(server.pid, signal.SIGKILL)
            server.wait(60)


@pytest.mark.skipif(bool(settings.REDIS_URL), reason="the default has no Redis")
@pytest.mark.django_db(transaction=True)
def test_all_of_it_killed_in_mid_generation_goes_on_when_it_is_started_again(
    chat_endpoint: Any, serve: Callable[[], subprocess.Popen[bytes]], eventually: Callable[..., None]
) -> None:
    chat_endpoint.hold(after=10)
    endpoint = make_endpoint(chat_endpoint.base_url, max_concurrency=8, timeout_seconds=300)
    version = make_model_version(endpoint=endpoint)
    examples = list(make_golden_set_version(RESPONSES).examples.all())
    request_responses(model_version=version, examples=examples)
    done = Response.objects.filter(status=Response.Status.DONE)

    first = serve()
    eventually(lambda: done.count() == 10 and len(chat_endpoint.requests) > 10)
    os.killpg(first.pid, signal.SIGKILL)
    first.wait(60)
    chat_endpoint.go_on()
    at_the_kill = dict(done.values_list("pk", "done_at"))
    assert len(at_the_kill) == 10

    serve()
    eventually(lambda: done.count() == RESPONSES)  # no lease is waited for: the timeout is five minutes
    assert dict(done.filter(pk__in=at_the_kill).values_list("pk", "done_at")) == at_the_kill
    asked = Counter(request.last_message for request in chat_endpoint.requests)
    lost = Response.objects.aggregate(n=Sum("lost_attempts"))["n"]
    assert lost == Fault.objects.filter(kind=Fault.Kind.LOST).count()
    # what is asked again is what was under way
    assert asked.total() - RESPONSES <= lost <= endpoint.max_concurrency
    assert max(asked.values()) <= 2
