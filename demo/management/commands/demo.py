from __future__ import annotations

import os
import socket
import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import connection

from demo import endpoint, load

DATABASE_URL = "sqlite:///var/demo.sqlite3"


class Command(BaseCommand):
    help = (
        "Load the Aurora Commerce story into the database and serve it. Example: manage.py demo --port 8001"
    )
    requires_migrations_checks = False

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--port", type=int, default=8000, help="of the web server; default 8000")
        parser.add_argument(
            "--reset", action="store_true", help="start over: what people did in the demo is deleted"
        )
        parser.add_argument(
            "--load-only", action="store_true", help="load the story and stop, without serving"
        )

    def handle(self, *, port: int, reset: bool, load_only: bool, **options: Any) -> None:
        if settings.REDIS_URL or os.environ.get("DATABASE_URL", DATABASE_URL) != DATABASE_URL:
            raise CommandError(
                "The demo has an SQLite file of its own and in-process workers: unset DATABASE_URL and REDIS_URL."
            )
        if "DATABASE_URL" not in os.environ:
            # Settings are read once, so begin again on the demo's own file: a real installation's stays untouched.
            os.execve(  # noqa: S606
                sys.executable, [sys.executable, *sys.argv], os.environ | {"DATABASE_URL": DATABASE_URL}
            )
        if not load_only:
            self._check_port(port)
        if reset:
            self._delete_database()
        call_command("migrate", verbosity=0)
        if load.is_of_before():
            self.stdout.write(
                "The demo is as you left it; its story has changed since. See it: make demo-reset"
            )
        elif not load.is_loaded():
            self._load()
        if load_only:
            return
        call_command("collectstatic", interactive=False, verbosity=0)
        self.stdout.flush()
        # A fresh process: no thread of the loading is left, and gunicorn forks from a clean one.
        environment = os.environ | {"DEMO_PORT": str(port), "HTTPS": "0", "DEBUG": "0"}
        os.execve(  # noqa: S606 - becomes the web server
            sys.executable, [sys.executable, "-m", "gunicorn", "-c", "python:demo.gunicorn"], environment
        )

    def _load(self) -> None:
        from evalsite import embedded

        self.stdout.write("Loading the story of Aurora Commerce; it takes about half a minute, once.")
        load.set_endpoint(endpoint.start())
        embedded.start()
        load.load(lambda line: self.stdout.write(f"  {line}"))

    def _check_port(self, port: int) -> None:
        with socket.socket() as probe:
            # as gunicorn binds: a port whose last connections are still closing is free
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError as error:
                raise CommandError(
                    f"Port {port} is taken ({error.strerror}). Try: make demo PORT={port + 1}"
                ) from error

    def _delete_database(self) -> None:
        # the checks before a command ask the database; what stays open would go on with the deleted file
        connection.close()
        path = Path(settings.DATABASES["default"]["NAME"])
        for name in (path.name, f"{path.name}-wal", f"{path.name}-shm"):
            (path.parent / name).unlink(missing_ok=True)
        self.stdout.write("The demo's database was deleted.")
