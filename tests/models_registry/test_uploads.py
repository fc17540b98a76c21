"""What becomes of an upload whatever else happens to its golden set, its rows and its worker."""

from __future__ import annotations

import gzip
import io
import json
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from models_registry.actions import uploads
from models_registry.actions.drafts import edit_example, publish_draft
from models_registry.actions.golden_sets import import_golden_set
from models_registry.actions.uploads import choose_columns, receive_upload, store_upload
from models_registry.golden_files import CsvColumns, csv_columns
from models_registry.importing import background, process
from models_registry.importing.check import Checked
from models_registry.importing.parts import unpacked_size
from models_registry.importing.spool import Spool
from models_registry.importing.store import store_spool
from models_registry.models import DraftChange, GoldenSet, GoldenSetVersion, Upload
from models_registry.queries import golden_set_versions, golden_sets

# without the time of day, which would stand in the name of a test
gz = partial(gzip.compress, mtime=0)

pytestmark = pytest.mark.django_db

PARQUET = b"PAR1" + b"\0" * 20 + b"PAR1"


def lines(**prompts: str) -> bytes:
    return b"".join(json.dumps({"id": key, "prompt": said}).encode() + b"\n" for key, said in prompts.items())


def stored(**prompts: str) -> GoldenSetVersion:
    version = import_golden_set(
        name="support", stream=lines(**prompts), filename="rows.jsonl", by=None
    ).version
    assert version is not None
    return version


def published(key: str, prompt: str, by: User) -> Upload:
    golden_set = GoldenSet.objects.get(name="support")
    edit_example(golden_set=golden_set, key=key, raw={"prompt": prompt}, by=by)
    return publish_draft(golden_set=golden_set, changelog="", by=by)


# --- drafts ------------------------------------------------------------------------------------------------


def test_draft_that_goes_back_to_an_older_version_keeps_its_changes(admin_user: User) -> None:
    older = stored(a="Where?", b="When?")
    stored(a="Where?", b="Why?")
    upload = published("b", "When?", admin_user)

    assert store_upload(upload=upload, changelog="")

    assert (upload.state, upload.version) == (Upload.State.STORED, older)
    assert DraftChange.objects.get().key == "b"


def test_published_draft_does_not_undo_a_version_that_came_meanwhile(admin_user: User) -> None:
    stored(a="Where?")
    upload = published("a", "Where is it?", admin_user)
    stored(a="Where?", b="When?")

    with pytest.raises(ValidationError, match=r"Version 2 was stored .* publish the draft again"):
        store_upload(upload=upload, changelog="")

    again = published("a", "Where is it?", admin_user)
    assert store_upload(upload=again, changelog="")
    assert again.version is not None
    assert [example.key for example in again.version.examples.all()] == ["a", "b"]
    assert not DraftChange.objects.exists()


def test_version_that_comes_while_a_draft_is_being_stored_stays(admin_user: User) -> None:
    stored(a="Where?")
    upload = published("a", "Where is it?", admin_user)
    newest = stored(a="Where?", b="When?")
    # as it is where that version came after the button was pressed
    Upload.objects.filter(pk=upload.pk).update(state=Upload.State.STORING)

    process.process(upload.pk)

    upload.refresh_from_db()
    assert (upload.state, upload.version) == (Upload.State.CHECKED, None)
    assert "Version 2 was stored meanwhile" in upload.fault
    assert "publish the draft again" in upload.fault
    assert GoldenSetVersion.objects.first() == newest
    assert DraftChange.objects.exists()


# --- rows --------------------------------------------------------------------------------------------------


def test_rows_that_became_bad_are_not_skipped_unless_someone_said_so() -> None:
    upload = receive_upload(
        name="support", pieces=[b"id,prompt,title\n1,Where?,Where\n2,When?,\n"], filename="rows.csv", by=None
    )
    looked_at = Upload.objects.get()
    assert choose_columns(upload=upload, columns={"id": "id", "prompt": "title"})
    assert (looked_at.bad_rows, upload.bad_rows) == (0, 1)

    assert store_upload(upload=looked_at, changelog="")

    assert (looked_at.state, looked_at.version) == (Upload.State.CHECKED, None)
    assert "skip the bad rows" in looked_at.fault
    assert not GoldenSet.objects.exists()
    assert store_upload(upload=looked_at, changelog="", skip_invalid=True)
    assert looked_at.version is not None
    assert looked_at.version.rows == 1


# --- work --------------------------------------------------------------------------------------------------


def test_lease_of_storing_is_as_long_as_the_rows_and_not_as_the_packed_file(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    leases: list[timedelta] = []

    def store(**given: object) -> tuple[GoldenSetVersion, bool]:
        lease_until = Upload.objects.values_list("lease_until", flat=True).get()
        assert lease_until is not None
        leases.append(lease_until - timezone.now())
        return store_spool(**given)  # type: ignore[arg-type]

    monkeypatch.setattr(process, "store_spool", store)
    monkeypatch.setattr(process, "STORING_BYTES_A_SECOND", 1000)
    packed = gz(lines(a="Where? " * 20_000))
    assert len(packed) < 1000
    upload = receive_upload(name="support", pieces=[packed], filename="rows.jsonl.gz", by=None)

    assert store_upload(upload=upload, changelog="")

    assert leases[0] > timedelta(seconds=120)


def test_worker_that_lost_the_upload_does_not_begin_to_store(monkeypatch: pytest.MonkeyPatch) -> None:
    upload = receive_upload(name="support", pieces=[lines(a="Where?")], filename="rows.jsonl", by=None)
    read = process._read

    def slow(upload: Upload, spool: Spool) -> Checked:
        Upload.objects.update(state=Upload.State.DISCARDED)
        return read(upload, spool)

    monkeypatch.setattr(process, "_read", slow)
    monkeypatch.setattr(process, "store_spool", lambda **given: pytest.fail("nothing is to be stored"))

    store_upload(upload=upload, changelog="")

    assert (upload.state, upload.fault) == (Upload.State.DISCARDED, "")


@pytest.mark.parametrize(
    ("content", "size"),
    [
        (lines(a="Where?" * 1000), 1000),
        (gz(b"Where?"), 6),
        (gz(b" " * 50_000_000), 1000),
        (gz(b"Where?" * 9)[:-6], 0),
        (PARQUET, 1000),
        (gz(PARQUET), 1000),
    ],
)
def test_size_of_a_packed_file_is_that_of_what_is_in_it(content: bytes, size: int) -> None:
    upload = receive_upload(name="support", pieces=[content], filename="rows", by=None)
    assert unpacked_size(upload, 1000) == size


def test_small_file_that_unpacks_to_a_large_one_is_not_checked_within_the_request() -> None:
    rows = gz(lines(**{f"row{number}": "Where? " * 50 for number in range(1000)}))
    assert len(rows) < uploads.AT_ONCE_BYTES
    upload = receive_upload(name="support", pieces=[rows], filename="rows.jsonl.gz", by=None)
    assert (upload.state, upload.attempts) == (Upload.State.CHECKING, 0)


def test_small_file_that_unpacks_to_a_large_one_gets_a_process_of_its_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    started: list[list[str]] = []

    class Child:
        def __init__(self, command: list[str], **_given: object) -> None:
            started.append(command)

        def __enter__(self) -> Child:
            return self

        def __exit__(self, *_error: object) -> None:
            pass

        def wait(self) -> None:
            pass

    monkeypatch.setattr("subprocess.Popen", Child)
    packed = gz(b"\n" * background.OWN_PROCESS_FROM_BYTES)
    upload = receive_upload(name="support", pieces=[packed], filename="rows.jsonl.gz", by=None)

    background.process_in_background(upload.pk)

    assert started[0][-2:] == [background.COMMAND, str(upload.pk)]


# --- columns -----------------------------------------------------------------------------------------------


def test_columns_are_known_without_reading_a_file_of_bad_rows_to_its_end() -> None:
    bad = b"id,question\n" + b'"a"b,c\n' * 300_000
    stream = io.BytesIO(bad)
    found = csv_columns(stream)
    assert isinstance(found, CsvColumns)
    assert (found.header, found.rows) == (("id", "question"), ())
    assert stream.tell() < len(bad) / 2


# --- words and pages ---------------------------------------------------------------------------------------


def test_skipped_rows_of_an_array_are_told_as_items() -> None:
    rows = b'[{"id": "a", "prompt": "Where?"}, {"id": "b"}, {"id": "c"}]'
    imported = import_golden_set(
        name="support", stream=rows, filename="rows.json", by=None, skip_invalid=True
    )
    assert imported.version is not None
    assert imported.version.warnings == ["2 bad rows were skipped: items 2, 3."]


def test_queries_of_the_upload_page_do_not_grow_with_the_files_that_wait(
    client_for: Any, make_user: Any, django_assert_num_queries: Any
) -> None:
    people = [make_user(f"person{number}", "Admin") for number in range(3)]
    client = client_for(people[0])
    receive_upload(name="support", pieces=[lines(a="Where?")], filename="rows.jsonl", by=people[0])
    client.get("/golden-sets/upload/")
    with CaptureQueriesContext(connection) as before:
        client.get("/golden-sets/upload/")
    for person in people[1:]:
        receive_upload(name="support", pieces=[lines(a="Where?")], filename="rows.jsonl", by=person)
    with django_assert_num_queries(len(before)):
        page = client.get("/golden-sets/upload/")
    assert "by person2" in page.text


def test_lists_of_versions_leave_the_preflight_reports_where_they_are() -> None:
    version = stored(a="Where?")
    with CaptureQueriesContext(connection) as queries:
        golden_sets()
        list(golden_set_versions(version.golden_set))
    assert queries
    assert not any('"preflight"' in query["sql"] for query in queries)
