"""What Hypothesis draws for the statistics: counted votes, example scores, single votes."""

from typing import NamedTuple

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

SCORES = (0.0, 1 / 6, 1 / 4, 1 / 3, 1 / 2, 2 / 3, 3 / 4, 5 / 6, 1.0)


class Counted(NamedTuple):
    counts: NDArray[np.int64]
    identical: NDArray[np.bool_]


class Votes(NamedTuple):
    examples: NDArray[np.int64]
    raters: NDArray[np.int64]
    choices: NDArray[np.int64]
    candidate_left: NDArray[np.bool_]


@st.composite
def counted(draw: st.DrawFn, least: int = 0) -> Counted:
    row = st.tuples(*[st.integers(0, 3)] * 4, st.booleans())
    rows = draw(st.lists(row, min_size=least, max_size=30))
    table = np.array(rows, dtype=np.int64).reshape(-1, 5)
    return Counted(table[:, :4], table[:, 4].astype(bool))


def mirrored(votes: Counted) -> Counted:
    return Counted(votes.counts[:, [1, 0, 2, 3]], votes.identical)


def example_score_lists(least: int = 0, most: int = 80) -> st.SearchStrategy[NDArray[np.float64]]:
    ternary, any_mean = st.sampled_from((0.0, 0.5, 1.0)), st.sampled_from(SCORES)
    lists = st.one_of(*(st.lists(kind, min_size=least, max_size=most) for kind in (ternary, any_mean)))
    return lists.map(lambda scores: np.array(scores, dtype=np.float64))


@st.composite
def single_votes(draw: st.DrawFn) -> Votes:
    """Votes of up to five people on up to twelve examples, never two of one person on one example."""
    pairs = st.tuples(st.integers(0, 11), st.integers(0, 4))
    who = draw(st.lists(pairs, unique=True, max_size=40))
    rest = draw(st.lists(st.tuples(st.integers(0, 3), st.booleans()), min_size=len(who), max_size=len(who)))
    table = np.array([[*a, *b] for a, b in zip(who, rest, strict=True)], dtype=np.int64).reshape(-1, 4)
    return Votes(table[:, 0], table[:, 1], table[:, 2], table[:, 3].astype(bool))


def shuffled(draw: st.DataObject, size: int) -> NDArray[np.int64]:
    return np.array(draw.draw(st.permutations(range(size))), dtype=np.int64)


def swapped(choices: NDArray[np.int64]) -> NDArray[np.int64]:
    """The same choices with candidate and baseline changing names."""
    return np.array([1, 0, 2, 3])[choices]
