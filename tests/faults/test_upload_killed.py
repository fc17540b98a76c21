"""An upload whose worker is killed, at whatever step, ends as a whole version or as none, and is taken up again."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from models_registry.actions.uploads import AT_ONCE_BYTES, discard_upload, receive_upload, store_upload
from models_registry.golden_files import read
from models_registry.importing.store import BATCH
from models_registry.models import Example, ExampleTag, GoldenSet, GoldenSetVersion, Upload, UploadPart
from tests.factories import make_rows
from tests.worker_process import WorkerProcess

ROWS = BATCH + 500  # so that storing them takes more than one statement
PATIENCE = 240  # for what takes five seconds: a worker's start, and that of the process which it starts
State = Upload.State


class Held:
    """A worker whose processes stop at these points of an upload; see held_uploads.py."""

    def __init__(self, start: Callable[..., WorkerProcess], points: tuple[str, ...], folder: Path) -> None:
        self.folder = folder
        self.worker = start(
            DJANGO_SETTINGS_MODULE="tests.faults.held_uploads", HELD_AT=",".join(points), HELD_IN=str(folder)
        )

    def has_come_to(self, point: str) -> bool:
        assert self.worker.process.poll() is None, self.worker.log.read_text()
        return (self.folder / point).exists()

    def child(self, point: str) -> int:
        return int((self.folder / point).read_text())

    def go_on(self, point: str) -> None:
        (self.folder / point).unlink()


@pytest.fixture
def held_at(worker_process: Any, eventually: Any, tmp_path: Path) -> Callable[..., Held]:
    """`held_at("checking: scanning")`: a worker that has come to the first of these points, and waits."""
    folders = count(1)

    def start(*points: str) -> Held:
        folder = tmp_path / str(next(folders))
        folder.mkdir()
        held = Held(worker_process, points, folder)
        eventually(lambda: held.has_come_to(points[0]), within=PATIENCE)
        return held

    return start


@pytest.fixture
def content() -> bytes:
    rows = (row | {"reference": "As agreed. " * 10} for row in make_rows(ROWS))
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


@pytest.fixture
def upload(transactional_db: None, content: bytes) -> Upload:
    assert len(content) > AT_ONCE_BYTES
    return receive_upload(name="support", pieces=[content], filename="rows.jsonl", by=None)


def assert_none_or_whole(stored: bool) -> None:
    assert GoldenSetVersion.objects.filter(sealed_at__isnull=False).count() == stored
    assert GoldenSetVersion.objects.count() == stored
    assert Example.objects.count() == ROWS * stored
    assert ExampleTag.objects.count() == ROWS * stored
    assert UploadPart.objects.exists() == (not stored)


@pytest.mark.timeout(5 * PATIENCE)
def test_a_killed_worker_leaves_a_whole_version_or_none(
    upload: Upload, content: bytes, held_at: Callable[..., Held], eventually: Any
) -> None:
    held = held_at("checking: reading", "checking: scanning")
    upload.refresh_from_db()
    assert (upload.state, upload.step) == (State.CHECKING, "reading")
    # as where memory runs out: the process alone, and its worker lives
    os.kill(held.child("checking: reading"), signal.SIGKILL)
    assert_none_or_whole(False)

    eventually(lambda: held.has_come_to("checking: scanning"), within=PATIENCE)
    upload.refresh_from_db()
    assert (upload.state, upload.step) == (State.CHECKING, "scanning")
    held.worker.kill()
    assert_none_or_whole(False)

    held = held_at("checking: done", "storing: rows")
    upload.refresh_from_db()
    assert (upload.state, upload.rows, upload.bad_rows, upload.fault) == (State.CHECKED, ROWS, 0, "")
    assert store_upload(upload=upload, changelog="")
    held.go_on("checking: done")
    eventually(lambda: held.has_come_to("storing: rows"), within=PATIENCE)
    held.worker.kill()
    assert_none_or_whole(False)

    held_at("storing: done").worker.kill()
    assert_none_or_whole(True)
    upload.refresh_from_db()
    assert upload.state == State.STORED
    assert upload.version is not None
    assert upload.version.sha256 == upload.sha256
    assert upload.version.rows == len(read(content, "rows.jsonl").rows)


@pytest.mark.timeout(2 * PATIENCE)
def test_a_discarded_upload_is_left_alone_by_the_worker_that_had_it(
    upload: Upload, held_at: Callable[..., Held], eventually: Any
) -> None:
    held = held_at("checking: scanning")
    child = held.child("checking: scanning")
    assert discard_upload(upload=upload)
    held.go_on("checking: scanning")
    eventually(lambda: not runs(child))
    upload.refresh_from_db()
    assert (upload.state, upload.fault) == (State.DISCARDED, "")
    assert not GoldenSet.objects.exists()


@pytest.mark.timeout(2 * PATIENCE)
def test_the_process_of_an_upload_ends_with_its_worker(
    upload: Upload, held_at: Callable[..., Held], eventually: Any
) -> None:
    held = held_at("checking: scanning")
    child = held.child("checking: scanning")
    assert runs(child)
    # the worker alone, not its group
    os.kill(held.worker.process.pid, signal.SIGKILL)
    eventually(lambda: not runs(child))


def runs(pid: int) -> bool:
    """A process that has ended and waits to be collected does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False
