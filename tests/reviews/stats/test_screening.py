"""Who is flagged, who is not, and how seldom an attentive reviewer is."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given

from reviews.stats import leave_one_out, screening
from reviews.stats.choices import VOTE_SCORES
from reviews.stats.screening import at_least
from reviews.stats.win_rate import win_rate
from tests.reviews.stats.strategies import Votes, single_votes, swapped

# a figure may be None, and then the test that asks for it fails as it should
leave_one_reviewer_out: Any = leave_one_out.leave_one_reviewer_out
screen: Any = screening.screen


def scores_without(votes: Votes, reviewer: int) -> np.ndarray:
    """Vote by vote: each example's score without this reviewer, NaN where no vote is left."""
    return np.array(
        [
            np.mean(left)
            if (left := VOTE_SCORES[votes.choices[of & (votes.raters != reviewer)]]).size
            else np.nan
            for of in (votes.examples == example for example in np.unique(votes.examples))
        ]
    )


def crowd(rng, reviewers=5, examples=120, agreement=0.8):
    """Everyone votes on everything; each vote is the example's own answer, or with some chance another."""
    example = np.tile(np.arange(examples), reviewers)
    who = np.repeat(np.arange(reviewers), examples)
    answer = rng.integers(0, 3, examples)[example]
    choice = np.where(rng.random(example.size) < agreement, answer, rng.integers(0, 3, example.size))
    left = rng.random(example.size) < 0.5
    return example, who, choice, left, rng.lognormal(3.5, 0.4, example.size)


def flags(found):
    return {row.reviewer: set(row.flags) for row in found}


def test_attentive_reviewers_are_not_flagged():
    up = 0
    for seed in range(30):
        rng = np.random.default_rng(seed)
        checks = [(r, kind, rng.random() > lapse) for r in range(5) for _ in range(8)
                  for kind, lapse in (("identical", 0.05), ("swapped", 0.2), ("mismatched", 0.05))]  # fmt: skip
        up += sum(bool(row.flags) for row in screen(*crowd(rng), checks=checks))
    assert up <= 2


def test_always_left_is_flagged_for_its_side_and_its_agreement():
    example, who, choice, left, seconds = crowd(np.random.default_rng(1))
    lazy = who == 3
    choice = np.where(lazy, np.where(left, 0, 1), choice)
    found = screen(example, who, choice, left, seconds)
    assert flags(found)[3] == {"left_share", "agreement"}
    assert found[3].left_share == 1
    assert not any(row.flags for row in found if row.reviewer != 3)


def test_random_votes_are_flagged_for_their_agreement_alone():
    rng = np.random.default_rng(2)
    example, who, choice, left, seconds = crowd(rng)
    choice = np.where(who == 0, rng.integers(0, 3, who.size), choice)
    found = screen(example, who, choice, left, seconds)
    assert flags(found)[0] == {"agreement"}
    assert found[0].agreement < found[0].peers_agreement


def test_votes_without_time_to_read_are_flagged():
    example, who, choice, left, seconds = crowd(np.random.default_rng(3))
    found = screen(example, who, choice, left, np.where(who == 2, seconds / 6, seconds))
    assert flags(found) == {0: set(), 1: set(), 2: {"speed"}, 3: set(), 4: set()}
    assert found[2].seconds < found[2].peers_seconds / 3


@pytest.mark.parametrize(("missed", "flagged"), [(4, False), (5, True), (10, True)])
def test_five_of_ten_identical_pairs_not_called_ties_are_flagged(missed, flagged):
    checks = [(1, "identical", n >= missed) for n in range(10)]
    found = screen([0], [1], [2], [True], checks=checks)
    assert found[0].identical.given == 10
    assert found[0].identical.missed == missed
    assert ("identical" in found[0].flags) is flagged


def test_a_changed_mind_now_and_then_is_not_flagged_and_a_coin_is():
    def kinds(missed):
        return screen([0], [1], [2], [True], checks=[(1, "swapped", n >= missed) for n in range(12)])[0].flags

    assert kinds(6) == ()
    assert kinds(9) == ("swapped",)


def test_checks_of_someone_without_a_vote_are_shown():
    found = screen([], [], [], [], checks=[(4, "mismatched", False)] * 3)
    assert [(row.reviewer, row.votes, row.flags) for row in found] == [(4, 0, ("mismatched",))]
    assert found[0].left_share is None


def test_a_small_lean_on_thousands_of_votes_is_no_flag():
    left = np.arange(20_000) < 10_800
    found = screen(np.arange(20_000), np.zeros(20_000, int), np.zeros(20_000, int), left)
    assert found[0].left_share == pytest.approx(0.54)
    assert found[0].flags == ()


def test_tail_of_the_binomial_is_exact():
    assert at_least(5, 10, 0.1) == pytest.approx(0.0016349374, abs=1e-9)
    assert at_least(0, 0, 0.1) == 1


@given(single_votes())
def test_relabelling_the_models_mirrors_nothing_but_the_choices(votes: Votes):
    """Whoever reads badly does so whatever the models are called."""
    mine = screen(votes.examples, votes.raters, votes.choices, votes.candidate_left)
    theirs = screen(votes.examples, votes.raters, swapped(votes.choices), ~votes.candidate_left)
    assert mine == theirs


@pytest.mark.parametrize(
    ("change", "fix"),
    [({"seconds": [-1.0]}, "not negative"), ({"seconds": [1.0, 2.0]}, "one number per vote"),
     ({"checks": [(0, "else", True)]}, "identical, swapped or mismatched")],
)  # fmt: skip
def test_impossible_input_says_its_fix(change, fix):
    with pytest.raises(ValueError, match=fix):
        screen([0], [0], [0], [True], **change)


@given(single_votes())
def test_without_a_reviewer_it_is_as_if_they_had_never_voted(votes: Votes):
    for row in leave_one_reviewer_out(votes.examples, votes.raters, votes.choices):
        scores = scores_without(votes, row.reviewer)
        assert row.win_rate == win_rate(scores)
        assert row.lost == int(np.isnan(scores).sum())
        assert row.votes == int((votes.raters == row.reviewer).sum())


def test_the_one_who_moves_it_most_comes_first():
    examples, who = np.tile(np.arange(10), 3), np.repeat([5, 6, 7], 10)
    choices = np.array([2] * 10 + [0] * 10 + [2] * 10)
    found = leave_one_reviewer_out(examples, who, choices)
    assert (found[0].reviewer, found[0].change) == (6, pytest.approx(0.5 - 2 / 3))
    assert found[1].change == pytest.approx(0.75 - 2 / 3)
