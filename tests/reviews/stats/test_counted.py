"""Votes that are counted first say the same as votes one by one."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given

from reviews.stats.agreement_intervals import agreement_intervals
from reviews.stats.choices import VOTE_SCORES
from reviews.stats.counted import CountedExamples, CountedVotes, count_votes, examples_of, in_categories
from reviews.stats.leave_one_out import examples_without, leave_one_out_counted, leave_one_reviewer_out
from reviews.stats.screening import Pace, screen, screen_counted
from reviews.stats.win_rate import win_rate
from tests.reviews.stats.strategies import Votes, single_votes


def alike(votes: CountedVotes, examples: CountedExamples) -> tuple[CountedVotes, CountedExamples]:
    """The same with equal rows put together, as a database counts them."""

    def together(*columns: Any) -> tuple[np.ndarray, np.ndarray]:
        rows = np.column_stack(columns).astype(np.int64)
        found, times = np.unique(rows, axis=0, return_counts=True)
        return found, times

    v, times = together(
        votes.reviewer, votes.choice, votes.candidate_left, votes.identical, votes.group, votes.table
    )
    e, repeats = together(examples.identical, examples.group, examples.table)
    return (
        CountedVotes(v[:, 0], v[:, 1], v[:, 2].astype(bool), v[:, 5:], v[:, 3].astype(bool), v[:, 4], times),
        CountedExamples(e[:, 2:], e[:, 0].astype(bool), e[:, 1], repeats),
    )


@given(single_votes())
def test_screening_of_counted_votes_is_that_of_the_votes(votes: Votes):
    counted = alike(*count_votes(votes.examples, votes.raters, votes.choices, votes.candidate_left))
    by_vote = screen(votes.examples, votes.raters, votes.choices, votes.candidate_left)
    for mine, theirs in zip(screen_counted(*counted, {}, {}), by_vote, strict=True):
        assert mine.reviewer == theirs.reviewer
        assert (mine.votes, mine.shared, mine.flags) == (theirs.votes, theirs.shared, theirs.flags)
        assert mine.left_share == theirs.left_share
        assert mine.agreement == pytest.approx(theirs.agreement)
        assert mine.peers_agreement == pytest.approx(theirs.peers_agreement)


@given(single_votes())
def test_leaving_one_out_is_the_win_rate_of_the_votes_that_are_left(votes: Votes):
    found = leave_one_out_counted(*alike(*count_votes(votes.examples, votes.raters, votes.choices)))
    assert {one.reviewer for one in found} == set(votes.raters.tolist())
    for one in found:
        kept = votes.raters != one.reviewer
        examples = votes.examples[kept]
        scores = [VOTE_SCORES[votes.choices[kept][examples == name]].mean() for name in np.unique(examples)]
        assert one.win_rate == win_rate(np.array(scores))
        assert one.votes == np.count_nonzero(~kept)
        assert one.lost == len(set(votes.examples.tolist())) - len(scores)
    assert {one.reviewer: one.win_rate for one in found} == {
        one.reviewer: one.win_rate
        for one in leave_one_reviewer_out(votes.examples, votes.raters, votes.choices)
    }


@given(single_votes())
def test_examples_are_told_by_their_votes(votes: Votes):
    counted, examples = alike(*count_votes(votes.examples, votes.raters, votes.choices))
    found = examples_of(counted)
    assert sorted(zip(found.table.tolist(), found.times.tolist(), strict=True)) == sorted(
        zip(examples.table.tolist(), examples.times.tolist(), strict=True)
    )


def test_agreement_of_a_reviewer_with_peers_by_hand():
    """On example 0 ann, ben and cid say win, win, loss; on 1 ann and ben tie and both bad; on 2 ann alone."""
    votes = count_votes([0, 0, 0, 1, 1, 2], [1, 2, 3, 1, 2, 1], [0, 0, 1, 2, 3, 0])
    ann, _ben, cid = screen_counted(*votes, {1: Pace(4.0, 3)}, {})
    assert (ann.shared, ann.agreement) == (2, (1 / 2 + 1) / 2)
    # without ann ben and cid are left on 0, and differ
    assert ann.peers_agreement == 0
    assert (cid.agreement, cid.peers_agreement) == (0, 1)
    assert (ann.seconds, cid.seconds, cid.peers_seconds) == (4.0, None, 4.0)


def test_identical_texts_stay_a_tie_whoever_is_left_out():
    one = np.array([1])
    examples = CountedExamples(
        np.array([[2, 0, 0, 0], [0, 0, 0, 0]]), np.array([True, True]), one.repeat(2), one.repeat(2)
    )
    votes = CountedVotes(
        np.array([7]), np.array([0]), np.array([True]), np.array([[2, 0, 0, 0]]), np.array([True]), one, one
    )
    left = examples_without(votes, examples, 7)
    assert (left.scores.tolist(), left.times.tolist()) == ([0.5], [2])


def test_groups_are_kept_apart():
    """A win in group 0, a win and a loss in group 1; the loss is the reviewer's and nobody else's."""
    examples = CountedExamples(
        np.array([[1, 0, 0, 0], [1, 0, 0, 0], [0, 1, 0, 0]]),
        np.zeros(3, bool),
        np.array([0, 1, 1]),
        np.array([2, 3, 1]),
    )
    one = np.array([1])
    votes = CountedVotes(
        np.array([5]), one, np.array([True]), np.array([[0, 1, 0, 0]]), np.zeros(1, bool), one, one
    )
    left = examples_without(votes, examples, 5)
    assert list(zip(left.group.tolist(), left.scores.tolist(), left.times.tolist(), strict=True)) == [
        (0, 1.0, 2),
        (1, 1.0, 3),
    ]


def test_agreement_intervals_of_counted_examples_are_those_of_the_examples():
    table = np.random.default_rng(4).multinomial(3, [0.5, 0.2, 0.3], size=80)
    rows, times = np.unique(table, axis=0, return_counts=True)
    assert agreement_intervals(rows, times=times) == agreement_intervals(table[np.lexsort(table.T[::-1])])


def test_categories_put_both_kinds_of_ties_together():
    assert in_categories(np.array([[4, 3, 2, 1]])).tolist() == [[3, 3, 4]]
