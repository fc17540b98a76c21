"""What changed between two texts and between two rows with the same key."""

from __future__ import annotations

import random
import time
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models_registry.differences import Segment, TurnChange, ValueChange, row_change, word_difference
from models_registry.golden_files import Row

LEAST = random.Random(7)
LONG = " ".join(f"word{LEAST.randrange(2000)}{'.' if not index % 9 else ''}" for index in range(2600))


def told(before: str, after: str) -> str:
    signs = {"equal": "{}", "removed": "[-{}-]", "added": "{{+{}+}}"}
    return "".join(signs[segment.kind].format(segment.text) for segment in word_difference(before, after))


def row(**fields: Any) -> Row:
    said = fields.pop("said", ["Where is my refund?"])
    roles = ["user", "assistant"]
    turns = tuple({"role": roles[number % 2], "content": text} for number, text in enumerate(said))
    return Row(line=1, key="a", messages=fields.pop("messages", turns), **fields)


def check_rebuilds(before: str, after: str) -> None:
    segments = word_difference(before, after)
    assert "".join(segment.text for segment in segments if segment.kind != "added") == before
    assert "".join(segment.text for segment in segments if segment.kind != "removed") == after
    assert all(segment.text for segment in segments)
    assert all(one.kind != other.kind for one, other in pairwise(segments))


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ("", "", ""),
        ("Hello", "Hello", "Hello"),
        ("", "New", "{+New+}"),
        ("Old", "", "[-Old-]"),
        ("Where is my refund?", "Where is my full refund?", "Where is my {+full +}refund?"),
        ("Within 30 days.", "Within 14 days.", "Within [-30-]{+14+} days."),
        ("¿Dónde está el niño?", "¿Dónde está la niña?", "¿Dónde está [-el niño-]{+la niña+}?"),
        ("No refund.", "No refund. We are sorry.", "No refund.{+ We are sorry.+}"),
        ("No, sorry. No refund, ever.", "No refund, ever.", "No[-, sorry. No-] refund, ever."),
        ("Yes. Done. Bye", "Yes. Bye", "Yes. [-Done. -]Bye"),
        ("One.\n\nTwo.", "One.\nTwo.", "One.[-\n\n-]{+\n+}Two."),
        ("a cat sat", "it was raining all day", "[-a cat sat-]{+it was raining all day+}"),
    ],
)
def test_difference_names_the_words(before: str, after: str, expected: str) -> None:
    assert told(before, after) == expected


@given(st.text("ab .\n", max_size=60), st.text("ab .\n", max_size=60))
def test_segments_rebuild_both_texts(before: str, after: str) -> None:
    check_rebuilds(before, after)


def test_line_break_that_came_or_went_is_shown_by_a_sign() -> None:
    assert Segment("removed", "a\nb").shown == "a↵\nb"
    assert Segment("equal", "a\nb").shown == "a\nb"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (LONG, LONG.replace("word1", "changed1")),
        (LONG, " ".join(reversed(LONG.split(" ")))),
        ("a b " * 5000, "b a a " * 3300),
        (",".join(str(number) for number in range(3500)), ",".join(str(-number) for number in range(3500))),
        ("x" * 20_000, "y" * 20_000),
        ("\n" * 20_000, " \n" * 10_000),
        ("你好世界" * 5000, "你好世间" * 5000),
    ],
    ids=["changes", "turned round", "two words", "numbers", "one word", "line breaks", "no spaces"],
)
def test_pair_of_20_kb_takes_no_noticeable_time(before: str, after: str) -> None:
    started = time.process_time()
    check_rebuilds(before, after)
    assert time.process_time() - started < 1  # 0.1 where nothing else runs


def test_few_changes_in_a_long_text_are_still_told_by_the_word() -> None:
    words = LONG.split(" ")
    for place in (10, 1300, 2590):
        words[place] = "another."
    segments = word_difference(LONG, " ".join(words))
    assert sum(len(segment.text) for segment in segments if segment.kind == "added") < 200


def test_rows_that_are_equal_have_no_change() -> None:
    change = row_change(row(metadata={"a": 1, "b": [2]}), row(metadata={"b": [2], "a": 1}))
    assert not change.content_changed
    assert change.tags is None


def test_each_message_is_compared_with_its_counterpart() -> None:
    before = row(said=["Where is my refund?", "It takes a week.", "Still nothing."])
    after = row(said=["Where is my refund?", "It takes two weeks.", "Still nothing."])
    turns = row_change(before, after).turns
    assert [(turn.role, turn.kind) for turn in turns] == [
        ("user", "equal"),
        ("assistant", "changed"),
        ("user", "equal"),
    ]


def test_messages_that_came_and_went_stand_whole() -> None:
    system = {"role": "system", "content": "Be kind."}
    question = {"role": "user", "content": "Where is it?"}
    change = row_change(row(messages=(question,)), row(messages=(system, question)))
    assert change.turns == (
        TurnChange("system", (Segment("added", "Be kind."),)),
        TurnChange("user", (Segment("equal", "Where is it?"),)),
    )
    back = row_change(row(messages=(system, question)), row(messages=({**question, "content": "Where?"},)))
    assert [(turn.role, turn.kind) for turn in back.turns] == [("system", "removed"), ("user", "changed")]


def test_language_and_metadata_are_told_by_name() -> None:
    change = row_change(
        row(lang="en", metadata={"order": 1, "gone": "x", "deep": {"a": 1}}),
        row(lang="", metadata={"order": 1.0, "deep": {"a": 1}, "new": True}),
    )
    assert change.values == (
        ValueChange("lang", "en", None),
        ValueChange("gone", "x", None),
        ValueChange("new", None, "true"),
        ValueChange("order", "1", "1.0"),
    )


def test_tags_tell_what_moved() -> None:
    moved = row_change(row(tags=("refunds", "billing")), row(tags=("billing", "returns"))).tags
    assert moved is not None
    assert (moved.removed, moved.added, moved.kept) == (("refunds",), ("returns",), ("billing",))
    assert moved.primary_changed
    assert not moved.reordered
    reordered = row_change(row(tags=("a", "b", "c")), row(tags=("a", "c", "b"))).tags
    assert reordered is not None
    assert reordered.reordered
    assert not reordered.primary_changed
    untagged = row_change(row(tags=("a",)), row()).tags
    assert untagged is not None
    assert (untagged.primary_before, untagged.primary_after) == ("a", None)
