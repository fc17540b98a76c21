"""`manage.py winrates`: the dashboard's figures, as a table or as JSON."""

from __future__ import annotations

import io
import json

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command, load_command_class

from reviews.models import Evaluation
from reviews.queries.win_rates import win_rates
from tests.factories import make_evaluation, make_vote

pytestmark = pytest.mark.django_db


@pytest.fixture
def evaluation(reviewer: User) -> Evaluation:
    evaluation = make_evaluation(name="Support: November")
    for comparison, choice in zip(
        evaluation.comparisons.all(), ["candidate", "tie", "baseline"], strict=False
    ):
        make_vote(comparison, reviewer, choice)
    return evaluation


def winrates(*arguments: str) -> str:
    out = io.StringIO()
    call_command("winrates", *arguments, stdout=out)
    return out.getvalue()


def test_json_is_that_of_the_query(evaluation: Evaluation) -> None:
    printed = json.loads(winrates(str(evaluation.pk), "--json"))
    assert printed == win_rates(evaluation).as_json()
    assert printed["overall"]["votes"] == 3
    assert printed["overall"]["win_rate"] == 0.5
    assert "medical disclaimer" in printed["tags"]


def test_evaluation_is_found_by_number_and_by_name(evaluation: Evaluation) -> None:
    other = make_evaluation(1, name="2026")
    assert winrates(str(evaluation.pk)) == winrates("Support: November")
    assert str(other.candidate) in winrates("2026")


def test_table_has_a_line_for_each_tag(evaluation: Evaluation) -> None:
    lines = winrates("Support: November").splitlines()
    assert lines[0] == f"{evaluation.candidate} against {evaluation.baseline}"
    starts = ["overall", "billing", "medical disclaimer", "refunds", "sizing", "untagged"]
    assert [line[:19].strip() for line in lines[3:]] == starts
    assert lines[3].split()[1:8] == ["3", "3", "1", "1", "0", "1", "0.500"]
    # a tag nobody voted on yet has no rate
    assert "–" in lines[-1]


def test_evaluation_without_votes_prints_too() -> None:
    make_evaluation(name="empty")
    assert json.loads(winrates("empty", "--json"))["overall"]["win_rate"] is None
    assert "overall" in winrates("empty")


@pytest.mark.parametrize("given", ["999999", "9" * 40, "none such", ""])
def test_unknown_evaluation_is_exit_status_2_and_names_those_there_are(
    evaluation: Evaluation, given: str
) -> None:
    with pytest.raises(CommandError) as error:
        winrates(given)
    assert error.value.returncode == 2
    assert "There is no evaluation" in str(error.value)
    assert "'Support: November'" in str(error.value)


@pytest.mark.parametrize("command", ["winrates", "import_evaluation"])
def test_help_has_an_example(command: str) -> None:
    shown = load_command_class("reviews", command).create_parser("manage.py", command).format_help()
    assert "example" in shown
    assert f"manage.py {command}" in shown
