"""Does standing on the left help an answer?"""

from dataclasses import dataclass
from math import sqrt
from typing import Final

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import stdtr, stdtrit

from reviews.stats.choices import VOTE_SCORES, choice_codes, same_length, truth_values, whole_numbers
from reviews.stats.win_rate import Interval

LEVEL: Final = 0.95
CLUSTERED: Final = "t, CR1 by example"


@dataclass(frozen=True)
class PositionBias:
    """How much the side an answer stood on moved the votes.

    effect: half the difference between the win rate of votes cast while the candidate stood left and of
    those cast while it stood right; positive: the left side is favoured. A fraction of 1, from -1/2 to 1/2.
    se: its standard error. p: two-sided, small where chance alone would hardly do it.
    None where not estimable. interval: 95 % by t, of the effect; None where se is 0 too.
    """

    effect: float | None
    se: float | None
    p: float | None
    interval: Interval | None = None


def position_bias(examples: ArrayLike, candidate_left: ArrayLike, choices: ArrayLike) -> PositionBias:
    """Least squares of x = theta + b o over votes; the effect is b.

    x is the vote's score for the candidate (1, 1/2, 0), o is +1 where it stood left, -1 where right.
    examples: int, shape (V,), any numbers that name an example. candidate_left: bool, shape (V,).
    choices: int, shape (V,), 0 candidate, 1 baseline, 2 tie, 3 both_bad.
    se: CR1, clustered by example, factor G/(G-1) (V-1)/(V-2) for G examples; p by t with G-1 degrees.
    Everything None where only one side was seen; se and p None under 2 examples or under 3 votes.
    Where se is 0 (votes follow the side alone) t would say p = 0 on any number of votes; p is then 2^(1-G),
    the chance that random sides fall so in all examples, or 1 where the effect is 0 too.
    Raises ValueError on columns of other shapes or lengths, or an unknown choice.
    Source: Liang & Zeger 1986 (Biometrika 73:13-22); CR1 as in Cameron & Miller 2015.
    """
    example, left = whole_numbers(examples, "examples"), truth_values(candidate_left, "candidate_left")
    choice = choice_codes(choices)
    same_length(examples=example, candidate_left=left, choices=choice)
    names, row = np.unique(example, return_inverse=True)
    x = VOTE_SCORES[choice]
    sides = [np.bincount(row[side], minlength=names.size) for side in (left, ~left)]
    totals = [np.bincount(row[side], weights=x[side], minlength=names.size) for side in (left, ~left)]
    return position_bias_of_examples(sides[0], totals[0], sides[1], totals[1])


def position_bias_of_examples(
    left_votes: ArrayLike, left_totals: ArrayLike, right_votes: ArrayLike, right_totals: ArrayLike
) -> PositionBias:
    """`position_bias` from votes that are added up by example and side, which is all it needs.

    left_votes, right_votes: int, shape (G,), votes with the candidate on that side, for each example with a vote.
    left_totals, right_totals: float, shape (G,), the sum of their scores (candidate 1, ties 1/2, baseline 0).
    Raises ValueError on columns of other lengths. Source: as `position_bias`.
    """
    ln, rn = whole_numbers(left_votes, "left_votes"), whole_numbers(right_votes, "right_votes")
    lt, rt = np.asarray(left_totals, dtype=np.float64), np.asarray(right_totals, dtype=np.float64)
    same_length(left_votes=ln, right_votes=rn, left_totals=lt, right_totals=rt)
    lefts, rights = int(ln.sum()), int(rn.sum())
    votes = lefts + rights
    if not lefts or not rights:
        return PositionBias(None, None, None)
    # with o = ±1 the fitted values are the two sides' means, so least squares needs no matrix
    left_mean, right_mean = float(lt.sum()) / lefts, float(rt.sum()) / rights
    effect = (left_mean - right_mean) / 2
    clusters = int(np.count_nonzero(ln + rn))
    if clusters < 2 or votes < 3:
        return PositionBias(effect, None, None)
    sums = ((lt - left_mean * ln) / lefts - (rt - right_mean * rn) / rights) / 2
    correction = clusters / (clusters - 1) * (votes - 1) / (votes - 2)
    se = sqrt(correction * float(sums @ sums))
    if se < 1e-12:  # nothing but rounding
        return PositionBias(effect, 0.0, 1.0 if abs(effect) < 1e-12 else 2.0 ** (1 - clusters))
    reach = float(stdtrit(clusters - 1, (1 + LEVEL) / 2)) * se
    interval = Interval(effect - reach, effect + reach, LEVEL, CLUSTERED)
    return PositionBias(effect, se, float(2 * stdtr(clusters - 1, -abs(effect) / se)), interval)
