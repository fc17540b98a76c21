"""Fixtures for every test: people, clients, workers, a chat endpoint. Rows are made by tests/factories.py."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.contrib.auth.models import Group, User
from django.core.cache import cache
from django.db import connections
from django.test import Client
from django.utils import translation
from kombu import Connection

from evalsite.celery import app
from tests import services
from tests.chat_endpoint import ChatEndpoint
from tests.worker_process import WorkerProcess

PASSWORD = "correct horse battery staple"  # of people who exist only in tests


def pytest_configure() -> None:
    # the slow hash protects passwords; here it would only cost a quarter of a second each
    django_settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


# --- the database ------------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def django_db_modify_db_settings(django_db_modify_db_settings: None) -> None:
    """SQLite in a file, one an xdist worker: threads and other processes share it as they would in life."""
    database = django_settings.DATABASES["default"]
    if database["ENGINE"].endswith("sqlite3"):
        process = os.environ.get("PYTEST_XDIST_WORKER", "main")
        database.setdefault("TEST", {})["NAME"] = str(
            Path(os.environ[services.FOLDER], f"test-{process}.sqlite3")
        )
        database["OPTIONS"]["init_command"] += "PRAGMA synchronous=OFF;"


def _flush_without_triggers(original: Callable[..., list[str]]) -> Callable[..., list[str]]:
    """SQLite flushes by DELETE, which the triggers that keep rows frozen refuse: so they go and come back.

    PostgreSQL flushes by TRUNCATE, which fires no row triggers.
    """

    def sql_flush(self: Any, *args: Any, **kwargs: Any) -> list[str]:
        with self.connection.cursor() as cursor:
            cursor.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'")
            triggers = cursor.fetchall()
        drops = [f'DROP TRIGGER "{name}";' for name, _sql in triggers]
        return [*drops, *original(self, *args, **kwargs), *(sql for _name, sql in triggers)]

    return sql_flush


@pytest.fixture(scope="session", autouse=True)
def _flush_is_allowed() -> Iterator[None]:
    if connections["default"].vendor != "sqlite":
        yield
        return
    operations = type(connections["default"].ops)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(operations, "sql_flush", _flush_without_triggers(operations.sql_flush))
        yield


@pytest.fixture
def in_threads(transactional_db: None) -> Callable[..., list[Any]]:
    """`in_threads(function, arguments)`: call it once an argument, all at the same moment; results in order.

    Each thread has a database connection of its own, closed at the end. An exception in one is raised here.
    """

    def run(function: Callable[[Any], Any], arguments: Any, within: float = 200) -> list[Any]:
        arguments = list(arguments)
        results: list[Any] = [None] * len(arguments)
        errors: list[BaseException] = []
        start = threading.Barrier(len(arguments))

        def one(index: int) -> None:
            try:
                start.wait(120)
                results[index] = function(arguments[index])
            except BaseException as error:  # noqa: BLE001 - raised again below, in the test's own thread
                errors.append(error)
            finally:
                connections.close_all()

        threads = [
            threading.Thread(target=one, args=(index,), daemon=True) for index in range(len(arguments))
        ]
        # the test's own connection goes back to the pool, whose sixteen are for as many threads
        connections["default"].close()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(within)
        if errors:
            raise errors[0]
        assert not any(thread.is_alive() for thread in threads), f"a thread did not end within {within:g} s"
        return results

    return run


# --- people ------------------------------------------------------------------------------------------------


@pytest.fixture
def make_user(db: None) -> Callable[..., User]:
    """`make_user("ada", "Reviewer", "Lead")`: a person in these groups; an Admin may enter the admin site."""

    def make(username: str, *roles: str) -> User:
        user = User.objects.create_user(
            username,
            f"{username}@aurora.example",
            PASSWORD,
            is_staff="Admin" in roles,
            first_name=username.title(),
        )
        user.groups.set([Group.objects.get(name=role) for role in roles])
        return user

    return make


@pytest.fixture
def admin_user(make_user: Callable[..., User]) -> User:
    return make_user("alma", "Admin")


@pytest.fixture
def lead(make_user: Callable[..., User]) -> User:
    return make_user("lena", "Lead")


@pytest.fixture
def reviewer(make_user: Callable[..., User]) -> User:
    return make_user("rosa", "Reviewer")


@pytest.fixture
def second_reviewer(make_user: Callable[..., User]) -> User:
    return make_user("ruben", "Reviewer")


@pytest.fixture
def outsider(make_user: Callable[..., User]) -> User:
    """Someone with a login and no role."""
    return make_user("otto")


@pytest.fixture
def client_for(db: None) -> Callable[..., Client]:
    """`client_for(user)`: a Django client that is logged in; `client_for(None)`: an outsider."""

    def make(user: User | None, **options: Any) -> Client:
        client = Client(**options)
        if user is not None:
            client.force_login(user)
        return client

    return make


# --- what runs beside the test -----------------------------------------------------------------------------


@pytest.fixture
def live_url(live_server: Any) -> str:
    return str(live_server.url)


@pytest.fixture
def chat_endpoint() -> Iterator[ChatEndpoint]:
    """An OpenAI-compatible server over real HTTP; see chat_endpoint.py for what it can be told to do."""
    with ChatEndpoint() as endpoint:
        yield endpoint


@pytest.fixture
def make_chat_endpoint() -> Iterator[Callable[..., ChatEndpoint]]:
    """For a test that needs two: `make_chat_endpoint(answer=…, delay=…)`."""
    with ExitStack() as stack:
        yield lambda *args, **kwargs: stack.enter_context(ChatEndpoint(*args, **kwargs))


@pytest.fixture
def worker(transactional_db: None) -> Iterator[Any]:
    """A real Celery worker and its schedule, as threads of this process.

    On the broker of the run: in memory with SQLite, Redis with PostgreSQL.
    """
    from celery.beat import EmbeddedService
    from celery.contrib.testing.worker import start_worker

    app.loader.import_default_modules()
    _purge()
    schedule: Any = EmbeddedService(app, max_interval=1, thread=True, scheduler_cls="celery.beat:Scheduler")
    options: dict[str, Any] = {
        "pool": "threads",
        "concurrency": 8,
        "perform_ping_check": False,
        "loglevel": "WARNING",
    }
    with _shorter_waits_for_messages(), start_worker(app, **options) as running:
        schedule.start()
        yield running
        schedule.stop()
    _purge()


@contextmanager
def _shorter_waits_for_messages() -> Iterator[None]:
    """Where the broker is in memory a worker looks up from waiting every two seconds; it could end no sooner."""
    drain_events = Connection.drain_events

    def drain_shortly(self: Connection, timeout: float | None = None, **options: Any) -> Any:
        return drain_events(self, timeout=min(timeout or 0.1, 0.1), **options)

    with pytest.MonkeyPatch.context() as patch:
        if not django_settings.REDIS_URL:
            patch.setattr(Connection, "drain_events", drain_shortly)
        yield


def _purge() -> None:
    """Messages of a test that is over name rows that are gone."""
    with app.connection_for_write() as connection:
        channel: Any = connection.default_channel
        channel.queue_purge(app.conf.task_default_queue)


@pytest.fixture
def worker_process(transactional_db: None) -> Iterator[Callable[..., WorkerProcess]]:
    """`worker_process()`: a worker in a process of its own, on this test's database; `.kill()` is SIGKILL."""
    started: list[WorkerProcess] = []

    def start(**environment: str) -> WorkerProcess:
        started.append(WorkerProcess(environment))
        return started[-1]

    yield start
    for process in started:
        process.stop()


@pytest.fixture
def shared_data() -> Path:
    """The folder with the data that lies beside the checkout; a test that asks for it is skipped without."""
    return services.shared_data()


@pytest.fixture(autouse=True)
def _nothing_remembered() -> None:
    """Another test's rows have the same ids, and a page in Spanish leaves its language behind."""
    cache.clear()
    translation.activate(django_settings.LANGUAGE_CODE)


@pytest.fixture(autouse=True)
def _no_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test may reach a paid endpoint by the key in a developer's shell."""
    for name in [name for name in os.environ if name.endswith(("_API_KEY", "_API_TOKEN"))]:
        monkeypatch.delenv(name)


@pytest.fixture
def eventually() -> Callable[..., None]:
    """`eventually(lambda: …)`: wait until it is true, and fail if it never is.

    However long that takes on a busy machine, where a process alone may need half a minute to start; what has to be
    soon is said by other means than a clock.
    """

    def wait(condition: Callable[[], Any], *, within: float = 150.0) -> None:
        deadline = time.monotonic() + within
        while not condition():
            assert time.monotonic() < deadline, f"still not so after {within:g} seconds"
            time.sleep(0.05)

    return wait
