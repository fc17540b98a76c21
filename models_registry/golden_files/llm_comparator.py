"""LLM Comparator's JSON: its prompts and their tags; the answers and scores are left out. Pure.

{"metadata": {...}, "models": [...], "examples": [
  {"input_text": "…", "tags": ["…"], "output_text_a": "…", "output_text_b": "…", "score": 0.5,
   "individual_rater_scores": [...], "custom_fields": {...}}]}

It has no ids. Source: https://github.com/PAIR-code/llm-comparator, docs/data and the README's "JSON data format"
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from models_registry.golden_files.conversation import metadata_with

NAME = "llm_comparator"
ITEMS = "examples"
LEFT_OUT = frozenset(["output_text_a", "output_text_b", "score", "individual_rater_scores", "rationale_list"])


def is_document(values: Mapping[str, Any]) -> bool:
    """Whether a JSON object with these names is such a file."""
    return "id" not in values and (ITEMS in values or {"metadata", "models"} <= values.keys())


def recognises(row: Mapping[str, Any]) -> bool:
    return "input_text" in row and "id" not in row


def as_raw(row: Mapping[str, Any]) -> dict[str, Any]:
    """The row's columns as `check_row` takes them, without an id where it has none."""
    names = {"input_text", "custom_fields"} | LEFT_OUT
    raw = {name: value for name, value in row.items() if name not in names}
    raw["prompt"] = row.get("input_text") or ""
    raw["metadata"] = metadata_with(raw, {"custom_fields": row.get("custom_fields")})
    return raw
