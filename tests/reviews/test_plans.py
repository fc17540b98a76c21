"""The plan: set by a lead, frozen with its hash when voting opens, extended with a reason, never changed."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import F

from reviews.actions.assignments import claim_next
from reviews.actions.evaluations import close_evaluation, open_voting, start_evaluation
from reviews.actions.not_possible import NotPossible
from reviews.actions.plans import extend_plan, set_plan
from reviews.actions.votes import cast_vote
from reviews.models import Comparison, Evaluation, EvaluationPlan
from reviews.queries.gate import gate_now
from reviews.queries.plans import available, frozen_plan, outlook, proposed_plan
from reviews.stats.gate_plan import GatePlan
from tests.factories import (
    make_evaluation,
    make_golden_set_version,
    make_model_version,
    make_response,
    make_rows,
)

pytestmark = pytest.mark.django_db


def started(examples: int = 40, tags: tuple[str, ...] = ("refunds", "sizing"), **fields: Any) -> Evaluation:
    """An evaluation that is ready to be opened: every response is there."""
    version = make_golden_set_version(make_rows(examples, tags))
    candidate, baseline = make_model_version(), make_model_version()
    for example in version.examples.all():
        make_response(candidate, example)
        make_response(baseline, example)
    given: dict[str, Any] = {
        "name": f"plan {version.pk}",
        "candidate": candidate,
        "baseline": baseline,
        "golden_set_version": version,
        "votes_per_comparison": 1,
        "by": None,
        "seed": 7,
    }
    return start_evaluation(**(given | fields))


def opened(evaluation: Evaluation, **fields: Any) -> Evaluation:
    if fields:
        set_plan(evaluation=evaluation, by=None, **fields)
    return open_voting(evaluation=evaluation, by=None, in_spite_of_leaks=True)


def vote_all(evaluation: Evaluation, reviewer: User, *, most: int = 1000, candidate: bool = True) -> int:
    """Votes for one of the two, whichever side it stands on."""
    for cast in range(most):
        turn = claim_next(evaluation=evaluation, reviewer=reviewer)
        if turn is None:
            return cast
        choice = "left" if turn.candidate_on_left == candidate else "right"
        cast_vote(assignment=turn, reviewer=reviewer, choice=choice)
    return most


def test_every_evaluation_starts_with_a_plan_that_opening_freezes(lead: User) -> None:
    evaluation = started()
    assert not evaluation.plan.frozen
    open_voting(evaluation=evaluation, by=lead, in_spite_of_leaks=True)
    plan = EvaluationPlan.objects.get(evaluation=evaluation)
    assert plan.frozen_by == lead
    frozen = frozen_plan(plan)
    assert (frozen.examples, frozen.votes, frozen.sha256) == (40, 1, plan.sha256)
    assert {intent.name: intent.examples for intent in frozen.intents} == {"refunds": 20, "sizing": 20}


def test_same_plan_has_the_same_hash_on_another_evaluation() -> None:
    first, second = opened(started(), bar=0.55), opened(started(), bar=0.55)
    third = opened(started(), bar=0.56)
    assert first.plan.sha256 == second.plan.sha256 != third.plan.sha256


def test_plan_can_be_set_until_voting_opens() -> None:
    evaluation = started()
    set_plan(evaluation=evaluation, by=None, bar=0.6, guarded=["refunds"])
    opened(evaluation)
    frozen = frozen_plan(EvaluationPlan.objects.get(evaluation=evaluation))
    assert (frozen.bar, [i.name for i in frozen.intents if i.guarded]) == (0.6, ["refunds"])
    with pytest.raises(NotPossible, match="new attempt"):
        set_plan(evaluation=evaluation, by=None, bar=0.5)


@pytest.mark.parametrize(
    "fields",
    [
        {"bar": 0.4},
        {"sha256": "0" * 64},
        {"frozen": "{}"},
        {"guarded": ["sizing"]},
        {"frozen_at": None},
        {"measured": {}},
    ],
)
def test_database_refuses_to_change_a_frozen_plan(fields: dict[str, Any]) -> None:
    evaluation = opened(started(), cost=0.01)
    with pytest.raises(IntegrityError), transaction.atomic():
        EvaluationPlan.objects.filter(evaluation=evaluation).update(**fields)
    with pytest.raises(IntegrityError), transaction.atomic():
        EvaluationPlan.objects.filter(evaluation=evaluation).delete()


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"guarded": ["no such intent"]}, "can't be guarded"),
        ({"shares": {"refunds": 0.5}, "traffic": "typed"}, "no traffic share for sizing"),
        ({"examples": 10}, "are too few"),
        ({"bar": 1.5}, "bar is 1.5"),
    ],
)
def test_what_can_not_be_planned_says_the_fix(fields: dict[str, Any], said: str) -> None:
    evaluation = started()
    with pytest.raises(ValidationError, match=said):
        set_plan(evaluation=evaluation, by=None, **fields)
    assert EvaluationPlan.objects.get(evaluation=evaluation).bar == 0.5


def test_shares_are_of_the_intents_there_are() -> None:
    evaluation = started()
    opened(evaluation, traffic="uploaded", shares={"refunds": 300, "sizing": 100, "unheard of": 600})
    frozen = frozen_plan(EvaluationPlan.objects.get(evaluation=evaluation))
    assert {i.name: i.weight for i in frozen.intents} == {"refunds": 0.75, "sizing": 0.25}


def test_fewer_examples_than_there_are_stand_first_in_the_queue() -> None:
    evaluation = opened(started(200, ("a", "b", "b", "b")), examples=100)
    dealt = evaluation.comparisons.filter(turns__gt=0)
    assert Counter(dealt.values_list("intent", flat=True)) == {"a": 25, "b": 75}
    assert sorted(dealt.values_list("position", flat=True)) == list(range(100))
    assert sorted(evaluation.comparisons.values_list("position", flat=True)) == list(range(200))
    assert not evaluation.assignments.exclude(position=F("comparison__position")).exists()


def test_guarded_intent_gets_what_guarding_takes() -> None:
    evaluation = opened(started(600, ("rare", *["common"] * 2)), examples=300, guarded=["rare"])
    frozen = frozen_plan(EvaluationPlan.objects.get(evaluation=evaluation))
    sizes = {intent.name: intent.examples for intent in frozen.intents}
    assert sizes == {"rare": 168, "common": 132}
    # and is weighted back to its share of the traffic
    assert {i.name: round(i.weight, 4) for i in frozen.intents} == {"rare": 0.3333, "common": 0.6667}


def test_extending_goes_on_behind_what_is_voted_on(reviewer: User, lead: User) -> None:
    evaluation = opened(started(200, ("a", "b", "b", "b")), examples=100)
    assert vote_all(evaluation, reviewer) == 100
    gated = gate_now(evaluation)
    assert gated is not None
    assert gated.gate.examples == 100

    extend_plan(evaluation=evaluation, examples=140, because="it was close", by=lead)
    evaluation.refresh_from_db()
    dealt = evaluation.comparisons.filter(turns__gt=0)
    assert Counter(dealt.values_list("intent", flat=True)) == {"a": 35, "b": 105}
    assert sorted(dealt.values_list("position", flat=True)) == list(range(140))
    assert not evaluation.assignments.exclude(position=F("comparison__position")).exists()
    # what counted goes on counting
    gated = gate_now(evaluation)
    assert gated is not None
    assert (gated.gate.examples, gated.extended_to) == (100, 140)
    assert vote_all(evaluation, reviewer) == 40
    plan = EvaluationPlan.objects.get(evaluation=evaluation)
    assert (plan.extended_to, plan.extended_by, plan.extended_because) == (140, lead, "it was close")
    with pytest.raises(IntegrityError), transaction.atomic():
        EvaluationPlan.objects.filter(evaluation=evaluation).update(extended_to=120)


@pytest.mark.parametrize(
    ("examples", "because", "said"),
    [(100, "more", "are being voted on already"), (150, " ", "Say why"), (220, "more", "Extend by less")],
)
def test_extension_that_can_not_be_says_the_fix(examples: int, because: str, said: str) -> None:
    evaluation = opened(started(200, ("a", "b", "b", "b")), examples=100)
    with pytest.raises(NotPossible, match=said):
        extend_plan(evaluation=evaluation, examples=examples, because=because, by=None)
    assert evaluation.comparisons.filter(turns__gt=0).count() == 100


def test_only_open_voting_is_extended() -> None:
    evaluation = opened(started(200), examples=100)
    close_evaluation(evaluation=evaluation, by=None)
    with pytest.raises(NotPossible, match="being voted on"):
        extend_plan(evaluation=evaluation, examples=120, because="more", by=None)


def test_failed_responses_leave_the_plan_without_their_examples() -> None:
    evaluation = started(40)
    one = evaluation.comparisons.filter(intent="refunds").first()
    assert one is not None
    one.candidate_response.status = "failed"
    one.candidate_response.save(update_fields=["status"])
    open_voting(evaluation=evaluation, by=None, leave_out_failed=True, in_spite_of_leaks=True)
    plan = EvaluationPlan.objects.get(evaluation=evaluation)
    assert {i.name: i.examples for i in frozen_plan(plan).intents} == {"refunds": 19, "sizing": 20}
    assert plan.measured["failure_rate"] == pytest.approx(1 / 40)
    assert plan.measured["latency_p95"] == 0.5


def test_attempts_of_a_pair_are_numbered_over_the_versions_of_a_golden_set() -> None:
    first = started()
    again = start_evaluation(
        name="again", candidate=first.candidate, baseline=first.baseline,
        golden_set_version=first.golden_set_version, votes_per_comparison=1, by=None,
    )  # fmt: skip
    turned = start_evaluation(
        name="turned round", candidate=first.baseline, baseline=first.candidate,
        golden_set_version=first.golden_set_version, votes_per_comparison=1, by=None,
    )  # fmt: skip
    assert [one.attempt for one in (first, again, turned)] == [1, 2, 1]


def test_outlook_tells_what_guarding_a_small_intent_would_take() -> None:
    evaluation = started(60, ("rare", *["common"] * 5))
    plan = EvaluationPlan.objects.get(evaluation=evaluation)
    plan.guarded = ["rare"]
    sizes = available(evaluation)
    told = outlook(proposed_plan(plan, sizes), sizes)
    assert [(row.name, row.size.needed) for row in told.too_small] == [("rare", 168)]
    assert [row.name for row in told.insufficient] == ["rare"]
    assert told.effort.votes == 60
    assert not told.is_measured
    assert [power.win_rate for power in told.powers] == [0.5, 0.55, 0.6, 0.65, 0.7]


def test_frozen_plan_reads_back_to_itself() -> None:
    plan = EvaluationPlan.objects.get(evaluation=opened(started(), latency_p95=2.5, failure_rate=0.02))
    assert GatePlan.from_json(plan.frozen).sha256 == plan.sha256


def test_evaluation_made_elsewhere_has_no_gate() -> None:
    evaluation = make_evaluation(2)
    assert gate_now(evaluation) is None
    assert Comparison.objects.filter(evaluation=evaluation, turns=1).count() == 2
