"""Arena-Hard's question.jsonl. Pure.

{"uid": "…", "category": "arena-hard-v0.1", "cluster": "…", "prompt": "…"}
{"uid": "…", "category": "hard_prompt", "subcategory": "coding", "prompt": "…"}
{"question_id": "…", "category": "arena-hard-v0.1", "cluster": "…", "turns": [{"content": "…"}]}

The cluster is the tag where there is one, for then all have the same category; otherwise the subcategory and the
category. Several turns are what the user says, with each model's own answers in between.
Source: https://github.com/lmarena/arena-hard-auto, data/*/question.jsonl
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from models_registry.golden_files.conversation import metadata_with
from models_registry.golden_files.row import Wrong, kind_of

NAME = "arena_hard"
COLUMNS = ("uid", "question_id", "category", "subcategory", "cluster", "turns")


def recognises(row: Mapping[str, Any]) -> bool:
    if "id" in row or not ("prompt" in row or "turns" in row):
        return False
    return "uid" in row or ("question_id" in row and "cluster" in row) or _has_contents(row.get("turns"))


def _has_contents(turns: object) -> bool:
    return isinstance(turns, list) and any(isinstance(turn, dict) and "content" in turn for turn in turns)


def as_raw(row: Mapping[str, Any]) -> dict[str, Any]:
    """The row's columns as `check_row` takes them. Raises Wrong."""
    raw = {name: value for name, value in row.items() if name not in COLUMNS}
    raw["id"] = row["uid"] if row.get("uid") is not None else row.get("question_id")
    turns = row.get("turns")
    if turns is not None:
        if not isinstance(turns, list):
            raise Wrong(f'"turns" is {kind_of(turns)}', 'give a list such as [{"content": "…"}]')
        raw["user_turns"] = [turn.get("content") if isinstance(turn, dict) else turn for turn in turns]
    groups = ("subcategory", "category") if row.get("cluster") is None else ("cluster",)
    tags = [row[name] for name in groups if row.get(name) is not None]
    raw["tags"] = tags[:1] if tags[1:] == tags[:1] else tags
    others = ("category", "subcategory") if row.get("cluster") is not None else ()
    raw["metadata"] = metadata_with(raw, {name: row.get(name) for name in others})
    return raw
