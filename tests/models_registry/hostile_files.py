"""Files that nobody should upload, and what is said about each. Those that are large are made when asked for."""

from __future__ import annotations

import gzip
import io
import json
import tempfile
import zipfile
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path

import duckdb

from models_registry.golden_files.limits import Limits

# without the time of day, which would stand in the name of a test
gz = partial(gzip.compress, mtime=0)

GOOD = b'{"id": "a", "prompt": "Hi"}\n'
MOST_LINE_BYTES = Limits.row_bytes
# of the tests: that many empty lines need not be read
MOST_ROWS = 100_000


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


def cell(text: bytes) -> bytes:
    """A CSV with that in its metadata."""
    return b'id,prompt,metadata\na,Hi,"' + text.replace(b'"', b'""') + b'"\n'


@cache
def content(name: str) -> bytes:
    given = HOSTILE[name][0]
    return given if isinstance(given, bytes) else given()


# name: (the file, what is said of it first)
HOSTILE: dict[str, tuple[bytes | Callable[[], bytes], str]] = {
    "empty": (b"", "the file holds no rows"),
    "blank": (b" \r\n\t\n", "the file holds no rows"),
    "only a byte order mark": (b"\xef\xbb\xbf", "the file holds no rows"),
    "only a header": (b"id,prompt\n", "the file holds no rows"),
    "truncated gzip": (gz(GOOD * 50)[:-12], "cut off before its end"),
    "damaged gzip": (b"\x1f\x8b\x08\x00" + b"\xff" * 40, "the gzip file is damaged"),
    "gzip of gzip": (gz(gz(GOOD)), "packed with gzip twice"),
    "gzip bomb of 100 MB": (
        lambda: gz(b" " * 100_000_000),
        "unpacks to more than 200 times its size",
    ),
    "gzip with rubbish after it": (gz(GOOD) + b"rubbish", "the gzip file is damaged"),
    "bomb of empty lines": (gz(b"\n" * 300_000), "more than 200,000 lines"),
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
        lambda: parquet("SELECT " + ", ".join(f"{number} AS c{number}" for number in range(2000))),
        "has 2,000 columns",
    ),
    "parquet with a huge row": (
        lambda: parquet("SELECT 'a' AS id, repeat('x', 5000000) AS prompt"),
        "item 1: the row is longer than 4 MB",
    ),
    "parquet of another table": (parquet("SELECT 1 AS a, 'x' AS b"), 'item 1: "id" is missing'),
    "utf-16 that ends in a character": (GOOD.decode().encode("utf-16")[:-1], "see byte offset 56"),
    "utf-16 with half a pair": (b"\xff\xfe{\x00\x00\xd8a\x00", "is not UTF-16: see byte offset 4"),
    "utf-32": (GOOD.decode().encode("utf-32"), "is UTF-32"),
    "utf-16 without a mark": (GOOD.decode().encode("utf-16-le"), "byte offset 1 holds a zero byte"),
    "latin-1": ('{"id": "a", "prompt": "Señor"}\n'.encode("latin-1"), "byte offset 25 holds 0xf1"),
    "half a character at the end": (GOOD + "é".encode()[:1], "byte offset 28"),
    "50 MB line": (lambda: b'{"id": "' + b"x" * 50 * 1024 * 1024, "the row is longer than 4 MB"),
    "long line in a csv": (lambda: b"id,prompt\na," + b"x" * (MOST_LINE_BYTES + 9), "longer than 4 MB"),
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
        lambda: b'id,prompt\na,"' + (b"Hi" * 500 + b"\n") * (MOST_LINE_BYTES // 1000),
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
    "only the mark of utf-16": (b"\xff\xfe", "the file holds no rows"),
    "gzip of nothing": (gz(b""), "the file holds no rows"),
    "gzip of zip": (gz(zipped()), "ZIP archive or an Excel workbook"),
    "old excel": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\x00" * 99, "is an old Excel workbook"),
    "bzip2": (b"BZh91AY&SY" + b"\x00" * 20, "is packed with bzip2"),
    "zstandard": (b"\x28\xb5\x2f\xfd\x00\x00", "is packed with Zstandard"),
    "xml": (b'<?xml version="1.0"?><rows/>', "HTML or XML"),
    "rich text": (b"{\\rtf1\\ansi Hi}", "the row is not JSON"),
    "a JSON string": (b'"Hi"', "neither JSON Lines nor CSV"),
    "null": (b"null\nnull\n", "neither JSON Lines nor CSV"),
    "lists": (b'[1, {"a": "b"}]\n[2]\n', "item 2: the file goes on after the end"),
    "Python instead of JSON": (b"{'id': 'a', 'prompt': 'Hi'}\n", "the row is not JSON"),
    "objects in one line": (GOOD.strip() * 2, "the row is not JSON: extra data"),
    "array never closed": (b'[{"id": "a"}, {"id": "b"}', "item 2: the file ends in the middle"),
    "array that ends in a row": (b'[{"id": "a", "prompt": "Hi', "item 1: the file ends in the middle"),
    "deep array item": (b"[" + nested(200) + b"]", "item 1: the row is nested more than 64 deep"),
    "deep cell": (cell(b'{"a":' * 99 + b"1" + b"}" * 99), 'the cell "metadata" is nested more than 64 deep'),
    "deep comparison": (
        b'{"models": [], "examples": [{"input_text": "Hi", "x": ' + b"[" * 99 + b"]" * 99 + b"}]}",
        "item 1: the row is nested more than 64 deep",
    ),
    "deep message": (b'{"id": "a", "messages": ' + b"[" * 40 + b"]" * 40 + b"}", "message 1 is a list"),
    "parquet with a list 11 deep": (
        parquet("SELECT 'a' AS id, 'Hi' AS prompt, " + "[" * 11 + "1" + "]" * 11 + " AS deep"),
        'item 1: the column "deep" is nested more than 10 deep; flatten it, or write it as JSON text',
    ),
    "parquet with a list 200 deep": (
        lambda: parquet("SELECT 'a' AS id, 'Hi' AS prompt, " + "[" * 200 + "1" + "]" * 200 + " AS deep"),
        'the column "deep" is nested more than 10 deep',
    ),
    "parquet with deep maps and structures": (
        parquet(
            "SELECT 'a' AS id, 'Hi' AS prompt, " + "map(['k'], [{'a': " * 6 + "1" + "}])" * 6 + " AS deep"
        ),
        'the column "deep" is nested more than 10 deep',
    ),
    "deep metadata in parquet": (
        parquet("SELECT 'a' AS id, 'Hi' AS prompt, repeat('[', 5000) || repeat(']', 5000) AS metadata"),
        'item 1: "metadata" is nested more than 64 deep',
    ),
    "double name in an array": (
        b'[{"id": "a", "id": "b", "prompt": "Hi"}]',
        'item 1: the name "id" stands twice',
    ),
    "double name in a cell": (cell(b'{"a": 1, "a": 2}'), 'the name "a" stands twice'),
    "lone surrogate in an array": (b'[{"id": "a", "prompt": "\\udc00"}]', "half of a surrogate pair"),
    "lone surrogate in a cell": (cell(b'{"a": "\\ud800x"}'), "half of a surrogate pair"),
    "surrogates in utf-8": (b'{"id": "a", "prompt": "\xed\xa0\xbd"}', "byte offset 23 holds 0xed"),
    "NaN in a cell": (cell(b'{"a": NaN}'), 'the cell "metadata" contains NaN'),
    "number out of range in an array": (b'[{"id": "a", "prompt": "Hi", "x": 1e400}]', "too large"),
    "large number in a cell": (cell(b'{"a": 9223372036854775808}'), "a number that is too large"),
    "NUL in the name of a column": (b"id,prompt,a\x00b\na,Hi,x\n", "the name of column 3 contains a NUL"),
    "NUL at the beginning": (b"Dear\x00 colleague\n", "neither JSON Lines nor CSV"),
    "NUL in a role": (
        b'{"id": "a", "messages": [{"role": "us\\u0000er", "content": "x"}]}',
        'the role "us\ufffder"',
    ),
    "NUL in a long tag": (
        b'{"id": "a", "prompt": "Hi", "tags": ["\\u0000' + b"x" * 200 + b'"]}',
        "201 characters",
    ),
    "NUL in a name given twice": (b'{"\\u0000": 1, "\\u0000": 2}', 'the name "\ufffd" stands twice'),
    "steering of a terminal": (
        b'{"id": "a", "prompt": "Hi", "lang": "\\u001b[2J\\u009b2J"}',
        '"lang" is "\ufffd[2J\ufffd2J"',
    ),
    "script as a language": (
        b'{"id": "a", "prompt": "Hi", "lang": "<script>alert(1)</script>"}',
        '"lang" is "<script>alert(1)</script>"',
    ),
    "markup as a role": (
        b'{"id": "a", "messages": [{"role": "<img src=x onerror=alert(1)>", "content": "x"}]}',
        'the role "<img src=x onerror=alert(1)>"',
    ),
    "markup as the name of a column": (b"id,<b>,<b>,prompt\n", 'the header names "<b>" twice'),
    "id of 10 MB": (lambda: b'{"id": "' + b"x" * 10_000_000 + b'", "prompt": "Hi"}', "longer than 4 MB"),
    "id of 3 MB": (
        lambda: b'{"id": "' + b"x" * 3_000_000 + b'", "prompt": "Hi"}',
        '"id" has 3000000 characters',
    ),
    "array with an item of 10 MB": (
        lambda: b'[{"id": "' + b"x" * 10_000_000 + b'"}]',
        "item 1: the row is longer",
    ),
    "name of a column of 2000 characters": (
        b"id,prompt," + b"x" * 2000 + b"\na,Hi,\n",
        "has 2,000 characters",
    ),
    "wrong types": (
        b'{"id": true, "messages": 1, "tags": {}, "reference": [], "lang": 2, "metadata": "x"}',
        '"id" is true or false',
    ),
    "objects where texts should be": (b'{"id": "a", "prompt": {"text": "Hi"}}', '"prompt" is an object'),
    "prompt of blanks": ('{"id": "a", "prompt": "\u00a0 \u3000"}'.encode(), '"prompt" is empty'),
    "carriage returns among other line ends": (b"id,prompt\ra,Hi\r\nb,Ho\n", "carriage return outside"),
    "fine-tuning file cut off in a row": (
        b'{"messages": [{"role": "user", "content": "x"}, {"role',
        "the row is not JSON",
    ),
    "preferences without an input": (b'{"input": {}, "preferred_output": []}', '"input.messages" is null'),
    "TRL with numbers": (
        b'{"prompt": [1, 2], "chosen": 3, "rejected": 4}',
        'message 1 of "prompt" is a number',
    ),
    "instructions of numbers": (b'[{"instruction": "Hi", "output": 2}]', '"reference" is a number'),
}
