"""gunicorn's configuration for the demo: as the product's, with the demo's endpoint beside the web server."""

import os
from typing import Any

from evalsite import gunicorn as product

wsgi_app, worker_class, worker_tmp_dir = product.wsgi_app, product.worker_class, product.worker_tmp_dir
workers, threads, graceful_timeout = 1, product.threads, 3
bind = f"127.0.0.1:{os.environ['DEMO_PORT']}"
loglevel = "warning"
control_socket_disable = product.control_socket_disable
worker_int, worker_exit = product.worker_int, product.worker_exit


def post_worker_init(worker: Any) -> None:
    from demo import endpoint, load

    load.set_endpoint(endpoint.start())
    product.post_worker_init(worker)


def when_ready(server: Any) -> None:
    from demo.logins import LOGINS, PASSWORD

    lines = [f"  {name:<8} {role}" for name, role in LOGINS.items()]
    print(  # noqa: T201 - to whoever started it
        f"\nEvalsite is at http://127.0.0.1:{os.environ['DEMO_PORT']}/   (Ctrl-C stops it)\n\n"
        + "\n".join(lines)
        + f"\n\n  password of all: {PASSWORD}\n",
        flush=True,
    )
