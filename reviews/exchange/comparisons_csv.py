"""Comparisons as a table for a spreadsheet, read and written in chunks."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from io import StringIO
from itertools import batched
from typing import Any

from django.db.models import QuerySet

from reviews.models import Comparison, Evaluation
from reviews.queries.judgements import Given, given_on

CHUNK = 500
HEAD = (
    "id",
    "intents",
    "lang",
    "prompt",
    "candidate",
    "baseline",
    "candidate_response",
    "baseline_response",
    "score",
    "votes",
    "wins",
    "ties",
    "both_bad",
    "losses",
    "reasons",
    "comments",
)
# what a spreadsheet would take for a formula
FORMULA = ("=", "+", "-", "@", "\t", "\r")


def csv_lines(evaluation: Evaluation, found: QuerySet[Comparison]) -> Iterator[str]:
    """The head and a line a comparison. A text that a spreadsheet would run stands behind an apostrophe."""
    yield _line(HEAD)
    for chunk in batched(found.iterator(chunk_size=CHUNK), CHUNK):
        given = given_on(chunk)
        for comparison in chunk:
            yield _line(_row(evaluation, comparison, given.get(comparison.pk, Given())))


def _row(evaluation: Evaluation, comparison: Any, given: Given) -> list[object]:
    example = comparison.example
    return [
        example.key,
        "; ".join(example.tag_names),
        example.lang,
        example.messages[-1]["content"],
        str(evaluation.candidate),
        str(evaluation.baseline),
        comparison.candidate_response.text,
        comparison.baseline_response.text,
        "" if comparison.score is None else comparison.score,
        comparison.votes,
        comparison.wins,
        comparison.ties,
        comparison.both_bad,
        comparison.losses,
        "; ".join(f"{reason} ({count})" for reason, count in given.reasons),
        "\n".join(given.comments),
    ]


def _line(cells: Iterable[object]) -> str:
    written = StringIO()
    csv.writer(written).writerow([_harmless(cell) for cell in cells])
    return written.getvalue()


def _harmless(cell: object) -> object:
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(FORMULA) else cell
