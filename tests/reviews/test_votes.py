"""What a click becomes, when it still counts, and what the database itself refuses."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import IntegrityError, connection, transaction
from django.db.models import ProtectedError
from django.utils import timezone

from reviews.actions.assignments import claim_next
from reviews.actions.evaluations import close_evaluation
from reviews.actions.votes import VoteRefused, cast_vote
from reviews.models import Assignment, Comparison, Evaluation, Vote
from tests.factories import make_evaluation, make_model_version, make_vote

pytestmark = pytest.mark.django_db


def claim(evaluation: Evaluation, reviewer: User) -> Assignment:
    turn = claim_next(evaluation=evaluation, reviewer=reviewer)
    assert turn is not None
    return turn


def let_run_out(turn: Assignment) -> None:
    Assignment.objects.filter(pk=turn.pk).update(lease_until=timezone.now() - timedelta(seconds=1))


# --- casting -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("candidate_on_left", "choice", "said"),
    [
        (True, "left", "candidate"),
        (True, "right", "baseline"),
        (False, "left", "baseline"),
        (False, "right", "candidate"),
        (True, "tie", "tie"),
        (False, "both_bad", "both_bad"),
    ],
)
def test_cast_stores_the_truth_under_both_side_orders(
    reviewer: User, candidate_on_left: bool, choice: str, said: str
) -> None:
    evaluation = make_evaluation(2)
    turn = next(turn for turn in evaluation.assignments.all() if turn.candidate_on_left == candidate_on_left)
    Assignment.objects.exclude(pk=turn.pk).delete()
    vote = cast_vote(assignment=claim(evaluation, reviewer), reviewer=reviewer, choice=choice)
    vote.refresh_from_db()
    turn.refresh_from_db()
    assert vote.choice == said
    assert (vote.assignment, turn.voted, turn.lease_until) == (turn, True, None)
    assert turn.candidate_on_left == candidate_on_left


def test_cast_stores_the_seconds_from_showing_to_voting(reviewer: User) -> None:
    evaluation = make_evaluation(1)
    turn = claim(evaluation, reviewer)
    Assignment.objects.filter(pk=turn.pk).update(shown_at=timezone.now() - timedelta(seconds=30))
    vote = cast_vote(assignment=claim(evaluation, reviewer), reviewer=reviewer, choice="tie")
    assert vote.seconds == pytest.approx(30, abs=5)


def test_second_click_finds_the_first_vote(reviewer: User) -> None:
    turn = claim(make_evaluation(1), reviewer)
    first = cast_vote(assignment=turn, reviewer=reviewer, choice="left")
    again = cast_vote(assignment=turn, reviewer=reviewer, choice="right")
    assert again == first
    assert (Vote.objects.get().choice, again.choice) == (first.choice, first.choice)


def test_clicks_at_the_same_moment_count_once(reviewer: User, in_threads: Callable[..., list[Any]]) -> None:
    for _ in range(10):
        turn = claim(make_evaluation(1), reviewer)

        def click(choice: str, turn: Assignment = turn) -> int:
            return cast_vote(assignment=turn, reviewer=reviewer, choice=choice).pk

        votes = in_threads(click, ["left", "right", "tie", "both_bad"])
        assert set(votes) == {Vote.objects.get(assignment=turn).pk}


def test_late_vote_counts_while_nobody_took_the_turn(reviewer: User) -> None:
    turn = claim(make_evaluation(1), reviewer)
    let_run_out(turn)
    cast_vote(assignment=turn, reviewer=reviewer, choice="left")
    assert Vote.objects.get().assignment_id == turn.pk


def test_cast_refuses_a_pair_that_went_to_someone_else(reviewer: User, second_reviewer: User) -> None:
    evaluation = make_evaluation(1)
    turn = claim(evaluation, reviewer)
    let_run_out(turn)
    claim(evaluation, second_reviewer)
    with pytest.raises(VoteRefused, match="went to someone else"):
        cast_vote(assignment=turn, reviewer=reviewer, choice="left")
    assert not Vote.objects.exists()
    # also once they have voted on it
    cast_vote(assignment=turn, reviewer=second_reviewer, choice="tie")
    with pytest.raises(VoteRefused, match="went to someone else"):
        cast_vote(assignment=turn, reviewer=reviewer, choice="left")
    assert Vote.objects.get().choice == "tie"


def test_late_vote_and_the_next_reviewer_at_the_same_moment_never_both_win(
    reviewer: User, second_reviewer: User, in_threads: Callable[..., list[Any]]
) -> None:
    for _ in range(10):
        evaluation = make_evaluation(1)
        turn = claim(evaluation, reviewer)
        let_run_out(turn)

        def late(turn: Assignment = turn) -> bool:
            try:
                cast_vote(assignment=turn, reviewer=reviewer, choice="left")
            except VoteRefused:
                return False
            return True

        def take(evaluation: Evaluation = evaluation) -> bool:
            return claim_next(evaluation=evaluation, reviewer=second_reviewer) is not None

        assert sum(in_threads(lambda act: act(), [late, take])) == 1


def test_cast_refuses_a_turn_nobody_was_given(reviewer: User) -> None:
    turn = make_evaluation(1).assignments.get()
    with pytest.raises(VoteRefused):
        cast_vote(assignment=turn, reviewer=reviewer, choice="left")
    assert not Vote.objects.exists()


def test_cast_refuses_a_vote_after_closing_and_says_so(reviewer: User) -> None:
    evaluation = make_evaluation(1)
    turn = claim(evaluation, reviewer)
    close_evaluation(evaluation=evaluation, by=None)
    with pytest.raises(VoteRefused, match="was closed meanwhile"):
        cast_vote(assignment=turn, reviewer=reviewer, choice="left")
    turn.refresh_from_db()
    assert not turn.voted
    assert not Vote.objects.exists()


def test_second_click_after_closing_still_finds_the_vote(reviewer: User) -> None:
    evaluation = make_evaluation(1)
    turn = claim(evaluation, reviewer)
    vote = cast_vote(assignment=turn, reviewer=reviewer, choice="left")
    close_evaluation(evaluation=evaluation, by=None)
    assert cast_vote(assignment=turn, reviewer=reviewer, choice="left") == vote


def test_cast_of_no_choice_leaves_the_turn_as_it_was(reviewer: User) -> None:
    turn = claim(make_evaluation(1), reviewer)
    with pytest.raises(ValueError, match="is no choice"):
        cast_vote(assignment=turn, reviewer=reviewer, choice="candidate")
    turn.refresh_from_db()
    assert not turn.voted


# --- what the database refuses, whatever asks it -----------------------------------------------------------


def refused(sql: str, *params: Any) -> bool:
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(sql, params)
    except IntegrityError:
        return True
    return False


def turn_of(comparison: Comparison, slot: int, **fields: Any) -> Assignment:
    given = {
        "comparison": comparison,
        "evaluation_id": comparison.evaluation_id,
        "position": comparison.position,
        "slot": slot,
        "candidate_on_left": True,
    }
    return Assignment(**(given | fields))


@pytest.fixture
def evaluation(db: None) -> Evaluation:
    return make_evaluation(2, votes_per_comparison=2)


@pytest.fixture
def vote(evaluation: Evaluation, reviewer: User) -> Vote:
    return make_vote(evaluation.comparisons.get(position=0), reviewer, "candidate")


def test_database_refuses_slot_n(evaluation: Evaluation) -> None:
    comparison = evaluation.comparisons.get(position=0)
    with (
        pytest.raises(IntegrityError, match="no more votes than its evaluation asks for"),
        transaction.atomic(),
    ):
        turn_of(comparison, 2).save()
    with pytest.raises(IntegrityError), transaction.atomic():
        Assignment.objects.bulk_create([turn_of(comparison, 2)])
    with pytest.raises(IntegrityError), transaction.atomic():  # a slot that is there already
        turn_of(comparison, 1).save()
    with pytest.raises(IntegrityError), transaction.atomic():
        turn_of(comparison, -1).save()
    assert comparison.assignments.count() == 2


def test_database_refuses_a_turn_that_names_another_evaluation(evaluation: Evaluation) -> None:
    """Its N could be larger."""
    comparison = evaluation.comparisons.get(position=0)
    other = make_evaluation(1, votes_per_comparison=5)
    with pytest.raises(IntegrityError), transaction.atomic():
        turn_of(comparison, 3, evaluation_id=other.pk).save()


def test_database_refuses_to_move_a_turn(evaluation: Evaluation) -> None:
    turn, other = Assignment.objects.filter(slot=0)
    for column, value in (
        ("slot", 7),
        ("comparison_id", other.comparison_id),
        ("evaluation_id", make_evaluation(1).pk),
    ):
        assert refused(
            f"UPDATE reviews_assignment SET {column} = %s WHERE id = %s",  # noqa: S608 - names above
            value,
            turn.pk,
        )


@pytest.mark.usefixtures("vote")
def test_database_refuses_a_second_turn_of_one_reviewer_on_a_comparison(
    evaluation: Evaluation, reviewer: User
) -> None:
    free = evaluation.assignments.get(position=0, reviewer=None)
    with pytest.raises(IntegrityError), transaction.atomic():
        Assignment.objects.filter(pk=free.pk).update(reviewer=reviewer)
    assert refused("UPDATE reviews_assignment SET reviewer_id = %s WHERE id = %s", reviewer.pk, free.pk)


def test_database_refuses_a_second_vote_of_a_turn(vote: Vote) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        Vote.objects.create(assignment=vote.assignment, choice="tie", cast_at=timezone.now())
    assert refused(
        "INSERT INTO reviews_vote (assignment_id, choice, cast_at) SELECT assignment_id, choice, cast_at "
        "FROM reviews_vote"
    )
    assert Vote.objects.count() == 1


def test_database_refuses_a_choice_it_does_not_know(vote: Vote) -> None:
    for choice in ("left", "", "A"):
        assert refused("UPDATE reviews_vote SET choice = %s", choice)


@pytest.mark.usefixtures("vote")
def test_database_refuses_to_change_a_side() -> None:
    assert refused("UPDATE reviews_assignment SET candidate_on_left = NOT candidate_on_left")
    with pytest.raises(IntegrityError, match="never change"), transaction.atomic():
        Assignment.objects.filter(candidate_on_left=True).update(candidate_on_left=False)


def test_database_refuses_to_change_who_voted(vote: Vote, second_reviewer: User) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        Assignment.objects.filter(pk=vote.assignment_id).update(reviewer=second_reviewer)
    assert refused(
        "UPDATE reviews_assignment SET reviewer_id = %s WHERE id = %s", second_reviewer.pk, vote.assignment_id
    )
    assert refused("UPDATE reviews_assignment SET reviewer_id = NULL WHERE id = %s", vote.assignment_id)


def test_database_refuses_a_voted_turn_of_nobody(evaluation: Evaluation) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        evaluation.assignments.update(voted=True)


def test_database_refuses_to_change_what_an_open_evaluation_compares(evaluation: Evaluation) -> None:
    other = make_model_version()
    for change in (
        {"votes_per_comparison": 3},
        {"seed": evaluation.seed + 1},
        {"candidate": other},
        {"baseline": other},
        {"golden_set_version": make_evaluation(1).golden_set_version},
    ):
        with pytest.raises(IntegrityError, match="fixed when voting opens"), transaction.atomic():
            Evaluation.objects.filter(pk=evaluation.pk).update(**change)
    assert refused("UPDATE reviews_evaluation SET votes_per_comparison = 3 WHERE id = %s", evaluation.pk)


def test_votes_per_comparison_may_change_until_voting_opens() -> None:
    evaluation = make_evaluation(1, opened=False)
    assert not refused("UPDATE reviews_evaluation SET votes_per_comparison = 3 WHERE id = %s", evaluation.pk)
    assert refused("UPDATE reviews_evaluation SET votes_per_comparison = 0 WHERE id = %s", evaluation.pk)
    assert refused("UPDATE reviews_evaluation SET votes_per_comparison = 101 WHERE id = %s", evaluation.pk)


def test_database_refuses_an_evaluation_closed_but_never_open() -> None:
    evaluation = make_evaluation(1, opened=False)
    with pytest.raises(IntegrityError), transaction.atomic():
        Evaluation.objects.filter(pk=evaluation.pk).update(closed_at=timezone.now())


def test_vote_protects_its_turn_its_reviewer_and_its_evaluation(vote: Vote, reviewer: User) -> None:
    for row in (vote.assignment, reviewer, vote.assignment.evaluation):
        with pytest.raises(ProtectedError), transaction.atomic():
            row.delete()
    assert Vote.objects.count() == 1


def test_a_vote_can_neither_be_changed_nor_deleted(reviewer: User) -> None:
    evaluation = make_evaluation(1)
    cast = make_vote(evaluation.comparisons.get(), reviewer, "tie")
    with pytest.raises(IntegrityError), transaction.atomic():
        Vote.objects.filter(pk=cast.pk).update(choice="candidate")
    with pytest.raises(IntegrityError), transaction.atomic():
        Vote.objects.filter(pk=cast.pk).delete()
    with pytest.raises(IntegrityError), transaction.atomic():
        Assignment.objects.filter(vote=cast).update(voted=False)
    assert Vote.objects.get().choice == "tie"
