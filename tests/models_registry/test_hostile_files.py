"""Files that nobody should upload: a clear error and an unchanged database, never a traceback."""

from __future__ import annotations

import gzip
import io
import json
import tempfile
import zipfile
from pathlib import Path

import duckdb
import pytest
from django.core.management import CommandError, call_command

from models_registry.actions.golden_sets import import_golden_set
from models_registry.golden_files import read
from models_registry.golden_files.limits import Limits
from models_registry.models import Example, GoldenSet

GOOD = b'{"id": "a", "prompt": "Hi"}\n'
MOST_LINE_BYTES = Limits.row_bytes


def zipped() -> bytes:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("rows.jsonl", GOOD)
    return archive.getvalue()


def parquet(select: str) -> bytes:
    with tempfile.TemporaryDirectory() as folder, duckdb.connect() as database:
        path = Path(folder, "rows.parquet")
        database.execute(f"COPY ({select}) TO '{path}' (FORMAT parquet)")
        return path.read_bytes()


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
    "gzip bomb": (gzip.compress(b" " * 18_000_000), "unpacks to more than 200 times its size"),
    "too long": (GOOD.replace(b"Hi", b"Hi" * 2_000_000) * 5, "the file holds more than 19.1 MB"),
    "gzip with rubbish after it": (gzip.compress(GOOD) + b"rubbish", "the gzip file is damaged"),
    "bomb of empty lines": (gzip.compress(b"\n" * 3_000_000), "more than 2,000,000 lines"),
    "zip": (zipped(), "ZIP archive or an Excel workbook"),
    "html": (b"<!doctype html><title>Log in</title>", "HTML or XML"),
    "pdf": (b"%PDF-1.7\n", "is a PDF"),
    "truncated parquet": (parquet("SELECT 'a' AS id, 'Hi' AS prompt")[:-30], "Parquet file can't be read"),
    "damaged parquet": (b"PAR1" + b"\x00" * 30 + b"PAR1", "Parquet file can't be read"),
    "parquet of nothing": (b"PAR1", "Parquet file can't be read"),
    "encrypted parquet": (b"PARE" + b"\x00" * 30 + b"PARE", "is an encrypted Parquet file"),
    "parquet with odd types": (
        parquet("SELECT [date '2026-01-01'] AS id, map(['role'], [blob '\\xff']) AS messages, 1.5 AS tags"),
        'item 1: "id" is a list',
    ),
    "parquet with a number that is none": (
        parquet("SELECT 'a' AS id, 'Hi' AS prompt, 'nan'::double AS score"),
        "item 1: the row contains NaN",
    ),
    "parquet with 2000 columns": (
        parquet("SELECT " + ", ".join(f"{number} AS c{number}" for number in range(2000))),
        "has 2,000 columns",
    ),
    "parquet with a huge row": (
        parquet("SELECT 'a' AS id, repeat('x', 5000000) AS prompt"),
        "item 1: the row is longer than 4 MB",
    ),
    "parquet of another table": (parquet("SELECT 1 AS a, 'x' AS b"), 'item 1: "id" is missing'),
    "utf-16 that ends in a character": (GOOD.decode().encode("utf-16")[:-1], "see byte offset 56"),
    "utf-16 with half a pair": (b"\xff\xfe{\x00\x00\xd8a\x00", "is not UTF-16: see byte offset 4"),
    "utf-32": (GOOD.decode().encode("utf-32"), "is UTF-32"),
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
    "array that is cut off": (
        b'[{"id": "a", "prompt": "Hi"}, {"id": "b"',
        "item 2: the file ends in the middle",
    ),
    "array without an end": (b'[{"id": "a", "prompt": "Hi"},', "item 2: the file ends in the middle"),
    "array that goes on": (b'[{"id": "a", "prompt": "Hi"}] []', "goes on after the end"),
    "array without commas": (b'[{"id": "a"} {"id": "b"}]', "item 1: the row is not JSON: extra data"),
    "array closed wrongly": (b'[{"id": "a"}}', "stands where a comma"),
    "array of arrays": (b"[[1], [2]]", "item 1: the row is a list"),
    "array of 200,000 brackets": (b"[" * 200_000, "item 1: the file ends in the middle"),
    "array with a deep item": (b"[" * 2000 + b"]" * 2000, "item 1: the row is nested more than 64 deep"),
    "array that is not utf-8": (
        '[{"id": "a", "prompt": "Señor"}]'.encode("latin-1"),
        "byte offset 26 holds 0xf1",
    ),
    "empty array": (b"[]", "the file holds no rows"),
    "array with a comma too many": (b'[{"id": "a"},]', "item 1: "),
    "comparisons without examples": (b'{"metadata": {}, "models": [], "examples": 3}', 'no list "examples"'),
    "comparisons that are cut off": (
        b'{"models": [], "examples": [{"input_text": "Hi"}',
        "ends in the middle",
    ),
    "answers": (b'{"item_id": "a", "model": "m", "output": "Hi"}', "models' answers, not prompts"),
    "votes": (b'{"judge": "me", "winner": "model_a", "question_id": 1}', "votes, not prompts"),
    "string without an end": (b'{"id": "a', "the row is not JSON"),
    "html where rows should be": (b"\n\n<html><body>502 Bad Gateway</body></html>", "HTML or XML"),
    "100,000 columns": (
        b"id,prompt," + b",".join(b"c%d" % n for n in range(100_000)),
        "names 100002 columns",
    ),
    "quote that swallows the file": (
        b'id,prompt\na,"' + (b"Hi" * 500 + b"\n") * (MOST_LINE_BYTES // 1000),
        "a row that ends here or later is longer than 4 MB",
    ),
    "fine-tuning file with a picture": (
        b'{"messages": [{"role": "user", "content": [{"type": "image_url"}]}, {"role": "assistant", "content": "x"}]}',
        "a part that is not text",
    ),
    "fine-tuning file with a call of a tool": (
        b'{"tools": [], "messages": [{"role": "user", "content": "x"}, {"role": "tool", "content": "y"}]}',
        "a call of a tool or its result",
    ),
    "fine-tuning file with a weight of 2": (
        b'{"messages": [{"role": "user", "content": "x"}, {"role": "assistant", "content": "y", "weight": 2}]}',
        "a weight that is neither 0 nor 1",
    ),
    "questions without turns": (b'{"question_id": 1, "turns": []}', '"user_turns" is empty'),
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
        limits=Limits(file_bytes=20_000_000),
    )
    assert imported.version is None
    assert not GoldenSet.objects.exists()
    assert not Example.objects.exists()


@pytest.mark.django_db
@pytest.mark.parametrize("name", [name for name in HOSTILE if name != "too long"])
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
