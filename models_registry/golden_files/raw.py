"""A checked row back into the columns it can be read from. Pure."""

from __future__ import annotations

from typing import Any

from models_registry.golden_files.row import ROLES, Row, Wrong


def raw_of(row: Row) -> dict[str, Any]:
    """The columns of a row as `check_row` takes them: it gives the same row again. What is empty is left out.

    Raises Wrong for a conversation in which some answers are given and others are the model's own.
    """
    raw: dict[str, Any] = {"id": row.key}
    said = row.messages[1:] if row.messages[0]["role"] == "system" else row.messages
    if all(message["role"] == ROLES[1 + number % 2] for number, message in enumerate(said)):
        raw["messages"] = list(row.messages)
    elif all(message["role"] == "user" for message in said):
        if said is not row.messages:
            raw["system"] = row.messages[0]["content"]
        raw["user_turns"] = [message["content"] for message in said]
    else:
        raise Wrong(
            "some answers of the conversation are given and others are the model's own",
            "give all of them, or none",
        )
    optional = {"tags": list(row.tags), "reference": row.reference, "lang": row.lang}
    raw |= {name: value for name, value in optional.items() if value}
    if row.metadata:
        raw["metadata"] = dict(row.metadata)
    return raw
