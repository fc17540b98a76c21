import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reviews.stats.choices import BASELINE, CANDIDATE
from reviews.stats.tally import Tally, example_scores, known_scores, tally
from reviews.stats.win_rate import win_rate
from tests.reviews.stats.strategies import Counted, counted, mirrored


def test_scores_are_means_over_votes_with_both_ties_one_half():
    counts = np.array([[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1], [2, 0, 1, 0], [1, 2, 0, 0]])
    scores = example_scores(counts, np.zeros(6, bool))
    assert scores.tolist() == pytest.approx([1, 0, 0.5, 0.5, 2.5 / 3, 1 / 3])


def test_unvoted_example_is_unknown_and_identical_one_is_a_tie():
    counts = np.array([[0, 0, 0, 0], [0, 0, 0, 0], [3, 0, 0, 0]])
    scores = example_scores(counts, np.array([False, True, True]))
    assert np.isnan(scores[0])
    assert scores[1:].tolist() == [0.5, 0.5]


def test_tally_counts_examples_and_votes_apart():
    counts = np.array([[2, 1, 0, 0], [0, 0, 1, 4], [0, 0, 0, 0], [0, 0, 0, 0]])
    assert tally(counts, np.array([False, False, True, False])) == Tally(
        examples=3, votes=8, wins=2, ties=1, both_bad=4, losses=1, identical=1
    )


def test_nothing_at_all_is_fine():
    none = np.zeros((0, 4), int)
    assert example_scores(none, []).shape == (0,)
    assert tally(none, []) == Tally(0, 0, 0, 0, 0, 0, 0)


@pytest.mark.parametrize(
    ("counts", "identical", "fix"),
    [
        (np.zeros((2, 3), int), [False, False], r"shape \(K, 4\)"),
        ([], [], r"numpy.zeros\(\(0, 4\), int\)"),
        (np.full((1, 4), 0.5), [False], r"astype\(int\)"),
        (np.full((1, 4), -1), [False], "counted from 0"),
        (np.zeros((1, 4), int), [False, True], "one for each"),
        (np.zeros((1, 4), int), [1], r"astype\(bool\)"),
        (np.zeros((1, 4), int), [[True]], r"shape \(V,\)"),
    ],
)
def test_wrong_input_says_its_fix(counts, identical, fix):
    for function in (example_scores, tally):
        with pytest.raises(ValueError, match=fix):
            function(counts, identical)


@pytest.mark.parametrize("scores", [[[0.5]], [1.01], [-0.01], [np.inf], [0.5, -np.inf]])
def test_scores_outside_the_unit_interval_are_refused(scores):
    with pytest.raises(ValueError, match="give"):
        known_scores(scores)


@given(counted())
def test_relabelling_mirrors_scores_and_tally(votes: Counted):
    other = mirrored(votes)
    np.testing.assert_allclose(example_scores(*other), 1 - example_scores(*votes), atol=1e-15)
    mine, theirs = tally(*votes), tally(*other)
    assert (mine.wins, mine.losses) == (theirs.losses, theirs.wins)
    assert (mine.ties, mine.both_bad, mine.votes) == (theirs.ties, theirs.both_bad, theirs.votes)
    assert (mine.examples, mine.identical) == (theirs.examples, theirs.identical)


@given(counted())
def test_tally_agrees_with_scores_and_with_itself(votes: Counted):
    total = tally(*votes)
    assert total.votes == total.wins + total.ties + total.both_bad + total.losses
    assert total.examples == win_rate(example_scores(*votes)).examples


@given(counted(least=1), st.data())
def test_a_vote_more_never_moves_the_win_rate_against_it(votes: Counted, data):
    row = data.draw(st.integers(0, len(votes.counts) - 1))
    # an unvoted example has no score yet: it joins with the best or the worst one there is
    before = win_rate(example_scores(*votes)).win_rate
    for choice, sign in ((CANDIDATE, 1), (BASELINE, -1)):
        counts = votes.counts.copy()
        counts[row, choice] += 1
        after = win_rate(example_scores(counts, votes.identical)).win_rate
        assert after is not None
        assert before is None or sign * (after - before) >= -1e-12
