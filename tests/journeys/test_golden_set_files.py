"""Every file of others that holds prompts is uploaded, exported in each format, and gives the same version again.

Reads the data beside the checkout; nothing of its texts is copied here. No file is cut short.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.test import Client

from models_registry.actions.golden_sets import rows_sha256
from models_registry.golden_files import Problem, read, write
from models_registry.importing.process import process
from models_registry.models import GoldenSetVersion, Upload
from models_registry.queries import rows_of

pytestmark = [pytest.mark.django_db, pytest.mark.shared_data]

# file: how it is told, and its rows
FILES = {
    "alpaca_eval/items.jsonl.gz": ("jsonl", 805),
    "arena_hard_v0.1/items.jsonl.gz": ("jsonl", 500),
    "banking_en/banking77.jsonl": ("jsonl", 385),
    "banking_en/nlupp_banking_multilabel.jsonl": ("jsonl", 311),
    "intents_en_es/en.jsonl": ("jsonl", 250),
    "intents_en_es/es.jsonl": ("jsonl", 250),
    "llm_comparator/example_tiny.json": ("llm_comparator", 5),
    "mt_bench/items.jsonl": ("jsonl", 40),
    "raw_formats/alpaca_eval_annotations.json": ("alpaca_eval", 10),
    "raw_formats/alpaca_eval_model_outputs.json": ("alpaca_eval", 10),
    "raw_formats/arena_hard_question.jsonl": ("arena_hard", 10),
    "raw_formats/fastchat_question.jsonl": ("mt_bench", 10),
    "support_bitext/items.jsonl": ("jsonl", 540),
    "vicuna80/items.jsonl": ("jsonl", 80),
}
NO_PROMPTS = ("/outputs.", "votes.", "_answer.")


def test_every_file_with_prompts_is_tried(shared_data: Path) -> None:
    found = {str(path.relative_to(shared_data)) for path in shared_data.glob("*/*.json*")}
    others = {name for name in found if any(part in name for part in NO_PROMPTS)}
    assert found - others == set(FILES)
    for name in others:
        with (shared_data / name).open("rb") as stream:
            assert read(stream, name).rows == ()


@pytest.mark.parametrize("name", FILES)
def test_file_is_uploaded_exported_and_imported_again(
    name: str, shared_data: Path, client_for: Callable[..., Client], admin_user: User, tmp_path: Path
) -> None:
    format, rows = FILES[name]
    client = client_for(admin_user)
    with (shared_data / name).open("rb") as stream:
        sent = client.post("/golden-sets/upload/", {"file": stream, "name": "others"})
    upload = Upload.objects.get()
    process(upload.pk)  # as a worker does with a file that takes longer
    page = client.get(sent.headers["Location"]).text
    assert f"All {rows} rows are good." in page
    client.post(f"{upload.get_absolute_url()}store/")
    process(upload.pk)
    upload.refresh_from_db()
    assert upload.format == format
    version = GoldenSetVersion.objects.get()
    assert (version.rows, version.examples.count()) == (rows, rows)
    assert client.get(version.get_absolute_url()).status_code == 200
    assert rows_sha256(rows_of(version)) == version.sha256

    for written in ("jsonl", "csv", "parquet"):
        path = tmp_path / f"others.{written}"
        call_command("export_golden_set", "others", format=written, output=path, stdout=io.StringIO())
        with path.open("rb") as exported:
            reading = read(exported, path.name)
        assert reading.errors == ()
        assert reading.format == written
        assert rows_sha256(reading.rows) == version.sha256
    call_command("import_golden_set", str(path), "--name", "others", stdout=io.StringIO())
    assert GoldenSetVersion.objects.get() == version


@pytest.mark.parametrize("name", FILES)
def test_openai_chat_gives_again_what_it_can_tell(name: str, shared_data: Path) -> None:
    """All rows that have a reference and one user message; where none has, the prompts get a stand-in for it."""
    with (shared_data / name).open("rb") as stream:
        read_rows = read(stream, name).rows
    rows = [replace(row, reference=row.reference or "A stand-in.") for row in read_rows]
    left_out: list[Problem] = []
    again = read(b"".join(write(rows, "openai_chat", left_out.append)), format="openai_chat")
    told = {row.key for row in again.rows}
    assert not told or again.errors == ()
    assert rows_sha256(again.rows) == rows_sha256(row for row in rows if row.key in told)
    assert len(told) + len(left_out) == len(rows)
    assert all("its answers are the model's own" in problem.message for problem in left_out)
