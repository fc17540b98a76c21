"""A good file of each format that is read, damaged anywhere: rows or problems with a line, never a traceback."""

from __future__ import annotations

import gzip
import json
import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models_registry.golden_files import FORMATS, read, write
from tests.models_registry.test_any_golden_file import check_reading
from tests.models_registry.test_golden_formats import ANSWER, ROWS, SYSTEM, USER, as_lines

SAID = [SYSTEM, USER]
COMPARED = {
    "input_text": "Hi",
    "tags": ["chat"],
    "output_text_a": "A",
    "score": 0.5,
    "custom_fields": {"a": [1]},
}
TOOLS = [{"type": "function", "function": {"name": "track"}}]
PREFERRED = {
    "input": {"messages": SAID, "tools": [], "parallel_tool_calls": True},
    "preferred_output": [ANSWER],
    "non_preferred_output": [ANSWER],
}
INSTRUCTED = {"instruction": "Hi", "input": "You", "dataset": "koala", "output": "Yes"}
ARRAY = json.dumps(json.loads(b"[%s]" % b",".join(b"".join(write(ROWS, "jsonl")).splitlines())), indent=1)

GOOD: dict[str, bytes] = {
    "jsonl": b"".join(write(ROWS, "jsonl")),
    "json": ARRAY.encode(),
    "csv": b"".join(write(ROWS, "csv")),
    "parquet": b"".join(write(ROWS, "parquet")),
    "openai_preference": as_lines(PREFERRED, PREFERRED | {"id": "b"}),
    "llm_comparator": json.dumps(
        {"metadata": {}, "models": [{"name": "a"}], "examples": [COMPARED]}
    ).encode(),
    "mt_bench": as_lines(
        {"question_id": 1, "category": "math", "turns": ["1+1?", "Twice?"], "reference": ["2", "4"]}
    ),
    "arena_hard": as_lines({"uid": "x", "category": "a", "cluster": "SQL", "turns": [{"content": "Hi"}]}),
    "alpaca_eval": json.dumps([INSTRUCTED, INSTRUCTED | {"instruction": "Bye"}]).encode(),
    "trl": as_lines({"prompt": SAID, "chosen": [ANSWER], "rejected": [ANSWER], "tools": TOOLS}),
    "openai_chat": as_lines({"messages": [*SAID, ANSWER | {"weight": 1}], "tools": TOOLS}),
}
PUT_IN = (
    b'"',
    b"\n",
    b"\r",
    b",",
    b"{",
    b"}",
    b"[",
    b":",
    b"null",
    b"\x00",
    b"\xff",
    b"\\ud800",
    b"1e999",
    b"NaN",
)


def damaged(source: bytes, seed: int) -> bytes:
    chance = random.Random(seed)
    found = bytearray(source)
    for _ in range(chance.randint(1, 4)):
        place = chance.randrange(len(found) or 1)
        match chance.randrange(4):
            case 0:
                found[place : place + 1] = bytes([chance.randrange(256)])
            case 1:
                del found[place : place + chance.randint(1, 10)]
            case 2:
                found[place:place] = found[chance.randrange(len(found) or 1) :][:20]
            case _:
                found[place:place] = chance.choice(PUT_IN)
    if chance.random() < 0.2:
        del found[chance.randrange(len(found) or 1) :]
    return bytes(found)


@pytest.mark.parametrize("format", FORMATS)
def test_good_file_is_good(format: str) -> None:
    reading = read(GOOD[format])
    assert reading.errors == ()
    assert reading.format == format


@pytest.mark.parametrize("asked", [False, True], ids=["told by content", "asked for"])
@pytest.mark.parametrize("format", FORMATS)
def test_any_damage_gives_rows_or_problems(format: str, asked: bool) -> None:
    @given(st.integers(0, 2**32))
    @settings(deadline=None, max_examples=25 if format == "parquet" else 60)
    def told(seed: int) -> None:
        options: dict[str, Any] = {"format": format} if asked else {}
        check_reading(damaged(GOOD[format], seed), "", **options)

    told()


@given(st.sampled_from(FORMATS), st.integers(0, 2**32))
@settings(deadline=None, max_examples=100)
def test_any_damage_to_a_packed_file_gives_rows_or_problems(format: str, seed: int) -> None:
    reading = read(damaged(gzip.compress(GOOD[format], mtime=0), seed))
    assert reading.rows or reading.errors
    for problem in reading.errors:
        assert problem.message
        assert problem.fix
