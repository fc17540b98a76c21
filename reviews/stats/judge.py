"""What a model's verdicts are worth beside people's votes: agreement, consistency, a liking for length."""

from dataclasses import dataclass
from math import sqrt
from typing import Final

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import stdtrit

from reviews.stats.choices import BASELINE, CANDIDATE, Floats, choice_codes, same_length
from reviews.stats.tally import known_scores
from reviews.stats.win_rate import Interval, checked_level, win_rate

PAIRED: Final = "t on paired differences of examples"
CATEGORIES: Final = 3


@dataclass(frozen=True)
class JudgeAgreement:
    """How often a vote and a verdict on the same example say the same: baseline, tie of either kind, candidate.

    percent: fraction of 1, with its interval over examples. gwet_ac1: beyond chance. None without examples.
    """

    examples: int
    percent: float | None
    interval: Interval | None
    gwet_ac1: float | None


@dataclass(frozen=True)
class SwapConsistency:
    """examples: judged in both orders; same: with one verdict in both. first, second: where one place won twice."""

    examples: int
    same: int
    share: float | None
    interval: Interval | None
    first: int
    second: int


@dataclass(frozen=True)
class LengthPreference:
    """The longer answer's win rate by people and by the judge, and by how much the judge favours it more.

    Over examples that both judged and whose answers differ in length; ties are one half. None under two of them.
    """

    examples: int
    people: float | None
    judge: float | None
    difference: float | None
    interval: Interval | None


def judge_agreement(people: ArrayLike, judged: ArrayLike, level: float = 0.95) -> JudgeAgreement:
    """Agreement of a judge with people, from votes and verdicts that are counted already.

    people, judged: int, shape (n, 3), votes and verdicts on each example in the categories baseline, tie of either
    kind, candidate, at least one of each. Of an example counts how often a vote and a verdict drawn from it agree:
    a_i = sum_q p_iq j_iq, so nothing is settled by a majority. percent = mean a_i.
    AC1 = (percent - p_e) / (1 - p_e), p_e = sum_q pi_q (1 - pi_q) / 2, pi_q the mean of (p_iq + j_iq) / 2.
    With one vote and one verdict each it is Gwet's AC1 of two raters.
    Raises ValueError on other shapes, or an example without a vote or a verdict.
    Source: Gwet 2008 (Br J Math Stat Psychol 61:29-48).
    """
    p, j = _shares(people, "people"), _shares(judged, "judged")
    if p.shape != j.shape:
        raise ValueError(f"people have shape {p.shape}, judged {j.shape}; give a row of each per example")
    if not len(p):
        return JudgeAgreement(0, None, None, None)
    rate = win_rate(np.clip((p * j).sum(axis=1), 0, 1), level)
    assert rate.win_rate is not None  # there are examples
    pi = np.sort((p + j) / 2, axis=0).mean(axis=0)
    chance = float((pi * (1 - pi)).sum() / (CATEGORIES - 1))
    return JudgeAgreement(
        rate.examples, rate.win_rate, rate.interval, (rate.win_rate - chance) / (1 - chance)
    )


def swap_consistency(
    candidate_first: ArrayLike, baseline_first: ArrayLike, level: float = 0.95
) -> SwapConsistency:
    """Whether verdicts stay when the answers change places.

    candidate_first, baseline_first: int, shape (n,), the verdicts on each example in either order, in truth:
    0 candidate, 1 baseline, 2 tie, 3 both_bad; a tie and both_bad are not the same. Interval: as of `win_rate`.
    Raises ValueError on other shapes or an unknown choice.
    Source: Zheng et al. 2023 (arXiv 2306.05685), section 3.3.
    """
    one, other = choice_codes(candidate_first), choice_codes(baseline_first)
    same_length(candidate_first=one, baseline_first=other)
    same = one == other
    rate = win_rate(same.astype(np.float64), level)
    return SwapConsistency(
        examples=rate.examples,
        same=int(same.sum()),
        share=rate.win_rate,
        interval=rate.interval,
        first=int(((one == CANDIDATE) & (other == BASELINE)).sum()),
        second=int(((one == BASELINE) & (other == CANDIDATE)).sum()),
    )


def length_preference(
    scores: ArrayLike, judged: ArrayLike, longer: ArrayLike, level: float = 0.95
) -> LengthPreference:
    """Whether a judge takes the longer answer more often than people do.

    scores, judged: float, shape (n,), people's and the judge's example scores, candidate 1. longer: int, shape (n,),
    1 where the candidate's answer is the longer one, -1 where the baseline's is, 0 (left out) where they are alike.
    Toward the longer: x or 1 - x. difference = mean(judge - people) over examples, t on n-1 degrees of freedom.
    Raises ValueError on other shapes, scores outside [0, 1] or an impossible level.
    Source: length bias as in Dubois et al. 2024 (arXiv 2404.04475); the paired t interval is Student's, 1908.
    """
    confidence = checked_level(level)
    y, f, sign = (np.asarray(column, dtype=np.float64) for column in (scores, judged, longer))
    if y.ndim != 1 or not y.shape == f.shape == sign.shape:
        raise ValueError(f"shapes are {y.shape}, {f.shape}, {sign.shape}; give one of each per example")
    for column in (y, f):
        known_scores(column)  # refuses what is not a score
    told = (sign != 0) & ~np.isnan(y) & ~np.isnan(f)
    y, f = (np.where(sign[told] > 0, column[told], 1 - column[told]) for column in (y, f))
    n = int(y.size)
    if n < 2:
        return LengthPreference(n, None, None, None, None)
    difference = np.sort(f - y)
    mean = float(difference.mean())
    half = float(stdtrit(n - 1, (1 + confidence) / 2)) * sqrt(float(difference.var(ddof=1)) / n)
    return LengthPreference(
        examples=n,
        people=float(np.sort(y).mean()),
        judge=float(np.sort(f).mean()),
        difference=mean,
        interval=Interval(max(mean - half, -1.0), min(mean + half, 1.0), confidence, PAIRED),
    )


def _shares(table: ArrayLike, name: str) -> Floats:
    counts = np.asarray(table)
    if counts.ndim != 2 or counts.shape[1] != CATEGORIES:
        raise ValueError(f"{name} have shape {counts.shape}; give a row per example, three columns")
    totals = counts.sum(axis=1, dtype=np.float64)
    if (totals <= 0).any() or (counts < 0).any():
        raise ValueError(f"{name} hold an example without any, or fewer than none")
    shares: Floats = counts / totals[:, None]
    return shares
