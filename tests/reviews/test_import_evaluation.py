"""`manage.py import_evaluation`: an evaluation that was run elsewhere, all of it or nothing."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.test import Client

from models_registry.models import GoldenSet, ModelVersion, Response
from reviews.actions.imports import RATER_SUFFIX
from reviews.models import Assignment, Evaluation, Vote
from reviews.queries.win_rates import win_rates
from tests.reviews.foreign_files import VOTES, Files, ballot

pytestmark = pytest.mark.django_db


# --- what is stored ----------------------------------------------------------------------------------------


def test_evaluation_is_stored_closed_with_its_votes_in_truth(files: Files) -> None:
    files.run()
    evaluation = Evaluation.objects.get()
    assert evaluation.status == Evaluation.Status.CLOSED
    assert (evaluation.name, evaluation.imported_from) == ("Elsewhere", "votes.jsonl")
    assert evaluation.votes_per_comparison == 2
    assert (str(evaluation.candidate), str(evaluation.baseline)) == ("new recorded", "old recorded")
    stored = {
        (vote.assignment.comparison.example.key, str(vote.assignment.reviewer)): (
            vote.choice,
            vote.assignment.candidate_on_left,
        )
        for vote in Vote.objects.select_related("assignment__comparison__example", "assignment__reviewer")
    }
    assert stored == {
        ("q1", f"ann{RATER_SUFFIX}"): ("candidate", True),
        ("q1", f"bob{RATER_SUFFIX}"): ("baseline", False),
        ("q2", f"ann{RATER_SUFFIX}"): ("candidate", False),
        ("q2", f"bob{RATER_SUFFIX}"): ("tie", True),
        ("q3", f"ann{RATER_SUFFIX}"): ("both_bad", True),
    }


def test_swapping_candidate_and_baseline_turns_the_figures_round(files: Files) -> None:
    files.run()
    files.run("Other way round", candidate="old", baseline="new")
    one, other = (win_rates(evaluation).overall for evaluation in Evaluation.objects.order_by("pk"))
    assert (one.tally.wins, one.tally.losses) == (other.tally.losses, other.tally.wins) == (2, 1)
    assert one.win_rate.win_rate is not None
    assert one.win_rate.win_rate == pytest.approx(1 - (other.win_rate.win_rate or 0))
    # the same answers are the same responses
    assert ModelVersion.objects.count() == 2
    assert Response.objects.count() == 6


def test_golden_set_keeps_tags_language_reference_and_other_columns(files: Files) -> None:
    files.run()
    version = Evaluation.objects.get().golden_set_version
    assert str(version) == "elsewhere v1"
    assert version.sealed_at is not None
    first, second, third = version.examples.all()
    assert (first.key, first.tag_names, first.lang) == ("q1", ["billing", "refunds"], "en")
    assert (second.tag_names, second.lang, second.metadata) == ([], "es", {"flags": "BQ"})
    assert third.reference == "See it."


def test_responses_are_those_of_the_files(files: Files) -> None:
    files.run()
    comparison = Evaluation.objects.get().comparisons.get(example__key="q2")
    assert comparison.candidate_response.text == "New says q2."
    assert comparison.baseline_response.text == "Old says q2."
    assert comparison.candidate_response.status == "done"


def test_gzipped_files_say_the_same(files: Files) -> None:
    files.run("Plain")
    files.packed = True
    files.run("Packed")
    plain, packed = (win_rates(evaluation).as_json() for evaluation in Evaluation.objects.order_by("pk"))
    assert plain | {"evaluation": ""} == packed | {"evaluation": ""}


def test_items_that_one_model_did_not_answer_are_not_compared(files: Files) -> None:
    files.outputs = [row for row in files.outputs if (row["item_id"], row["model"]) != ("q3", "old")]
    files.votes = [row for row in VOTES if row["item_id"] != "q3"]
    files.run()
    assert Evaluation.objects.get().comparisons.count() == 2


def test_items_without_votes_stand_beside_the_figures(files: Files) -> None:
    files.votes = [row for row in VOTES if row["item_id"] != "q3"]
    files.run()
    evaluation = Evaluation.objects.get()
    assert evaluation.comparisons.count() == 3
    assert win_rates(evaluation).overall.tally.examples == 2


def test_same_name_other_answers_become_another_version(files: Files) -> None:
    files.run()
    files.outputs = [row | {"output": f"{row['output']} Again."} for row in files.outputs]
    files.run("Second run")
    assert {str(version) for version in ModelVersion.objects.all()} == {
        "new recorded",
        "new recorded-2",
        "old recorded",
        "old recorded-2",
    }


def test_same_content_is_the_same_golden_set_version(files: Files) -> None:
    files.run()
    files.run("Second run", golden_set_name="another-name")
    first, second = Evaluation.objects.all()
    assert first.golden_set_version == second.golden_set_version
    assert GoldenSet.objects.count() == 1


def test_report_as_json_counts_what_was_stored(files: Files) -> None:
    report = json.loads(files.run(json=True))
    evaluation = Evaluation.objects.get()
    assert report == {
        "evaluation": evaluation.pk,
        "name": "Elsewhere",
        "candidate": "new recorded",
        "baseline": "old recorded",
        "golden_set": "elsewhere v1",
        "golden_set_sha256": evaluation.golden_set_version.sha256,
        "comparisons": 3,
        "votes": 5,
        "raters": 2,
        "replaced": [],
    }


# --- raters ------------------------------------------------------------------------------------------------


def test_second_vote_of_a_rater_replaces_the_first_and_is_reported(files: Files) -> None:
    files.votes = [*VOTES, ballot("q1", "ann", "left", "old", "new"), ballot("q1", "ann", "tie")]
    said = files.run()
    assert "votes.jsonl line 1: ann voted on q1 again later; that vote stands" in said
    assert "votes.jsonl line 7: ann voted on q1 again" in said
    vote = Vote.objects.get(
        assignment__comparison__example__key="q1", assignment__reviewer__username=f"ann{RATER_SUFFIX}"
    )
    assert (vote.choice, vote.assignment.candidate_on_left) == ("tie", True)
    assert Vote.objects.count() == 5

    report = json.loads(files.run("As JSON", json=True))
    assert report["votes"] == 5
    assert report["replaced"] == [
        {"item_id": "q1", "rater": "ann", "line": 1},
        {"item_id": "q1", "rater": "ann", "line": 7},
    ]


def test_raters_can_not_log_in(files: Files) -> None:
    files.run()
    for name in ("ann", "bob"):
        rater = User.objects.get(username=f"{name}{RATER_SUFFIX}")
        assert not rater.is_active
        assert not rater.has_usable_password()
        assert not rater.groups.exists()
        assert not Client().login(username=rater.username, password="")


def test_rater_is_not_the_person_of_the_same_name(files: Files, make_user: Callable[..., User]) -> None:
    ann = make_user("ann", "Reviewer")
    files.run()
    assert not Assignment.objects.filter(reviewer=ann).exists()
    ann.refresh_from_db()
    assert ann.is_active


def test_rater_of_two_evaluations_is_one_person(files: Files) -> None:
    files.run()
    files.run("Second run")
    assert User.objects.filter(username__endswith=RATER_SUFFIX).count() == 2
