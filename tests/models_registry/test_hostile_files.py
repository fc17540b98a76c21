"""Files that nobody should upload: a clear error and an unchanged database, never a traceback."""

from __future__ import annotations

import gzip
import io
import json
import zipfile
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from models_registry.actions.golden_sets import import_golden_set
from models_registry.golden_files import read
from models_registry.golden_files.source import MOST_LINE_BYTES
from models_registry.models import Example, GoldenSet

GOOD = b'{"id": "a", "prompt": "Hi"}\n'


def zipped() -> bytes:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("rows.jsonl", GOOD)
    return archive.getvalue()


def nested(depth: int) -> bytes:
    return b'{"id": "a", "prompt": "Hi", "metadata": ' + b'{"a":' * depth + b"1" + b"}" * (depth + 1)


HOSTILE: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "the file holds no rows"),
    "blank": (b" \r\n\t\n", "the file holds no rows"),
    "only a byte order mark": (b"\xef\xbb\xbf", "the file holds no rows"),
    "only a header": (b"id,prompt\n", "the file holds no rows"),
    "truncated gzip": (gzip.compress(GOOD * 50)[:-12], "cut off before its end"),
    "damaged gzip": (b"\x1f\x8b\x08\x00" + b"\xff" * 40, "the gzip file is damaged"),
    "gzip of gzip": (gzip.compress(gzip.compress(GOOD)), "packed with gzip twice"),
    "gzip bomb": (gzip.compress(b" " * 30_000_000), "holds more than"),
    "bomb of empty lines": (gzip.compress(b"\n" * 3_000_000), "more than 2,000,000 lines"),
    "zip": (zipped(), "ZIP archive or an Excel workbook"),
    "html": (b"<!doctype html><title>Log in</title>", "HTML or XML"),
    "pdf": (b"%PDF-1.7\n", "is a PDF"),
    "parquet": (b"PAR1" + b"\x00" * 30, "is a Parquet file"),
    "utf-16 with a mark": (GOOD.decode().encode("utf-16"), "byte offset 0"),
    "utf-16 without a mark": (GOOD.decode().encode("utf-16-le"), "byte offset 1 holds a zero byte"),
    "latin-1": ('{"id": "a", "prompt": "Señor"}\n'.encode("latin-1"), "byte offset 25 holds 0xf1"),
    "half a character at the end": (GOOD + "é".encode()[:1], "byte offset 28"),
    "50 MB line": (b'{"id": "' + b"x" * 12_000_000, "the row is longer than 4 MB"),
    "long line in a csv": (b"id,prompt\na," + b"x" * (MOST_LINE_BYTES + 9), "longer than 4 MB"),
    "deep nesting": (nested(40), "nested more than 32 deep"),
    "deeper nesting": (nested(100_000), "nested too deep"),
    "brackets": (b'{"id": ' + b"[" * 200_000, "nested too deep"),
    "double name": (b'{"id": "a", "prompt": "Hi", "prompt": "\\": Bye"}', 'the name "prompt" stands twice'),
    "lone surrogate": (b'{"id": "a", "prompt": "\\ud83d"}', "half of a surrogate pair"),
    "escaped NUL": (b'{"id": "a", "prompt": "a\\u0000b"}', "NUL character"),
    "raw NUL": (b'{"id": "a", "prompt": "a\x00b"}', "not JSON"),
    "NUL in a csv": (b"id,prompt\na,b\x00c\n", "NUL character"),
    "NaN": (b'{"id": "a", "prompt": "Hi", "metadata": {"x": NaN}}', "contains NaN"),
    "Infinity": (b'{"id": "a", "prompt": "Hi", "metadata": {"x": -Infinity}}', "contains -Infinity"),
    "number out of range": (b'{"id": "a", "prompt": "Hi", "metadata": {"x": 1e999}}', "too large"),
    "number of 5000 digits": (b'{"id": ' + b"9" * 5000 + b', "prompt": "Hi"}', "too large"),
    "array": (b'[{"id": "a", "prompt": "Hi"}]', "the file is a JSON array"),
    "spread document": (
        json.dumps({"rows": []}, indent=2).encode(),
        "one JSON document spread over several lines",
    ),
    "stray quote": (b'id,prompt\na,"Hi" you\n', "a cell goes on after its closing double quote"),
    "open quote": (b'id,prompt\na,"Hi\nb,You\n', "a double quote opens in this row and never closes"),
    "too many cells": (b"id,prompt\na,Hi, you\n", "the row has 3 cells where the header has 2"),
    "header twice": (b"id,prompt,Prompt\na,b,c\n", 'names "prompt" twice'),
    "header without id": (b"prompt,tags\nHi,x\n", 'no column "id"'),
    "header without prompt": (b"id,question\na,Hi\n", 'neither a column "prompt" nor "messages"'),
    "some other csv": (b"name,age\nada,36\n", "neither JSON Lines nor CSV"),
    "carriage returns only": (b"id,prompt\ra,Hi\rb,You\r", "carriage return"),
    "bad json in a cell": (b"id,messages\na,Hi\n", 'the cell "messages" is not JSON'),
    "prose": (b"Dear colleague,\nhere are the prompts.\n", "neither JSON Lines nor CSV"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_file_is_told_what_is_wrong(name: str) -> None:
    source, said = HOSTILE[name]
    reading = read(source, most_bytes=20_000_000)
    assert reading.rows == ()
    assert reading.errors
    assert said in str(reading.errors[0])
    assert reading.errors[0].fix


@pytest.mark.django_db
@pytest.mark.parametrize("skip_invalid", [False, True])
@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_file_leaves_the_database_unchanged(name: str, skip_invalid: bool) -> None:
    imported = import_golden_set(
        name="hostile",
        stream=HOSTILE[name][0],
        filename="rows",
        by=None,
        skip_invalid=skip_invalid,
        most_bytes=20_000_000,
    )
    assert imported.version is None
    assert not GoldenSet.objects.exists()
    assert not Example.objects.exists()


@pytest.mark.django_db
@pytest.mark.parametrize("name", [name for name in HOSTILE if name != "gzip bomb"])
def test_hostile_file_ends_the_command_with_status_2(name: str, tmp_path: Path) -> None:
    path = tmp_path / "rows"
    path.write_bytes(HOSTILE[name][0])
    with pytest.raises(CommandError, match="nothing was stored") as caught:
        call_command("import_golden_set", str(path), name="hostile")
    assert caught.value.returncode == 2
    assert HOSTILE[name][1] in str(caught.value)
    assert not GoldenSet.objects.exists()


def test_line_ends_may_be_mixed() -> None:
    assert len(read(b'{"id": "a", "prompt": "Hi"}\r\n{"id": "b", "prompt": "Hi"}\n\r\n').rows) == 2


def test_row_too_long_does_not_hide_those_after_it() -> None:
    source = b'{"id": "' + b"x" * (MOST_LINE_BYTES + 5) + b'"}\n' + GOOD
    reading = read(source)
    assert [row.line for row in reading.rows] == [2]
    assert [problem.line for problem in reading.errors] == [1]


def test_stray_quote_does_not_hide_the_rows_after_it() -> None:
    reading = read(b'id,prompt\na,"Hi" you\nb,"Hi\nthere" x\nc,fine\n')
    assert [problem.line for problem in reading.errors] == [2, 3]
    assert [row.line for row in reading.rows] == [5]
