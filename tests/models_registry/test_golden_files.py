from __future__ import annotations

import csv
import gzip
import io
import json
from typing import Any

import pytest

from models_registry.golden_files import UNTAGGED, Row, read
from models_registry.models.golden_set import UNTAGGED as MODEL_UNTAGGED

QUESTION = [{"role": "user", "content": "Where is my parcel?"}]


def as_jsonl(rows: list[dict[str, Any]]) -> bytes:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode()


def problems(source: bytes, filename: str = "") -> list[str]:
    reading = read(source, filename)
    assert reading.errors
    return [str(problem) for problem in reading.errors]


def only_row(row: dict[str, Any]) -> Row:
    reading = read(as_jsonl([row]))
    assert reading.errors == ()
    assert len(reading.rows) == 1
    return reading.rows[0]


def only_problem(row: dict[str, Any]) -> str:
    (problem,) = problems(as_jsonl([row]))
    return problem


# --- what is read ------------------------------------------------------------------------------------------


def test_full_row_is_read() -> None:
    row = {
        "id": "returns-7",
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "Hi"},
            {"role": "assistant", "content": "Hello"},
            {"role": "user", "content": "  I want to return this. "},
        ],
        "tags": ["returns", " sizing "],
        "reference": "30 days.",
        "lang": "EN-gb",
        "metadata": {"kind": "edge", "n": [1, 2.5, None, True]},
    }
    found = only_row(row)
    assert found.key == "returns-7"
    assert list(found.messages) == row["messages"]
    assert found.tags == ("returns", "sizing")
    assert (found.reference, found.lang, found.line) == ("30 days.", "en-GB", 1)
    assert found.metadata == row["metadata"]


def test_prompt_and_system_become_messages() -> None:
    found = only_row({"id": 12, "prompt": "Hi", "system": "Be kind."})
    assert found.key == "12"
    assert found.messages == ({"role": "system", "content": "Be kind."}, {"role": "user", "content": "Hi"})


def test_null_is_as_good_as_absent() -> None:
    found = only_row(
        {"id": "a", "messages": QUESTION, "prompt": None, "tags": None, "lang": None, "metadata": None}
    )
    assert (found.tags, found.lang, found.metadata) == ((), "", {})


def test_unknown_columns_go_into_the_metadata_and_are_counted() -> None:
    rows = [
        {"id": str(n), "messages": QUESTION, "tags": ["x"], "flags": "B" if n else None} for n in range(3)
    ]
    reading = read(as_jsonl(rows))
    assert [row.metadata for row in reading.rows] == [{}, {"flags": "B"}, {"flags": "B"}]
    assert reading.warnings == (
        '2 rows with a column "flags", which is not known here: kept under "metadata".',
    )


@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_byte_order_mark_and_line_ends_do_not_matter(mark: bytes, line_end: str) -> None:
    text = as_jsonl([{"id": "ñ", "messages": QUESTION}, {"id": "b", "messages": QUESTION}])
    reading = read(mark + text.replace(b"\n", line_end.encode()))
    assert [(row.key, row.line) for row in reading.rows] == [("ñ", 1), ("b", 2)]


def test_blank_lines_and_a_missing_last_line_end_are_fine() -> None:
    text = b"\n\n" + as_jsonl([{"id": "a", "messages": QUESTION}]) + b"   \n" + b'{"id":"b","prompt":"Hi"}'
    assert [(row.key, row.line) for row in read(text).rows] == [("a", 3), ("b", 5)]


def test_gzip_is_unpacked() -> None:
    assert len(read(gzip.compress(as_jsonl([{"id": "a", "messages": QUESTION}])), "x").rows) == 1


def test_stream_is_read_as_bytes_are() -> None:
    text = as_jsonl([{"id": "a", "messages": QUESTION}])
    assert read(io.BytesIO(text)) == read(text)


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_spreadsheet_is_read(delimiter: str) -> None:
    cells = [
        ["ID", "Prompt", "Tags", "Lang", "Channel"],
        ["1", 'She said "no", then\nleft; why?', "billing; refunds|x", "es", "chat"],
        ["", "", "", "", ""],
        ["2", "Hi", "", "", ""],
    ]
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter).writerows(cells)
    reading = read(text.getvalue().encode(), "sheet.csv")
    assert reading.errors == ()
    first, second = reading.rows
    assert first.messages[0]["content"] == 'She said "no", then\nleft; why?'
    assert (first.tags, first.lang, first.metadata) == (
        ("billing", "refunds", "x"),
        "es",
        {"Channel": "chat"},
    )
    assert (first.line, second.line, second.tags, second.metadata) == (2, 5, (), {})


def test_line_that_tells_excel_the_delimiter_is_passed_over() -> None:
    reading = read(b"sep=;\r\nid;prompt\r\n1;Hi, you\r\n")
    assert [(row.key, row.line, row.messages[0]["content"]) for row in reading.rows] == [("1", 3, "Hi, you")]


def test_first_broken_line_does_not_make_json_lines_a_csv() -> None:
    text = b"oops\n" + as_jsonl([{"id": "a", "messages": QUESTION}])
    reading = read(text)
    assert len(reading.rows) == 1
    assert reading.errors[0].line == 1


def test_numbers_are_kept_as_both_databases_give_them_back() -> None:
    found = only_row({"id": "a", "messages": QUESTION, "metadata": {"big": 1e17, "zero": -0.0, "half": 0.5}})
    assert json.dumps(found.metadata) == '{"big": 100000000000000000, "zero": 0.0, "half": 0.5}'


# --- what is wrong with a row ------------------------------------------------------------------------------


def test_missing_messages_are_told_as_designed() -> None:
    text = as_jsonl([{"id": str(number), "messages": QUESTION} for number in range(13)]) + b'{"id": "x"}\n'
    assert problems(text) == [
        'line 14: "messages" is missing; '
        'give a list such as [{"role": "user", "content": "…"}], or a "prompt"'
    ]


def user(content: Any = "Hi") -> dict[str, Any]:
    return {"role": "user", "content": content}


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"messages": QUESTION}, '"id" is missing'),
        ({"id": " ", "messages": QUESTION}, '"id" is empty'),
        ({"id": 1.5, "messages": QUESTION}, '"id" is a number; write it as a string'),
        ({"id": True, "messages": QUESTION}, '"id" is true or false'),
        ({"id": "x" * 201, "messages": QUESTION}, '"id" has 201 characters'),
        ({"id": "a\nb", "messages": QUESTION}, '"id" contains a line break'),
        ({"id": "a", "messages": "Hi"}, '"messages" is a string'),
        ({"id": "a", "messages": []}, '"messages" is empty'),
        ({"id": "a", "messages": ["Hi"]}, "message 1 is a string"),
        ({"id": "a", "messages": [{"content": "Hi"}]}, 'message 1 has no "role"'),
        ({"id": "a", "messages": [{"role": "user"}]}, 'message 1 has no "content"'),
        ({"id": "a", "messages": [{"role": "bot", "content": "Hi"}]}, 'message 1 has the role "bot"'),
        ({"id": "a", "messages": [{"role": ["x"], "content": "Hi"}]}, "message 1 has the role ['x']"),
        ({"id": "a", "messages": [user(), {"role": "system", "content": "x"}]}, "may only be the first"),
        (
            {"id": "a", "messages": [{"role": "system", "content": "x"}]},
            "the last message has the role system",
        ),
        (
            {"id": "a", "messages": [user(), user()]},
            "message 2 has the role user where assistant is expected",
        ),
        ({"id": "a", "messages": [{"role": "assistant", "content": "x"}, user()]}, "where user is expected"),
        (
            {"id": "a", "messages": [user(), {"role": "assistant", "content": "x"}]},
            "the last message has the role",
        ),
        ({"id": "a", "messages": [user(" \n")]}, '"content" of message 1 is empty'),
        ({"id": "a", "messages": [user(None)]}, '"content" of message 1 is null'),
        ({"id": "a", "messages": [user([{"type": "text"}])]}, '"content" of message 1 is a list'),
        ({"id": "a", "messages": [user() | {"tool_calls": []}]}, 'message 1 has "tool_calls" beside'),
        ({"id": "a", "messages": [user("a\x00b")]}, "contains a NUL character"),
        ({"id": "a", "messages": QUESTION, "prompt": "Hi"}, 'both "messages" and "prompt"'),
        ({"id": "a", "messages": QUESTION, "system": "Hi"}, '"system" stands beside "messages"'),
        ({"id": "a", "prompt": ""}, '"prompt" is empty; write what the user asks'),
        ({"id": "a", "prompt": 3}, '"prompt" is a number'),
        ({"id": "a", "prompt": "Hi", "system": ["x"]}, '"system" is a list'),
        (
            {"id": "a", "prompt": "Hi", "tags": "billing"},
            '"tags" is a string; give a list such as ["billing"]',
        ),
        ({"id": "a", "prompt": "Hi", "tags": [1]}, "tag 1 is a number"),
        ({"id": "a", "prompt": "Hi", "tags": ["x", " "]}, "tag 2 is empty"),
        ({"id": "a", "prompt": "Hi", "tags": ["x", " x"]}, 'the tag "x" is given twice'),
        ({"id": "a", "prompt": "Hi", "tags": ["x" * 101]}, "has 101 characters"),
        ({"id": "a", "prompt": "Hi", "tags": ["Untagged"]}, "what a row without a tag is called here"),
        ({"id": "a", "prompt": "Hi", "reference": 4}, '"reference" is a number'),
        ({"id": "a", "prompt": "Hi", "lang": "English"}, '"lang" is "English"; write en'),
        ({"id": "a", "prompt": "Hi", "lang": "pt_BR"}, "write pt-BR"),
        ({"id": "a", "prompt": "Hi", "metadata": []}, '"metadata" is a list'),
        ({"id": "a", "prompt": "Hi", "metadata": {"a": {"b": "\x00"}}}, '"metadata" contains a NUL'),
        ({"id": "a", "prompt": "Hi", "metadata": {"a\x00": 1}}, "a NUL character"),
        ({"id": "a", "prompt": "Hi", "metadata": {"a": 2**63}}, "a number that is too large"),
        ({"id": "a", "prompt": "Hi", "kind": 1, "metadata": {"kind": 2}}, 'stands in "metadata" too'),
    ],
)
def test_bad_row_says_what_is_wrong(row: dict[str, Any], said: str) -> None:
    assert said in only_problem(row)


def test_every_error_of_a_row_is_listed() -> None:
    found = problems(as_jsonl([{"id": "", "messages": [], "tags": "x", "lang": "?"}]))
    assert [problem.split(" is ")[0] for problem in found] == [
        'line 1: "id"',
        'line 1: "messages"',
        'line 1: "tags"',
        'line 1: "lang"',
    ]


def test_second_row_with_an_id_names_the_line_of_the_first() -> None:
    rows = [{"id": identifier, "prompt": "Hi"} for identifier in ("a", "7", " a ", 7)]
    assert problems(as_jsonl(rows)) == [
        'line 3: the id "a" was used in line 1 already; give each row an id of its own',
        'line 4: the id "7" was used in line 2 already; give each row an id of its own',
    ]


def test_listing_of_errors_is_cut_and_counted() -> None:
    reading = read(b"{}\n" * 700)
    assert (len(reading.errors), reading.more_errors, reading.error_count) == (1000, 400, 1400)
    assert reading.skipped_rows == 700


def test_name_untagged_is_the_model_s() -> None:
    assert UNTAGGED == MODEL_UNTAGGED
