"""What the database keeps of judges, whoever writes to it."""

from __future__ import annotations

import pytest
from django.db import DatabaseError, IntegrityError, transaction

from reviews.models import Evaluation, Judge, JudgeVerdict
from tests.factories import make_evaluation, make_judge, make_verdict

pytestmark = pytest.mark.django_db


@pytest.fixture
def evaluation() -> Evaluation:
    return make_evaluation(1)


def test_a_judge_with_verdicts_is_frozen(evaluation: Evaluation) -> None:
    judge = make_judge(evaluation)
    Judge.objects.filter(pk=judge.pk).update(template="{first} {second} {conversation}")
    make_verdict(judge, evaluation.comparisons.get(position=0), "tie")
    with pytest.raises(DatabaseError, match="judge with verdicts never changes"), transaction.atomic():
        Judge.objects.filter(pk=judge.pk).update(template="another")


@pytest.mark.parametrize("change", [{"choice": "baseline"}, {"rationale": "No."}, {"choice": ""}])
def test_a_verdict_that_was_read_never_changes(evaluation: Evaluation, change: dict[str, str]) -> None:
    verdict = make_verdict(make_judge(evaluation), evaluation.comparisons.get(position=0), "candidate")
    with pytest.raises(DatabaseError, match="a verdict that was read never changes"), transaction.atomic():
        JudgeVerdict.objects.filter(pk=verdict.pk).update(**change)
    verdict.refresh_from_db()
    assert verdict.choice == "candidate"


def test_a_verdict_is_one_an_order_and_of_a_known_choice(evaluation: Evaluation) -> None:
    judge, comparison = make_judge(evaluation), evaluation.comparisons.get(position=0)
    make_verdict(judge, comparison, "tie")
    for given in ({"choice": "tie"}, {"choice": "left", "candidate_first": False}):
        with pytest.raises(IntegrityError), transaction.atomic():
            make_verdict(judge, comparison, **given)
    with pytest.raises(IntegrityError), transaction.atomic():
        make_verdict(judge, comparison, "tie", candidate_first=False, problem="It is empty.")
