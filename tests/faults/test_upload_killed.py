"""An upload whose worker is killed, at whatever step, ends as a whole version or as none, and is taken up again."""

from __future__ import annotations

import json
import os
import signal
from typing import Any

import pytest
from django.db.models import Q

from models_registry.actions.uploads import receive_upload, store_upload
from models_registry.golden_files import read
from models_registry.importing import background
from models_registry.models import Example, ExampleTag, GoldenSet, GoldenSetVersion, Upload, UploadPart
from tests.factories import make_rows

ROWS = 9_000


@pytest.fixture
def content() -> bytes:
    """Large enough for a process of its own, and for scans that take seconds."""
    rows = make_rows(ROWS)
    words = [
        f"{row['prompt']} " + " ".join(f"word{number * place}" for place in range(110))
        for number, row in enumerate(rows)
    ]
    lines = [json.dumps(row | {"prompt": text}) + "\n" for row, text in zip(rows, words, strict=True)]
    return "".join(lines).encode()


@pytest.fixture
def upload(transactional_db: None, content: bytes) -> Upload:
    assert len(content) > background.OWN_PROCESS_FROM_BYTES
    return receive_upload(name="support", pieces=[content], filename="rows.jsonl", by=None)


def at(upload: Upload, state: str, step: str) -> bool:
    return Upload.objects.filter(pk=upload.pk, state=state, step=step).exists()


def assert_none_or_whole(stored: bool) -> None:
    assert GoldenSetVersion.objects.filter(sealed_at__isnull=False).count() == stored
    assert GoldenSetVersion.objects.count() == stored
    assert Example.objects.count() == ROWS * stored
    assert ExampleTag.objects.count() == ROWS * stored


@pytest.mark.timeout(700)
def test_a_killed_worker_leaves_a_whole_version_or_none(
    upload: Upload, content: bytes, worker_process: Any, eventually: Any
) -> None:
    state = Upload.State
    for step in ("reading", "scanning"):
        worker = worker_process()
        eventually(lambda step=step: at(upload, state.CHECKING, step), within=180)
        worker.kill()
        assert_none_or_whole(False)

    worker = worker_process()
    eventually(lambda: Upload.objects.get().state == state.CHECKED, within=180)
    upload.refresh_from_db()
    assert (upload.rows, upload.bad_rows, upload.fault) == (ROWS, 0, "")

    assert store_upload(upload=upload, changelog="")
    eventually(lambda: Upload.objects.filter(Q(step="storing") | Q(state=state.STORED)).exists(), within=180)
    worker.kill()
    assert_none_or_whole(Upload.objects.get().state == state.STORED)

    worker_process()
    eventually(lambda: Upload.objects.get().state == state.STORED, within=180)
    assert_none_or_whole(True)
    upload.refresh_from_db()
    assert upload.version is not None
    assert upload.version.sha256 == upload.sha256
    assert upload.version.rows == len(read(content, "rows.jsonl").rows)
    assert not UploadPart.objects.exists()


@pytest.mark.timeout(300)
def test_a_discarded_upload_is_left_alone_by_the_worker_that_had_it(
    upload: Upload, worker_process: Any, eventually: Any
) -> None:
    from models_registry.actions.uploads import discard_upload

    worker_process()
    eventually(lambda: at(upload, Upload.State.CHECKING, "scanning"), within=180)
    assert discard_upload(upload=upload)
    eventually(lambda: not children(), within=60)
    upload.refresh_from_db()
    assert (upload.state, upload.fault) == (Upload.State.DISCARDED, "")
    assert not GoldenSet.objects.exists()


@pytest.mark.timeout(300)
def test_the_process_of_an_upload_ends_with_its_worker(
    upload: Upload, worker_process: Any, eventually: Any
) -> None:
    worker = worker_process()
    eventually(lambda: at(upload, Upload.State.CHECKING, "scanning"), within=180)
    assert children()
    # the worker alone, not its group
    for pid in parents():
        os.kill(pid, signal.SIGKILL)
    eventually(lambda: not children(), within=20)
    worker.stop()


def children() -> dict[int, int]:
    """Running `manage.py process_upload`, with the process that started each."""
    found = {}
    for folder in os.scandir("/proc"):
        if folder.name.isdecimal():
            try:
                with open(f"{folder.path}/cmdline", "rb") as file:
                    words = file.read().split(b"\0")
                with open(f"{folder.path}/stat", encoding="utf-8") as file:
                    stat = file.read().rsplit(")", 1)[1].split()
            except OSError:
                continue
            if background.COMMAND.encode() in words and stat[0] != "Z":
                found[int(folder.name)] = int(stat[1])
    return found


def parents() -> set[int]:
    return set(children().values())
