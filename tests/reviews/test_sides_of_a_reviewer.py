"""Each reviewer sees the candidate on the left in half of their pairs: while both sides are free to them, within one.

Many reviewers take turns in random order, some read one language, some leave or skip pairs. An account beside the
claim, over all rows, says whether a turn with the side they need was free to them.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from reviews.actions.assignments import claim_next, hold_next, show_held
from reviews.actions.dealing import deal_assignments
from reviews.actions.profiles import choose_languages
from reviews.actions.skips import skip_turn
from reviews.actions.votes import cast_vote
from reviews.models import Assignment, Comparison, Evaluation, LapsedTurn, SkippedTurn
from tests.factories import make_evaluation, make_rows

pytestmark = pytest.mark.django_db

LANGUAGES = {0: ["en"], 1: ["es"]}  # of the first two reviewers; the others read both
PAIRS = 48


@pytest.fixture
def people(make_user: Callable[..., User]) -> list[User]:
    found = [make_user(f"reader-{number}", "Reviewer") for number in range(5)]
    for number, languages in LANGUAGES.items():
        choose_languages(person=found[number], languages=languages)
    return found


def dealt(seed: int, votes: int) -> Evaluation:
    rows = make_rows(PAIRS, ("refunds", "sizing", "shipping"))
    dice = random.Random(seed)
    for row in rows:
        row["lang"] = dice.choice(["en", "es"])
    evaluation = make_evaluation(rows, votes_per_comparison=votes, seed=seed)
    Assignment.objects.filter(evaluation=evaluation).delete()
    deal_assignments(evaluation, list(Comparison.objects.filter(evaluation=evaluation)))
    return evaluation


def surplus_of(evaluation: Evaluation, reviewer: User, **which: bool) -> int:
    mine = Assignment.objects.filter(evaluation=evaluation, reviewer=reviewer, **which)
    return sum(1 if left else -1 for left in mine.values_list("candidate_on_left", flat=True))


def free_sides(evaluation: Evaluation, reviewer: User, languages: list[str]) -> set[bool]:
    """The sides of all turns that a reviewer may be given first, by going through all of them."""
    turns = Assignment.objects.filter(evaluation=evaluation)
    had = set(turns.filter(reviewer=reviewer).values_list("comparison", flat=True))
    had |= set(SkippedTurn.objects.filter(reviewer=reviewer).values_list("comparison", flat=True))
    had |= set(LapsedTurn.objects.filter(reviewer=reviewer).values_list("comparison", flat=True))
    now = timezone.now()
    return {
        turn.candidate_on_left
        for turn in turns.filter(voted=False)
        if turn.comparison_id not in had
        and (not languages or turn.lang in languages)
        and (turn.reviewer_id is None or (turn.lease_until is not None and turn.lease_until < now))
    }


@pytest.mark.parametrize("votes", [1, 2, 3])
@pytest.mark.parametrize("seed", [3, 20261125])
@pytest.mark.parametrize("restless", [False, True])
def test_reviewer_sees_both_sides_as_often_while_both_are_free(
    people: list[User], seed: int, votes: int, *, restless: bool
) -> None:
    evaluation, dice = dealt(seed, votes), random.Random(seed)
    at_end: set[int] = set()
    for _ in range(40 * len(people)):
        number = dice.randrange(len(people))
        reviewer = people[number]
        open_now = list(Assignment.objects.filter(evaluation=evaluation, reviewer=reviewer, voted=False))
        surplus = surplus_of(evaluation, reviewer)
        sides = free_sides(evaluation, reviewer, LANGUAGES.get(number, []))
        shown = claim_next(evaluation=evaluation, reviewer=reviewer)
        if shown is None:
            continue
        if not open_now and surplus:
            needed = surplus < 0
            assert shown.candidate_on_left == needed or needed not in sides
            if needed not in sides:
                at_end.add(number)
        if restless and dice.random() < 0.2:
            if dice.random() < 0.5:
                skip_turn(assignment=shown, reviewer=reviewer, reason="other")
            else:
                mine = Assignment.objects.filter(evaluation=evaluation, reviewer=reviewer, voted=False)
                mine.update(lease_until=timezone.now() - timedelta(seconds=1))
            continue
        sides = free_sides(evaluation, reviewer, LANGUAGES.get(number, []))
        surplus = surplus_of(evaluation, reviewer)
        others = Assignment.objects.filter(evaluation=evaluation, reviewer=reviewer, voted=False)
        fresh = others.count() == 1
        held = hold_next(evaluation=evaluation, reviewer=reviewer, beside=shown)
        if held is not None and fresh and surplus:
            needed = surplus < 0
            assert held.candidate_on_left == needed or needed not in sides
            if needed not in sides:
                at_end.add(number)
        cast_vote(assignment=shown, reviewer=reviewer, choice="tie")
        if held is not None:
            show_held(evaluation=evaluation, reviewer=reviewer, ticket=held.ticket)
        if number not in at_end:
            assert abs(surplus_of(evaluation, reviewer, voted=True)) <= (2 if restless else 1)
    leans = Counter({person: surplus_of(evaluation, person, voted=True) for person in people})
    # and at the end, where what is left over may be all of one side, at most as many apart as there are reviewers
    assert all(abs(lean) <= len(people) + 1 for lean in leans.values()), leans
    assert Assignment.objects.filter(evaluation=evaluation, voted=True).count() > PAIRS * 0.8
