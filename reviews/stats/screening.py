"""Does a reviewer read? Signs that they do not, each with its figures. A flag is a question, never a verdict:
it drops no votes, and the gate is shown with and without them (`leave_one_out`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import sqrt
from typing import Final

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import bdtr, stdtrit

from reviews.stats.agreement import CATEGORY
from reviews.stats.choices import BASELINE, CANDIDATE, Ints
from reviews.stats.counted import CountedExamples, CountedVotes, count_votes, in_categories

LEFT_SHARE: Final = "left_share"
SPEED: Final = "speed"
IDENTICAL: Final = "identical"
SWAPPED: Final = "swapped"
MISMATCHED: Final = "mismatched"
AGREEMENT: Final = "agreement"

#: An attentive reviewer misses so many hidden checks, and judges so many pairs otherwise when they come back swapped.
LAPSES: Final = {IDENTICAL: 0.10, MISMATCHED: 0.10, SWAPPED: 0.30}
#: A flag goes up where an attentive reviewer would bring it about in two of a thousand cases; 5 of 10 identical pairs.
RARE: Final = 0.002
LEAST_SIDED: Final = 20
LEAST_TIMED: Final = 10
LEAST_SHARED: Final = 10
#: Beyond chance, a lean must also be large enough to matter: thousands of votes make 52 % significant.
LARGE_LEAN: Final = 0.10
FAST: Final = 1 / 3


@dataclass(frozen=True)
class Checks:
    """Hidden checks of one kind that a reviewer was given, and how many they missed."""

    given: int
    missed: int


@dataclass(frozen=True)
class Pace:
    """The median time of a reviewer's timed votes, and how many were timed."""

    seconds: float
    votes: int


@dataclass(frozen=True)
class Screening:
    """One reviewer's figures, None where there is nothing to compute them of, and flags as codes.

    left_share: of their votes for a side, those for the left, a fraction of 1. seconds: median of a vote.
    peers_seconds: median of the other reviewers' medians. agreement: on examples shared with others, the share of the
    others' votes that say the same (baseline, tie of either kind, candidate). peers_agreement: the same among all
    others. shared: examples.
    flags: of left_share, speed, identical, swapped, mismatched, agreement.
    """

    reviewer: int
    votes: int
    left_share: float | None
    seconds: float | None
    peers_seconds: float | None
    identical: Checks
    swapped: Checks
    mismatched: Checks
    agreement: float | None
    peers_agreement: float | None
    shared: int
    flags: tuple[str, ...]


def screen(
    examples: ArrayLike,
    reviewers: ArrayLike,
    choices: ArrayLike,
    candidate_left: ArrayLike,
    seconds: ArrayLike | None = None,
    checks: list[tuple[int, str, bool]] | None = None,
) -> list[Screening]:
    """Every reviewer's screening, in the order of their numbers.

    examples, reviewers: int, shape (V,). choices: int, shape (V,), 0 candidate, 1 baseline, 2 tie, 3 both_bad.
    candidate_left: bool, shape (V,). seconds: float, shape (V,), time a vote took, NaN where not measured.
    checks: one (reviewer, kind, passed) for each hidden check that was answered; kind identical, swapped or mismatched.
    Flags, each at about 2 in 1,000 for an attentive reviewer:
    - left_share: P(at least so many to one side of Binomial(n, 1/2)), two-sided, of 20 or more; and over 60 % to it.
    - identical, mismatched, swapped: P(at least so many missed of Binomial(n, lapses)), lapses 10, 10 and 30 %.
    - speed: median under a third of the other reviewers' median, on 10 timed votes or more.
    - agreement: its upper limit (Student's t by example) below that of all others, on 10 shared examples or more.
    Raises ValueError on columns of other shapes or lengths, an unknown choice or kind, or negative seconds.
    Source: binomial tests; agreement with peers as in Gwet 2014, chapter 2.
    """
    votes, counted = count_votes(examples, reviewers, choices, candidate_left)
    who = votes.reviewer
    took = np.full(who.size, np.nan) if seconds is None else np.asarray(seconds, dtype=np.float64)
    if took.shape != who.shape or (took < 0).any():
        raise ValueError("seconds must be one number per vote, not negative; NaN where a vote was not timed")
    timed = ~np.isnan(took)
    pace = {
        person: Pace(float(np.median(took[mine])), int(np.count_nonzero(mine)))
        for person in votes.reviewers
        if (mine := timed & (who == person)).any()
    }
    return screen_counted(votes, counted, pace, _checks(checks or []))


def screen_counted(
    votes: CountedVotes,
    examples: CountedExamples,
    pace: Mapping[int, Pace],
    checks: Mapping[tuple[int, str], Checks],
) -> list[Screening]:
    """`screen` from votes that are counted already, with each reviewer's pace and the checks of each by kind."""
    for _reviewer, kind in checks:
        if kind not in LAPSES:
            raise ValueError(f"there is no check {kind!r}; give identical, swapped or mismatched")
    everyone = _agreeing_pairs(in_categories(examples.table), examples.times)
    found = []
    for person in sorted({*votes.reviewers, *(reviewer for reviewer, _ in checks)}):
        mine = votes.of(person)
        share, lean = _left(mine)
        others = [one.seconds for name, one in pace.items() if name != person]
        peers = float(np.median(others)) if others else None
        kinds = {kind: checks.get((person, kind), Checks(0, 0)) for kind in LAPSES}
        agreement, among_others, shared, low = _agreement(mine, everyone)
        own = pace.get(person)
        flags = [
            (LEFT_SHARE, lean),
            (SPEED, _fast(own, peers)),
            *((kind, missed_too_many(kind, checked)) for kind, checked in kinds.items()),
            (AGREEMENT, low),
        ]
        found.append(
            Screening(
                reviewer=person,
                votes=int(mine.times.sum()),
                left_share=share,
                seconds=own.seconds if own else None,
                peers_seconds=peers,
                identical=kinds[IDENTICAL],
                swapped=kinds[SWAPPED],
                mismatched=kinds[MISMATCHED],
                agreement=agreement,
                peers_agreement=among_others,
                shared=shared,
                flags=tuple(flag for flag, up in flags if up),
            )
        )
    return found


def at_least(successes: int, trials: int, chance: float) -> float:
    """P(B >= successes), B ~ Binomial(trials, chance)."""
    return 1.0 if successes <= 0 else float(1 - bdtr(successes - 1, trials, chance))


def _checks(checks: list[tuple[int, str, bool]]) -> dict[tuple[int, str], Checks]:
    found: dict[tuple[int, str], Checks] = {}
    for reviewer, kind, passed in checks:
        if kind not in LAPSES:
            raise ValueError(f"there is no check {kind!r}; give identical, swapped or mismatched")
        before = found.get((int(reviewer), kind), Checks(0, 0))
        found[int(reviewer), kind] = Checks(before.given + 1, before.missed + (not passed))
    return found


def missed_too_many(kind: str, checks: Checks) -> bool:
    """More than an attentive reviewer would but in two of a thousand cases."""
    return at_least(checks.missed, checks.given, LAPSES[kind]) <= RARE


def _left(mine: CountedVotes) -> tuple[float | None, bool]:
    sided = (mine.choice == CANDIDATE) | (mine.choice == BASELINE)
    votes = int(mine.times[sided].sum())
    if not votes:
        return None, False
    lefts = int(mine.times[sided & ((mine.choice == CANDIDATE) == mine.candidate_left)].sum())
    share = lefts / votes
    p = min(2 * at_least(max(lefts, votes - lefts), votes, 0.5), 1.0)
    return share, votes >= LEAST_SIDED and p <= RARE and abs(share - 0.5) > LARGE_LEAN


def _fast(mine: Pace | None, peers: float | None) -> bool:
    return (
        mine is not None and peers is not None and mine.votes >= LEAST_TIMED and mine.seconds < FAST * peers
    )


def _agreeing_pairs(table: Ints, times: Ints) -> tuple[float, int]:
    """Sum of the examples' shares of agreeing pairs of votes, and how many examples have such pairs."""
    votes = table.sum(axis=1)
    paired = votes >= 2
    agreeing = (table * (table - 1)).sum(axis=1)[paired] / (votes * (votes - 1))[paired]
    return float(agreeing @ times[paired]), int(times[paired].sum())


def _agreement(
    mine: CountedVotes, everyone: tuple[float, int]
) -> tuple[float | None, float | None, int, bool]:
    """Agreement with peers, that of all others among each other, shared examples, and whether low."""
    rest, category = in_categories(mine.rest), CATEGORY[mine.choice]
    others = rest.sum(axis=1)
    shared = others > 0
    agreeing = rest[np.arange(category.size), category][shared] / others[shared]
    times = mine.times[shared]
    # among the others: everyone's, with this reviewer's examples exchanged for what is left of them
    with_me = _agreeing_pairs(in_categories(mine.table), mine.times)
    without_me = _agreeing_pairs(rest, mine.times)
    pairs = everyone[1] - with_me[1] + without_me[1]
    theirs = min(max((everyone[0] - with_me[0] + without_me[0]) / pairs, 0.0), 1.0) if pairs else None
    n = int(times.sum())
    mean = float(agreeing @ times) / n if n else None
    low = False
    if mean is not None and theirs is not None and n >= LEAST_SHARED:
        error = sqrt(float((agreeing - mean) ** 2 @ times) / (n - 1) / n)
        low = mean + float(stdtrit(n - 1, 1 - RARE)) * error < theirs
    return mean, theirs, n, low
