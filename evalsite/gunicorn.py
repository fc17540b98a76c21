"""gunicorn's configuration: `gunicorn -c python:evalsite.gunicorn evalsite.wsgi`."""

import os
from typing import Any

wsgi_app = "evalsite.wsgi"
bind = f"0.0.0.0:{os.environ.get('PORT', '8000')}"
worker_class = "gthread"
workers = int(os.environ.get("WEB_PROCESSES", "1"))
threads = int(os.environ.get("WEB_THREADS", "8"))
# where gunicorn's workers touch a file to show they live; a disk that blocks would look like a hung worker
worker_tmp_dir = "/dev/shm" if os.path.isdir("/dev/shm") else None  # noqa: S108
graceful_timeout = 20
# gunicorn would put a control socket into the home folder; nothing here talks to it
control_socket_disable = True
accesslog = os.environ.get("ACCESS_LOG") or None


def on_starting(server: Any) -> None:
    if not os.environ.get("REDIS_URL") and workers > 1:
        raise SystemExit(
            f"WEB_PROCESSES={workers} without REDIS_URL: the in-memory broker lives in one process. "
            "Set REDIS_URL and start `celery -A evalsite worker`, or leave WEB_PROCESSES at 1."
        )


def post_worker_init(worker: Any) -> None:
    from django.conf import settings

    if settings.EMBEDDED_WORKER:
        from evalsite import embedded

        embedded.start()
