"""What the win rate would be without each reviewer: whether it stands on one person's votes."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from reviews.stats.choices import VOTE_SCORES, Floats, Ints, choice_codes, same_length, whole_numbers
from reviews.stats.counted import CountedExamples, CountedVotes, count_votes
from reviews.stats.tally import example_scores
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
    return leave_one_out_counted(*count_votes(examples, reviewers, choices), level)


def leave_one_out_counted(
    votes: CountedVotes, examples: CountedExamples, level: float = 0.95
) -> list[Without]:
    """`leave_one_reviewer_out` from votes that are counted already. Identical texts are a tie whoever is left out."""
    scores = examples.scores
    everyone = win_rate(np.repeat(scores, examples.times), level)
    found = []
    for person in votes.reviewers:
        left = examples_without(votes, examples, person)
        rest = win_rate(np.repeat(left.scores, left.times), level)
        change = None
        if rest.win_rate is not None and everyone.win_rate is not None:
            change = rest.win_rate - everyone.win_rate
        count = int(votes.of(person).times.sum())
        found.append(Without(person, count, everyone.examples - rest.examples, rest, change))
    return sorted(found, key=lambda without: (-abs(without.change or 0.0), without.reviewer))


@dataclass(frozen=True)
class ScoresWithout:
    """Scores that are left of examples, of which group they are, and how many examples have each; shape (W,)."""

    scores: Floats
    group: Ints
    times: Ints


def examples_without(votes: CountedVotes, examples: CountedExamples, reviewer: int) -> ScoresWithout:
    """The examples' scores without one reviewer's votes, those left out that no one else voted on.

    votes, examples: of the same examples. For the gate with and without a reviewer, give it those of the complete
    beginning of the queue: what is lost is then not waited for.
    """
    mine = votes.of(reviewer)
    scores = np.concatenate(
        [
            examples.scores,
            # this reviewer's examples go, and come back without their vote
            example_scores(mine.table, mine.identical),
            example_scores(mine.rest, mine.identical),
        ]
    )
    group = np.concatenate([examples.group, mine.group, mine.group])
    times = np.concatenate([examples.times, -mine.times, mine.times])
    known = ~np.isnan(scores)
    values, place = np.unique(scores[known], return_inverse=True)
    groups, owner = np.unique(group[known], return_inverse=True)
    left = np.zeros(groups.size * values.size, dtype=np.int64)
    np.add.at(left, owner * values.size + place, times[known])
    some = np.flatnonzero(left)
    return ScoresWithout(values[some % values.size], groups[some // values.size], left[some])


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
