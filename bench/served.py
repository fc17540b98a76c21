"""What benchmarks run on: PostgreSQL and Redis of their own, the product's server, and people who are logged in."""

from __future__ import annotations

import json
import os
import platform
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

ROOT = Path(__file__).resolve().parent.parent


@contextmanager
def services(*names: str, **environment: str) -> Iterator[Path]:
    """With these of postgres and redis running, an empty database, and the environment that says so: their folder."""
    servers = subprocess.Popen(
        [sys.executable, "-B", str(ROOT / "tests" / "servers.py"), *names],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert servers.stdout is not None
    try:
        report = json.loads(servers.stdout.readline())
        if report["missing"]:
            raise SystemExit("; ".join(report["missing"].values()))
        usual = {"SECRET_KEY": "for-a-benchmark", "DEBUG": "0", "HTTPS": "0", "LOG_LEVEL": "WARNING"}
        usual["DJANGO_SETTINGS_MODULE"] = "evalsite.settings"
        os.environ |= report["environment"] | usual | environment
        create_database(os.environ["DATABASE_URL"])
        yield Path(report["folder"])
    finally:
        servers.communicate()


def create_database(url: str) -> None:
    import psycopg

    address = urlsplit(url)
    with psycopg.connect(urlunsplit(address._replace(path="/postgres")), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {address.path[1:]}")


def prepare() -> None:
    """Django, with its tables and static files."""
    import django

    django.setup()
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    call_command("collectstatic", interactive=False, verbosity=0)


@contextmanager
def server(folder: Path) -> Iterator[int]:
    """The product's own web server, one process: its port."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        port: int = listening.getsockname()[1]
    log = folder / "gunicorn.log"
    command = ["-m", "gunicorn", "-c", "python:evalsite.gunicorn", "-b", f"127.0.0.1:{port}"]
    with log.open("wb") as output:
        process = subprocess.Popen([sys.executable, *command], cwd=ROOT, stdout=output, stderr=output)
    try:
        _wait_for(port, process, log)
        yield port
    finally:
        process.terminate()
        process.wait(30)


def _wait_for(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(200):
        if process.poll() is not None:
            raise SystemExit(log.read_text())
        connection = HTTPConnection("127.0.0.1", port, timeout=2)
        try:
            connection.request("GET", "/healthz")
            connection.getresponse().read()
            return
        except OSError:
            time.sleep(0.1)
        finally:
            connection.close()
    raise SystemExit("the server did not start within 20 seconds")


def logged_in(username: str, role: str) -> str:
    """The cookie of a new person who is logged in."""
    from django.conf import settings
    from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
    from django.contrib.auth.models import Group, User
    from django.contrib.sessions.backends.db import SessionStore

    user = User.objects.create(username=username)
    user.groups.add(Group.objects.get(name=role))
    session = SessionStore()
    session[SESSION_KEY] = str(user.pk)
    session[BACKEND_SESSION_KEY] = "django.contrib.auth.backends.ModelBackend"
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    session.create()
    return f"{settings.SESSION_COOKIE_NAME}={session.session_key}"


def machine() -> str:
    import django
    from django.db import connection

    version: Any = getattr(connection, "pg_version", 0)
    return (
        f"Python {platform.python_version()}, Django {django.get_version()}, PostgreSQL {version // 10000}, "
        f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}"
    )


def responses_of(model: Any, examples: list[Any], tell: Any) -> dict[int, Any]:
    """A response of a model to each example, by example; tell: the fields of one."""
    from django.utils import timezone

    from models_registry.models import Response

    made = (
        Response(
            model_version=model,
            example=example,
            request_sha256=f"{len(examples):032x}{example.position:032x}",
            status="done",
            done_at=timezone.now(),
            attempts=1,
            **tell(example),
        )
        for example in examples
    )
    return {one.example_id: one for one in Response.objects.bulk_create(made, batch_size=2000)}
