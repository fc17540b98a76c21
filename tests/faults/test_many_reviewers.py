"""N means N, under any number of concurrent reviewers."""

from __future__ import annotations

import random
from collections import Counter

from django.db import connection
from django.db.models import Count

from reviews.actions.assignments import claim_next
from reviews.actions.evaluations import deal_assignments
from reviews.actions.votes import cast_vote
from reviews.blinding import CHOICES_ON_SCREEN
from reviews.models import Assignment, Comparison, Evaluation, Vote
from tests.factories import make_evaluation, make_rows

REVIEWERS, COMPARISONS, VOTES = 16, 200, 3


def test_sixteen_reviewers_at_once_end_with_exactly_three_votes_a_comparison(make_user, in_threads):
    evaluation = make_evaluation(
        make_rows(COMPARISONS, ("refunds", "sizing", "shipping")), votes_per_comparison=VOTES, opened=False
    )
    comparisons = list(Comparison.objects.filter(evaluation=evaluation).prefetch_related("example__tags"))
    deal_assignments(evaluation, comparisons)
    Evaluation.objects.filter(pk=evaluation.pk).update(opened_at=evaluation.started_at)
    reviewers = [make_user(f"reviewer-{number}", "Reviewer") for number in range(REVIEWERS)]

    def vote_until_nothing_is_left(reviewer):
        dice, cast = random.Random(reviewer.pk), 0
        while (turn := claim_next(evaluation=evaluation, reviewer=reviewer)) is not None:
            choice = dice.choice(CHOICES_ON_SCREEN)
            cast_vote(assignment=turn, reviewer=reviewer, choice=choice)
            if dice.random() < 0.1:  # a double click
                cast_vote(assignment=turn, reviewer=reviewer, choice=choice)
            cast += 1
        return cast

    cast = in_threads(vote_until_nothing_is_left, reviewers)

    assert sum(cast) == Vote.objects.count() == COMPARISONS * VOTES
    turns = Assignment.objects.filter(evaluation=evaluation)
    assert Counter(turns.filter(voted=True).values_list("comparison", flat=True)) == Counter(
        {comparison.pk: VOTES for comparison in comparisons}
    )
    twice = turns.values("comparison", "reviewer").annotate(n=Count("pk")).filter(n__gt=1)
    assert not twice.exists(), connection.vendor
    assert turns.filter(candidate_on_left=True).count() == COMPARISONS * VOTES // 2
