"""Pytest plugin, loaded by `-p tests.services`: the parts a run needs, before Django reads its settings.

    TEST_DATABASE=sqlite       (default) an SQLite file of its own, workers on the in-memory broker
    TEST_DATABASE=postgresql   a PostgreSQL and a Redis of its own
    REQUIRE_ALL=1              a skipped test fails the run

The controller starts the servers once (see servers.py); xdist workers inherit the environment, and each gets
a Redis database of its own. Tests marked `postgres` or `redis` belong to the PostgreSQL run; tests marked
`browser`, `shared_data` or `litellm` are skipped where there is no Chromium, no shared data or no LiteLLM proxy,
and one line at the end says so.
"""

from __future__ import annotations

import contextlib
import glob
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Generator, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests import litellm_proxy

ROOT = Path(__file__).resolve().parent.parent
PARTS_OF_POSTGRESQL_RUN = ("postgres", "redis")
# what a developer's shell may hold and a test run must not see
FOREIGN = (
    "ALLOWED_HOSTS",
    "ASSIGNMENT_LEASE_MINUTES",
    "BEHIND_PROXY",
    "CSRF_TRUSTED_ORIGINS",
    "GOLDEN_SET_MAX_JSON_DEPTH",
    "GOLDEN_SET_MAX_MB",
    "GOLDEN_SET_MAX_ROWS",
    "GOLDEN_SET_MAX_ROW_MB",
    "LOG_LEVEL",
    "REDIS_URL",
    "TIME_ZONE",
    "WORKER_THREADS",
)
MISSING = "EVALSITE_TESTS_MISSING"
FOLDER = "EVALSITE_TESTS_FOLDER"


def on_postgresql() -> bool:
    wanted = os.environ.get("TEST_DATABASE") or "sqlite"
    if wanted not in {"sqlite", "postgresql"}:
        raise pytest.UsageError(f"TEST_DATABASE={wanted!r}; write sqlite or postgresql")
    return wanted == "postgresql"


def shared_data() -> Path:
    """The data that lies beside the checkout; $EVALSITE_SHARED_DATA may say where else."""
    return (ROOT / os.environ.get("EVALSITE_SHARED_DATA", "../shared/data")).resolve()


def chromium() -> str | None:
    """A Chromium that starts: $CHROMIUM, the system's, or else Playwright's own."""
    caches = [
        os.environ.get("PLAYWRIGHT_BROWSERS_PATH", ""),
        "~/.cache/ms-playwright",
        "~/Library/Caches/ms-playwright",
    ]
    own = [
        path
        for cache in caches
        for pattern in (
            "chrom*/chrome*/headless_shell",
            "chrom*/chrome*/chrome*",
            "chrom*/chrome*/*.app/Contents/MacOS/*",
        )
        for path in sorted(glob.glob(os.path.join(os.path.expanduser(cache), pattern)), reverse=True)
        if cache
    ]
    on_path = [shutil.which(name) for name in ("chromium", "chromium-browser", "google-chrome-stable")]
    for path in [os.environ.get("CHROMIUM"), *on_path, *own]:
        if path and os.access(path, os.X_OK) and os.path.isfile(path):
            # a downloaded one may want libraries that are not there
            with contextlib.suppress(OSError, subprocess.TimeoutExpired):
                if subprocess.run([path, "--version"], capture_output=True, timeout=120).returncode == 0:
                    return path
    return None


class Servers:
    """The process that holds the servers and the temporary folder; it ends when our end of a pipe does."""

    def __init__(self, wanted: Sequence[str]) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-B", str(ROOT / "tests" / "servers.py"), *wanted],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise pytest.UsageError("the servers of the test run did not start; the reason stands above")
        self.report: dict[str, Any] = json.loads(line)

    def stop(self) -> None:
        self.process.communicate(timeout=120)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> Generator[None, Any, Any]:
    """Around all others, so before pytest-django reads the settings."""
    if "PYTEST_XDIST_WORKER" not in os.environ:
        servers = Servers(PARTS_OF_POSTGRESQL_RUN if on_postgresql() else ())
        early_config.add_cleanup(servers.stop)
        folder, missing = servers.report["folder"], servers.report["missing"]
        for name in FOREIGN:
            os.environ.pop(name, None)
        os.environ |= {
            "DEBUG": "1",
            "HTTPS": "0",
            "SECRET_KEY": "only-for-tests",
            "LOG_LEVEL": "WARNING",
            "DATABASE_URL": f"sqlite:///{folder}/unused.sqlite3",
            # Playwright's synchronous calls run an event loop in the test's thread
            "DJANGO_ALLOW_ASYNC_UNSAFE": "true",
            FOLDER: folder,
            MISSING: json.dumps(missing),
            **servers.report["environment"],
        }
    return (yield)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """What `-n auto` means: twice as many as there are cores, as half of a test's time is waiting."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return cores * 2


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_setupnodes(config: pytest.Config, specs: Sequence[Any]) -> None:
    """Give each worker its own Redis database."""
    url = os.environ.get("REDIS_URL")
    if url:
        for number, spec in enumerate(specs, start=1):
            spec.env["REDIS_URL"] = f"{url.rsplit('/', 1)[0]}/{number}"


def pytest_configure(config: pytest.Config) -> None:
    for line in (
        "postgres: needs PostgreSQL; part of the PostgreSQL run only",
        "redis: needs Redis; part of the PostgreSQL run only",
        "browser: needs a Chromium",
        "shared_data: reads the shared data beside the checkout",
        "litellm: needs a LiteLLM proxy",
    ):
        config.addinivalue_line("markers", line)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    missing: dict[str, str] = json.loads(os.environ.get(MISSING, "{}"))
    for item in items:
        # also those that forgot to say so
        fixtures = set(getattr(item, "fixturenames", ()))
        if fixtures & {"page", "page_for", "browser", "context"}:
            item.add_marker("browser")
        if "shared_data" in fixtures:
            item.add_marker("shared_data")

    marks = {item: {mark.name for mark in item.iter_markers()} for item in items}
    if not on_postgresql():
        elsewhere = [item for item in items if marks[item] & set(PARTS_OF_POSTGRESQL_RUN)]
        if elsewhere:
            config.hook.pytest_deselected(items=elsewhere)
            items[:] = [item for item in items if item not in elsewhere]
    elif "postgres" in missing:
        for item in items:
            item.add_marker("postgres")
            marks[item].add("postgres")
    if any("browser" in marks[item] for item in items) and chromium() is None:
        missing["browser"] = (
            "no Chromium starts here (Debian: apt-get install chromium; elsewhere: make chromium)"
        )
    if any("shared_data" in marks[item] for item in items) and not shared_data().is_dir():
        missing["shared_data"] = (
            "the shared data is not beside the checkout (EVALSITE_SHARED_DATA says where it is)"
        )
    if any("litellm" in marks[item] for item in items) and not litellm_proxy.BINARY.is_file():
        missing["litellm"] = litellm_proxy.HOW_TO_GET
    for item in items:
        for part in marks[item] & missing.keys():
            item.add_marker(pytest.mark.skip(reason=f"{part}: {missing[part]}"))


def pytest_sessionfinish(session: pytest.Session) -> None:
    """With REQUIRE_ALL=1 a skipped test fails the run."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if reporter and os.environ.get("REQUIRE_ALL") == "1" and reporter.stats.get("skipped"):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """One loud line for each reason a test was skipped."""
    reasons: dict[str, int] = {}
    for report in terminalreporter.stats.get("skipped", []):
        reason = str(report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr)
        reason = reason.removeprefix("Skipped: ")
        reasons[reason] = reasons.get(reason, 0) + 1
    required = os.environ.get("REQUIRE_ALL") == "1"
    for reason, count in sorted(reasons.items()):
        verdict = "FAILED, for REQUIRE_ALL=1: " if required else ""
        line = f"!!! {verdict}{count} SKIPPED: {reason}"
        terminalreporter.write_line(line, red=required, yellow=not required, bold=True)
