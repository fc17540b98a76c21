"""From counted votes to example scores. The unit of every figure is the example, never the vote."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from reviews.stats.choices import (
    BASELINE,
    BOTH_BAD,
    CANDIDATE,
    TIE,
    VOTE_SCORES,
    Bools,
    Floats,
    Ints,
    truth_values,
)


@dataclass(frozen=True)
class Tally:
    """How many examples have a score, and what their votes were.

    `examples` and `identical` count examples; `votes`, `wins`, `ties`, `both_bad` and `losses` count
    votes, seen from the candidate, and `votes` is the sum of the other four.
    """

    examples: int
    votes: int
    wins: int
    ties: int
    both_bad: int
    losses: int
    identical: int


def example_scores(counts: ArrayLike, identical: ArrayLike) -> Floats:
    """Score of each example: the mean over its votes of candidate 1, tie or both_bad 1/2, baseline 0.

    counts: int, shape (K, 4), votes per example in the columns candidate, baseline, tie, both_bad.
    identical: bool, shape (K,), both models gave the same text. It scores 1/2 without a vote, and
    with any: a choice between equal texts says something of the reviewer, nothing of the models.
    Returns float, shape (K,), fractions of 1, NaN where nothing is known yet.
    Raises ValueError on a wrong shape, fractions of votes or negative counts.
    Source: ties as one half, as in Vargha & Delaney's A, 2000 (J Educ Behav Stat 25:101-132).
    """
    table, same = _checked(counts, identical)
    votes = table.sum(axis=1)
    scores = np.full(votes.shape, np.nan)
    np.divide(table @ VOTE_SCORES, votes, out=scores, where=votes > 0)
    scores[same] = 0.5
    return scores


def tally(counts: ArrayLike, identical: ArrayLike) -> Tally:
    """Count examples with a score, and votes by choice.

    counts, identical: as in `example_scores`; ValueError likewise.
    Source: plain counting.
    """
    table, same = _checked(counts, identical)
    totals = table.sum(axis=0)
    return Tally(
        examples=int(np.count_nonzero(same | (table.sum(axis=1) > 0))),
        votes=int(totals.sum()),
        wins=int(totals[CANDIDATE]),
        ties=int(totals[TIE]),
        both_bad=int(totals[BOTH_BAD]),
        losses=int(totals[BASELINE]),
        identical=int(np.count_nonzero(same)),
    )


def known_scores(scores: ArrayLike) -> Floats:
    """The scores that are known, sorted; NaN (nothing known yet) left out.

    scores: float, shape (K,), fractions of 1. Sorted, so that every sum over them is the same to the last
    bit whatever order votes came in: an exported figure must be recomputable from exported votes.
    Raises ValueError on a wrong shape or a score outside [0, 1].
    """
    values = np.asarray(scores, dtype=np.float64)
    if values.ndim != 1:
        raise ValueError(f"scores have shape {values.shape}; give one score per example, shape (K,)")
    known = np.sort(values[~np.isnan(values)])
    if known.size and (known[0] < 0 or known[-1] > 1):
        raise ValueError("scores must lie between 0 and 1; give fractions of 1, as example_scores returns")
    return known


def _checked(counts: ArrayLike, identical: ArrayLike) -> tuple[Ints, Bools]:
    table = np.asarray(counts)
    if table.ndim != 2 or table.shape[1] != len(VOTE_SCORES):
        raise ValueError(
            f"counts have shape {table.shape}; give a row per example with the columns candidate, "
            "baseline, tie, both_bad: shape (K, 4), for no example numpy.zeros((0, 4), int)"
        )
    if table.size and not np.issubdtype(table.dtype, np.integer):
        raise ValueError(f"counts hold {table.dtype}; give whole numbers of votes (astype(int))")
    if table.size and table.min() < 0:
        raise ValueError("counts hold a negative number; give votes counted from 0")
    same = truth_values(identical, "identical")
    if same.size != table.shape[0]:
        raise ValueError(
            f"identical has {same.size} entries, counts {table.shape[0]} rows; give one for each"
        )
    return table.astype(np.int64), same
