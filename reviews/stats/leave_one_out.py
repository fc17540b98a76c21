"""What the win rate would be without each reviewer: whether it stands on one person's votes."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from reviews.stats.choices import Floats, Ints
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
