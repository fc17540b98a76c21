"""How far an evaluation is, for leads and for the reviewer who asks."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from models_registry.models import Response
from reviews.actions.assignments import claim_next
from reviews.models import Assignment, Comparison, Evaluation
from reviews.queries.generation import Reason, generation_progress
from reviews.queries.progress import (
    evaluation_summaries,
    reviewer_progress,
    voting_progress,
    work_for_lead,
)
from reviews.queries.reviewer_home import work_for_reviewer
from tests.factories import leave_out, make_evaluation, make_vote

pytestmark = pytest.mark.django_db


def set_response(evaluation: Evaluation, position: int, side: str, **fields: Any) -> None:
    comparison = evaluation.comparisons.get(position=position)
    done = {"done_at": timezone.now()} if fields.get("status") == "done" else {}
    Response.objects.filter(pk=getattr(comparison, f"{side}_response_id")).update(**(fields | done))


def test_generation_counts_each_model_apart() -> None:
    evaluation = make_evaluation(5, opened=False)
    later = timezone.now() + timedelta(minutes=1)
    earlier = timezone.now() - timedelta(minutes=1)
    set_response(evaluation, 0, "candidate", status="done", cost=Decimal("0.25"))
    set_response(evaluation, 1, "candidate", status="done", cost=Decimal("0.50"))
    set_response(evaluation, 2, "candidate", status="failed", last_error="401: wrong key")
    set_response(evaluation, 3, "candidate", lease_until=later)
    set_response(evaluation, 4, "candidate", lease_until=earlier, last_error="429: slow down")
    set_response(evaluation, 0, "baseline", status="done")
    progress = generation_progress(evaluation)

    candidate, baseline = progress.models
    assert (candidate.model_version, candidate.is_candidate) == (evaluation.candidate, True)
    assert (candidate.total, candidate.done, candidate.failed) == (5, 2, 1)
    assert (candidate.in_flight, candidate.waiting) == (1, 1)
    assert candidate.cost == Decimal("0.75")
    assert candidate.reasons == [Reason("401: wrong key", 1)]
    assert (baseline.is_candidate, baseline.done, baseline.waiting, baseline.cost) == (
        False,
        1,
        4,
        Decimal(0),
    )
    assert (progress.comparisons, progress.ready, progress.total) == (5, 1, 10)
    assert (progress.done, progress.failed, progress.is_finished) == (3, 1, False)


def test_generation_is_finished_when_nothing_is_pending() -> None:
    evaluation = make_evaluation(2, opened=False)
    for position in range(2):
        for side in ("candidate", "baseline"):
            set_response(evaluation, position, side, status="done")
    set_response(evaluation, 1, "baseline", status="failed", done_at=None)
    progress = generation_progress(evaluation)
    assert progress.is_finished
    assert progress.ready == 1


def test_voting_progress_counts_turns_comparisons_and_people(reviewer: User, second_reviewer: User) -> None:
    evaluation = make_evaluation(5, votes_per_comparison=2)
    comparisons = list(evaluation.comparisons.all())
    make_vote(comparisons[0], reviewer, "tie")
    make_vote(comparisons[0], second_reviewer, "tie")
    make_vote(comparisons[1], reviewer, "tie")
    claim_next(evaluation=evaluation, reviewer=second_reviewer)
    for comparison in comparisons[3:]:
        leave_out(comparison)
    Comparison.objects.filter(pk=comparisons[3].pk).update(identical=True)
    progress = voting_progress(evaluation)

    assert (progress.wanted, progress.cast, progress.left) == (6, 3, 3)
    assert (progress.spare, progress.left_out, progress.reviewers) == (1, 0, 2)
    assert not progress.is_complete


def test_voting_progress_is_complete_when_every_turn_is_voted(reviewer: User) -> None:
    evaluation = make_evaluation(1)
    make_vote(evaluation.comparisons.get(), reviewer, "tie")
    assert voting_progress(evaluation).is_complete


def test_reviewer_sees_only_what_is_left_for_them(
    reviewer: User, second_reviewer: User, make_user: Callable[..., User]
) -> None:
    evaluation = make_evaluation(4, votes_per_comparison=2)
    comparisons = list(evaluation.comparisons.all())
    make_vote(comparisons[0], reviewer, "tie")
    for person in (second_reviewer, make_user("third", "Reviewer")):
        make_vote(comparisons[1], person, "tie")
    progress = reviewer_progress(evaluation, reviewer)
    assert (progress.voted, progress.left, progress.total) == (1, 2, 3)
    # a pair they hold is still left
    claim_next(evaluation=evaluation, reviewer=reviewer)
    assert reviewer_progress(evaluation, reviewer).left == 2


def test_pair_that_another_holds_is_not_left_until_its_lease_runs_out(
    reviewer: User, second_reviewer: User
) -> None:
    evaluation = make_evaluation(1)
    claim_next(evaluation=evaluation, reviewer=second_reviewer)
    assert reviewer_progress(evaluation, reviewer).left == 0
    Assignment.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    assert reviewer_progress(evaluation, reviewer).left == 1


def test_work_of_a_reviewer_is_open_evaluations_with_something_left_first(
    reviewer: User, outsider: User
) -> None:
    done = make_evaluation(1, name="all mine")
    make_vote(done.comparisons.get(), reviewer, "tie")
    make_evaluation(1, name="generating", opened=False)
    make_evaluation(1, name="closed", closed_at=timezone.now())
    make_evaluation(3, name="waiting")
    work = work_for_reviewer(reviewer)
    assert [(item.name, item.progress.left) for item in work] == [("waiting", 3), ("all mine", 0)]
    assert work_for_reviewer(outsider) == []


def test_summaries_count_responses_then_votes(reviewer: User) -> None:
    generating = make_evaluation(3, opened=False)
    set_response(generating, 0, "candidate", status="done")
    set_response(generating, 1, "baseline", status="failed")
    voting = make_evaluation(3, votes_per_comparison=2)
    make_vote(voting.comparisons.get(position=0), reviewer, "tie")
    newest, oldest = evaluation_summaries()
    assert (newest.evaluation, newest.done, newest.total) == (voting, 1, 6)
    assert (oldest.evaluation, oldest.done, oldest.total, oldest.failed) == (generating, 1, 6, 1)


def test_summaries_take_the_same_queries_for_any_number() -> None:
    for number in (1, 5):
        for _ in range(number):
            make_evaluation(1)
        with CaptureQueriesContext(connection) as captured:
            for summary in evaluation_summaries():
                str(summary.evaluation.candidate), str(summary.evaluation.golden_set_version)
        assert len(captured) == 3


def test_work_of_a_lead_is_sorted_by_what_it_waits_for() -> None:
    ready = make_evaluation(1, opened=False)
    for side in ("candidate", "baseline"):
        set_response(ready, 0, side, status="done")
    failed = make_evaluation(1, opened=False)
    set_response(failed, 0, "candidate", status="failed")  # its other response may still be pending
    generating = make_evaluation(1, opened=False)
    voting = make_evaluation(1)
    closed = [make_evaluation(1, closed_at=timezone.now()) for _ in range(6)]
    work = {
        group: [summary.evaluation for summary in summaries] for group, summaries in work_for_lead().items()
    }
    assert work == {
        "waiting": [failed, ready],
        "generating": [generating],
        "voting": [voting],
        "closed": closed[:0:-1],
    }
