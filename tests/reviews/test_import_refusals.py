"""`manage.py import_evaluation`: an evaluation that was run elsewhere, what is refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from models_registry.models import Response
from reviews.models import Assignment, Evaluation, Vote
from reviews.queries.voting import blind_pair
from reviews.queries.win_rates import win_rates
from tests.reviews.foreign_files import ITEMS, Files, ballot, outputs_of

pytestmark = pytest.mark.django_db


# --- conversations of two turns ----------------------------------------------------------------------------

TWO_TURNS = [
    {
        "id": "poem",
        "tags": ["writing"],
        "user_turns": ["Write a poem.", "Now shorter."],
        "reference_turns": ["A long poem.", "A short poem."],
    },
    {"id": "sum", "user_turns": ["1 + 1?", "And twice that?"]},
]


def chat(item: str, model: str, *answers: str) -> dict[str, Any]:
    users = next(row["user_turns"] for row in TWO_TURNS if row["id"] == item)
    messages = [
        message
        for user, answer in zip(users, answers, strict=False)
        for message in ({"role": "user", "content": user}, {"role": "assistant", "content": answer})
    ]
    return {"item_id": item, "model": model, "messages": messages}


@pytest.fixture
def two_turns(tmp_path: Path) -> Files:
    return Files(
        tmp_path,
        items=list(TWO_TURNS),
        outputs=[
            chat("poem", "new", "Roses are red.", "Rose."),
            chat("poem", "old", "The sky is wide.", "Sky."),
            chat("sum", "new", "Two.", "Four."),
            chat("sum", "old", "Two.", "Five."),
        ],
        votes=[
            ballot("poem", "ann", "left", turn=1),
            ballot("poem", "ann", "right", turn=2),
            ballot("sum", "ann", "left", turn=2),
        ],
    )


def test_first_turn_shows_the_first_answers(two_turns: Files) -> None:
    two_turns.run(turn=1)
    assignment = Assignment.objects.get()
    assert assignment.vote.choice == "candidate"
    pair = blind_pair(assignment)
    assert [message.content for message in pair.conversation] == ["Write a poem."]
    assert (pair.left.text, pair.right.text) == ("Roses are red.", "The sky is wide.")
    assert pair.left.earlier == pair.right.earlier == []
    assert pair.reference == "A long poem."


def test_second_turn_shows_each_models_own_earlier_answer(two_turns: Files) -> None:
    two_turns.run(turn=2)
    assignment = Assignment.objects.get(comparison__example__key="poem")
    assert assignment.vote.choice == "baseline"
    pair = blind_pair(assignment)
    assert [message.content for message in pair.conversation] == ["Write a poem."]
    assert (pair.left.text, pair.right.text) == ("Rose.", "Sky.")
    assert [message.content for message in pair.left.earlier] == ["Roses are red.", "Now shorter."]
    assert [message.content for message in pair.right.earlier] == ["The sky is wide.", "Now shorter."]
    assert pair.reference == "A short poem."


def test_turns_are_evaluations_of_their_own(two_turns: Files) -> None:
    two_turns.run("Turn 1", turn=1)
    two_turns.run("Turn 2", turn=2)
    first, second = Evaluation.objects.order_by("pk")
    assert win_rates(first).overall.tally.votes == 1
    assert win_rates(second).overall.tally.votes == 2
    assert first.golden_set_version.sha256 != second.golden_set_version.sha256


def test_votes_on_two_turns_ask_for_the_turn(two_turns: Files) -> None:
    assert "votes on turns 1, 2; choose one with --turn" in two_turns.refused()


def test_turn_that_no_conversation_has_is_refused(two_turns: Files) -> None:
    assert 'line 1: "user_turns" has no turn 3' in two_turns.refused(turn=3)
    assert "--turn counts from 1" in two_turns.refused(turn=0)


def test_answer_to_the_judged_turn_must_be_there(two_turns: Files) -> None:
    two_turns.outputs[1] = chat("poem", "old", "The sky is wide.")
    assert "outputs.jsonl line 2: no answer to the judged turn" in two_turns.refused(turn=2)
    two_turns.run(turn=1)


def test_votes_on_the_first_of_two_turns_alone_ask_for_the_turn_too(two_turns: Files) -> None:
    two_turns.votes = [vote for vote in two_turns.votes if vote["turn"] == 1]
    assert "votes on turns 1; choose one with --turn" in two_turns.refused()


@pytest.mark.parametrize("turn", [1, 2])
def test_vote_that_names_no_turn_of_two_is_refused(two_turns: Files, turn: int) -> None:
    del two_turns.votes[1]["turn"]
    assert 'votes.jsonl line 2: "turn" is missing' in two_turns.refused(turn=turn)


# --- what is refused ---------------------------------------------------------------------------------------


def test_unknown_model_is_refused_and_the_known_ones_named(files: Files) -> None:
    said = files.refused(candidate="newest")
    assert 'no output of "newest"; it has outputs of: new, old, third' in said
    assert "Nothing was stored." in said


def test_models_without_a_vote_between_them_are_refused(files: Files) -> None:
    files.votes = [ballot("q1", "ann", "left", "new", "third")]
    assert 'no vote between "new" and "old"; it has votes on: new, third' in files.refused()


def test_model_against_itself_is_refused(files: Files) -> None:
    files.votes.append(ballot("q1", "ann", "left", "new", "new"))
    files.refused(baseline="new")


def test_missing_outputs_are_named(files: Files) -> None:
    files.outputs = [row for row in files.outputs if (row["item_id"], row["model"]) != ("q2", "old")]
    said = files.refused()
    assert 'votes.jsonl line 3: "old" has no output for "q2"; add it to outputs.jsonl' in said
    assert "line 4" in said


def test_vote_on_an_unknown_item_is_named(files: Files) -> None:
    files.votes.append(ballot("q9", "ann", "left"))
    assert 'votes.jsonl line 7: no item has the id "q9"; add it to items.jsonl' in files.refused()


def test_name_that_is_taken_is_refused(files: Files) -> None:
    files.run()
    assert "already exists" in files.refused()


@pytest.mark.parametrize("name", ["", "x" * 121, "…"])
def test_name_that_can_not_be_one_is_refused(files: Files, name: str) -> None:
    assert "Nothing was stored." in files.refused(name=name)


def test_model_name_that_does_not_fit_is_refused(files: Files) -> None:
    long = "m" * 101
    files.outputs += outputs_of(ITEMS, long)
    files.votes.append(ballot("q1", "ann", "left", long, "old"))
    assert "too long for a model's name" in files.refused(candidate=long)


BAD_LINES: dict[str, tuple[str, Any, str]] = {
    "not JSON": ("votes", b"{", "votes.jsonl line 7: not a JSON object"),
    "a list": ("votes", b"[]", "votes.jsonl line 7: not a JSON object"),
    "not UTF-8": ("outputs", b'{"item_id": "\xff"}', "outputs.jsonl line 10: not a JSON object"),
    "nested too deep": (
        "items",
        b'{"id":' + b"[" * 99999 + b"]" * 99999 + b"}",
        "items.jsonl line 4: not a JSON",
    ),
    "unknown choice": ("votes", ballot("q1", "cat", "first"), "votes.jsonl line 7: \"choice\" is 'first'"),
    "choice is a list": ("votes", ballot("q1", "cat", ["left"]), "line 7: \"choice\" is ['left']"),  # type: ignore[arg-type]
    "no rater": ("votes", ballot("q1", "", "left"), 'line 7: give "item_id" and "rater" as strings'),
    "blank rater": ("votes", ballot("q1", " ", "left"), 'line 7: give "item_id" and "rater" as strings'),
    "rater with NUL": ("votes", ballot("q1", "a\0", "left"), 'line 7: "rater" has a NUL character'),
    "rater too long": (
        "votes",
        ballot("q1", "a" * 101, "left"),
        'line 7: "rater" has a NUL character or more',
    ),
    "left is a list": ("votes", ballot("q1", "cat", "left", ["new"]), 'line 7: give "left" and "right"'),  # type: ignore[arg-type]
    "no sides": ("votes", {"item_id": "q1"}, 'line 7: give "left" and "right" as strings'),
    "turn is a list": ("votes", ballot("q1", "cat", "left", turn=[1]), 'line 7: "turn" is [1]'),
    "turn is a word": ("votes", ballot("q1", "cat", "left", turn="one"), "line 7: \"turn\" is 'one'"),
    "id is a number": ("votes", ballot(1, "cat", "left"), 'line 7: give "item_id"'),  # type: ignore[arg-type]
    "no text": ("outputs", {"item_id": "q1", "model": "new"}, "outputs.jsonl line 10: no answer"),
    "text is a number": ("outputs", {"item_id": "q1", "model": "new", "output": 1}, "line 10: no answer"),
    "text with NUL": (
        "outputs",
        {"item_id": "q1", "model": "new", "output": "a\0b"},
        "outputs.jsonl line 10: the answer contains a NUL character",
    ),
    "item twice": ("items", ITEMS[0], 'items.jsonl line 4: the id "q1" stands in line 1 already'),
    "item without a prompt": ("items", {"id": "q4"}, 'items.jsonl line 4: "messages" is missing'),
    "turns are numbers": (
        "items",
        {"id": "q4", "user_turns": [1]},
        'items.jsonl line 4: "messages" is missing',
    ),
}


@pytest.mark.parametrize(("file", "line", "said"), BAD_LINES.values(), ids=BAD_LINES)
def test_bad_line_is_named_and_nothing_is_stored(files: Files, file: str, line: Any, said: str) -> None:
    getattr(files, file).append(line)
    assert said in files.refused()


def test_odd_lines_between_other_models_or_of_nobody_do_no_harm(files: Files) -> None:
    files.outputs += [
        {"item_id": ["q1"], "model": ["new"]},
        {},
        {"item_id": "q9", "model": "new", "output": "x"},
    ]
    files.votes += [b"", b"   ", ballot("q9", "ann", "nonsense", "third", "old")]
    files.run()
    assert Vote.objects.count() == 5


def test_many_bad_lines_are_counted_not_all_printed(files: Files) -> None:
    files.votes += [b"{"] * 70
    said = files.refused()
    assert len(said.splitlines()) == 52
    assert "… and 20 more" in said


def test_items_that_ask_the_same_but_were_answered_differently_are_refused(files: Files) -> None:
    """A model version has one response to a request."""
    twin = ITEMS[0] | {"id": "q4"}
    files.items.append(twin)
    files.outputs += outputs_of([twin], "new", "old")
    said = files.refused()
    assert 'items.jsonl line 4: "q4" asks the same as "q1", but "new" has another output for it' in said


def test_items_that_ask_the_same_share_an_answer_that_is_the_same(files: Files) -> None:
    files.items.append(ITEMS[0] | {"id": "q4"})
    files.outputs += [row | {"item_id": "q4"} for row in outputs_of(ITEMS[:1], "new", "old")]
    files.run()
    assert Evaluation.objects.get().comparisons.count() == 4
    assert Response.objects.count() == 6


@pytest.mark.parametrize(
    "damage", [lambda packed: packed[:-9], lambda packed: packed[:12] + b"\xff" * 9 + packed[21:]]
)
def test_damaged_gzip_is_refused(files: Files, damage: Callable[[bytes], bytes]) -> None:
    files.packed = True
    paths = files.write()
    paths["votes"].write_bytes(damage(paths["votes"].read_bytes()))
    assert "votes.jsonl.gz: not a whole gzip file" in files.refused(paths=paths)


def test_plain_file_named_gz_is_refused(files: Files) -> None:
    paths = files.write()
    paths["votes"] = paths["votes"].rename(paths["votes"].with_suffix(".gz"))
    assert "not a whole gzip file" in files.refused(paths=paths)


@pytest.mark.parametrize("which", ["items", "outputs", "votes"])
def test_file_that_is_not_there_is_named(files: Files, which: str) -> None:
    paths = files.write()
    paths[which] = files.folder / "nowhere.jsonl"
    assert "nowhere.jsonl can't be read: No such file" in files.refused(paths=paths)


def test_folder_in_place_of_a_file_is_named(files: Files) -> None:
    paths = files.write() | {"items": files.folder}
    assert "can't be read: Is a directory" in files.refused(paths=paths)
