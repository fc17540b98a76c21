"""An evaluation that was run elsewhere, as three JSON Lines files: items, outputs, votes (.gz too). Pure: no Django.

items    id, messages (or user_turns: the user's turns of a conversation that each model went through on its own);
         tags, lang, reference (or reference_turns) where there are any; anything else is kept as metadata
outputs  item_id, model, and output (the text) or messages (the whole conversation)
votes    item_id, rater, left, right (models as they were shown), choice (left, right, tie, both_bad); turn
"""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import msgspec

from models_registry.golden_files.row import Row, check_row

CHOICES = ("left", "right", "tie", "both_bad")
MOST_RATER_CHARACTERS = 100
KNOWN = {"id", "messages", "user_turns", "tags", "lang", "reference", "reference_turns", "metadata"}


class BadFile(Exception):
    """What is wrong in the files, one line each, with the file, the line and the fix."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


@dataclass(frozen=True)
class Answer:
    """What a model said last, and its own answers to the user turns before."""

    text: str
    earlier: list[str]


@dataclass(frozen=True)
class ForeignVote:
    """A vote in truth, and where the candidate stood. `line` is its line in the votes file."""

    line: int
    key: str
    rater: str
    candidate_on_left: bool
    choice: str  # as it was seen: left, right, tie, both_bad


@dataclass(frozen=True)
class ForeignEvaluation:
    rows: list[Row]
    candidate: dict[str, Answer]  # by the items' ids
    baseline: dict[str, Answer]
    votes: list[ForeignVote]
    replaced: list[ForeignVote]  # votes that a later one by the same rater on the same item replaces


def read_evaluation(
    *, items: Path, outputs: Path, votes: Path, candidate: str, baseline: str, turn: int | None = None
) -> ForeignEvaluation:
    """Read the comparison of two models from three files.

    candidate, baseline: as the files spell the models. turn: 1 or more; needed where votes were given by turn.
    Raises BadFile with everything that is wrong, OSError where a file can't be read.
    """
    problems: list[str] = []
    rows, with_turns = _items(items, turn, problems)
    answers = _outputs(outputs, {candidate, baseline}, {row.key: row for row in rows}, turn, problems)
    cast, replaced = _votes(votes, candidate, baseline, turn, with_turns, problems)
    problems.extend(_unlike_answers(items, rows, answers))
    known = {row.key for row in rows}
    for vote in cast:
        if vote.key not in known:
            problems.append(
                f'{votes.name} line {vote.line}: no item has the id "{vote.key}"; add it to {items.name}'
            )
            continue
        for model in (candidate, baseline):
            if vote.key not in answers[model]:
                problems.append(
                    f'{votes.name} line {vote.line}: "{model}" has no output for "{vote.key}"; add it to {outputs.name}'
                )
    if not problems and not cast:
        names = ", ".join(sorted(_models(votes))) or "none"
        problems.append(
            f'{votes.name}: no vote between "{candidate}" and "{baseline}"'
            f"{f' on turn {turn}' if turn else ''}; it has votes on: {names}"
        )
    if problems:
        raise BadFile(problems)
    return ForeignEvaluation(rows, answers[candidate], answers[baseline], cast, replaced)


def _lines(path: Path, problems: list[str]) -> Iterator[tuple[int, dict[str, Any]]]:
    decoder = msgspec.json.Decoder(dict[str, Any])
    with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as stream:
        try:
            for number, line in enumerate(stream, start=1):
                if not line.strip():
                    continue
                try:
                    yield number, decoder.decode(line)
                except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
                    problems.append(
                        f"{path.name} line {number}: not a JSON object ({error}); write one object a line"
                    )
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            problems.append(f"{path.name}: not a whole gzip file ({error}); compress it again")


def _items(path: Path, turn: int | None, problems: list[str]) -> tuple[list[Row], set[str]]:
    """The rows, and the ids of those whose conversation has several turns, whichever is judged."""
    rows: dict[str, Row] = {}
    with_turns: set[str] = set()
    for number, raw in _lines(path, problems):
        turns = raw.get("user_turns")
        if turn is not None and not _has_turn(turns, turn) and turn != 1:
            problems.append(
                f'{path.name} line {number}: "user_turns" has no turn {turn}; '
                "give the user's turns, or leave --turn out"
            )
            continue
        checked = check_row(number, _as_row(raw, turn))
        if not isinstance(checked, Row):
            problems.extend(f"{path.name} {problem}" for problem in checked)
        elif checked.key in rows:
            problems.append(
                f'{path.name} line {number}: the id "{checked.key}" stands in line {rows[checked.key].line} already; '
                "give each item its own"
            )
        else:
            rows[checked.key] = _replayed(checked, turns, turn)
            if _has_turn(turns, 2):
                with_turns.add(checked.key)
    return list(rows.values()), with_turns


def _has_turn(turns: object, turn: int) -> bool:
    return (
        isinstance(turns, list)
        and len(turns) >= turn
        and all(isinstance(text, str) and text for text in turns)
    )


def _as_row(raw: Mapping[str, Any], turn: int | None) -> dict[str, Any]:
    row = {name: raw[name] for name in ("id", "messages", "tags", "lang", "reference") if name in raw}
    turns: Any = raw.get("user_turns")
    if "messages" not in raw and _has_turn(turns, 1):
        row["messages"] = [{"role": "user", "content": turns[0]}]
    references = raw.get("reference_turns")
    last = turn or (len(turns) if isinstance(turns, list) else 1)
    if "reference" not in raw and isinstance(references, list) and len(references) >= last:
        row["reference"] = references[last - 1]
    metadata = raw.get("metadata")
    row["metadata"] = (metadata if isinstance(metadata, dict) else {}) | {
        name: value for name, value in raw.items() if name not in KNOWN and value is not None
    }
    return row


def _replayed(row: Row, turns: Any, turn: int | None) -> Row:
    """The row with the user's turns up to the one that is judged: two in a row mean an answer of the model's own."""
    if not _has_turn(turns, 1):
        return row
    system = [message for message in row.messages if message["role"] == "system"]
    users = [{"role": "user", "content": text} for text in turns[: turn or len(turns)]]
    return replace(row, messages=(*system, *users))


def _outputs(
    path: Path, models: set[str], rows: Mapping[str, Row], turn: int | None, problems: list[str]
) -> dict[str, dict[str, Answer]]:
    found: dict[str, dict[str, Answer]] = {model: {} for model in models}
    seen: set[str] = set()
    for number, raw in _lines(path, problems):
        model, key = str(raw.get("model")), str(raw.get("item_id"))
        seen.add(model)
        if model not in models or key not in rows:
            continue
        answer = _answer(raw, sum(message["role"] == "user" for message in rows[key].messages))
        if answer is None:
            problems.append(
                f'{path.name} line {number}: no answer to the judged turn; give "output", or "messages" with an '
                "assistant message for each of the user's turns"
            )
        elif "\x00" in "".join([answer.text, *answer.earlier]):
            problems.append(
                f"{path.name} line {number}: the answer contains a NUL character (U+0000); remove it"
            )
        else:
            found[model][key] = answer
    problems.extend(
        f'{path.name}: no output of "{model}"; it has outputs of: {", ".join(sorted(seen))}'
        for model in sorted(models - seen)
    )
    return found


def _unlike_answers(
    items: Path, rows: list[Row], answers: Mapping[str, Mapping[str, Answer]]
) -> Iterator[str]:
    """A model version has one response to a request, so two items that ask the same must have the same answer."""
    first: dict[tuple[str, str], Row] = {}
    for row in rows:
        for model, by_key in answers.items():
            if row.key not in by_key:
                continue
            same = first.setdefault((model, json.dumps(row.messages)), row)
            if by_key[row.key] != by_key[same.key]:
                yield (
                    f'{items.name} line {row.line}: "{row.key}" asks the same as "{same.key}", but "{model}" has '
                    "another output for it; leave one of the two out"
                )


def _answer(raw: Mapping[str, Any], turns: int) -> Answer | None:
    messages = raw.get("messages")
    if isinstance(messages, list):
        said = [
            message.get("content")
            for message in messages
            if isinstance(message, dict) and message.get("role") == "assistant"
        ]
        if len(said) < turns or not all(isinstance(text, str) for text in said):
            return None
        return Answer(str(said[turns - 1]), [str(text) for text in said[: turns - 1]])
    output = raw.get("output")
    return Answer(output, []) if isinstance(output, str) and turns == 1 else None


def _votes(
    path: Path,
    candidate: str,
    baseline: str,
    turn: int | None,
    with_turns: set[str],
    problems: list[str],
) -> tuple[list[ForeignVote], list[ForeignVote]]:
    cast: dict[tuple[str, str], ForeignVote] = {}
    replaced: list[ForeignVote] = []
    turns: set[int] = set()
    for number, raw in _lines(path, problems):
        left, right = raw.get("left"), raw.get("right")
        if not isinstance(left, str) or not isinstance(right, str):
            problems.append(
                f'{path.name} line {number}: give "left" and "right" as strings, the models as they were shown'
            )
            continue
        if {left, right} != {candidate, baseline}:
            continue
        if "turn" in raw:
            if not isinstance(raw["turn"], int):
                problems.append(f'{path.name} line {number}: "turn" is {raw["turn"]!r}; write a whole number')
                continue
            turns.add(raw["turn"])
            if turn is not None and raw["turn"] != turn:
                continue
        elif turn is not None and str(raw.get("item_id")) in with_turns:
            problems.append(f'{path.name} line {number}: "turn" is missing; say which turn this vote is on')
            continue
        key, rater, choice = raw.get("item_id"), raw.get("rater"), raw.get("choice")
        if not isinstance(key, str) or not isinstance(rater, str) or not rater.strip():
            problems.append(f'{path.name} line {number}: give "item_id" and "rater" as strings')
            continue
        if len(rater) > MOST_RATER_CHARACTERS or "\x00" in rater:
            problems.append(
                f'{path.name} line {number}: "rater" has a NUL character or more than {MOST_RATER_CHARACTERS} '
                "characters; shorten it"
            )
            continue
        if choice not in CHOICES:
            problems.append(
                f'{path.name} line {number}: "choice" is {choice!r}; write one of {", ".join(CHOICES)}'
            )
            continue
        earlier = cast.get((key, rater))
        if earlier is not None:
            replaced.append(earlier)
        cast[key, rater] = ForeignVote(number, key, rater, left == candidate, choice)
    if turn is None and turns and (len(turns) > 1 or with_turns):
        problems.append(
            f"{path.name}: there are votes on turns {', '.join(map(str, sorted(turns)))}; choose one with --turn"
        )
    return list(cast.values()), replaced


def _models(path: Path) -> set[str]:
    return {str(raw.get(side)) for _number, raw in _lines(path, []) for side in ("left", "right")}
