"""Workers as threads of the web process, for the default without a Redis.

The same Celery tasks, worker and schedule as anywhere; only the broker is in memory, so it must be one process.
"""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import dataclass
from typing import Any

from celery.beat import Scheduler, Service
from celery.worker import state
from django.conf import settings

from evalsite.celery import app

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Running:
    worker: Any
    beat: Service

    def stop(self, within: float) -> None:
        """Take up nothing more, and give what is under way so many seconds to end.

        The worker itself is not stopped: its pool would refuse the messages that still arrive, with a traceback.
        """
        from models_registry.generation import generate

        self.beat.stop()
        generate.stopping.set()
        deadline = time.monotonic() + within
        while state.active_requests and time.monotonic() < deadline:
            time.sleep(0.02)


def start() -> Running:
    """Start worker and schedule in daemon threads; returns at once."""
    from models_registry.generation import batch_jobs
    from models_registry.generation.generate import release_leases
    from models_registry.importing import process

    if not settings.EMBEDDED_WORKER:
        raise RuntimeError(
            "REDIS_URL is set, so workers are processes of their own: celery -A evalsite worker"
        )
    # There is no other worker process, so whatever is leased was held by one that has died.
    released = release_leases()
    if released:
        logger.info("Taking up %d responses that were in flight when the last process ended", released)
    batch_jobs.release_leases()
    process.release_leases()
    worker = app.WorkController(
        app=app,
        pool="threads",
        concurrency=settings.CELERY_WORKER_CONCURRENCY,
        hostname="embedded@localhost",
        without_heartbeat=True,
        without_mingle=True,
        without_gossip=True,
    )
    beat = Service(app, scheduler_cls=Scheduler)
    for name, run in (
        ("celery-worker", worker.start),
        ("celery-beat", beat.start),
    ):
        threading.Thread(target=run, name=name, daemon=True).start()
    return Running(worker, beat)
