"""MT-bench's question.jsonl, and Vicuna's from which it comes. Pure.

{"question_id": 101, "category": "reasoning", "turns": ["…", "…"], "reference": ["…", "…"]}
{"question_id": 1, "category": "generic", "text": "…"}

`turns` are what the user says; each model gives its own answers in between, so they become `user_turns`. The last
reference is that of the last turn and becomes the row's; all of them are kept in the metadata as
"reference_turns".
Source: https://github.com/lm-sys/FastChat, fastchat/llm_judge/data/mt_bench/question.jsonl
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from models_registry.golden_files.conversation import metadata_with

NAME = "mt_bench"
COLUMNS = ("question_id", "category", "turns", "text", "reference")


def recognises(row: Mapping[str, Any]) -> bool:
    turns = row.get("turns")
    told = isinstance(turns, list) and all(isinstance(turn, str) for turn in turns)
    return "question_id" in row and "cluster" not in row and (told or isinstance(row.get("text"), str))


def as_raw(row: Mapping[str, Any]) -> dict[str, Any]:
    """The row's columns as `check_row` takes them."""
    raw = {name: value for name, value in row.items() if name not in COLUMNS}
    raw["id"] = row.get("question_id")
    raw["user_turns"] = row["turns"] if row.get("turns") is not None else [row.get("text")]
    if row.get("category") is not None:
        raw["tags"] = [row["category"]]
    references = row.get("reference")
    if isinstance(references, list):
        raw["reference"] = references[-1] if references else None
        raw["metadata"] = metadata_with(raw, {"reference_turns": references})
    else:
        raw["reference"] = references
    return raw
