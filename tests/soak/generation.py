"""The soak: make soak. Not collected by itself, because its name does not begin with test_.

5,000 responses with 20 % faults by three workers, one of them killed every ten seconds, and Redis restarted halfway.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.servers import start_redis
from tests.soak.soaking import soak
from tests.worker_process import WorkerProcess


@pytest.mark.redis
@pytest.mark.postgres
@pytest.mark.timeout(480)
def test_the_soak(worker_process: Callable[..., WorkerProcess], capsys: pytest.CaptureFixture[str]) -> None:
    with tempfile.TemporaryDirectory(prefix="evalsite-soak-") as folder:
        Path(folder).chmod(0o711)
        Path(folder, "1").mkdir(mode=0o711)
        Path(folder, "2").mkdir(mode=0o711)
        redis, environment = start_redis(Path(folder, "1"))
        running = [redis]

        def restart() -> None:
            running[-1].kill()
            running[-1].wait()
            running.append(start_redis(Path(folder, "2"), environment["REDIS_URL"])[0])

        try:
            said = soak(
                responses=5000,
                worker_process=worker_process,
                workers=3,
                seconds_between_kills=10,
                most_kills=1000,
                within=450,
                halfway=restart,
                environment=environment,
            )
        finally:
            running[-1].kill()
            running[-1].wait()
    assert len(running) == 2
    with capsys.disabled():
        print(f"\n{said}; Redis restarted once")  # noqa: T201 - what the run is for
