"""A turn with all that a page shows of it, by one query."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.contrib.auth.models import User
from django.db.models import Model

from models_registry.models import Example, Response
from reviews import markdown
from reviews.models import Assignment, Comparison, Evaluation
from reviews.queries.statements import as_time, rows


def _in_order(model: type[Model], *names: str) -> list[str]:
    """As `from_db` takes them: in the order in which the model has its fields."""
    return [str(field.attname) for field in model._meta.concrete_fields if field.attname in names]


TURN = _in_order(
    Assignment,
    *(
        "id",
        "ticket",
        "candidate_on_left",
        "voted",
        "position",
        "slot",
        "intent",
        "reviewer_id",
        "lease_until",
        "shown_at",
        "comparison_id",
    ),
)
EXAMPLE = _in_order(Example, "id", "messages", "reference", "lang")
RESPONSE = _in_order(Response, "id", "text", "earlier_answers")
COMPARISON = _in_order(
    Comparison, "id", "evaluation_id", "example_id", "candidate_response_id", "baseline_response_id"
)
JSON_FIELDS = {"messages", "earlier_answers"}
FLAGS = {"candidate_on_left", "voted"}
TIMES = {"shown_at", "lease_until"}


def _columns(alias: str, names: list[str]) -> str:
    return ", ".join(f"{alias}.{name}" for name in names)


TEXTS = f"""
SELECT {_columns("a", TURN)}, {_columns("m", COMPARISON)}, {_columns("e", EXAMPLE)},
  {_columns("c", RESPONSE)}, ch.html, {_columns("b", RESPONSE)}, bh.html,
  EXISTS (SELECT 1 FROM reviews_voterevision r WHERE r.assignment_id = a.id),
  EXISTS (SELECT 1 FROM models_registry_exampleflag f
    WHERE f.example_id = e.id AND f.created_by_id = %(reviewer)s AND f.settled_at IS NULL)
FROM reviews_assignment a
JOIN reviews_comparison m ON m.id = a.comparison_id
JOIN models_registry_example e ON e.id = m.example_id
JOIN models_registry_response c ON c.id = m.candidate_response_id
JOIN models_registry_response b ON b.id = m.baseline_response_id
LEFT JOIN reviews_renderedresponse ch ON ch.response_id = c.id AND ch.renderer = %(renderer)s
LEFT JOIN reviews_renderedresponse bh ON bh.response_id = b.id AND bh.renderer = %(renderer)s
WHERE a.id = %(turn)s
"""  # noqa: S608 - of our own column names


@dataclass(frozen=True)
class TurnTexts:
    """`html` by response id, without those that are still to be rendered."""

    turn: Assignment
    html: dict[int, str]
    was_taken_back: bool
    was_flagged: bool


def texts_of_turn(pk: int, evaluation: Evaluation, reviewer: User) -> TurnTexts:
    """What is not shown of the turn, its example and its responses is loaded when it is asked for."""
    values = {"turn": pk, "reviewer": reviewer.pk, "renderer": markdown.renderer()}
    (row,) = rows(TEXTS, values)
    parts = iter(row)
    turn = _made(Assignment, TURN, parts)
    comparison = _made(Comparison, COMPARISON, parts)
    example = _made(Example, EXAMPLE, parts)
    html: dict[int, str] = {}
    responses = []
    for _side in ("candidate", "baseline"):
        responses.append(response := _made(Response, RESPONSE, parts))
        if (made := next(parts)) is not None:
            html[response.pk] = made
    comparison.example = example
    comparison.candidate_response, comparison.baseline_response = responses
    turn.evaluation, turn.comparison = evaluation, comparison
    was_taken_back, was_flagged = parts
    return TurnTexts(turn, html, bool(was_taken_back), bool(was_flagged))


def _made(model: Any, names: list[str], parts: Iterator[Any]) -> Any:
    return model.from_db("default", names, [_value(name, next(parts)) for name in names])


def _value(name: str, value: Any) -> Any:
    if name in JSON_FIELDS:
        return json.loads(value)
    if name in TIMES:
        return as_time(value)
    return bool(value) if name in FLAGS else value
