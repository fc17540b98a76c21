"""Responses made elsewhere: every format, every wrong row with its line, and no traceback whatever the bytes."""

from __future__ import annotations

import csv
import gzip
import io
import json
import tempfile
from functools import partial
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models_registry.golden_files import Limits, Problem
from models_registry.response_files import COLUMNS, ResponseRow, check_row, open_responses
from tests.models_registry.hostile_files import HOSTILE, content

# without the time of day, which would stand in the name of a test
gz = partial(gzip.compress, mtime=0)

# what is a golden set's fault only, or no fault of a file of responses
NO_FAULT_HERE = {name for name, (_given, said) in HOSTILE.items() if "metadata" in said}


def read(content: bytes, filename: str = "", **limits: int) -> tuple[list[ResponseRow | Problem], list[str]]:
    opened = open_responses(io.BytesIO(content), filename, limits=Limits(**limits))
    return list(opened.rows), list(opened.warnings)


def said(content: bytes, **limits: int) -> list[str]:
    return [str(item) for item in read(content, "", **limits)[0] if isinstance(item, Problem)]


def lines(*rows: dict[str, Any]) -> bytes:
    return "\n".join(json.dumps(row, ensure_ascii=False) for row in rows).encode()


def parquet(select: str) -> bytes:
    with tempfile.TemporaryDirectory() as folder, duckdb.connect() as database:
        path = Path(folder, "rows.parquet")
        database.execute(f"COPY ({select}) TO '{path}' (FORMAT parquet)")
        return path.read_bytes()


# --- formats ---------------------------------------------------------------------------------------------------

FULL = {
    "id": "a",
    "text": "Señor, =1",
    "latency_seconds": 1.5,
    "input_tokens": 12,
    "output_tokens": 7,
    "finish_reason": "stop",
    "earlier_answers": ["Hm.", "So?"],
}
ROW = ResponseRow(1, "a", "Señor, =1", ("Hm.", "So?"), 1.5, 12, 7, "stop")
CSV = (
    "id,text,latency_seconds,input_tokens,output_tokens,finish_reason,earlier_answers\n"
    'a,"Señor, =1",1.5,12,7,stop,"[""Hm."", ""So?""]"\n'
)
SELECT = (
    "SELECT 'a' AS id, 'Señor, =1' AS text, 1.5 AS latency_seconds, 12 AS input_tokens, 7.0::double AS output_tokens, "
    "'stop' AS finish_reason, ['Hm.', 'So?'] AS earlier_answers"
)
FORMATS = {
    "JSON Lines": (lines(FULL), "jsonl", 1),
    "JSON Lines, gzip": (gz(lines(FULL)), "jsonl", 1),
    "JSON array": (b"[" + lines(FULL) + b"]", "json", 1),
    "CSV": (CSV.encode(), "csv", 2),
    "CSV with a mark": (b"\xef\xbb\xbf" + CSV.encode(), "csv", 2),
    "CSV, UTF-16": (CSV.encode("utf-16"), "csv", 2),
    "CSV after sep": (b"sep=,\n" + CSV.encode(), "csv", 3),
    "Parquet": (parquet(SELECT), "parquet", 1),
}


@pytest.mark.parametrize("name", FORMATS)
def test_row_is_read_from_every_format(name: str) -> None:
    file, format, line = FORMATS[name]
    opened = open_responses(io.BytesIO(file))
    (row,) = opened.rows
    assert isinstance(row, ResponseRow)
    assert opened.format == format
    assert row.line == line
    assert (row.key, row.text, row.earlier_answers) == (ROW.key, ROW.text, ROW.earlier_answers)
    assert (row.latency_seconds, row.input_tokens, row.output_tokens) == (1.5, 12, 7)
    assert row.finish_reason == "stop"
    assert opened.warnings == ()


@pytest.mark.parametrize(("field", "name"), [(field, name) for field in COLUMNS for name in COLUMNS[field]])
@pytest.mark.parametrize("as_csv", [False, True])
def test_columns_have_the_names_that_other_tools_give_them(field: str, name: str, as_csv: bool) -> None:
    value: Any = {
        "id": "a",
        "text": "b",
        "input_tokens": 7,
        "output_tokens": 7,
        "finish_reason": "stop",
        "latency_seconds": 1500 if name == "latency_ms" else 1.5,
        "earlier_answers": ["x"],
    }[field]
    row = {"id": "a", "text": "b"}
    row.pop(field, None)
    given = row | {name: value}
    if as_csv:
        cells = [json.dumps(cell) if isinstance(cell, list) else cell for cell in given.values()]
        text = io.StringIO()
        csv.writer(text, delimiter=";").writerows([[name.upper() for name in given], cells])
        file = text.getvalue().encode()
    else:
        file = lines(given)
    found, warnings = read(file)
    wanted = {"latency_seconds": 1.5, "earlier_answers": ("x",)}.get(field, value)
    assert [getattr(item, "key" if field == "id" else field) for item in found] == [wanted]
    assert warnings == []


def test_what_is_worth_a_look_is_counted() -> None:
    rows, warnings = read(
        lines(
            {"id": "a", "text": "", "trace": 1, "none": None},
            {"id": "b", "text": " \n"},
            {"id": "c", "text": "x", "trace": 2},
        )
    )
    assert [row.text for row in rows if isinstance(row, ResponseRow)] == ["", " \n", "x"]
    assert warnings == [
        "2 rows with an empty text: kept, as an empty answer is an answer.",
        '2 rows with a column "trace", which is not known here: left out.',
    ]


def test_empty_cell_is_an_empty_answer_and_a_spreadsheets_apostrophe_goes() -> None:
    rows, warnings = read(b"id,text,latency\na,,\nb,'=1+1,\nc\n")
    assert rows[:2] == [ResponseRow(2, "a", ""), ResponseRow(3, "b", "=1+1")]
    assert str(rows[2]).startswith('line 4: "text" is missing')
    assert len(warnings) == 2
    assert "apostrophe" in warnings[1]


# --- wrong rows ------------------------------------------------------------------------------------------------

WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "no id": ({"id": None}, '"id" is missing; give the id of the example'),
    "empty id": ({"id": " "}, '"id" is empty'),
    "id of another type": ({"id": 1.5}, '"id" is a number; write it as a string'),
    "id that is true": ({"id": True}, '"id" is true or false'),
    "long id": ({"id": "x" * 201}, '"id" has 201 characters'),
    "NUL in the id": ({"id": "a\x00"}, '"id" contains a NUL character'),
    "no text": ({"text": None}, '"text" is missing; give what the model answered; "" where'),
    "text of another type": ({"text": {"role": "assistant"}}, '"text" is an object; write it as a string'),
    "NUL in the text": ({"text": "a\x00b"}, '"text" contains a NUL character'),
    "two texts": ({"answer": "other"}, 'the row has "text" and "answer", and they differ; keep one'),
    "two ids": ({"question_id": "b"}, 'the row has "id" and "question_id", and they differ'),
    "latency below zero": ({"latency_ms": -1}, '"latency_ms" is -1'),
    "latency in words": (
        {"latency_seconds": "fast"},
        '"latency_seconds" is "fast"; write a number such as 1.25',
    ),
    "decimal comma": ({"latency_seconds": "1,25"}, "write a point instead of the comma"),
    "latency of a day": ({"latency_seconds": 86_401}, "more than a day"),
    "latency that is in milliseconds": ({"latency": 1432}, 'call the column "latency_ms"'),
    "latency without end": ({"latency_seconds": "1e999"}, '"latency_seconds" is too large'),
    "latency that is a list": ({"latency_seconds": [1]}, '"latency_seconds" is a list'),
    "half a token": ({"input_tokens": 1.5}, '"input_tokens" is 1.5; write a whole number'),
    "too many tokens": ({"completion_tokens": 10**12}, "at most 10,000,000 tokens"),
    "tokens that are true": ({"output_tokens": True}, '"output_tokens" is true or false'),
    "long finish reason": ({"finish_reason": "x" * 41}, '"finish_reason" has 41 characters'),
    "earlier answers in one": ({"earlier_answers": "Hm."}, 'is a string; give a list such as ["…", "…"]'),
    "earlier answer of another type": (
        {"earlier_answers": ["a", 2]},
        'answer 2 of "earlier_answers" is a number',
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_row_is_told_with_its_line_and_a_fix(name: str) -> None:
    change, message = WRONG[name]
    good = {"id": "first", "text": "x"}
    (problem,) = said(lines(good, {"id": "a", "text": "b"} | change))
    assert problem.startswith("line 2: ")
    assert message in problem


def test_all_that_is_wrong_with_a_row_is_told_at_once() -> None:
    assert len(said(lines({"text": 1, "latency": "x", "input_tokens": -1}))) == 4


def test_id_may_be_there_once() -> None:
    rows, _warnings = read(
        lines({"id": 7, "text": "x"}, {"id": "b", "text": "x"}, {"item_id": " 7 ", "text": "x"})
    )
    assert [isinstance(row, ResponseRow) for row in rows] == [True, True, False]
    assert str(rows[2]) == 'line 3: the id "7" was used in line 1 already; keep one response an example'


def test_same_value_under_two_names_is_no_contradiction() -> None:
    rows, warnings = read(lines({"id": "a", "item_id": "a", "text": "x", "latency": 1.5, "latency_ms": 1500}))
    assert rows == [ResponseRow(1, "a", "x", latency_seconds=1.5)]
    assert warnings == []


@pytest.mark.parametrize(
    ("file", "message"),
    [
        (b"", "the file holds no rows; write rows such as"),
        (b"id,text\n", "the file holds no rows"),
        (b"[]", "item 1: the file holds no rows"),
        (b"id,latency\na,1\n", 'the header has no column "text", only "id", "latency"; name the column with'),
        (b"text,prompt\na,1\n", 'the header has no column "id"'),
        (b"id,text,Text\na,b,c\n", 'the header names "text" twice'),
        (b"id,text\na,b,c\n", "the row has 3 cells where the header has 2"),
        (b"Hello there", "neither JSON Lines nor CSV with the columns known here"),
        (b"<html>", "HTML or XML"),
        (b"{\n", "spread over several lines"),
        (b"[1]", 'the row is a number; give objects: {"id": "billing-014", "text": "…"}'),
        (
            b"id,text,earlier_answers\na,b,Hm.\n",
            'is not JSON: expecting value, at character 1; write ["…", "…"]',
        ),
        (b'{"id": "a", "text": "x", "text": "y"}', 'the name "text" stands twice'),
        (gz(b'{"id": "a"}' * 9)[:-9], "the gzip file is cut off before its end"),
        (b"PAR1 and nothing", "the Parquet file can't be read"),
    ],
)
def test_file_that_is_none_is_told_what_is_wrong(file: bytes, message: str) -> None:
    assert message in said(file)[0]


def test_limits_of_golden_sets_hold_here_too() -> None:
    row = lines({"id": "a", "text": "x" * 500})
    assert "the row is longer than" in said(row, row_bytes=300)[0]
    assert "the file holds more than" in said(row, file_bytes=300)[0]
    rows = lines(*({"id": str(number), "text": "x"} for number in range(4)))
    assert said(rows, rows=3) == ["line 4: the file has more than 3 rows; split it into several"]


# --- any bytes -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", sorted(HOSTILE.keys() - NO_FAULT_HERE))
def test_hostile_file_is_told_and_no_row_of_it_is_broken(name: str) -> None:
    opened = open_responses(io.BytesIO(content(name)), limits=Limits(rows=100_000))
    found = list(opened.rows)
    for item in found:
        if isinstance(item, Problem):
            assert item.fix
            assert str(item).isprintable()
            assert "messages" not in item.fix
        else:
            assert "\x00" not in item.key + item.text
            (item.key + item.text).encode()
    assert found


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=300) | st.text(max_size=200).map(str.encode))
def test_any_bytes_give_rows_or_problems(file: bytes) -> None:
    for start in (b"", b"id,text\n", b'{"id": "a", "text": "'):
        found, _warnings = read(start + file)
        assert found
        assert all(isinstance(item, ResponseRow | Problem) for item in found)


VALUE = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
ANY_NAME = st.sampled_from([name for names in COLUMNS.values() for name in names]) | st.text(max_size=5)


@settings(max_examples=300, deadline=None)
@given(st.dictionaries(ANY_NAME, VALUE, max_size=8))
def test_any_row_is_checked_without_a_traceback(raw: dict[str, Any]) -> None:
    checked = check_row(3, raw)
    if isinstance(checked, list):
        assert all(problem.line == 3 and problem.fix for problem in checked)
    else:
        assert checked.latency_seconds is None or 0 <= checked.latency_seconds <= 86_400


TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=60)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(TEXT, st.integers(0, 10**7), st.floats(0, 600)), min_size=1, max_size=5))
def test_any_texts_survive_json_lines_and_csv(rows: list[tuple[str, int, float]]) -> None:
    wanted = [(f"id-{number}", *row) for number, row in enumerate(rows)]
    names = ["id", "text", "input_tokens", "latency"]
    text = io.StringIO()
    writer = csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\n")
    writer.writerows([names, *wanted])
    by_lines = lines(*(dict(zip(names, row, strict=True)) for row in wanted))
    assert as_tuples(by_lines) == wanted
    if not any("'" in row[0] for row in rows):
        assert as_tuples(text.getvalue().encode()) == wanted


def as_tuples(file: bytes) -> list[tuple[str, str, int | None, float | None]]:
    found = read(file)[0]
    return [
        (row.key, row.text, row.input_tokens, row.latency_seconds)
        for row in found
        if isinstance(row, ResponseRow)
    ]
