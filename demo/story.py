"""The Aurora Commerce story, read from demo/story/."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent / "story"
GOLDEN_SET_FILE = FOLDER / "golden_set.jsonl"
# the versions of the story, by the name they are served under
SERVED = {short: f"aurora-support-{short}" for short in ("large", "ft-1", "ft-2", "ft-3")}


@dataclass(frozen=True)
class Answer:
    text: str
    quality: float  # 1 to 5, as its author judged it; what the demo's reviewers vote by


@dataclass(frozen=True)
class Prompt:
    key: str
    lang: str
    intent: str
    words: frozenset[str]
    last: str


@cache
def story() -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((FOLDER / "story.json").read_text(encoding="utf-8"))
    return loaded


@cache
def fallback() -> dict[str, dict[str, dict[str, str]]]:
    loaded: dict[str, dict[str, dict[str, str]]] = json.loads(
        (FOLDER / "fallback.json").read_text(encoding="utf-8")
    )
    return loaded


@cache
def prompts() -> list[Prompt]:
    found = []
    for line in GOLDEN_SET_FILE.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        last = row["messages"][-1]["content"]
        found.append(Prompt(row["id"], row["lang"], next(iter(row["tags"]), ""), words(last), last))
    return found


def answers_file(served_name: str) -> Path:
    return FOLDER / "answers" / f"{served_name}.jsonl"


@cache
def answers(served_name: str) -> dict[str, Answer]:
    rows = [json.loads(line) for line in answers_file(served_name).read_text(encoding="utf-8").splitlines()]
    return {row["id"]: Answer(row["answer"], float(row["quality"])) for row in rows}


def words(text: str) -> frozenset[str]:
    return frozenset("".join(character if character.isalnum() else " " for character in text.lower()).split())
