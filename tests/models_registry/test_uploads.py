"""What becomes of an upload whatever else happens to its golden set, its rows and its worker."""

from __future__ import annotations

import io
import json

import pytest
from django.contrib.auth.models import User

from models_registry.actions.drafts import edit_example, publish_draft
from models_registry.actions.golden_sets import import_golden_set
from models_registry.golden_files import CsvColumns, csv_columns
from models_registry.models import GoldenSet, GoldenSetVersion, Upload

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


# --- columns -----------------------------------------------------------------------------------------------


def test_columns_are_known_without_reading_a_file_of_bad_rows_to_its_end() -> None:
    bad = b"id,question\n" + b'"a"b,c\n' * 300_000
    stream = io.BytesIO(bad)
    found = csv_columns(stream)
    assert isinstance(found, CsvColumns)
    assert (found.header, found.rows) == (("id", "question"), ())
    assert stream.tell() < len(bad) / 2
