"""Does a reviewer read? Signs that they do not, each with its figures. A flag is a question, never a verdict:
it drops no votes, and the gate is shown with and without them (`leave_one_out`).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from typing import Final

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import bdtr, stdtrit

from reviews.stats.choices import (
    BASELINE,
    CANDIDATE,
    Bools,
    Floats,
    Ints,
    choice_codes,
    same_length,
    truth_values,
    whole_numbers,
)

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
    example, who = whole_numbers(examples, "examples"), whole_numbers(reviewers, "reviewers")
    choice, left = choice_codes(choices), truth_values(candidate_left, "candidate_left")
    same_length(examples=example, reviewers=who, choices=choice, candidate_left=left)
    took = np.full(who.size, np.nan) if seconds is None else np.asarray(seconds, dtype=np.float64)
    if took.shape != who.shape or (took < 0).any():
        raise ValueError("seconds must be one number per vote, not negative; NaN where a vote was not timed")
    given = _checks(checks or [])
    people = np.union1d(who, np.array([reviewer for reviewer, _ in given], dtype=np.int64))
    medians = {int(person): _median(took[who == person]) for person in people}
    with_peers = _agreements(example, who, choice)
    found = []
    for person in people.tolist():
        mine = who == person
        share, lean = _left(choice[mine], left[mine])
        others = [median for name, median in medians.items() if name != person and median is not None]
        peers = float(np.median(others)) if others else None
        kinds = {kind: given.get((person, kind), Checks(0, 0)) for kind in LAPSES}
        agreement, among_others, shared, low = with_peers.get(person, (None, None, 0, False))
        flags = [
            (LEFT_SHARE, lean),
            (SPEED, _fast(medians[person], peers, int(np.count_nonzero(~np.isnan(took[mine]))))),
            *((kind, missed_too_many(kind, checked)) for kind, checked in kinds.items()),
            (AGREEMENT, low),
        ]
        found.append(
            Screening(
                reviewer=person,
                votes=int(np.count_nonzero(mine)),
                left_share=share,
                seconds=medians[person],
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


def _left(choice: Ints, candidate_left: Bools) -> tuple[float | None, bool]:
    sided = (choice == CANDIDATE) | (choice == BASELINE)
    votes = int(np.count_nonzero(sided))
    if not votes:
        return None, False
    lefts = int(np.count_nonzero((choice[sided] == CANDIDATE) == candidate_left[sided]))
    share = lefts / votes
    p = min(2 * at_least(max(lefts, votes - lefts), votes, 0.5), 1.0)
    return share, votes >= LEAST_SIDED and p <= RARE and abs(share - 0.5) > LARGE_LEAN


def _median(took: Floats) -> float | None:
    timed = took[~np.isnan(took)]
    return float(np.median(timed)) if timed.size else None


def _fast(mine: float | None, peers: float | None, timed: int) -> bool:
    return mine is not None and peers is not None and timed >= LEAST_TIMED and mine < FAST * peers


def _agreements(
    example: Ints, who: Ints, choice: Ints
) -> dict[int, tuple[float | None, float | None, int, bool]]:
    """By reviewer: agreement with peers, that of all others among each other, shared examples, and whether low."""
    category = np.array([2, 0, 1, 1])[choice]
    names, row = np.unique(example, return_inverse=True)
    table = np.bincount(row * 3 + category, minlength=names.size * 3).reshape(names.size, 3)
    votes = table.sum(axis=1)
    found: dict[int, tuple[float | None, float | None, int, bool]] = {}
    for person in np.unique(who).tolist():
        mine = who == person
        rest = table.copy()
        np.subtract.at(rest, (row[mine], category[mine]), 1)
        others = votes[row[mine]] - 1
        shared = others > 0
        agreeing = rest[row[mine], category[mine]][shared] / others[shared]
        left = rest.sum(axis=1)
        paired = left >= 2
        theirs = (
            float(np.mean((rest * (rest - 1)).sum(axis=1)[paired] / (left * (left - 1))[paired]))
            if paired.any()
            else None
        )
        n = int(agreeing.size)
        mean = float(agreeing.mean()) if n else None
        low = False
        if mean is not None and theirs is not None and n >= LEAST_SHARED:
            error = float(agreeing.std(ddof=1)) / sqrt(n)
            low = mean + float(stdtrit(n - 1, 1 - RARE)) * error < theirs
        found[int(person)] = (mean, theirs, n, low)
    return found
