"""Votes that are taken back, changed or skipped: what was said before is kept, whoever asks the database."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db import Error, connection, transaction

from reviews.actions.assignments import claim_next
from reviews.actions.evaluations import close_evaluation
from reviews.actions.skips import skip_turn
from reviews.actions.votes import VoteRefused, cast_vote, change_vote, undo_vote
from reviews.models import Assignment, Evaluation, ReviewerTally, SkippedTurn, Vote, VoteRevision
from reviews.queries.progress import reviewer_progress
from tests.factories import make_evaluation, make_rows

pytestmark = pytest.mark.django_db


@pytest.fixture
def evaluation() -> Evaluation:
    return make_evaluation(3)


@pytest.fixture
def turn(evaluation: Evaluation, reviewer: User) -> Assignment:
    found = claim_next(evaluation=evaluation, reviewer=reviewer)
    assert found is not None
    return found


def refused(sql: str, *values: int | bool) -> bool:
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(sql, values)
    except Error:
        return True
    return False


# --- taking back ---------------------------------------------------------------------------------------------


def test_vote_that_is_taken_back_is_kept_and_its_pair_is_open_again(turn: Assignment, reviewer: User) -> None:
    cast_vote(
        assignment=turn,
        reviewer=reviewer,
        choice="left",
        strength="clearly",
        reasons=["tone"],
        comment="Rude",
    )

    undone = undo_vote(assignment=turn, reviewer=reviewer)

    assert undone is not None
    assert not Vote.objects.exists()
    revision = VoteRevision.objects.get()
    said = (revision.why, revision.choice, revision.strength, revision.reasons, revision.comment)
    assert said == ("undone", "candidate", "clearly", ["tone"], "Rude")
    assert claim_next(evaluation=turn.evaluation, reviewer=reviewer) == turn
    assert reviewer_progress(turn.evaluation, reviewer).voted == 0
    tally = ReviewerTally.objects.get()
    assert (tally.votes, tally.candidate_left) == (0, 0)


def test_new_vote_after_one_that_was_taken_back_has_the_next_number(turn: Assignment, reviewer: User) -> None:
    for choice in ("left", "right", "tie"):
        vote = cast_vote(assignment=turn, reviewer=reviewer, choice=choice)
        if choice != "tie":
            undo_vote(assignment=turn, reviewer=reviewer)
    assert (vote.choice, vote.number) == ("tie", 3)
    assert list(VoteRevision.objects.values_list("number", "choice")) == [(1, "candidate"), (2, "baseline")]


def test_second_press_takes_nothing_back(turn: Assignment, reviewer: User) -> None:
    cast_vote(assignment=turn, reviewer=reviewer, choice="left")
    undo_vote(assignment=turn, reviewer=reviewer)
    assert undo_vote(assignment=turn, reviewer=reviewer) is None
    assert VoteRevision.objects.count() == 1


def test_only_the_newest_vote_is_taken_back(evaluation: Evaluation, turn: Assignment, reviewer: User) -> None:
    cast_vote(assignment=turn, reviewer=reviewer, choice="left")
    following = claim_next(evaluation=evaluation, reviewer=reviewer)
    assert following is not None
    cast_vote(assignment=following, reviewer=reviewer, choice="left")
    with pytest.raises(VoteRefused, match="Only your last vote"):
        undo_vote(assignment=turn, reviewer=reviewer)
    undo_vote(assignment=following, reviewer=reviewer)
    assert undo_vote(assignment=turn, reviewer=reviewer) is not None


def test_nobody_takes_back_a_colleagues_vote(turn: Assignment, reviewer: User, second_reviewer: User) -> None:
    cast_vote(assignment=turn, reviewer=reviewer, choice="left")
    assert undo_vote(assignment=turn, reviewer=second_reviewer) is None
    assert Vote.objects.count() == 1


def test_nothing_is_taken_back_or_changed_once_voting_is_closed(turn: Assignment, reviewer: User) -> None:
    cast_vote(assignment=turn, reviewer=reviewer, choice="left")
    close_evaluation(evaluation=turn.evaluation, by=None)
    with pytest.raises(VoteRefused, match="closed meanwhile"):
        undo_vote(assignment=turn, reviewer=reviewer)
    with pytest.raises(VoteRefused, match="closed meanwhile"):
        change_vote(assignment=turn, reviewer=reviewer, choice="right")
    assert Vote.objects.get().choice == "candidate"


# --- changing ------------------------------------------------------------------------------------------------


def test_changed_vote_says_the_new_and_keeps_the_old(turn: Assignment, reviewer: User) -> None:
    first = cast_vote(assignment=turn, reviewer=reviewer, choice="left", comment="Short")
    change_vote(assignment=turn, reviewer=reviewer, choice="both_bad", comment="Both rude")
    vote = Vote.objects.get()
    assert (vote.pk, vote.choice, vote.comment, vote.number) == (first.pk, "both_bad", "Both rude", 2)
    revision = VoteRevision.objects.get()
    assert (revision.why, revision.choice, revision.comment) == ("changed", "candidate", "Short")
    assert reviewer_progress(turn.evaluation, reviewer).voted == 1


def test_change_to_the_same_changes_nothing(turn: Assignment, reviewer: User) -> None:
    cast_vote(assignment=turn, reviewer=reviewer, choice="left")
    change_vote(assignment=turn, reviewer=reviewer, choice="left")
    assert not VoteRevision.objects.exists()


def test_there_is_no_vote_to_change_before_one_is_cast(turn: Assignment, reviewer: User) -> None:
    with pytest.raises(VoteRefused, match="no vote of yours"):
        change_vote(assignment=turn, reviewer=reviewer, choice="left")


# --- the database keeps it -------------------------------------------------------------------------------------


def test_database_refuses_every_change_whose_past_is_not_kept(turn: Assignment, reviewer: User) -> None:
    vote = cast_vote(assignment=turn, reviewer=reviewer, choice="left", comment="Short")
    for sql in (
        "UPDATE reviews_vote SET choice = 'baseline' WHERE id = %s",
        "UPDATE reviews_vote SET choice = 'baseline', number = number + 1 WHERE id = %s",
        "UPDATE reviews_vote SET comment = '' WHERE id = %s",
        "DELETE FROM reviews_vote WHERE id = %s",
    ):
        assert refused(sql, vote.pk), sql
    assert refused("UPDATE reviews_assignment SET voted = %s WHERE id = %s", False, turn.pk)


def test_database_refuses_a_change_whose_past_is_kept_wrongly(turn: Assignment, reviewer: User) -> None:
    vote = cast_vote(assignment=turn, reviewer=reviewer, choice="left", comment="Short")
    kept: dict[str, Any] = {
        name: getattr(vote, name)
        for name in ("choice", "strength", "reasons", "comment", "cast_at", "number", "assignment")
    }
    VoteRevision.objects.create(**kept | {"choice": "tie"}, why="undone", replaced_at=vote.cast_at)
    assert refused("DELETE FROM reviews_vote WHERE id = %s", vote.pk)


def test_database_keeps_revisions_as_they_are(turn: Assignment, reviewer: User) -> None:
    cast_vote(assignment=turn, reviewer=reviewer, choice="left")
    undo_vote(assignment=turn, reviewer=reviewer)
    assert refused("UPDATE reviews_voterevision SET choice = 'tie'")
    assert refused("DELETE FROM reviews_voterevision")
    # a first vote in the place of the second would hide that there was another before
    assert refused(
        "INSERT INTO reviews_vote (assignment_id, choice, strength, reasons, comment, cast_at, number) "
        "SELECT assignment_id, choice, strength, reasons, comment, cast_at, 1 FROM reviews_voterevision"
    )


def test_database_refuses_changes_of_a_closed_evaluation(turn: Assignment, reviewer: User) -> None:
    vote = cast_vote(assignment=turn, reviewer=reviewer, choice="left")
    kept = {
        name: getattr(vote, name)
        for name in ("choice", "strength", "reasons", "comment", "cast_at", "number", "assignment")
    }
    VoteRevision.objects.create(**kept, why="undone", replaced_at=vote.cast_at)
    close_evaluation(evaluation=turn.evaluation, by=None)
    assert refused("DELETE FROM reviews_vote WHERE id = %s", vote.pk)
    assert refused("UPDATE reviews_vote SET choice = 'tie', number = 2 WHERE id = %s", vote.pk)


# --- what an evaluation asks for ---------------------------------------------------------------------------------


def cast_in(evaluation: Evaluation, reviewer: User, choice: str, **said: Any) -> Vote:
    turn = claim_next(evaluation=evaluation, reviewer=reviewer)
    assert turn is not None
    return cast_vote(assignment=turn, reviewer=reviewer, choice=choice, **said)


def test_strength_is_of_a_vote_for_a_side_only(evaluation: Evaluation, reviewer: User) -> None:
    said = [("left", "clearly"), ("right", ""), ("tie", "clearly")]
    votes = [cast_in(evaluation, reviewer, choice, strength=strength) for choice, strength in said]
    assert [vote.strength for vote in votes] == ["clearly", "slightly", ""]
    assert refused("UPDATE reviews_vote SET strength = 'clearly' WHERE choice = 'tie'")


def test_no_strength_is_kept_where_none_is_asked_for(reviewer: User) -> None:
    evaluation = make_evaluation(1, asks_strength=False)
    assert cast_in(evaluation, reviewer, "left", strength="clearly").strength == ""


def test_only_reasons_of_the_evaluation_are_kept_in_its_order(reviewer: User) -> None:
    evaluation = make_evaluation(1, reasons=["accuracy", "tone"])
    vote = cast_in(evaluation, reviewer, "left", reasons=["tone", "made up", "accuracy", "tone"])
    assert vote.reasons == ["accuracy", "tone"]


@pytest.mark.parametrize(
    ("rule", "choice", "is_asked"),
    [
        ("optional", "both_bad", False),
        ("both_bad", "left", False),
        ("both_bad", "both_bad", True),
        ("always", "left", True),
        ("always", "tie", True),
    ],
)
def test_reason_and_comment_are_asked_for_by_the_rules(
    reviewer: User, rule: str, choice: str, is_asked: bool
) -> None:
    evaluation = make_evaluation(1, reason_rule=rule, comment_rule=rule)
    if is_asked:
        with pytest.raises(ValidationError, match="at least one reason") as error:
            cast_in(evaluation, reviewer, choice, comment="  ")
        assert set(error.value.message_dict) == {"reasons", "comment"}
        assert not Vote.objects.exists()
        cast_in(evaluation, reviewer, choice, reasons=["tone"], comment="Rude")
    else:
        cast_in(evaluation, reviewer, choice)
    assert Vote.objects.count() == 1


@pytest.mark.parametrize(("told", "kept"), [(0.5, 0.5), (1e9, None), (-3.0, None), (float("nan"), None)])
def test_time_taken_is_the_readers_own_and_never_more_than_went_by(
    turn: Assignment, reviewer: User, told: float, kept: float | None
) -> None:
    assert turn.shown_at is not None
    turn.shown_at = turn.shown_at.replace(year=turn.shown_at.year - 1)
    vote = cast_vote(assignment=turn, reviewer=reviewer, choice="left", seconds=told)
    assert vote.seconds is not None
    if kept is None:
        elapsed = (vote.cast_at - turn.shown_at).total_seconds()
        assert vote.seconds == pytest.approx(elapsed)
    else:
        assert vote.seconds == kept


# --- skipping ------------------------------------------------------------------------------------------------------


def test_skipped_pair_goes_to_someone_else_and_never_comes_back(
    evaluation: Evaluation, turn: Assignment, reviewer: User, second_reviewer: User
) -> None:
    skip_turn(assignment=turn, reviewer=reviewer, reason="cant_judge", note=" Tax law. ")

    skipped = SkippedTurn.objects.get()
    assert (skipped.reason, skipped.note) == ("cant_judge", "Tax law.")
    assert claim_next(evaluation=evaluation, reviewer=second_reviewer) == turn
    mine = []
    while (mine_next := claim_next(evaluation=evaluation, reviewer=reviewer)) is not None:
        cast_vote(assignment=mine_next, reviewer=reviewer, choice="tie")
        mine.append(mine_next)
    assert turn not in mine
    assert len(mine) == 2
    assert reviewer_progress(evaluation, reviewer).left == 0


def test_all_turns_of_a_skipped_pair_are_closed_to_who_skipped_it(reviewer: User) -> None:
    evaluation = make_evaluation(make_rows(1), votes_per_comparison=3)
    turn = claim_next(evaluation=evaluation, reviewer=reviewer)
    assert turn is not None
    skip_turn(assignment=turn, reviewer=reviewer, reason="language")
    assert claim_next(evaluation=evaluation, reviewer=reviewer) is None


def test_second_press_skips_once(turn: Assignment, reviewer: User) -> None:
    for _ in range(2):
        skip_turn(assignment=turn, reviewer=reviewer, reason="other")
    assert SkippedTurn.objects.count() == 1


def test_skip_needs_a_reason_that_is_known(turn: Assignment, reviewer: User) -> None:
    with pytest.raises(ValidationError, match="Choose why"):
        skip_turn(assignment=turn, reviewer=reviewer, reason="bored")


def test_pair_of_someone_else_or_of_a_closed_evaluation_is_not_skipped(
    turn: Assignment, reviewer: User, second_reviewer: User
) -> None:
    with pytest.raises(VoteRefused, match="someone else"):
        skip_turn(assignment=turn, reviewer=second_reviewer, reason="other")
    close_evaluation(evaluation=turn.evaluation, by=None)
    with pytest.raises(VoteRefused, match="closed"):
        skip_turn(assignment=turn, reviewer=reviewer, reason="other")
    assert not SkippedTurn.objects.exists()
