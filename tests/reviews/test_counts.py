"""Votes are counted on their comparison by the database, whoever stores, changes or takes them back."""

from __future__ import annotations

from collections import Counter

import pytest
from django.contrib.auth.models import User
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reviews.actions.assignments import claim_next
from reviews.actions.votes import cast_vote, change_vote, undo_vote
from reviews.models import Comparison, Evaluation, ReviewerTally, Vote
from reviews.queries.counts import (
    COLUMNS,
    counts_by_intent,
    counts_by_moment,
    counts_by_tag,
    end_of_complete,
    together,
)
from tests.factories import leave_out, make_evaluation, make_rows, make_vote

pytestmark = pytest.mark.django_db
WORDS = {"candidate": "wins", "baseline": "losses", "tie": "ties", "both_bad": "both_bad"}


def counted(evaluation: Evaluation) -> list[tuple[int, ...]]:
    return list(evaluation.comparisons.order_by("position").values_list(*COLUMNS))


def counted_again(evaluation: Evaluation) -> list[tuple[int, ...]]:
    found = []
    for comparison in evaluation.comparisons.order_by("position"):
        votes = Counter(
            WORDS[choice]
            for choice in Vote.objects.filter(assignment__comparison=comparison).values_list(
                "choice", flat=True
            )
        )
        found.append(tuple(votes[column] for column in COLUMNS))
    return found


def judgements(evaluation: Evaluation) -> int:
    return sum(ReviewerTally.objects.filter(evaluation=evaluation).values_list("judgements", flat=True))


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["cast", "change", "undo"]), st.sampled_from(["left", "right", "tie", "both_bad"])
        ),
        max_size=12,
    )
)
def test_counts_are_those_of_the_votes_whatever_is_done(reviewer: User, steps: list[tuple[str, str]]) -> None:
    evaluation = make_evaluation(make_rows(6))
    cast: list[Vote] = []
    for step, choice in steps:
        before = judgements(evaluation)
        if step == "cast":
            turn = claim_next(evaluation=evaluation, reviewer=reviewer)
            if turn is not None:
                cast.append(cast_vote(assignment=turn, reviewer=reviewer, choice=choice))
                assert judgements(evaluation) == before + 1
        elif cast and step == "change":
            changed = change_vote(assignment=cast[-1].assignment, reviewer=reviewer, choice=choice)
            assert judgements(evaluation) == before + (changed.number != cast[-1].number)
            cast[-1] = changed
        elif cast:
            undo_vote(assignment=cast.pop().assignment, reviewer=reviewer)
            assert judgements(evaluation) == before + 1
        assert counted(evaluation) == counted_again(evaluation)


def test_a_vote_stored_past_the_actions_is_counted_too(reviewer: User) -> None:
    evaluation = make_evaluation(2)
    vote = make_vote(evaluation.comparisons.earliest("position"), reviewer, "both_bad")
    assert counted(evaluation) == [(0, 0, 0, 1), (0, 0, 0, 0)]
    assert vote.assignment.comparison.turns == 1


def test_complete_ends_at_the_first_comparison_that_waits(reviewer: User, second_reviewer: User) -> None:
    evaluation = make_evaluation(make_rows(5), votes_per_comparison=2)
    for comparison in evaluation.comparisons.all():
        make_vote(comparison, reviewer, "candidate")
        if comparison.position != 3:
            make_vote(comparison, second_reviewer, "baseline")
    assert end_of_complete(evaluation) == 3
    groups = counts_by_intent(evaluation, 3)
    assert together(groups.values()).examples == 5
    assert together(groups.values()).complete_scores().tolist() == [0.5] * 3
    make_vote(evaluation.comparisons.get(position=3), second_reviewer, "candidate")
    assert end_of_complete(evaluation) is None


def test_every_tag_counts_an_example_and_the_primary_intent_counts_it_once(reviewer: User) -> None:
    evaluation = make_evaluation(
        [
            {"id": "a", "prompt": "One?", "tags": ["refunds", "billing"]},
            {"id": "b", "prompt": "Two?", "tags": ["billing"]},
            {"id": "c", "prompt": "Three?"},
        ]
    )
    for comparison in evaluation.comparisons.all():
        make_vote(comparison, reviewer, "candidate")
    by_intent, by_tag = (found(evaluation, None) for found in (counts_by_intent, counts_by_tag))
    assert {name: counts.examples for name, counts in by_intent.items()} == {
        "billing": 1, "refunds": 1, "untagged": 1,
    }  # fmt: skip
    assert {name: counts.examples for name, counts in by_tag.items()} == {
        "billing": 2, "refunds": 1, "untagged": 1,
    }  # fmt: skip
    assert list(by_tag)[-1] == "untagged"


def test_what_is_not_voted_on_is_in_no_count(reviewer: User) -> None:
    evaluation = make_evaluation(make_rows(4))
    left_out, same, *_rest = evaluation.comparisons.order_by("position")
    leave_out(left_out)
    leave_out(same)
    Comparison.objects.filter(pk=same.pk).update(identical=True)
    found = together(counts_by_intent(evaluation, None).values())
    assert (found.examples, found.tally().identical) == (3, 1)


@pytest.mark.parametrize("examples", [1, 7, 230])
def test_moments_add_up_to_the_complete_beginning(reviewer: User, examples: int) -> None:
    evaluation = make_evaluation(make_rows(examples + 2))
    for comparison in evaluation.comparisons.filter(position__lt=examples):
        make_vote(comparison, reviewer, "candidate" if comparison.position % 3 else "tie")
    end = end_of_complete(evaluation)
    groups = counts_by_intent(evaluation, end)
    moments = counts_by_moment(evaluation, list(groups), end)
    assert moments.examples[-1] == examples
    assert len(moments.examples) <= 100
    assert all(
        later > earlier for earlier, later in zip(moments.examples, moments.examples[1:], strict=False)
    )
    wanted = [sorted(group.complete_scores().tolist()) for group in groups.values()]
    last = [
        [value for value, count in zip(moments.values, counts, strict=True) for _ in range(count)]
        for counts in moments.counts[-1]
    ]
    assert last == wanted


def test_no_moment_without_a_complete_comparison() -> None:
    evaluation = make_evaluation(3)
    moments = counts_by_moment(evaluation, ["refunds"], end_of_complete(evaluation))
    assert moments.examples.size == 0
