"""What the win rate would be without each reviewer: whether it stands on one person's votes."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from reviews.stats.choices import VOTE_SCORES, Floats, Ints, choice_codes, same_length, whole_numbers
from reviews.stats.win_rate import WinRate, win_rate


@dataclass(frozen=True)
class Without:
    """The win rate without one reviewer's votes. change: it, less the win rate with them; None where there is none.

    lost: examples that no one else voted on.
    """

    reviewer: int
    votes: int
    lost: int
    win_rate: WinRate
    change: float | None


def leave_one_reviewer_out(
    examples: ArrayLike, reviewers: ArrayLike, choices: ArrayLike, level: float = 0.95
) -> list[Without]:
    """`win_rate` without each reviewer in turn; the one who moves it most comes first.

    examples, reviewers: int, shape (V,), any numbers that name an example and a person. choices: int, shape (V,),
    0 candidate, 1 baseline, 2 tie, 3 both_bad. Raises ValueError on columns of other shapes or lengths.
    Source: the jackknife over clusters, Efron 1982, The Jackknife, the Bootstrap and Other Resampling Plans.
    """
    example, who, choice = _columns(examples, reviewers, choices)
    everyone = win_rate(_scores(example, choice), level)
    found = []
    for person in np.unique(who).tolist():
        kept = who != person
        rest = win_rate(_scores(example[kept], choice[kept]), level)
        change = None
        if rest.win_rate is not None and everyone.win_rate is not None:
            change = rest.win_rate - everyone.win_rate
        votes = int(who.size - np.count_nonzero(kept))
        found.append(Without(person, votes, everyone.examples - rest.examples, rest, change))
    return sorted(found, key=lambda without: (-abs(without.change or 0.0), without.reviewer))


def scores_without(
    examples: ArrayLike,
    reviewers: ArrayLike,
    choices: ArrayLike,
    queue: ArrayLike,
    left_out: frozenset[int] | set[int],
) -> Floats:
    """Example scores in the queue's order without some reviewers' votes; NaN where no vote is left.

    examples, reviewers, choices: as above. queue: int, shape (K,), examples in their order. left_out: reviewers.
    For the gate with and without a flagged reviewer: examples that only they voted on have then to be left out of
    the queue, too (`~isnan`), as they are not waited for.
    """
    example, who, choice = _columns(examples, reviewers, choices)
    order = whole_numbers(queue, "queue")
    kept = ~np.isin(who, np.array(sorted(left_out), dtype=np.int64))
    names, row = np.unique(order, return_inverse=True)
    known = np.isin(example, names) & kept
    place = np.searchsorted(names, example[known])
    votes = np.bincount(place, minlength=names.size)
    sums = np.bincount(place, weights=VOTE_SCORES[choice[known]], minlength=names.size)
    scores = np.full(names.size, np.nan)
    np.divide(sums, votes, out=scores, where=votes > 0)
    return scores[row]


def _columns(examples: ArrayLike, reviewers: ArrayLike, choices: ArrayLike) -> tuple[Ints, Ints, Ints]:
    example, who = whole_numbers(examples, "examples"), whole_numbers(reviewers, "reviewers")
    choice = choice_codes(choices)
    same_length(examples=example, reviewers=who, choices=choice)
    return example, who, choice


def _scores(example: Ints, choice: Ints) -> Floats:
    names, row = np.unique(example, return_inverse=True)
    votes = np.bincount(row, minlength=names.size)
    # by sums of halves, which are exact: no order of votes changes the last bit
    scores: Floats = np.bincount(row, weights=VOTE_SCORES[choice], minlength=names.size) / votes
    return scores
