"""Each format that a golden set comes in or goes out in: what is read, and that it survives."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import duckdb
import pytest

from models_registry.actions.golden_sets import rows_sha256
from models_registry.golden_files import (
    WRITTEN_FORMATS,
    Problem,
    Row,
    Unwritable,
    derived_id,
    open_golden_set,
    read,
    write,
)

USER = {"role": "user", "content": "Where is my parcel?"}
SYSTEM = {"role": "system", "content": "Be brief."}
ANSWER = {"role": "assistant", "content": "On its way."}

ROWS = (
    Row(1, "a", (USER,), ("returns", "a; b"), "=1+1", "en-GB", {"n": [1, 2.5, None, True], "s": {"x": "é"}}),
    Row(2, "-2", (SYSTEM, USER), ("[x",), "'=x", "", {}),
    Row(
        3,
        "'-3",
        (SYSTEM, USER, ANSWER, {"role": "user", "content": "'@you\r\nsaid so\t"}),
        (),
        "Yes.",
        "es",
        {},
    ),
    Row(4, "+4", (SYSTEM, USER, {"role": "user", "content": "And now?"}), ("billing", "refunds"), "", "", {}),
    Row(5, "5", ({"role": "user", "content": "\t=cmd"}, {"role": "user", "content": "\r-"}), (), "", "", {}),
)


def written(rows: Any, format: str) -> bytes:
    return b"".join(write(rows, format))


def as_lines(*rows: Any) -> bytes:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode()


def only_row(source: bytes, format: str) -> Row:
    reading = read(source)
    assert reading.errors == ()
    assert reading.format == format
    (row,) = reading.rows
    return row


# --- out, and in again -------------------------------------------------------------------------------------


@pytest.mark.parametrize("format", ["jsonl", "csv", "parquet"])
def test_export_and_import_give_the_same_sha256(format: str) -> None:
    reading = read(written(ROWS, format))
    assert reading.errors == ()
    assert reading.format == format
    assert rows_sha256(reading.rows) == rows_sha256(ROWS)


def test_openai_chat_gives_the_same_sha256_for_what_it_can_tell() -> None:
    left_out: list[Problem] = []
    reading = read(b"".join(write(ROWS, "openai_chat", left_out.append)))
    assert reading.format == "openai_chat"
    assert rows_sha256(reading.rows) == rows_sha256(ROWS[:3])
    assert [problem.line for problem in left_out] == [4, 5]
    with pytest.raises(Unwritable, match="the conversation is replayed"):
        written(ROWS, "openai_chat")


@pytest.mark.parametrize("format", WRITTEN_FORMATS)
def test_no_rows_are_written_and_read_as_none(format: str) -> None:
    assert [str(problem) for problem in read(written([], format)).errors] == [
        "line 1: the file holds no rows; write one row a line; see the example on the upload page"
    ]


def test_no_cell_of_a_written_csv_begins_as_a_formula_does() -> None:
    text = written(ROWS, "csv").decode("utf-8-sig")
    for cell in text.replace("\r\n", ",").replace('"', "").split(","):
        assert not cell.startswith(("=", "+", "-", "@", "\t", "\r"))
    assert "'-2," in text
    assert "''=x," in text
    assert "returns" in text


def test_apostrophes_taken_from_cells_are_told_unless_the_file_is_our_own() -> None:
    ours = written(ROWS, "csv")
    assert read(ours).warnings == ()
    # the "sep" of a spreadsheet, one that was saved without its mark, and one with columns of its own
    for theirs in (b"sep=,\r\n" + ours[3:], ours[3:], ours.replace(b"id,system", b"system,id")):
        (warning,) = [one for one in read(theirs).warnings if "apostrophe" in one]
        assert warning == (
            "5 cells with an apostrophe before = + - or @: read without it; write two to keep one."
        )
    (row,) = read(b"id,prompt\na,''=1\n").rows
    assert row.messages[0]["content"] == "'=1"
    assert not read(b"id,prompt\na,'Hi' = hi\n").warnings


def test_name_of_a_format_that_is_unknown_is_refused() -> None:
    with pytest.raises(ValueError, match="give one of jsonl, csv"):
        write(ROWS, "xlsx")
    with pytest.raises(ValueError, match="is no format known here"):
        open_golden_set(io.BytesIO(b"{}"), format="xlsx")


# --- what is read of each format ---------------------------------------------------------------------------


def test_replayed_conversation_is_read() -> None:
    row = {"id": "a", "system": "Be brief.", "user_turns": ["Where is my parcel?", "And now?"]}
    assert only_row(as_lines(row), "jsonl").messages == (
        SYSTEM,
        USER,
        {"role": "user", "content": "And now?"},
    )
    both = {"id": "a", "messages": [SYSTEM, USER], "user_turns": ["Where is my parcel?", "And now?"]}
    assert only_row(as_lines(both), "jsonl").messages == only_row(as_lines(row), "jsonl").messages


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"user_turns": []}, '"user_turns" is empty'),
        ({"user_turns": "Hi"}, '"user_turns" is a string; give a list'),
        ({"user_turns": ["Hi", " "]}, "turn 2 of the user is empty"),
        ({"user_turns": ["Hi"], "prompt": "Hi"}, 'both "user_turns" and "prompt"'),
        ({"user_turns": ["Hi"], "messages": [USER]}, "different conversations"),
        ({"messages": [USER, USER]}, "message 2 has the role user where assistant is expected"),
    ],
)
def test_replayed_conversation_that_is_wrong_is_told(row: dict[str, Any], said: str) -> None:
    (problem,) = read(as_lines({"id": "a"} | row)).errors
    assert said in str(problem)


def test_json_array_is_read() -> None:
    reading = read(
        json.dumps([{"id": 1, "prompt": ']}\\"'}, 3, {"id": 2, "prompt": "Hi"}], indent=1).encode()
    )
    assert reading.format == "json"
    assert [(row.line, row.key) for row in reading.rows] == [(1, "1"), (3, "2")]
    assert [str(problem).split(";")[0] for problem in reading.errors] == ["item 2: the row is a number"]


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-8-sig"])
@pytest.mark.parametrize("format", ["jsonl", "csv"])
def test_encoding_with_a_mark_is_read(encoding: str, format: str) -> None:
    text = written(ROWS, format).decode("utf-8-sig")
    mark = "\ufeff" if encoding.endswith("e") and encoding != "utf-16" else ""
    assert rows_sha256(read((mark + text).encode(encoding)).rows) == rows_sha256(ROWS)


def test_openai_chat_is_read() -> None:
    tools = [{"type": "function", "function": {"name": "track"}}]
    messages = [
        {"role": "developer", "content": "Be brief."},
        {
            "role": "user",
            "content": [{"type": "text", "text": "Where is "}, {"type": "text", "text": "my parcel?"}],
        },
        ANSWER | {"weight": 0},
        USER,
        ANSWER | {"weight": 1},
    ]
    row = only_row(
        as_lines({"messages": messages, "tools": tools, "parallel_tool_calls": False}), "openai_chat"
    )
    assert row.messages == (SYSTEM, USER, ANSWER, USER)
    assert row.reference == "On its way."
    assert row.key == derived_id(row.messages)
    assert row.metadata == {"weights": [0, 1], "tools": tools, "parallel_tool_calls": False}


def test_answer_of_weight_0_is_no_reference() -> None:
    row = only_row(as_lines({"messages": [USER, ANSWER | {"weight": 0}]}), "openai_chat")
    assert (row.reference, row.metadata) == ("", {"weights": [0], "answer_of_weight_0": "On its way."})


def test_call_of_a_tool_at_the_end_is_kept() -> None:
    calls = [{"id": "1", "type": "function", "function": {"name": "track", "arguments": "{}"}}]
    row = only_row(as_lines({"messages": [USER, {"role": "assistant", "tool_calls": calls}]}), "openai_chat")
    assert (row.messages, row.reference, row.metadata) == ((USER,), "", {"tool_calls": calls})


def test_openai_preference_is_read() -> None:
    given = {
        "input": {"messages": [USER], "tools": [], "parallel_tool_calls": True},
        "preferred_output": [ANSWER],
        "non_preferred_output": [{"role": "assistant", "content": "No idea."}],
    }
    row = only_row(as_lines(given), "openai_preference")
    assert (row.messages, row.reference) == ((USER,), "On its way.")
    assert row.metadata == {"tools": [], "parallel_tool_calls": True, "non_preferred_output": "No idea."}


REJECTED = [{"role": "assistant", "content": "No idea."}]


@pytest.mark.parametrize(
    ("given", "reference", "metadata"),
    [
        ({"prompt": [USER]}, "", {}),
        ({"prompt": [USER], "completion": [ANSWER]}, "On its way.", {}),
        (
            {"prompt": [USER], "chosen": [ANSWER], "rejected": REJECTED},
            "On its way.",
            {"rejected": "No idea."},
        ),
        ({"chosen": [USER, ANSWER], "rejected": [USER, *REJECTED]}, "On its way.", {"rejected": "No idea."}),
        (
            {"prompt": [USER], "completion": [ANSWER], "label": False},
            "",
            {"completion": "On its way.", "label": False},
        ),
        ({"prompt": "Where is my parcel?", "completion": "On its way."}, "On its way.", {}),
    ],
)
def test_trl_is_read(given: dict[str, Any], reference: str, metadata: dict[str, Any]) -> None:
    row = only_row(as_lines(given), "trl")
    assert (row.messages, row.reference, row.metadata) == ((USER,), reference, metadata)


def test_alpaca_eval_is_read() -> None:
    evaluated = {"instruction": "Say hi.", "dataset": "koala", "output": "Hi", "generator": "some-model"}
    trained = {"instruction": "Translate.", "input": "Hola", "output": "Hello"}
    reading = read(json.dumps([evaluated, trained]).encode())
    assert reading.format == "alpaca_eval"
    first, second = reading.rows
    assert (first.messages[0]["content"], first.tags, first.reference) == ("Say hi.", ("koala",), "")
    assert (second.messages[0]["content"], second.tags, second.reference) == (
        "Translate.\n\nHola",
        (),
        "Hello",
    )
    assert reading.warnings == (
        "2 rows without an id: given one made of the sha256 of the prompt.",
        '1 row with "generator": left out, being no part of a prompt.',
    )


def test_mt_bench_is_read() -> None:
    given = {
        "question_id": 81,
        "category": "math",
        "turns": ["1+1?", "And twice that?"],
        "reference": ["2", "4"],
    }
    row = only_row(as_lines(given), "mt_bench")
    assert [message["role"] for message in row.messages] == ["user", "user"]
    assert (row.key, row.tags, row.reference) == ("81", ("math",), "4")
    assert row.metadata == {"reference_turns": ["2", "4"]}
    assert rows_sha256(read(written([row], "jsonl")).rows) == rows_sha256([row])


@pytest.mark.parametrize(
    ("given", "key", "tags", "turns"),
    [
        ({"uid": "x1", "category": "arena-hard-v0.1", "cluster": "SQL", "prompt": "Hi"}, "x1", ("SQL",), 1),
        (
            {"uid": "x2", "category": "hard_prompt", "subcategory": "code", "prompt": "Hi"},
            "x2",
            ("code", "hard_prompt"),
            1,
        ),
        (
            {"question_id": "x3", "cluster": "SQL", "turns": [{"content": "Hi"}, {"content": "You"}]},
            "x3",
            ("SQL",),
            2,
        ),
    ],
)
def test_arena_hard_is_read(given: dict[str, Any], key: str, tags: tuple[str, ...], turns: int) -> None:
    row = only_row(as_lines(given), "arena_hard")
    assert (row.key, row.tags, len(row.messages)) == (key, tags, turns)


@pytest.mark.parametrize("indent", [None, 2])
def test_llm_comparator_is_read(indent: int | None) -> None:
    example = {"input_text": "Hi", "tags": ["chat"], "output_text_a": "A", "output_text_b": "B", "score": 0.5}
    given = {"metadata": {"examples": [1]}, "models": [{"name": "a"}], "examples": [example], "more": [{}]}
    row = only_row(json.dumps(given, indent=indent).encode(), "llm_comparator")
    assert (row.messages[0]["content"], row.tags, row.metadata) == ("Hi", ("chat",), {})


def test_parquet_of_another_tool_is_read(tmp_path: Path) -> None:
    path = tmp_path / "rows.parquet"
    with duckdb.connect() as database:
        database.execute(
            "COPY (SELECT [{'role': 'user', 'content': 'Where is my parcel?'}] AS prompt, "
            "[{'role': 'assistant', 'content': 'On its way.'}] AS chosen, 'No idea.' AS rejected, "
            f"date '2026-01-31' AS day, 1.50::DECIMAL(9, 2) AS price) TO '{path}' (FORMAT parquet)"
        )
    row = only_row(path.read_bytes(), "trl")
    assert (row.messages, row.reference) == ((USER,), "On its way.")
    assert row.metadata == {"rejected": "No idea.", "day": "2026-01-31", "price": 1.5}


def test_rows_with_the_same_prompt_and_no_ids_are_told() -> None:
    (problem,) = read(as_lines(*[{"messages": [USER, ANSWER]}] * 2)).errors
    assert str(problem).startswith("line 2: the prompt is the same as in line 1; remove one of the two")


def test_format_that_is_asked_for_wins() -> None:
    source = as_lines({"id": "a", "messages": [USER, ANSWER]})
    assert read(source).errors
    assert read(source, format="openai_chat").rows[0].reference == "On its way."


# --- files of others ---------------------------------------------------------------------------------------


PROMPT_FILES = [
    "alpaca_eval/items.jsonl.gz",
    "arena_hard_v0.1/items.jsonl.gz",
    "banking_en/banking77.jsonl",
    "banking_en/nlupp_banking_multilabel.jsonl",
    "intents_en_es/en.jsonl",
    "intents_en_es/es.jsonl",
    "llm_comparator/example_tiny.json",
    "mt_bench/items.jsonl",
    "raw_formats/alpaca_eval_annotations.json",
    "raw_formats/alpaca_eval_model_outputs.json",
    "raw_formats/arena_hard_question.jsonl",
    "raw_formats/fastchat_question.jsonl",
    "support_bitext/items.jsonl",
    "vicuna80/items.jsonl",
]


@pytest.mark.shared_data
@pytest.mark.parametrize("name", PROMPT_FILES)
def test_file_of_the_shared_data_imports_and_exports_again(name: str, shared_data: Path) -> None:
    with (shared_data / name).open("rb") as stream:
        reading = read(stream, name)
    assert reading.errors == ()
    sha256 = rows_sha256(reading.rows)
    for format in ("jsonl", "csv", "parquet"):
        assert rows_sha256(read(written(reading.rows, format)).rows) == sha256
    learnable = [
        row
        for row in reading.rows
        if row.reference and sum(message["role"] == "user" for message in row.messages) == 1
    ]
    if learnable:
        assert rows_sha256(read(written(learnable, "openai_chat")).rows) == rows_sha256(learnable)
