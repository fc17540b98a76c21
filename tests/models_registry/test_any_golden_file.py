"""Any rows survive a file; any bytes give rows or problems with a line, never a traceback."""

from __future__ import annotations

import csv
import gzip
import io
import json
import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models_registry import golden_files
from models_registry.actions.golden_sets import rows_sha256
from models_registry.golden_files import (
    COLUMNS,
    FORMATS,
    UNTAGGED,
    Problem,
    Row,
    check_row,
    csv_columns,
    read,
)
from tests.models_registry.test_golden_files import as_jsonl


def as_csv(rows: list[dict[str, Any]], delimiter: str = ",", line_end: str = "\n") -> bytes:
    text = io.StringIO()
    writer = csv.DictWriter(
        text,
        ["id", "messages", "tags", "reference", "lang", "metadata"],
        delimiter=delimiter,
        lineterminator=line_end,
    )
    writer.writeheader()
    for row in rows:
        cells = {name: json.dumps(row[name], ensure_ascii=False) for name in ("messages", "tags", "metadata")}
        writer.writerow(row | cells)
    return text.getvalue().encode()


PARQUET = b"".join(
    golden_files.write(
        [
            Row(n, f"id-{n}", ({"role": "user", "content": f"Hi {n}"},), ("a", "b"), "Yes.", "en")
            for n in range(20)
        ],
        "parquet",
    )
)
TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=60)
SAID = TEXT.filter(lambda text: bool(text.strip()))
NAME = st.text(st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"]), min_size=1, max_size=30)
CLEAN_NAME = NAME.map(str.strip).filter(lambda name: bool(name) and not golden_files.row.CONTROL.search(name))
LEAF = st.none() | st.booleans() | st.integers(-(2**62), 2**62) | st.floats(-1e15, 1e15) | TEXT
VALUE = st.recursive(
    LEAF, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3), max_leaves=8
)


@st.composite
def conversations(draw: st.DrawFn) -> list[dict[str, str]]:
    messages = [{"role": "system", "content": draw(SAID)}] if draw(st.booleans()) else []
    for _ in range(draw(st.integers(0, 2))):
        messages += [{"role": "user", "content": draw(SAID)}, {"role": "assistant", "content": draw(SAID)}]
    return [*messages, {"role": "user", "content": draw(SAID)}]


@st.composite
def good_rows(draw: st.DrawFn) -> dict[str, Any]:
    tags = draw(st.lists(CLEAN_NAME.filter(lambda tag: tag.lower() != UNTAGGED), max_size=3, unique=True))
    return {
        "messages": draw(conversations()),
        "tags": tags,
        "reference": draw(st.just("") | SAID),
        "lang": draw(st.sampled_from(["", "en", "es-MX", "zh-Hant-TW", "und"])),
        "metadata": draw(st.dictionaries(TEXT, VALUE, max_size=3)),
    }


@st.composite
def row_lists(draw: st.DrawFn) -> list[dict[str, Any]]:
    keys = draw(st.lists(CLEAN_NAME, min_size=1, max_size=5, unique=True))
    return [{"id": key} | draw(good_rows()) for key in keys]


def as_rows(reading: golden_files.Reading) -> list[dict[str, Any]]:
    assert reading.errors == ()
    return [
        {
            "id": row.key,
            "messages": list(row.messages),
            "tags": list(row.tags),
            "reference": row.reference,
            "lang": row.lang,
            "metadata": row.metadata,
        }
        for row in reading.rows
    ]


@given(row_lists(), st.booleans())
@settings(deadline=None)
def test_any_rows_survive_json_lines(rows: list[dict[str, Any]], pack: bool) -> None:
    text = as_jsonl(rows)
    assert as_rows(read(gzip.compress(text) if pack else text)) == rows


@given(row_lists(), st.sampled_from(",;\t"), st.sampled_from(["\n", "\r\n"]))
@settings(deadline=None)
def test_any_rows_survive_csv(rows: list[dict[str, Any]], delimiter: str, line_end: str) -> None:
    assert as_rows(read(as_csv(rows, delimiter, line_end))) == rows


@st.composite
def checked_rows(draw: st.DrawFn) -> list[Row]:
    """What `check_row` gives, replayed conversations too."""
    rows = []
    for number, raw in enumerate(draw(row_lists()), start=1):
        if draw(st.booleans()):
            del raw["messages"]
            raw["user_turns"] = draw(st.lists(SAID, min_size=1, max_size=3))
        row = check_row(number, raw)
        assert isinstance(row, Row)
        rows.append(row)
    return rows


# a table of DuckDB's is slower than all the rest
@pytest.mark.parametrize(
    ("format", "examples"), [("jsonl", 100), ("csv", 100), ("parquet", 12), ("openai_chat", 60)]
)
def test_any_rows_survive_export_and_import(format: str, examples: int) -> None:
    @given(checked_rows())
    @settings(deadline=None, max_examples=examples)
    def survive(rows: list[Row]) -> None:
        left_out: list[Problem] = []
        source = b"".join(golden_files.write(rows, format, left_out.append))
        lines = {problem.line for problem in left_out}
        kept = [row for row in rows if row.line not in lines]
        reading = read(source, format=format)
        assert rows_sha256(reading.rows) == rows_sha256(kept)
        assert format == "openai_chat" or not left_out

    survive()


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
@given(rows=checked_rows())
@settings(deadline=None, max_examples=40)
def test_any_rows_survive_utf_16(encoding: str, rows: list[Row]) -> None:
    text = b"".join(golden_files.write(rows, "csv")).decode()
    assert rows_sha256(read(text.encode(encoding)).rows) == rows_sha256(rows)


@given(row_lists(), st.sampled_from([None, 1]))
@settings(deadline=None)
def test_any_rows_survive_a_json_array(rows: list[dict[str, Any]], indent: int | None) -> None:
    assert as_rows(read(json.dumps(rows, indent=indent).encode())) == rows


NAMES = """
messages prompt completion chosen rejected input preferred_output non_preferred_output instruction dataset output
generator question_id category turns text reference uid cluster subcategory input_text tags tools label metadata
"""
SAYING = st.fixed_dictionaries({"messages": conversations()})
ANYTHING = VALUE | st.lists(VALUE, max_size=3) | conversations() | SAYING
SHAPED = st.fixed_dictionaries({}, optional=dict.fromkeys(NAMES.split(), ANYTHING))


@given(st.lists(SHAPED, max_size=3), st.sampled_from([None, *FORMATS[4:]]))
@settings(deadline=None, max_examples=200)
def test_any_objects_in_any_format_give_rows_or_problems(
    rows: list[dict[str, Any]], format: str | None
) -> None:
    check_reading(as_jsonl(rows), "x.jsonl", format=format)
    check_reading(json.dumps(rows).encode(), "", format=format)


@given(
    st.binary(max_size=200) | st.text('[{"}],:\\ a1\n\x00', max_size=60).map(str.encode),
    st.sampled_from([None, *FORMATS]),
    st.sampled_from(
        [b"", b"[", b"{", b'{"examples": [', b"\xff\xfe", b"\xfe\xff", b"\x1f\x8b", b"id,prompt\n"]
    ),
)
@settings(deadline=None, max_examples=400)
def test_any_bytes_in_any_format_give_rows_or_problems(
    source: bytes, format: str | None, head: bytes
) -> None:
    check_reading(head + source, "", format=format)
    csv_columns(io.BytesIO(head + source))
    check_reading(head + source, "", columns={"prompt": "id"})


@given(st.integers(0, 2**32))
@settings(deadline=None, max_examples=60)
def test_any_damage_to_a_parquet_file_gives_rows_or_problems(seed: int) -> None:
    chance = random.Random(seed)
    damaged = bytearray(PARQUET)
    for _ in range(chance.randint(1, 4)):
        damaged[chance.randrange(4, len(damaged))] = chance.randrange(256)
    if chance.random() < 0.3:
        del damaged[chance.randrange(4, len(damaged)) :]
    check_reading(bytes(damaged), "")


def check_reading(source: bytes, filename: str, **asked: Any) -> None:
    reading = read(source, filename, **asked)
    assert reading.rows or reading.errors
    for problem in reading.errors:
        # items have no lines, and UTF-16 has no single byte for the end of one
        assert 1 <= problem.line <= source.count(b"\n" if problem.unit == "line" else b"") + 1
        assert problem.message
        assert problem.fix
        str(problem).encode()
    for row in reading.rows:
        assert row.key
        assert row.messages[-1]["role"] == "user"
        json.dumps([row.key, row.messages, row.tags, row.reference, row.metadata]).encode()


@given(st.binary(max_size=300), st.sampled_from(["", "x.csv", "x.jsonl"]))
@settings(deadline=None, max_examples=300)
def test_any_bytes_give_rows_or_problems(source: bytes, filename: str) -> None:
    check_reading(source, filename)


@given(
    row_lists(),
    st.integers(0, 2**32),
    st.sampled_from([as_jsonl, as_csv, lambda rows: gzip.compress(as_jsonl(rows))]),
)
@settings(deadline=None, max_examples=300)
def test_any_damage_to_a_good_file_gives_rows_or_problems(
    rows: list[dict[str, Any]], seed: int, write: Any
) -> None:
    chance = random.Random(seed)
    damaged = bytearray(write(rows))
    for _ in range(chance.randint(1, 4)):
        place = chance.randrange(len(damaged))
        match chance.randrange(3):
            case 0:
                damaged[place] = chance.randrange(256)
            case 1:
                del damaged[place : place + chance.randint(1, 10)]
            case _:
                damaged[place:place] = chance.choice(
                    [b'"', b"\n", b"\r", b",", b"{", b"\x00", b"\xff", b"\\ud800"]
                )
        damaged = damaged or bytearray(b"x")
    packed = bytes(damaged[:2]) == b"\x1f\x8b"
    if not packed:
        check_reading(bytes(damaged), "")
    else:
        assert read(bytes(damaged)) is not None


@given(
    st.lists(
        st.fixed_dictionaries(
            {}, optional=dict.fromkeys([*COLUMNS, "role", "other"], VALUE | st.lists(VALUE))
        ),
        max_size=4,
    )
)
@settings(deadline=None)
def test_any_json_objects_give_rows_or_problems(rows: list[dict[str, Any]]) -> None:
    check_reading(as_jsonl(rows), "x.jsonl")
