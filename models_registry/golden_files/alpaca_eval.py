"""AlpacaEval's instructions, and Alpaca's own training format from which they come. Pure.

[{"instruction": "…", "input": "…", "dataset": "helpful_base", "output": "…", "generator": "text_davinci_003"}]

The data set is the tag. An `output` that names its `generator` is what some model said and no reference; without
one it is a demonstration, as in Alpaca's training data, and becomes the reference. Judges' verdicts (`output_1`,
`output_2`, `preference`, …) are left out. It has no ids.
Source: https://github.com/tatsu-lab/alpaca_eval, results/*/model_outputs.json and annotations.json;
https://github.com/tatsu-lab/stanford_alpaca for `input`
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from models_registry.golden_files.row import Wrong, kind_of

NAME = "alpaca_eval"
LEFT_OUT = frozenset(
    [
        "generator",
        "output_1",
        "output_2",
        "generator_1",
        "generator_2",
        "annotator",
        "preference",
        "price_per_example",
        "time_per_example",
        "raw_completion",
    ]
)
COLUMNS = ("instruction", "input", "dataset", "output")


def recognises(row: Mapping[str, Any]) -> bool:
    return isinstance(row.get("instruction"), str) and "prompt" not in row and "messages" not in row


def as_raw(row: Mapping[str, Any]) -> dict[str, Any]:
    """The row's columns as `check_row` takes them, without an id where it has none. Raises Wrong."""
    raw = {name: value for name, value in row.items() if name not in COLUMNS and name not in LEFT_OUT}
    raw["prompt"] = row.get("instruction") or ""
    context = row.get("input")
    if context is not None and not isinstance(context, str):
        raise Wrong(f'"input" is {kind_of(context)}', "write it as a string, or leave it out")
    if context and context.strip() and isinstance(raw["prompt"], str):
        raw["prompt"] += f"\n\n{context}"
    if row.get("dataset") is not None:
        raw["tags"] = [row["dataset"]]
    if row.get("generator") is None and row.get("output") is not None:
        raw["reference"] = row["output"]
    return raw
