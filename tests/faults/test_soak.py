"""The soak in short; the long one is tests/soak/generation.py."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.conf import settings

from tests.soak.soaking import soak
from tests.worker_process import WorkerProcess


@pytest.mark.timeout(600)
def test_faults_and_a_killed_worker_lose_nothing_and_the_account_adds_up(
    worker_process: Callable[..., WorkerProcess],
) -> None:
    # where the broker is in memory the workers are one process
    workers = 2 if settings.REDIS_URL else 1
    soak(
        responses=300,
        worker_process=worker_process,
        workers=workers,
        seconds_between_kills=2,
        most_kills=1,
        within=500,
    )
