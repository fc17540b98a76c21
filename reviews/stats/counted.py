"""Votes that are alike, counted: as many rows as there are ways to come out, however many people voted."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from reviews.stats.choices import Bools, Floats, Ints, choice_codes, same_length, truth_values, whole_numbers
from reviews.stats.tally import example_scores


@dataclass(frozen=True)
class CountedExamples:
    """Row p stands for times[p] examples with the same votes.

    table: int, shape (P, 4), votes by choice. identical: bool (P,), both models gave the same text. group: int (P,),
    any number that tells apart what must not be added up, such as an intent.
    """

    table: Ints
    identical: Bools
    group: Ints
    times: Ints

    @property
    def scores(self) -> Floats:
        return example_scores(self.table, self.identical)


@dataclass(frozen=True)
class CountedVotes:
    """Row u stands for times[u] votes that one reviewer cast alike, on examples that came out alike.

    reviewer, choice, candidate_left: shape (U,). table: int (U, 4), all votes on that example, this one among them.
    identical, group: of the example, as in `CountedExamples`. Nobody votes twice on an example.
    """

    reviewer: Ints
    choice: Ints
    candidate_left: Bools
    table: Ints
    identical: Bools
    group: Ints
    times: Ints

    @property
    def reviewers(self) -> list[int]:
        found: list[int] = np.unique(self.reviewer).tolist()
        return found

    def of(self, reviewer: int) -> CountedVotes:
        mine = self.reviewer == reviewer
        return CountedVotes(
            self.reviewer[mine],
            self.choice[mine],
            self.candidate_left[mine],
            self.table[mine],
            self.identical[mine],
            self.group[mine],
            self.times[mine],
        )

    @property
    def rest(self) -> Ints:
        """Votes on the example without this one; int, shape (U, 4)."""
        left = self.table.copy()
        left[np.arange(left.shape[0]), self.choice] -= 1
        return left


def count_votes(
    examples: ArrayLike,
    reviewers: ArrayLike,
    choices: ArrayLike,
    candidate_left: ArrayLike | None = None,
) -> tuple[CountedVotes, CountedExamples]:
    """From one row per vote: examples, reviewers, choices and candidate_left as everywhere in this package.

    Raises ValueError on columns of other shapes or lengths, or an unknown choice.
    """
    example, who = whole_numbers(examples, "examples"), whole_numbers(reviewers, "reviewers")
    choice = choice_codes(choices)
    left = (
        np.zeros(who.size, np.bool_)
        if candidate_left is None
        else truth_values(candidate_left, "candidate_left")
    )
    same_length(examples=example, reviewers=who, choices=choice, candidate_left=left)
    names, row = np.unique(example, return_inverse=True)
    table = np.bincount(row * 4 + choice, minlength=names.size * 4).reshape(names.size, 4).astype(np.int64)
    none, one = np.zeros(who.size, np.bool_), np.ones(who.size, np.int64)
    return (
        CountedVotes(who, choice, left, table[row], none, one, one),
        CountedExamples(
            table,
            np.zeros(names.size, np.bool_),
            np.ones(names.size, np.int64),
            np.ones(names.size, np.int64),
        ),
    )


def examples_of(votes: CountedVotes) -> CountedExamples:
    """The examples that these votes are all votes of: each stands behind as many votes as it has."""
    keys = np.column_stack([votes.group, votes.identical, votes.table]).astype(np.int64)
    found, place = np.unique(keys, axis=0, return_inverse=True)
    cast = np.zeros(found.shape[0], np.int64)
    np.add.at(cast, place.ravel(), votes.times)
    table = found[:, 2:]
    return CountedExamples(table, found[:, 1].astype(np.bool_), found[:, 0], cast // table.sum(axis=1))


def in_categories(table: Ints) -> Ints:
    """Votes by choice, (P, 4), in the categories baseline, tie of either kind, candidate, (P, 3)."""
    wins, losses, ties, both_bad = table.T
    return np.stack([losses, ties + both_bad, wins], axis=1)
