"""Files that nobody should upload: a clear page, a clear error, and an unchanged database, never a traceback."""

from __future__ import annotations

import html
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.conf import LazySettings
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command
from django.test import Client

from models_registry.golden_files import Limits, Problem, read
from models_registry.importing.process import process
from models_registry.models import Example, GoldenSet, GoldenSetVersion, Upload
from tests.models_registry.hostile_files import GOOD, HOSTILE, MOST_LINE_BYTES, MOST_ROWS, content
from tests.worker_process import ROOT, test_database_url

ClientFor = Callable[..., Client]
LARGE = [name for name, (given, _said) in HOSTILE.items() if callable(given)]
TABLES = [name for name in HOSTILE if name not in LARGE and b"," in content(name).partition(b"\n")[0]]


@pytest.fixture
def fewer_rows(settings: LazySettings) -> None:
    settings.GOLDEN_SET_MAX_ROWS = MOST_ROWS


def assert_nothing_is_stored() -> None:
    assert not GoldenSet.objects.exists()
    assert not GoldenSetVersion.objects.exists()
    assert not Example.objects.exists()


# --- reading ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_file_is_told_what_is_wrong(name: str) -> None:
    reading = read(content(name), limits=Limits(rows=MOST_ROWS))
    assert reading.rows == ()
    assert HOSTILE[name][1] in str(reading.errors[0])
    for problem in reading.errors:
        assert problem.fix
        assert str(problem).isprintable()


def test_file_that_is_too_long_is_told() -> None:
    reading = read(GOOD.replace(b"Hi", b"Hi" * 200_000) * 5, most_bytes=1_000_000)
    assert reading.rows == ()
    assert "the file holds more than 0.954 MB; split it into several" in str(reading.errors[0])


def test_line_ends_may_be_mixed() -> None:
    reading = read(
        b'{"id": "a", "prompt": "Hi"}\r\n{"id": "b", "prompt": "Hi"}\n\r\n{"id": "c", "prompt": "Hi"}'
    )
    assert [(row.line, row.key) for row in reading.rows] == [(1, "a"), (2, "b"), (4, "c")]
    assert reading.errors == ()
    table = read(b'id,prompt\r\na,"Hi\r\nyou"\nb,Hi\r\n\nc,"Hi\nyou"')
    assert [(row.line, row.key, row.messages[0]["content"]) for row in table.rows] == [
        (2, "a", "Hi\r\nyou"),
        (4, "b", "Hi"),
        (6, "c", "Hi\nyou"),
    ]
    assert table.errors == ()


def test_row_too_long_does_not_hide_those_after_it() -> None:
    source = b'{"id": "' + b"x" * (MOST_LINE_BYTES + 5) + b'"}\n' + GOOD
    reading = read(source)
    assert [row.line for row in reading.rows] == [2]
    assert [problem.line for problem in reading.errors] == [1]


def test_stray_quote_does_not_hide_the_rows_after_it() -> None:
    reading = read(b'id,prompt\na,"Hi" you\nb,"Hi\nthere" x\nc,fine\n')
    assert [problem.line for problem in reading.errors] == [2, 3]
    assert [row.line for row in reading.rows] == [5]


# --- the command -----------------------------------------------------------------------------------------------


@pytest.mark.django_db
@pytest.mark.usefixtures("fewer_rows")
@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_file_ends_the_command_with_status_2(name: str, tmp_path: Path) -> None:
    path = tmp_path / "rows"
    path.write_bytes(content(name))
    with pytest.raises(CommandError, match="nothing was stored") as caught:
        call_command("import_golden_set", str(path), "--name", "hostile", "--skip-invalid")
    assert caught.value.returncode == 2
    said = str(caught.value)
    assert HOSTILE[name][1] in said
    assert "Traceback" not in said
    assert said.replace("\n", "").isprintable()
    assert_nothing_is_stored()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("name", ["truncated gzip", "steering of a terminal"])
def test_hostile_file_ends_the_process_with_status_2(name: str, tmp_path: Path) -> None:
    path = tmp_path / "rows"
    path.write_bytes(content(name))
    ended = subprocess.run(
        [sys.executable, "manage.py", "import_golden_set", path, "--name", "hostile"],
        cwd=ROOT,
        env=os.environ | {"DATABASE_URL": test_database_url()},
        capture_output=True,
        timeout=120,
        check=False,
    )
    assert ended.returncode == 2
    assert ended.stdout == b""
    said = ended.stderr.decode()
    assert HOSTILE[name][1] in said
    assert said.endswith("rows: nothing was stored.\n")
    assert "Traceback" not in said
    assert_nothing_is_stored()


# --- the page --------------------------------------------------------------------------------------------------


def upload(client: Client, name: str, filename: str) -> Any:
    file = SimpleUploadedFile(filename, content(name))
    return client.post("/golden-sets/upload/", {"file": file, "name": "hostile"})


def text_of(page: Any) -> str:
    """What a page says, once it is clear that it quotes the file harmlessly and hides no fault."""
    shown = page.content.decode()
    assert "Traceback" not in shown
    assert "Unforeseen fault" not in shown
    assert "\x00" not in shown
    assert "\x1b" not in shown
    for markup in ("<script>alert", "<img src=x", "<b>"):
        assert markup not in shown
    assert len(shown) < 500_000
    return html.unescape(shown)


@pytest.mark.django_db
@pytest.mark.usefixtures("fewer_rows")
@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_file_is_told_by_its_page_and_not_stored(
    name: str, client_for: ClientFor, admin_user: User
) -> None:
    client = client_for(admin_user)
    sent = upload(client, name, "rows")
    if not content(name):
        assert sent.status_code == 422
        assert "The file is empty; write one row a line" in text_of(sent)
        assert_nothing_is_stored()
        return
    assert sent.status_code == 302
    found = Upload.objects.get()
    assert sent.headers["Location"] == found.get_absolute_url()
    process(found.pk)  # as a worker does with a file that takes longer
    found.refresh_from_db()
    assert found.state == Upload.State.CHECKED
    first = Problem(**found.problems[0])
    assert HOSTILE[name][1] in str(first)

    page = client.get(sent.headers["Location"])

    assert page.status_code == 200
    said = text_of(page)
    assert "No row of the file can be used." in said
    assert "What to mend" in said
    assert first.message in said
    assert first.fix in said
    refused = client.post(f"{found.get_absolute_url()}store/", {"skip_invalid": "on"})
    assert refused.status_code == 422
    assert first.message in text_of(refused)
    assert_nothing_is_stored()


@pytest.mark.django_db
@pytest.mark.usefixtures("fewer_rows")
@pytest.mark.parametrize("name", TABLES)
def test_hostile_file_by_the_name_of_a_spreadsheet_is_not_stored(
    name: str, client_for: ClientFor, admin_user: User
) -> None:
    """Where it could be a table with columns of its own, they are asked for, and whatever is chosen is no harm."""
    client = client_for(admin_user)
    assert upload(client, name, "rows.csv").status_code == 302
    found = Upload.objects.get()
    process(found.pk)
    page = client.get(found.get_absolute_url(), follow=True)
    assert page.status_code == 200
    said = text_of(page)
    if found.state == Upload.State.COLUMNS:
        assert "Which column is which?" in said
        client.post(f"{found.get_absolute_url()}columns/", {"prompt": "0"})
        process(found.pk)
        page = client.get(found.get_absolute_url())
        assert page.status_code == 200
        said = text_of(page)
    found.refresh_from_db()
    assert found.state == Upload.State.CHECKED
    assert found.rows or found.problems[0]["fix"] in said
    assert_nothing_is_stored()
