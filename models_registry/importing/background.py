"""Large uploads are worked on by a process of their own.

Reading and scanning a hundred megabytes takes minutes of Python, which would hold up the other threads of a web server
or worker, and memory that a process gives back only when it ends.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading

from django.conf import settings

from models_registry.importing.parts import unpacked_size
from models_registry.importing.process import process
from models_registry.models import Upload

OWN_PROCESS_FROM_BYTES = 8 * 1024 * 1024
COMMAND = "process_upload"

_under_way: set[int] = set()  # in this process
_lock = threading.Lock()


def process_in_background(upload_id: int) -> None:
    """`process`, in this thread where the file is small, else in a process that ends with this one."""
    upload = Upload.objects.only("size").filter(pk=upload_id).first()
    if upload is None:
        return
    if unpacked_size(upload, OWN_PROCESS_FROM_BYTES) < OWN_PROCESS_FROM_BYTES:
        process(upload_id)
        return
    # Until the child has taken it, which needs seconds, the upload seems to wait, and the schedule asks again.
    with _lock:
        if upload_id in _under_way:
            return
        _under_way.add(upload_id)
    try:
        _process_in_child(upload_id)
    finally:
        with _lock:
            _under_way.discard(upload_id)


def _process_in_child(upload_id: int) -> None:
    command = [sys.executable, str(settings.BASE_DIR / "manage.py"), COMMAND, str(upload_id)]
    with subprocess.Popen(command, stdin=subprocess.PIPE) as child:  # noqa: S603 - our own command
        child.wait()


def end_with_parent() -> None:
    """In the child: the pipe from the parent closes when the parent ends, in whatever way, and then so does this."""

    def watch() -> None:
        # not sys.stdin, whose lock a thread may not hold when the interpreter ends
        while os.read(0, 1024):
            pass
        os._exit(1)

    threading.Thread(target=watch, name="end-with-parent", daemon=True).start()
