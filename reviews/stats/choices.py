"""The four choices of a vote as codes, what each is worth, and the checks that columns of votes share."""

from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

type Ints = NDArray[np.int64]
type Bools = NDArray[np.bool_]
type Floats = NDArray[np.float64]

CANDIDATE: Final = 0
BASELINE: Final = 1
TIE: Final = 2
BOTH_BAD: Final = 3

#: What a vote is worth to the candidate, by code. Both kinds of tie are one half: neither model won.
VOTE_SCORES: Final[Floats] = np.array([1.0, 0.0, 0.5, 0.5])
VOTE_SCORES.flags.writeable = False


def whole_numbers(values: ArrayLike, name: str) -> Ints:
    """One column of votes as int64, shape (V,); ValueError unless it is one row of whole numbers."""
    array = np.asarray(values)
    if array.ndim != 1:
        raise ValueError(f"{name} has shape {array.shape}; give one number per vote, shape (V,)")
    # an empty list has no dtype of its own; numpy calls it float
    if array.size and not np.issubdtype(array.dtype, np.integer):
        raise ValueError(f"{name} holds {array.dtype}; give whole numbers (astype(int))")
    return array.astype(np.int64)


def truth_values(values: ArrayLike, name: str) -> Bools:
    """One column as bool, shape (V,); ValueError unless it is one row of booleans."""
    array = np.asarray(values)
    if array.ndim != 1:
        raise ValueError(f"{name} has shape {array.shape}; give one value per row, shape (V,)")
    if array.size and array.dtype != np.bool_:
        raise ValueError(f"{name} holds {array.dtype}; give True or False (astype(bool))")
    return array.astype(np.bool_)


def choice_codes(values: ArrayLike) -> Ints:
    """Choices as int64 codes, shape (V,); ValueError where one is not 0 to 3."""
    codes = whole_numbers(values, "choices")
    if codes.size and (codes.min() < CANDIDATE or codes.max() > BOTH_BAD):
        raise ValueError("choices must be 0 candidate, 1 baseline, 2 tie or 3 both_bad; map the others first")
    return codes


def same_length(**columns: NDArray[np.generic]) -> None:
    """ValueError naming the lengths unless all columns describe the same votes."""
    if len({column.size for column in columns.values()}) > 1:
        lengths = ", ".join(f"{name} {column.size}" for name, column in columns.items())
        raise ValueError(f"columns differ in length ({lengths}); give one entry per vote in each")
