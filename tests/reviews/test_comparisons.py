"""The comparisons behind a figure: each filter finds its rows, and counts stay what they are."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.db.models import QuerySet
from django.test.utils import CaptureQueriesContext

from models_registry.models import Response
from reviews.models import Comparison, Evaluation
from reviews.queries.comparisons import (
    OUTCOMES,
    comparisons,
    matching,
    tags_of,
    with_outcome,
    with_tag,
)
from reviews.queries.judgements import votes_on
from tests.factories import leave_out, make_evaluation, make_vote

pytestmark = pytest.mark.django_db

ROWS: list[dict[str, Any]] = [
    {"id": "won", "prompt": "¿Dónde está mi reembolso?", "tags": ["refunds", "billing", "spanish"]},
    {"id": "lost", "prompt": "Charged twice.", "tags": ["billing"]},
    {"id": "split", "prompt": "Which size?\nTell me.", "tags": ["sizing", "billing"]},
    {"id": "tied", "prompt": 'He said "100% cotton".'},
    {"id": "bad", "prompt": "A rash."},
    {"id": "half", "prompt": "Where is it?", "tags": ["shipping"]},
    {"id": "identical", "prompt": "Hello?", "tags": ["greeting"]},
    {"id": "left_out", "prompt": "Good bye.", "tags": ["greeting"]},
]
VOTES = {
    "won": ("candidate", "tie"),
    "lost": ("baseline", "baseline"),
    "split": ("candidate", "baseline"),
    "tied": ("tie", "tie"),
    "bad": ("both_bad", "baseline"),
    "half": ("candidate",),
}


@pytest.fixture
def evaluation(make_user: Callable[..., User]) -> Evaluation:
    people = [make_user("rosa", "Reviewer"), make_user("ruben", "Reviewer")]
    evaluation = make_evaluation(ROWS, votes_per_comparison=2)
    for comparison in evaluation.comparisons.select_related("example"):
        key = comparison.example.key
        for person, choice in zip(people, VOTES.get(key, ()), strict=False):
            make_vote(comparison, person, choice)
        if key in {"identical", "left_out"}:
            leave_out(comparison)
    Comparison.objects.filter(example__key="identical").update(identical=True)
    return evaluation


def keys(found: QuerySet[Comparison]) -> list[str]:
    return [row.example.key for row in found]


@pytest.mark.parametrize(
    ("outcome", "wanted"),
    [
        ("won", ["won", "half"]),
        ("lost", ["lost", "bad"]),
        ("tied", ["split", "tied"]),
        ("both_bad", ["bad"]),
        ("split", ["split"]),
        ("waiting", ["half"]),
        ("identical", ["identical"]),
        ("left_out", ["left_out"]),
        ("", [row["id"] for row in ROWS]),
        ("no such outcome", [row["id"] for row in ROWS]),
    ],
)
def test_each_outcome_finds_its_comparisons(evaluation: Evaluation, outcome: str, wanted: list[str]) -> None:
    assert keys(with_outcome(comparisons(evaluation), outcome)) == wanted


def test_every_outcome_that_is_offered_filters(evaluation: Evaluation) -> None:
    for outcome in OUTCOMES:
        assert 0 < with_outcome(comparisons(evaluation), outcome).count() < len(ROWS)


@pytest.mark.parametrize(
    ("tag", "wanted"),
    [
        ("billing", ["won", "lost", "split"]),
        ("refunds", ["won"]),
        ("untagged", ["tied", "bad"]),
        ("no such tag", []),
        ("", [row["id"] for row in ROWS]),
    ],
)
def test_tag_finds_every_comparison_that_bears_it(
    evaluation: Evaluation, tag: str, wanted: list[str]
) -> None:
    assert keys(with_tag(comparisons(evaluation), tag)) == wanted


def test_tags_are_listed_by_name_untagged_last(evaluation: Evaluation) -> None:
    assert tags_of(evaluation) == [
        "billing",
        "greeting",
        "refunds",
        "shipping",
        "sizing",
        "spanish",
        "untagged",
    ]


def test_counts_are_not_multiplied_by_tags(evaluation: Evaluation) -> None:
    """The first example bears three tags."""
    for found in (
        comparisons(evaluation),
        with_tag(comparisons(evaluation), "billing"),
        matching(with_outcome(with_tag(comparisons(evaluation), "spanish"), "won"), evaluation, "won"),
    ):
        row: Any = found.get(example__key="won")  # with what the query adds
        assert (row.wins, row.ties, row.losses, row.both_bad) == (1, 1, 0, 0)
        assert (row.votes, row.turns, row.score) == (2, 2, 0.75)


def test_scores_are_means_and_none_without_votes(evaluation: Evaluation) -> None:
    found: Any = comparisons(evaluation)
    assert {row.example.key: row.score for row in found} == {
        "won": 0.75,
        "lost": 0,
        "split": 0.5,
        "tied": 0.5,
        "bad": 0.25,
        "half": 1,
        "identical": 0.5,
        "left_out": None,
    }


def test_text_is_found_in_id_prompt_and_both_responses(evaluation: Evaluation) -> None:
    first = evaluation.comparisons.get(example__key="won")
    last = evaluation.comparisons.get(example__key="bad")
    Response.objects.filter(pk=first.candidate_response_id).update(text="Your parcel is in Zaragoza.")
    Response.objects.filter(pk=last.baseline_response_id).update(text="We ship to ZARAGOZA.")
    assert keys(matching(comparisons(evaluation), evaluation, "zaragoza")) == ["won", "bad"]
    assert keys(matching(comparisons(evaluation), evaluation, "identic")) == ["identical"]
    assert keys(matching(comparisons(evaluation), evaluation, "charged TWICE")) == ["lost"]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("Dónde está", ["won"]),
        ("size?\nTell", ["split"]),
        ('"100% cotton"', ["tied"]),
        ("0% c", ["tied"]),
        ("content", []),
        ("role", []),
        ("_ash", []),
    ],
)
def test_text_is_looked_for_in_what_was_said_not_in_how_it_is_stored(
    evaluation: Evaluation, text: str, wanted: list[str]
) -> None:
    assert keys(matching(comparisons(evaluation), evaluation, text)) == wanted


def test_votes_on_a_comparison_say_who_what_and_what_was_pressed(evaluation: Evaluation) -> None:
    votes = votes_on(evaluation.comparisons.get(example__key="won"))
    assert [(vote.reviewer, vote.choice, vote.pressed) for vote in votes] == [
        ("rosa", "candidate", "left"),
        ("ruben", "tie", "tie"),
    ]
    assert votes_on(evaluation.comparisons.get(example__key="left_out")) == []


def test_listing_takes_the_same_queries_for_any_number() -> None:
    def queries(examples: int) -> int:
        evaluation = make_evaluation(examples)
        with CaptureQueriesContext(connection) as captured:
            for row in comparisons(evaluation):
                assert row.example.tag_names
                assert row.candidate_response.text != row.baseline_response.text
        return len(captured)

    assert queries(2) == queries(30) == 2
