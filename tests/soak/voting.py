"""Many reviewers vote at once, some walk away and some click twice, and the account of it; for make soak-voting and
the suite.
"""

from __future__ import annotations

import os
import random
import time
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import OperationalError, connection
from django.db.models import CharField, Count
from django.db.models.functions import Cast
from django.utils import timezone

from models_registry.models import Response
from reviews.actions.dealing import deal_assignments
from reviews.actions.hidden_checks import claim_next, hold_next, show_held
from reviews.actions.votes import cast_vote
from reviews.blinding import CHOICES_ON_SCREEN
from reviews.models import Assignment, Comparison, Evaluation, HiddenCheck, ReviewerTally, Vote
from reviews.queries.hidden_checks import check_of
from tests.factories import make_evaluation, make_rows

INTENTS = ("refunds", "sizing", "shipping")
WALK_AWAY = DOUBLE_CLICK = 0.05
CHECK_PERCENT = 10
# a walk-out's lease: as if they had been away for the twenty minutes of a real one
LEASE_OF_WALK_OUT = timedelta(seconds=1)


def voted_by_many(
    *,
    reviewers: list[User],
    comparisons: int,
    votes: int,
    in_threads: Callable[..., list[Any]],
    within: float,
) -> str:
    """Let everyone vote, holding the next pair as the page does, until nothing is left; the account, checked."""
    evaluation = make_evaluation(
        make_rows(comparisons, INTENTS),
        votes_per_comparison=votes,
        check_percent=CHECK_PERCENT,
        opened=False,
    )
    # what a check is made of; make_evaluation lets them wait while voting is shut
    Response.objects.filter(model_version__in=[evaluation.candidate, evaluation.baseline]).update(
        status="done", done_at=timezone.now(), text=Cast("pk", CharField())
    )
    laid_out = list(Comparison.objects.filter(evaluation=evaluation).prefetch_related("example__tags"))
    deal_assignments(evaluation, laid_out)
    Evaluation.objects.filter(pk=evaluation.pk).update(opened_at=timezone.now())
    evaluation.refresh_from_db()
    wanted, started = comparisons * votes, time.monotonic()
    sent_again: list[str] = []

    def sent(action: Callable[..., Any], **what: Any) -> Any:
        """As a page: again, where SQLite's one writer was someone else for too long. Twice is the same as once."""
        while True:
            try:
                return action(**what)
            except OperationalError as error:
                if "locked" not in str(error) or time.monotonic() - started > within:
                    raise
                sent_again.append(action.__name__)

    def work(reviewer: User) -> tuple[int, int, int, int]:
        dice, cast, left, twice, checked = random.Random(reviewer.pk), 0, 0, 0, 0
        turn = sent(claim_next, evaluation=evaluation, reviewer=reviewer)
        while time.monotonic() - started < within:
            connection.close()  # as between two requests: it goes back to the pool
            if turn is None:
                if Vote.objects.count() == wanted:
                    break
                time.sleep(0.2)  # someone else's lease may run out yet
                turn = sent(claim_next, evaluation=evaluation, reviewer=reviewer)
                continue
            held = sent(hold_next, evaluation=evaluation, reviewer=reviewer, beside=turn)
            if dice.random() < WALK_AWAY:
                # the pair that is read and the one that is held wait for their leases to run out
                mine = Assignment.objects.filter(evaluation=evaluation, reviewer=reviewer, voted=False)
                sent(mine.update, lease_until=timezone.now() + LEASE_OF_WALK_OUT)
                left += 1
                time.sleep(1.5 * LEASE_OF_WALK_OUT.total_seconds())
                turn = sent(claim_next, evaluation=evaluation, reviewer=reviewer)
                continue
            choice = dice.choice(CHOICES_ON_SCREEN)
            vote = sent(cast_vote, assignment=turn, reviewer=reviewer, choice=choice)
            is_check = check_of(turn) is not None
            cast, checked = cast + (not is_check), checked + is_check
            if dice.random() < DOUBLE_CLICK:
                again = sent(cast_vote, assignment=turn, reviewer=reviewer, choice=choice)
                assert (again.pk, again.cast_at) == (vote.pk, vote.cast_at)
                twice += 1
            if held is None or not sent(
                show_held, evaluation=evaluation, reviewer=reviewer, ticket=held.ticket
            ):
                held = sent(claim_next, evaluation=evaluation, reviewer=reviewer)
            turn = held
        return cast, left, twice, checked

    done = in_threads(work, reviewers, within=within + 60)
    cast, left, twice, checked = (sum(each[index] for each in done) for index in range(4))

    turns = Assignment.objects.filter(evaluation=evaluation)
    assert Vote.objects.count() == turns.filter(voted=True).count() == cast == wanted
    assert set(Counter(turns.values_list("comparison", flat=True)).values()) == {votes}
    assert not turns.values("comparison", "reviewer").annotate(n=Count("pk")).filter(n__gt=1).exists()
    sides: Counter[str] = Counter()
    for intent, on_left in turns.values_list("intent", "candidate_on_left"):
        sides[intent] += 1 if on_left else -1
    assert set(sides) == set(INTENTS)
    assert all(abs(difference) <= 1 for difference in sides.values()), sides
    assert abs(sum(sides.values())) <= 1
    answered = HiddenCheck.objects.filter(evaluation=evaluation, answered_at__isnull=False)
    assert checked == answered.count()
    tallies = ReviewerTally.objects.filter(evaluation=evaluation)
    assert sum(tallies.values_list("votes", flat=True)) == wanted
    assert (
        sum(tallies.values_list("candidate_left", flat=True)) == turns.filter(candidate_on_left=True).count()
    )
    surplus: Counter[int] = Counter()
    for tally in tallies:
        surplus[tally.reviewer_id] += 2 * tally.candidate_left - tally.votes
    most = max(abs(each) for each in surplus.values())
    return (
        f"{len(reviewers)} reviewers, {comparisons} comparisons: {cast} votes, {left} walk-outs, {twice} double "
        f"clicks, {checked} hidden checks, {len(sent_again)} sent again; {time.monotonic() - started:.0f} s; "
        f"sides per intent {sorted(sides.values())}, of one reviewer at most {most} apart"
    )


@pytest.mark.timeout(1200)
def test_thirty_two_reviewers_end_with_exactly_six_thousand_votes(
    make_user: Callable[..., User],
    in_threads: Callable[..., list[Any]],
    capsys: pytest.CaptureFixture[str],
) -> None:
    people = [make_user(f"reviewer-{number}", "Reviewer") for number in range(32)]
    account = voted_by_many(reviewers=people, comparisons=2000, votes=3, in_threads=in_threads, within=900)
    with capsys.disabled():
        print(f"\n{os.environ.get('TEST_DATABASE') or 'sqlite'}: {account}")  # noqa: T201 - the account is what it is run for
