"""The Celery application: `celery -A evalsite worker`."""

import os
from typing import Any

from celery import Celery
from celery.signals import worker_init

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "evalsite.settings")

app = Celery("evalsite")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@worker_init.connect
def _count_threads(sender: Any, **_: Any) -> None:
    """Also of a worker that was told by -c how many it has."""
    from models_registry.generation import lanes

    lanes.threads = sender.concurrency if isinstance(sender.concurrency, int) else None
