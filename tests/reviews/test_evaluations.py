"""Starting, opening and closing an evaluation."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db.models import F

from models_registry.models import Example, ModelVersion, Response
from reviews.actions.evaluations import (
    close_evaluation,
    open_voting,
    retry_failed,
    start_evaluation,
)
from reviews.actions.not_possible import NotPossible
from reviews.blinding import queue_order
from reviews.models import Assignment, Evaluation
from tests.factories import make_evaluation, make_golden_set_version, make_model_version, make_rows, make_vote

pytestmark = pytest.mark.django_db


def start(**given: Any) -> Evaluation:
    fields: dict[str, Any] = {
        "name": "Support, November",
        "candidate": given.get("candidate") or make_model_version(),
        "baseline": given.get("baseline") or make_model_version(),
        "golden_set_version": given.get("golden_set_version") or make_golden_set_version(12),
        "votes_per_comparison": 1,
        "by": None,
    }
    return start_evaluation(**(fields | given))


def answer_all(evaluation: Evaluation, **fields: Any) -> None:
    """What the workers would do: every response gets a text of its own."""
    for comparison in evaluation.comparisons.select_related("example"):
        for side, version in (
            ("candidate_response", evaluation.candidate),
            ("baseline_response", evaluation.baseline),
        ):
            answer(getattr(comparison, f"{side}_id"), text=f"{version} on {comparison.example.key}", **fields)


def answer(response_id: int, **fields: Any) -> None:
    done = {"status": "done", "done_at": F("created_at"), "text": "An answer"}
    Response.objects.filter(pk=response_id).update(**(done | fields))


def fail_one(evaluation: Evaluation, position: int = 0, side: str = "candidate_response") -> Response:
    response: Response = getattr(evaluation.comparisons.get(position=position), side)
    Response.objects.filter(pk=response.pk).update(
        status="failed", text="", done_at=None, last_error="500: broken"
    )
    return response


# --- start -------------------------------------------------------------------------------------------------


def test_start_lays_comparisons_out_in_the_seeded_order(lead: User) -> None:
    version = make_golden_set_version(12)
    evaluation = start(golden_set_version=version, seed=42, by=lead)

    assert evaluation.status == Evaluation.Status.GENERATING
    assert (evaluation.started_by, evaluation.seed) == (lead, 42)
    by_example = dict(evaluation.comparisons.values_list("example__position", "position"))
    assert [by_example[index] for index in range(12)] == queue_order(42, 12)
    assert not Assignment.objects.exists()


def test_start_draws_a_seed_of_its_own() -> None:
    version = make_golden_set_version(3)
    seeds = {start(name=f"run {index}", golden_set_version=version).seed for index in range(5)}
    assert len(seeds) == 5
    assert min(seeds) >= 0


def test_start_asks_each_model_once_for_each_example() -> None:
    evaluation = start()
    for version, side in (
        (evaluation.candidate, "candidate_response"),
        (evaluation.baseline, "baseline_response"),
    ):
        asked = Response.objects.filter(model_version=version)
        assert asked.count() == 12
        assert set(asked.values_list("status", flat=True)) == {"pending"}
        assert set(asked.values_list("pk", flat=True)) == set(
            evaluation.comparisons.values_list(side, flat=True)
        )


def test_second_evaluation_of_the_same_versions_reuses_their_responses() -> None:
    first = start()
    answer_all(first)
    again = start(
        name="Once more",
        candidate=first.candidate,
        baseline=first.baseline,
        golden_set_version=first.golden_set_version,
    )
    assert Response.objects.count() == 24
    assert not Response.objects.filter(status="pending").exists()
    for comparison in again.comparisons.all():
        before = first.comparisons.get(example=comparison.example)
        assert comparison.candidate_response_id == before.candidate_response_id
        assert comparison.baseline_response_id == before.baseline_response_id


def test_swapped_roles_reuse_the_same_responses() -> None:
    first = start()
    start(
        name="Other way round",
        candidate=first.baseline,
        baseline=first.candidate,
        golden_set_version=first.golden_set_version,
    )
    assert Response.objects.count() == 24


def test_start_tries_again_what_failed_before() -> None:
    first = start()
    answer_all(first)
    response = fail_one(first)
    start(
        name="Once more",
        candidate=first.candidate,
        baseline=make_model_version(),
        golden_set_version=first.golden_set_version,
    )
    response.refresh_from_db()
    assert (response.status, response.last_error) == ("pending", "")


def same_version() -> dict[str, Any]:
    version = make_model_version()
    return {"candidate": version, "baseline": version}


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (lambda: {"name": ""}, "name"),
        (lambda: {"name": "x" * 121}, "name"),
        (lambda: {"name": "taken"}, "name"),
        (lambda: {"votes_per_comparison": 0}, "votes_per_comparison"),
        (lambda: {"votes_per_comparison": 101}, "votes_per_comparison"),
        (same_version, "candidate_is_not_the_baseline"),
    ],
)
def test_start_refuses_what_can_not_be(given: Callable[[], dict[str, Any]], said: str) -> None:
    make_evaluation(1, name="taken")
    before = (Evaluation.objects.count(), Response.objects.count())
    with pytest.raises(ValidationError) as refused:
        start(**given())
    assert said in str(refused.value.message_dict)
    assert (Evaluation.objects.count(), Response.objects.count()) == before


# --- open --------------------------------------------------------------------------------------------------


def test_voting_stays_shut_while_responses_are_pending() -> None:
    evaluation = start()
    answer_all(evaluation)
    Response.objects.filter(pk=evaluation.comparisons.get(position=3).baseline_response_id).update(
        status="pending", done_at=None
    )
    with pytest.raises(NotPossible, match=r"^1 comparison still waits"):
        open_voting(evaluation=evaluation, by=None)
    with pytest.raises(NotPossible, match="still waits"):
        open_voting(evaluation=evaluation, by=None, leave_out_failed=True)
    evaluation.refresh_from_db()
    assert evaluation.opened_at is None
    assert not Assignment.objects.exists()


def test_voting_stays_shut_over_failed_responses_unless_they_are_left_out() -> None:
    evaluation = start()
    answer_all(evaluation)
    fail_one(evaluation, 0)
    fail_one(evaluation, 5, "baseline_response")
    with pytest.raises(NotPossible, match="2 comparisons have a response that failed"):
        open_voting(evaluation=evaluation, by=None)

    opened = open_voting(evaluation=evaluation, by=None, leave_out_failed=True)

    assert opened.opened_at is not None
    positions = set(Assignment.objects.values_list("position", flat=True))
    assert positions == set(range(12)) - {0, 5}


def test_failed_comparison_does_not_hold_the_others_up_by_its_other_side() -> None:
    evaluation = start()
    answer_all(evaluation)
    response = fail_one(evaluation)
    comparison = evaluation.comparisons.get(candidate_response=response)
    Response.objects.filter(pk=comparison.baseline_response_id).update(status="pending", done_at=None)
    open_voting(evaluation=evaluation, by=None, leave_out_failed=True)
    assert not comparison.assignments.exists()


def test_voting_on_nothing_is_refused() -> None:
    evaluation = start(golden_set_version=make_golden_set_version(1))
    answer_all(evaluation)
    fail_one(evaluation)
    with pytest.raises(NotPossible, match="nothing to vote on"):
        open_voting(evaluation=evaluation, by=None, leave_out_failed=True)
    evaluation.refresh_from_db()
    assert evaluation.opened_at is None


def test_identical_texts_are_marked_and_get_no_turn() -> None:
    evaluation = start()
    answer_all(evaluation)
    same = evaluation.comparisons.get(position=4)
    answer(same.candidate_response_id, text="The very same.\n")
    answer(same.baseline_response_id, text="  The very same.")
    open_voting(evaluation=evaluation, by=None)
    assert list(evaluation.comparisons.filter(identical=True)) == [same]
    assert not same.assignments.exists()
    assert Assignment.objects.count() == 11


def test_same_last_answer_after_other_answers_is_not_identical() -> None:
    evaluation = start(golden_set_version=make_golden_set_version(1))
    comparison = evaluation.comparisons.get()
    answer(comparison.candidate_response_id, text="Same", earlier_answers=["Aloha"])
    answer(comparison.baseline_response_id, text="Same", earlier_answers=["Hello"])
    open_voting(evaluation=evaluation, by=None)
    assert comparison.assignments.count() == 1


@pytest.mark.parametrize("votes", [1, 2, 3])
def test_opening_deals_n_turns_each_with_sides_balanced(votes: int) -> None:
    rows = make_rows(21, tags=("refunds", "sizing", "billing"))
    evaluation = start(golden_set_version=make_golden_set_version(rows), votes_per_comparison=votes)
    answer_all(evaluation)
    open_voting(evaluation=evaluation, by=None)

    turns = list(Assignment.objects.select_related("comparison__example"))
    assert len(turns) == 21 * votes
    for comparison in evaluation.comparisons.all():
        mine = [turn for turn in turns if turn.comparison_id == comparison.pk]
        assert sorted(turn.slot for turn in mine) == list(range(votes))
        assert {turn.position for turn in mine} == {comparison.position}
        assert abs(sum(1 if turn.candidate_on_left else -1 for turn in mine)) <= 1
    lean: Counter[str] = Counter()
    for turn in turns:
        assert (turn.reviewer, turn.voted, turn.evaluation_id) == (None, False, evaluation.pk)
        lean[turn.comparison.example.primary_intent] += 1 if turn.candidate_on_left else -1
    assert all(abs(total) <= 1 for total in lean.values())
    assert abs(sum(lean.values())) <= 1


def test_opening_twice_is_the_same_as_once() -> None:
    evaluation = start()
    answer_all(evaluation)
    first = open_voting(evaluation=evaluation, by=None)
    again = open_voting(evaluation=evaluation, by=None)
    assert again.opened_at == first.opened_at
    assert Assignment.objects.count() == 12


def test_opening_at_the_same_moment_deals_once(in_threads: Callable[..., list[Any]]) -> None:
    evaluation = start()
    answer_all(evaluation)
    opened = in_threads(lambda _: open_voting(evaluation=evaluation, by=None), range(4))
    assert len({row.opened_at for row in opened}) == 1
    assert Assignment.objects.count() == 12


def test_same_seed_deals_the_same_sides() -> None:
    version = make_golden_set_version(12)
    dealt = []
    for name in ("one", "two"):
        evaluation = start(name=name, golden_set_version=version, seed=9, votes_per_comparison=3)
        answer_all(evaluation)
        open_voting(evaluation=evaluation, by=None)
        dealt.append(
            list(
                Assignment.objects.filter(evaluation=evaluation).values_list(
                    "comparison__example_id", "slot", "candidate_on_left"
                )
            )
        )
    assert dealt[0] == dealt[1]


# --- close, retry ------------------------------------------------------------------------------------------


def test_closing_keeps_votes_and_is_once(reviewer: User) -> None:
    evaluation = make_evaluation(4)
    make_vote(evaluation.comparisons.get(position=0), reviewer, "candidate")
    closed = close_evaluation(evaluation=evaluation, by=None)
    assert closed.status == Evaluation.Status.CLOSED
    assert close_evaluation(evaluation=evaluation, by=None).closed_at == closed.closed_at
    assert Assignment.objects.filter(voted=True).count() == 1


def test_closing_what_was_never_opened_is_refused() -> None:
    evaluation = make_evaluation(2, opened=False)
    with pytest.raises(NotPossible, match="never opened"):
        close_evaluation(evaluation=evaluation, by=None)


def test_closed_evaluation_does_not_open_again() -> None:
    evaluation = make_evaluation(2)
    closed = close_evaluation(evaluation=evaluation, by=None)
    assert open_voting(evaluation=evaluation, by=None).closed_at == closed.closed_at


def test_retry_asks_again_for_what_failed_and_nothing_else() -> None:
    evaluation = start()
    answer_all(evaluation)
    failed = [fail_one(evaluation, 1), fail_one(evaluation, 1, "baseline_response"), fail_one(evaluation, 6)]
    other = make_evaluation(1, opened=False)
    Response.objects.filter(pk=fail_one(other).pk).update(attempts=6)

    assert retry_failed(evaluation=evaluation, by=None) == 3

    assert set(Response.objects.filter(model_version__in=versions_of(evaluation), status="pending")) == set(
        failed
    )
    assert Response.objects.filter(status="failed").count() == 1
    assert retry_failed(evaluation=evaluation, by=None) == 0


def versions_of(evaluation: Evaluation) -> list[ModelVersion]:
    return [evaluation.candidate, evaluation.baseline]


def test_examples_with_the_same_conversation_share_one_response() -> None:
    rows: list[dict[str, Any]] = [
        {"id": "a", "prompt": "Hello?"},
        {"id": "b", "prompt": "Hello?", "tags": ["greeting"]},
    ]
    evaluation = start(golden_set_version=make_golden_set_version(rows))
    assert Response.objects.count() == 2
    assert evaluation.comparisons.count() == Example.objects.count() == 2
