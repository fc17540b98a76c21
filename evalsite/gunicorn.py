"""gunicorn's configuration: `gunicorn -c python:evalsite.gunicorn evalsite.wsgi`."""

import os
import signal
import sys
from typing import Any

wsgi_app = "evalsite.wsgi"
bind = f"0.0.0.0:{os.environ.get('PORT', '8000')}"
worker_class = "gthread"
workers = int(os.environ.get("WEB_PROCESSES", "1"))
threads = int(os.environ.get("WEB_THREADS", "8"))
# where gunicorn's workers touch a file to show they live; a disk that blocks would look like a hung worker
worker_tmp_dir = "/dev/shm" if os.path.isdir("/dev/shm") else None  # noqa: S108
graceful_timeout = 20
# what requests to models may still take when the web server stops: a lease that is cut off is given back at the start
PATIENCE_SECONDS = 1.5
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

        worker.embedded = embedded.start()


def worker_int(worker: Any) -> None:
    """At the first of the signals that stop it: Ctrl-C reaches the worker twice, by itself and from gunicorn.

    A function that does nothing, not SIG_IGN: of a signal that has come already, Python would say that it was ignored.
    """
    for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGTERM):
        signal.signal(number, lambda _number, _frame: None)


def worker_exit(server: Any, worker: Any) -> None:
    running = getattr(worker, "embedded", None)  # only in the worker's own process
    if running is None:
        return
    worker_int(worker)
    running.stop(within=PATIENCE_SECONDS)
    # The interpreter's own end would wait for every thread, and so for the slowest model.
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)
