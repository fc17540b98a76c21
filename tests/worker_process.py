"""A Celery worker in a process of its own, on the test's database: to be killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote, urlencode

from django.conf import settings
from django.db import connection

ROOT = Path(__file__).resolve().parent.parent
PATIENCE = 60  # for the end of a process that was killed: on a busy machine it is not there at once


def test_database_url() -> str:
    """DATABASE_URL of the database this test works on, for another process."""
    database = connection.settings_dict
    if connection.vendor == "sqlite":
        return f"sqlite:///{database['NAME']}"
    host = urlencode({"host": database["HOST"]})
    return f"postgresql://{quote(database['USER'])}@/{quote(str(database['NAME']))}?{host}"


test_database_url.__test__ = False  # type: ignore[attr-defined]


# The schedule is kept in memory. In a file it is an SQLite database in WAL mode, which a start now and then finds
# locked ("locking protocol"): then the beat ends, and without it nobody takes up what a dead worker held.
CELERY = [
    *("-m", "celery", "-A", "evalsite", "worker", "-P", "threads", "-c", "8"),
    *("--without-gossip", "--without-mingle", "--beat", "--scheduler", "celery.beat:Scheduler"),
]
# Where the broker is in memory, workers and schedule live in one process: here one without the web.
EMBEDDED = """
import threading, django
django.setup()
from evalsite import embedded
embedded.start()
threading.Event().wait()
"""


class WorkerProcess:
    """Celery workers with their schedule, as production starts them. What they print is in `log`."""

    def __init__(self, environment: dict[str, str] | None = None) -> None:
        folder = Path(os.environ["EVALSITE_TESTS_FOLDER"])
        self.log = folder / f"worker-{os.getpid()}-{id(self)}.log"
        command = [sys.executable, *(CELERY if settings.REDIS_URL else ["-c", EMBEDDED])]
        with self.log.open("wb") as output:
            self.process = subprocess.Popen(
                command,
                cwd=ROOT,
                env={
                    **os.environ,
                    "DJANGO_SETTINGS_MODULE": "evalsite.settings",
                    "DATABASE_URL": test_database_url(),
                    **(environment or {}),
                },
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,  # the beat is a child: one signal must reach both
            )

    def kill(self) -> None:
        """SIGKILL: nothing gets the chance to tidy up."""
        self._signal(signal.SIGKILL)
        self.process.wait(PATIENCE)

    def stop(self) -> None:
        """Give it the time to end, and leave nothing of its group behind, not even where it was killed alone."""
        if self.process.poll() is None:
            self._signal(signal.SIGTERM)
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(15)
        self._signal(signal.SIGKILL)
        self.process.wait(PATIENCE)

    def _signal(self, number: signal.Signals) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, number)
