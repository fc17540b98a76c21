"""Settings for workers that stop in the middle of an upload and stay there: to be killed exactly then.

A test that only watched for a step could look too late on a busy machine, and would need a file so large that it
seldom does. So the process that works on an upload reaches the point, says so by a file, and waits until the file goes.

    HELD_AT   separated by commas: checking: reading, checking: scanning, checking: done, storing: reading,
              storing: rows (they are written, and nothing is committed), storing: done
    HELD_IN   a folder: the file named like the point holds the number of the process that waits there
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from django.apps import AppConfig

from evalsite.settings import *  # noqa: F403
from evalsite.settings import CELERY_BEAT_SCHEDULE, INSTALLED_APPS

INSTALLED_APPS = [*INSTALLED_APPS, "tests.faults.held_uploads.HeldUploads"]
CELERY_BEAT_SCHEDULE = CELERY_BEAT_SCHEDULE | {
    "wake-uploads": {
        "task": "models_registry.tasks.wake_uploads",
        "schedule": 0.5,
        "options": {"expires": 10},
    }
}


class HeldUploads(AppConfig):
    name = "tests.faults"
    label = "held_uploads"

    def ready(self) -> None:
        from models_registry.importing import background, process

        # so that the file may be small and its next worker soon there
        background.OWN_PROCESS_FROM_BYTES = 1
        process.LEASE = timedelta(seconds=1)

        report = process._Reporter.__call__

        def report_and_hold(self: process._Reporter, done: int, total: int) -> None:
            report(self, done, total)
            hold(f"{self._upload.state}: {self._step}")

        process._Reporter.__call__ = report_and_hold  # type: ignore[method-assign]
        process._check = after(process._check, "checking: done")
        process._finish = before(process._finish, "storing: rows")
        process._store = after(process._store, "storing: done")


def before[**P, R](function: Callable[P, R], point: str) -> Callable[P, R]:
    def held(*args: P.args, **kwargs: P.kwargs) -> R:
        hold(point)
        return function(*args, **kwargs)

    return held


def after[**P, R](function: Callable[P, R], point: str) -> Callable[P, R]:
    def held(*args: P.args, **kwargs: P.kwargs) -> R:
        result = function(*args, **kwargs)
        hold(point)
        return result

    return held


def hold(point: str) -> None:
    file = Path(os.environ["HELD_IN"], point)
    unfinished = file.with_suffix(".unfinished")
    if point not in os.environ["HELD_AT"].split(",") or unfinished.exists():
        return
    unfinished.write_text(str(os.getpid()))
    os.link(
        unfinished, file
    )  # whole from the beginning; what it was linked from says that this point has been
    while file.exists():
        time.sleep(0.02)
