"""The short way through the checks gives what the long way gives, or leaves the row to it."""

from __future__ import annotations

import io
import json
import tracemalloc
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from models_registry.golden_files import Limits, Row, check_row, common_row, jsonl, open_golden_set, reading
from models_registry.golden_files.source import Unreadable, open_source, raw_lines
from tests.models_registry.test_any_golden_file import VALUE, good_rows

QUESTION = '"messages": [{"role": "user", "content": "Hi"}]'
COMMON = {
    "messages": b'{"id": "a", "messages": [{"role": "user", "content": "Hi"}]}',
    "prompt": b'{"id": "a", "prompt": "Hi"}\r\n',
    "every column": (
        '{"id": " a ", "messages": [{"role": "system", "content": "Be kind."}, {"content": "¿Qué?", "role": "user"},'
        ' {"role": "assistant", "content": "\\ud83d\\ude00"}, {"role": "user", "content": " So\\n"}],'
        ' "tags": ["señas", "b c"], "reference": "a\\nc", "lang": "pt-br",'
        ' "metadata": {"source": "chat", "n": 1, "x": -0.0, "no": null, "yes": true, "id": "b"}}'
    ).encode(),
    "empty columns": b'{"id":"a","prompt":"Hi","tags":[],"reference":" ","lang":"","metadata":{}}',
    "a colon in a text": b'{"id": "a", "prompt": "Say: hi"}',
    "a space before a colon": b'{"id" : "a", "prompt"\t: "Hi"}',
    "another column": b'{"id": "a", "prompt": "Hi", "team": "B"}',
    "a large number": b'{"id": "a", "prompt": "Hi", "metadata": {"a": 1e16}}',
    "a large whole number": b'{"id": "a", "prompt": "Hi", "metadata": {"a": 9223372036854775807}}',
    "a list in the metadata": b'{"id": "a", "prompt": "Hi", "metadata": {"a": [1]}}',
    "metadata in metadata": b'{"id": "a", "prompt": "Hi", "metadata": {"a": {"b": 1}}}',
    "null for the prompt": b'{"id": "a", "prompt": null, "messages": [{"role": "user", "content": "Hi"}]}',
    "null for the messages": b'{"id": "a", "prompt": "Hi", "messages": null}',
    "null for all but the prompt": b'{"id": "a", "prompt": "Hi", "reference": null, "tags": null, "metadata": null}',
    "a null column": b'{"id": "a", "prompt": "Hi", "team": null, "system": null}',
    "metadata as deep as can be": b'{"id": "a", "prompt": "Hi", "metadata": %s1%s}'
    % (b'{"a":' * 32, b"}" * 32),
    "a list as deep as can be": b'{"id": "a", "prompt": "Hi", "metadata": {"a": %s}}'
    % (b"[" * 32 + b"]" * 32),
    "a column as deep as can be": b'{"id": "a", "prompt": "Hi", "team": %s}' % (b"[" * 32 + b"]" * 32),
    "names and colons": b'{"id": "a", "prompt": "so: hi", "metadata": {"a": {"b": [{"c": 1}]}}, "team": {"d": 2}}',
    "a number as id": b'{"id": 7, "prompt": "Hi"}',
    "null for a column": b'{"id": "a", "prompt": "Hi", "tags": null, "lang": null, "metadata": null}',
    "system beside prompt": b'{"id": "a", "prompt": "Hi", "system": "Be kind."}',
}
UNUSUAL = {
    "null for messages and prompt": b'{"id": "a", "prompt": null, "messages": null}',
    "null for the id": b'{"id": null, "prompt": "Hi"}',
    "a number of 201 digits as id": b'{"id": %s, "prompt": "Hi"}' % (b"1" * 201),
    "a fraction as id": b'{"id": 1.5, "prompt": "Hi"}',
    "blank": b" \t\r\n",
    "not an object": b'["id"]',
    "indented": b' {"id": "a", "prompt": "Hi"}',
    "true as id": b'{"id": true, "prompt": "Hi"}',
    "a line break in the id": b'{"id": "a\\nb", "prompt": "Hi"}',
    "a line break after the id": b'{"id": "a\\n", "prompt": "Hi"}',
    "a separator in the id": b'{"id": "a\\u2028b", "prompt": "Hi"}',
    "an empty id": b'{"id": " ", "prompt": "Hi"}',
    "a long id": b'{"id": "%s", "prompt": "Hi"}' % (b"a" * 201),
    "a column that is in the metadata too": b'{"id": "a", "prompt": "Hi", "team": 1, "metadata": {"team": 1}}',
    "NUL in another column": b'{"id": "a", "prompt": "Hi", "team": ["a\\u0000b"]}',
    "NUL in the name of another column": b'{"id": "a", "prompt": "Hi", "te\\u0000am": 1}',
    "a name twice within the metadata": b'{"id": "a", "prompt": "Hi", "metadata": {"a": {"b": 1, "b": 1}}}',
    "a name twice in another column": b'{"id": "a", "prompt": "Hi", "team": [{"b": 1, "b": "so: hi"}]}',
    "metadata too deep": b'{"id": "a", "prompt": "Hi", "metadata": %s1%s}' % (b'{"a":' * 34, b"}" * 34),
    "a list too deep": b'{"id": "a", "prompt": "Hi", "metadata": {"a": %s}}' % (b"[" * 33 + b"]" * 33),
    "a column too deep": b'{"id": "a", "prompt": "Hi", "team": %s}' % (b"[" * 33 + b"]" * 33),
    "a name twice": b'{"id": "a", "prompt": "Hi", "prompt": "Bye"}',
    "a name twice, with a space": b'{"id": "a", "prompt": "Hi", "prompt" : "Bye"}',
    "a name twice, once escaped": b'{"id": "a", "prompt": "Hi", "\\u0070rompt": "Bye"}',
    "a name twice, and a colon escaped": b'{"id": "a", "id": "\\u003a", "prompt": "Hi"}',
    "a name twice in a message": b'{"id": "a", "messages": [{"role": "x", "role": "user", "content": "Hi"}]}',
    "a name twice in the metadata": b'{"id": "a", "prompt": "Hi", "metadata": {"a": 1, "a": 1}}',
    "a name in a text": b'{"id": "a", "prompt": "\\"so\\": hi"}',
    "messages and prompt": f'{{"id": "a", "prompt": "Hi", {QUESTION}}}'.encode(),
    "system beside messages": f'{{"id": "a", {QUESTION}, "system": "Be kind."}}'.encode(),
    "system that is empty": b'{"id": "a", "prompt": "Hi", "system": " "}',
    "system that is a list": b'{"id": "a", "prompt": "Hi", "system": ["Be kind."]}',
    "system without prompt": b'{"id": "a", "system": "Be kind."}',
    "NUL in the system": b'{"id": "a", "prompt": "Hi", "system": "a\\u0000b"}',
    "user turns": b'{"id": "a", "user_turns": ["Hi", "Bye"]}',
    "a prompt that is a list": b'{"id": "a", "prompt": ["Hi"]}',
    "messages that are a string": b'{"id": "a", "messages": "Hi"}',
    "no messages": b'{"id": "a", "messages": []}',
    "messages that are strings": b'{"id": "a", "messages": ["Hi"]}',
    "a system message alone": b'{"id": "a", "messages": [{"role": "system", "content": "Hi"}]}',
    "a system message later": b'{"id": "a", "messages": [{"role": "user", "content": "Hi"}, '
    b'{"role": "system", "content": "x"}, {"role": "assistant", "content": "x"}, {"role": "user", "content": "x"}]}',
    "two users": b'{"id": "a", "messages": [{"role": "user", "content": "Hi"}, {"role": "user", "content": "x"}]}',
    "an answer last": b'{"id": "a", "messages": [{"role": "user", "content": "Hi"}, '
    b'{"role": "assistant", "content": "x"}]}',
    "a role that is a list": b'{"id": "a", "messages": [{"role": ["user"], "content": "Hi"}]}',
    "a name in a message": b'{"id": "a", "messages": [{"role": "user", "content": "Hi", "name": "Ada"}]}',
    "a message without content": b'{"id": "a", "messages": [{"role": "user", "name": "Ada"}]}',
    "an empty content": b'{"id": "a", "messages": [{"role": "user", "content": " \\n"}]}',
    "NUL in a prompt": b'{"id": "a", "prompt": "a\\u0000b"}',
    "NUL in a tag": b'{"id": "a", "prompt": "Hi", "tags": ["a\\u0000b"]}',
    "NUL in a reference": b'{"id": "a", "prompt": "Hi", "reference": "a\\u0000b"}',
    "NUL in the language": b'{"id": "a", "prompt": "Hi", "lang": "en\\u0000"}',
    "NUL in the metadata": b'{"id": "a", "prompt": "Hi", "metadata": {"a": "a\\u0000b"}}',
    "NUL in a name of the metadata": b'{"id": "a", "prompt": "Hi", "metadata": {"a\\u0000": "b"}}',
    "a raw NUL": b'{"id": "a", "prompt": "a\x00b"}',
    "half a pair": b'{"id": "a", "prompt": "\\ud83d"}',
    "half a pair in a name": b'{"id": "a", "prompt": "Hi", "metadata": {"\\ude00": 1}}',
    "halves of a pair apart": b'{"id": "a", "prompt": "\\ud83d \\ude00"}',
    "half a pair in bytes": b'{"id": "a", "prompt": "\xed\xa0\xbd"}',
    "half a pair in the bytes of a name": b'{"id": "a", "prompt": "Hi", "metadata": {"\xed\xa0\xbd": 1}}',
    "an overlong character": b'{"id": "a", "prompt": "\xc0\x80"}',
    "beyond Unicode": b'{"id": "a", "prompt": "\xf4\x90\x80\x80"}',
    "latin-1": b'{"id": "a", "prompt": "Se\xf1or"}',
    "latin-1 in a name": b'{"id": "a", "prompt": "Hi", "metadata": {"se\xf1or": 1}}',
    "latin-1 after the row": b'{"id": "a", "prompt": "Hi"}\xa0',
    "a form feed after the row": b'{"id": "a", "prompt": "Hi"}\x0c',
    "tags that are a string": b'{"id": "a", "prompt": "Hi", "tags": "x"}',
    "a number as tag": b'{"id": "a", "prompt": "Hi", "tags": [1]}',
    "a tag twice": b'{"id": "a", "prompt": "Hi", "tags": ["x", "x"]}',
    "a tag with spaces": b'{"id": "a", "prompt": "Hi", "tags": [" x "]}',
    "an empty tag": b'{"id": "a", "prompt": "Hi", "tags": [""]}',
    "a long tag": b'{"id": "a", "prompt": "Hi", "tags": ["%s"]}' % (b"x" * 101),
    "a tag called untagged": b'{"id": "a", "prompt": "Hi", "tags": ["UnTagged"]}',
    "a reference that is a list": b'{"id": "a", "prompt": "Hi", "reference": []}',
    "a language with an underscore": b'{"id": "a", "prompt": "Hi", "lang": "pt_BR"}',
    "a long language": b'{"id": "a", "prompt": "Hi", "lang": "en%s"}' % (b"-abcdefgh" * 4),
    "false as language": b'{"id": "a", "prompt": "Hi", "lang": false}',
    "metadata that is a list": b'{"id": "a", "prompt": "Hi", "metadata": []}',
    "NaN": b'{"id": "a", "prompt": "Hi", "metadata": {"a": NaN}}',
    "too large a number": b'{"id": "a", "prompt": "Hi", "metadata": {"a": 9223372036854775808}}',
    "a number out of range": b'{"id": "a", "prompt": "Hi", "metadata": {"a": 1e999}}',
    "two rows": b'{"id": "a", "prompt": "Hi"}{"id": "b", "prompt": "Hi"}',
    "cut off": b'{"id": "a", "prompt": "Hi',
}


def found(source: bytes, limits: Limits | None = None, format: str | None = "jsonl") -> list[str]:
    """The rows, problems and warnings to the letter: 1 is not 1.0, nor is -0.0 the same as 0.0."""
    opened = open_golden_set(io.BytesIO(source), "x.jsonl", format=format, limits=limits)
    return [*map(repr, opened.rows), *opened.warnings]


def found_the_long_way(
    source: bytes, limits: Limits | None = None, format: str | None = "jsonl"
) -> list[str]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(jsonl, "_common_row", lambda number, raw: None)
        patch.setattr(reading, "common_row", lambda line, raw: None)
        return found(source, limits, format)


def goes_the_short_way(line: bytes, limits: Limits | None = None) -> bool:
    limits = limits or Limits()
    lines = raw_lines(open_source(io.BytesIO(line), limits), limits)
    try:
        return any(isinstance(item, tuple) and isinstance(item[0], Row) for item in jsonl.rows(lines, limits))
    except Unreadable:
        return False


@pytest.mark.parametrize("name", COMMON)
def test_common_row_goes_the_short_way(name: str) -> None:
    assert goes_the_short_way(COMMON[name])
    assert found(COMMON[name]) == found_the_long_way(COMMON[name])
    assert found(COMMON[name])[0].startswith("Row(line=1, key='")


@pytest.mark.parametrize("name", UNUSUAL)
def test_unusual_row_goes_the_long_way(name: str) -> None:
    for line in (UNUSUAL[name], UNUSUAL[name] + b"\r\n" + COMMON["prompt"]):
        assert found(line) == found_the_long_way(line)
    assert not goes_the_short_way(UNUSUAL[name])


@pytest.mark.parametrize("depth", [1, 2, 3, 4, 33, 34])
@pytest.mark.parametrize("name", COMMON)
def test_short_way_goes_no_deeper_than_the_limit(name: str, depth: int) -> None:
    limits = Limits(json_depth=depth)
    assert found(COMMON[name], limits) == found_the_long_way(COMMON[name], limits)
    assert goes_the_short_way(COMMON[name], limits) == (depth >= common_row.DEPTH)


@pytest.mark.parametrize("limits", [Limits(rows=2), Limits(row_bytes=30), Limits(rows=1, row_bytes=30)])
def test_short_way_keeps_the_limits(limits: Limits) -> None:
    source = b'{"id": "a", "prompt": "Hi"}\n{"id": "b", "prompt": "longer"}\n{"id": "c", "prompt": "Hi"}\n'
    assert found(source, limits) == found_the_long_way(source, limits)


@pytest.mark.parametrize("length", [1, 13, 14, 15, 16, 17, 200])
def test_id_of_any_length_is_known_again(length: int) -> None:
    ids = ["a" * length, "b" * length, "ñ" * length, "a" * length, "ñ" * length]
    source = "".join(json.dumps({"id": key, "prompt": "Hi"}) + "\n" for key in ids).encode()
    assert [item[:3] for item in found(source)[:5]] == ["Row", "Row", "Row", "Pro", "Pro"]
    assert "line=4" in found(source)[3]
    assert "in line 1 already" in found(source)[3]


def test_long_ids_take_no_more_memory_than_short_ones() -> None:
    kept = []
    for length in (6, 200):
        lines = (json.dumps({"id": f"{number:0{length}}", "prompt": "Hi"}) for number in range(5000))
        source = io.BytesIO("\n".join(lines).encode())
        tracemalloc.start()
        rows = open_golden_set(source, format="jsonl").rows
        for row in rows:
            if isinstance(row, Row) and row.line == 5000:
                kept.append(tracemalloc.get_traced_memory()[0])
        tracemalloc.stop()
    # the head of the file is kept too, whatever its ids
    assert kept[1] - kept[0] < 256 * 1024 + 5000 * 20


# --- any rows ----------------------------------------------------------------------------------------------

TEXTS = st.sampled_from(
    [
        "Hi",
        "a: b",
        '": ',
        '"a" :',
        " ",
        "",
        "\x00",
        "a\nb",
        "\u2028",
        "ñ",
        "😀",
        "untagged",
        "en",
        "pt-br",
        "x" * 101,
    ]
)
SCALARS = TEXTS | st.sampled_from([None, True, 0, -0.0, 1, 2**63 - 1, 2**63, 1e15, 1e16, 1e300, -1e15, 0.1])
ANYTHING = SCALARS | st.lists(SCALARS, max_size=2) | st.dictionaries(TEXTS, SCALARS, max_size=2) | VALUE
MESSAGES = st.lists(
    st.fixed_dictionaries(
        {"role": st.sampled_from(["system", "user", "assistant"]) | SCALARS, "content": TEXTS | SCALARS},
        optional={"name": SCALARS},
    ),
    max_size=3,
)
NEARLY_COMMON = st.fixed_dictionaries(
    {"id": TEXTS | SCALARS},
    optional={
        "messages": MESSAGES | ANYTHING,
        "prompt": TEXTS | SCALARS,
        "system": TEXTS | SCALARS,
        "user_turns": st.lists(TEXTS, max_size=2),
        "tags": st.lists(TEXTS, max_size=3) | ANYTHING,
        "reference": TEXTS | ANYTHING,
        "lang": TEXTS | ANYTHING,
        "metadata": st.dictionaries(TEXTS, ANYTHING, max_size=3) | ANYTHING,
        "other": ANYTHING,
    },
)
ONE_COLUMN_CHANGED = st.builds(
    lambda row, name, value: {"id": "a"} | row | {name: value},
    good_rows(),
    st.sampled_from(["id", "prompt", "messages", "tags", "reference", "lang", "metadata", "other"]),
    ANYTHING,
)
ROWS = good_rows().map(lambda row: {"id": "a"} | row) | NEARLY_COMMON | ONE_COLUMN_CHANGED


@given(ROWS)
@settings(deadline=None, max_examples=400)
def test_short_way_gives_no_row_that_the_long_way_does_not(raw: dict[str, Any]) -> None:
    before = repr(raw)
    row = common_row.common_row(3, raw)
    assert row is None or repr(row) == repr(check_row(3, raw))
    assert repr(raw) == before


@given(good_rows())
@settings(deadline=None)
def test_good_rows_go_the_short_way_but_for_rare_ones(raw: dict[str, Any]) -> None:
    raw |= {"id": "a", "metadata": {"source": "chat"}}
    # a no-break space is no control character, and not printable
    raw["tags"] = [tag for tag in raw["tags"] if tag.isprintable()]
    assert common_row.common_row(1, raw)


@st.composite
def texts_of(draw: st.DrawFn, value: Any) -> str:
    """A JSON text of the value, not always the plainest: names twice, spaces, escapes."""
    if isinstance(value, dict):
        members = []
        for name, inner in value.items():
            colon = draw(st.sampled_from([":", ": ", ": ", " :", "\t: "]))
            members.append(draw(texts_of(name)) + colon + draw(texts_of(inner)))
            if draw(st.integers(0, 19)) == 0:
                members.append(
                    draw(texts_of(name)) + colon + draw(st.sampled_from(['"a"', '"\\u003a"', "1"]))
                )
        return "{" + ", ".join(members) + "}"
    if isinstance(value, list):
        return "[" + ",".join(draw(texts_of(inner)) for inner in value) + "]"
    text = json.dumps(value, ensure_ascii=draw(st.booleans()))
    if isinstance(value, str) and draw(st.integers(0, 9)) == 0:
        return text.replace(":", "\\u003a").replace("e", "\\u0065")
    return text


@given(
    st.lists(ROWS.flatmap(texts_of), min_size=1, max_size=3),
    st.lists(
        st.tuples(
            st.integers(0, 10_000),
            st.sampled_from(
                [
                    b"",
                    b'"',
                    b":",
                    b'":',
                    b"\n",
                    b" ",
                    b"{",
                    b"[",
                    b"\x00",
                    b"\xff",
                    b"\xed\xa0\xbd",
                    b"\\ud800",
                    b"\\u0000",
                ]
            ),
        ),
        max_size=2,
    ),
    st.sampled_from(["jsonl", None]),
)
@settings(deadline=None, max_examples=600)
def test_any_file_reads_the_same_on_both_ways(
    texts: list[str], damage: list[tuple[int, bytes]], format: str | None
) -> None:
    source = "\n".join(texts).encode("utf-8", "replace")
    for place, what in damage:
        place %= len(source)
        source = source[:place] + what + source[place + (not what) :]
    assert found(source, format=format) == found_the_long_way(source, format=format)


@given(st.lists(ROWS, min_size=1, max_size=3))
@settings(deadline=None, max_examples=100)
@example([{"id": None, "prompt": "Hi"}, {"prompt": "Hi"}])
def test_any_array_reads_the_same_on_both_ways(rows: list[dict[str, Any]]) -> None:
    source = json.dumps(rows).encode()
    assert found(source, format="json") == found_the_long_way(source, format="json")
