"""Who gets which turn: the queue's order, leases, and nobody twice."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from reviews.actions.assignments import claim_next
from reviews.actions.votes import cast_vote
from reviews.models import Assignment, Evaluation, Vote
from reviews.queries.claiming import LOOK_BACK
from reviews.queries.turns import lease_time
from tests.factories import make_evaluation

pytestmark = pytest.mark.django_db

MakeUser = Callable[..., User]


def claim(evaluation: Evaluation, reviewer: User) -> Assignment:
    turn = claim_next(evaluation=evaluation, reviewer=reviewer)
    assert turn is not None
    return turn


def let_run_out(turn: Assignment) -> None:
    Assignment.objects.filter(pk=turn.pk).update(lease_until=timezone.now() - timedelta(seconds=1))


def vote(turn: Assignment, reviewer: User) -> None:
    cast_vote(assignment=turn, reviewer=reviewer, choice="tie")


def test_turns_come_in_the_order_of_the_queue(reviewer: User) -> None:
    evaluation = make_evaluation(6)
    seen = []
    while (turn := claim_next(evaluation=evaluation, reviewer=reviewer)) is not None:
        seen.append(turn.position)
        vote(turn, reviewer)
    assert seen == list(range(6))


def test_claimed_turn_is_leased_and_says_when_it_was_shown(reviewer: User) -> None:
    before = timezone.now()
    turn = claim(make_evaluation(1), reviewer)
    after = timezone.now()
    assert turn.reviewer == reviewer
    assert turn.shown_at is not None
    assert turn.lease_until is not None
    assert before <= turn.shown_at <= after
    assert before + lease_time() <= turn.lease_until <= after + lease_time()


def test_all_turns_of_a_comparison_go_out_before_the_next_but_to_different_people(
    make_user: MakeUser,
) -> None:
    evaluation = make_evaluation(3, votes_per_comparison=3)
    people = [make_user(f"reviewer{number}", "Reviewer") for number in range(3)]
    for position in range(3):
        turns = [claim(evaluation, person) for person in people]
        assert [turn.position for turn in turns] == [position] * 3
        assert sorted(turn.slot for turn in turns) == [0, 1, 2]
        for turn, person in zip(turns, people, strict=True):
            vote(turn, person)


def test_one_reviewer_gets_each_comparison_once(reviewer: User) -> None:
    evaluation = make_evaluation(4, votes_per_comparison=3)
    seen = []
    while (turn := claim_next(evaluation=evaluation, reviewer=reviewer)) is not None:
        seen.append(turn.comparison_id)
        vote(turn, reviewer)
    assert len(seen) == len(set(seen)) == 4


def test_second_tab_gets_the_same_turn(reviewer: User) -> None:
    evaluation = make_evaluation(4)
    first, second = claim(evaluation, reviewer), claim(evaluation, reviewer)
    assert first.pk == second.pk
    assert second.shown_at == first.shown_at
    assert Assignment.objects.filter(reviewer=reviewer).count() == 1


def test_turn_in_one_evaluation_does_not_stand_in_the_way_of_another(reviewer: User) -> None:
    first, second = make_evaluation(2), make_evaluation(2)
    assert claim(first, reviewer).evaluation == first
    assert claim(second, reviewer).evaluation == second


def test_leased_turn_is_not_given_to_another(reviewer: User, second_reviewer: User) -> None:
    evaluation = make_evaluation(1)
    claim(evaluation, reviewer)
    assert claim_next(evaluation=evaluation, reviewer=second_reviewer) is None


def test_expired_lease_goes_to_another(reviewer: User, second_reviewer: User) -> None:
    evaluation = make_evaluation(2)
    late = claim(evaluation, reviewer)
    let_run_out(late)
    taken = claim(evaluation, second_reviewer)
    assert taken.pk == late.pk
    assert taken.reviewer == second_reviewer
    assert taken.shown_at is not None
    assert late.shown_at is not None
    assert taken.shown_at > late.shown_at
    # who lost it goes on with the next
    assert claim(evaluation, reviewer).position == 1


def test_expired_lease_that_nobody_took_is_renewed(reviewer: User) -> None:
    evaluation = make_evaluation(2)
    late = claim(evaluation, reviewer)
    let_run_out(late)
    again = claim(evaluation, reviewer)
    assert again.pk == late.pk
    assert again.lease_until is not None
    assert again.lease_until > timezone.now()
    # time away is not time spent judging
    assert again.shown_at is not None
    assert late.shown_at is not None
    assert again.shown_at > late.shown_at


def test_expired_turn_of_a_comparison_one_voted_on_goes_to_someone_else(
    reviewer: User, second_reviewer: User, make_user: MakeUser
) -> None:
    evaluation = make_evaluation(1, votes_per_comparison=2)
    vote(claim(evaluation, reviewer), reviewer)
    let_run_out(claim(evaluation, second_reviewer))
    assert claim_next(evaluation=evaluation, reviewer=reviewer) is None
    assert claim(evaluation, make_user("third", "Reviewer")).slot == 1


def test_a_comparison_left_behind_comes_back_only_when_nothing_else_is_left(
    reviewer: User, second_reviewer: User
) -> None:
    evaluation = make_evaluation(2, votes_per_comparison=2)
    late = claim(evaluation, reviewer)
    let_run_out(late)
    assert claim(evaluation, second_reviewer).pk == late.pk
    # its other turn is free, and has the sides the other way round
    other = claim(evaluation, reviewer)
    assert other.position == 1
    vote(other, reviewer)
    # now it is the last resort: nobody else would come for it
    last = claim(evaluation, reviewer)
    assert (last.position, last.slot) == (0, 1)


def test_what_was_given_back_far_behind_comes_when_nothing_is_left_ahead(
    reviewer: User, second_reviewer: User
) -> None:
    evaluation = make_evaluation(LOOK_BACK + 6)
    left = claim(evaluation, second_reviewer)  # the first of the queue
    seen = []
    for _ in range(LOOK_BACK + 4):
        turn = claim(evaluation, reviewer)
        vote(turn, reviewer)
        seen.append(turn.position)
    assert seen == list(range(1, LOOK_BACK + 5))
    let_run_out(left)
    assert claim(evaluation, reviewer).position == LOOK_BACK + 5
    vote(claim(evaluation, reviewer), reviewer)
    assert claim(evaluation, reviewer) == left


def test_what_was_given_back_a_little_behind_comes_next(reviewer: User, second_reviewer: User) -> None:
    evaluation = make_evaluation(12)
    left = claim(evaluation, second_reviewer)
    for _ in range(8):
        vote(claim(evaluation, reviewer), reviewer)
    let_run_out(left)
    assert claim(evaluation, reviewer) == left


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_claim_passes_over_what_somebody_is_taking_just_now(
    reviewer: User, second_reviewer: User, in_threads: Callable[..., list[Any]]
) -> None:
    """It does not wait for the other's transaction to end."""
    evaluation = make_evaluation(2)
    taken, done = threading.Event(), threading.Event()

    def take(who: User) -> int:
        with transaction.atomic():
            if who == second_reviewer:
                assert taken.wait(20)
            position = claim(evaluation, who).position
            (taken if who == reviewer else done).set()
            if who == reviewer:
                assert done.wait(20), "the second one waits for the first"
            return position

    assert in_threads(take, [reviewer, second_reviewer]) == [0, 1]


def test_a_vote_ends_its_lease(reviewer: User, second_reviewer: User) -> None:
    evaluation = make_evaluation(1)
    turn = claim(evaluation, reviewer)
    vote(turn, reviewer)
    Assignment.objects.filter(pk=turn.pk).update(lease_until=timezone.now() - timedelta(days=1))
    assert claim_next(evaluation=evaluation, reviewer=second_reviewer) is None


def test_none_left_when_every_turn_is_taken_or_voted(reviewer: User, second_reviewer: User) -> None:
    evaluation = make_evaluation(2)
    vote(claim(evaluation, reviewer), reviewer)
    claim(evaluation, second_reviewer)
    assert claim_next(evaluation=evaluation, reviewer=reviewer) is None


# --- at the same moment ------------------------------------------------------------------------------------


def test_tabs_opened_at_the_same_moment_never_share_a_comparison(
    reviewer: User, in_threads: Callable[..., list[Any]]
) -> None:
    evaluation = make_evaluation(8, votes_per_comparison=3)
    in_threads(lambda _: claim_next(evaluation=evaluation, reviewer=reviewer), range(6))
    mine = Counter(Assignment.objects.filter(reviewer=reviewer).values_list("comparison", flat=True))
    assert mine
    assert max(mine.values()) == 1


def test_reviewers_at_the_same_moment_get_turns_of_their_own(
    make_user: MakeUser, in_threads: Callable[..., list[Any]]
) -> None:
    evaluation = make_evaluation(4, votes_per_comparison=3)
    people = [make_user(f"reviewer{number}", "Reviewer") for number in range(12)]
    turns = in_threads(lambda person: claim_next(evaluation=evaluation, reviewer=person), people)
    assert len({turn.pk for turn in turns}) == 12


def test_expired_turn_goes_to_exactly_one_of_those_who_ask(
    reviewer: User, make_user: MakeUser, in_threads: Callable[..., list[Any]]
) -> None:
    evaluation = make_evaluation(1)
    let_run_out(claim(evaluation, reviewer))
    people = [make_user(f"reviewer{number}", "Reviewer") for number in range(6)]
    turns = in_threads(lambda person: claim_next(evaluation=evaluation, reviewer=person), people)
    assert len([turn for turn in turns if turn is not None]) == 1


def test_concurrent_reviewers_end_with_exactly_n_votes_each(
    make_user: MakeUser, in_threads: Callable[..., list[Any]]
) -> None:
    """Six people vote as fast as they can; each also presses every button twice."""
    evaluation = make_evaluation(12, votes_per_comparison=3)
    people = [make_user(f"reviewer{number}", "Reviewer") for number in range(6)]
    pressed = Counter[int]()
    lock = threading.Lock()

    def work(person: User) -> None:
        while (turn := claim_next(evaluation=evaluation, reviewer=person)) is not None:
            with lock:
                pressed[person.pk] += 1
            for _ in range(2):
                cast_vote(assignment=turn, reviewer=person, choice="left")

    in_threads(work, people)

    assert Vote.objects.count() == sum(pressed.values()) == 36
    votes = Counter(Vote.objects.values_list("assignment__comparison", flat=True))
    assert set(votes.values()) == {3}
    by_person = Counter(Vote.objects.values_list("assignment__comparison", "assignment__reviewer"))
    assert max(by_person.values()) == 1
