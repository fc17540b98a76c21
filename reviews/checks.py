"""Which hidden check a reviewer gets when, from a stored seed. Pure: no Django.

A check looks like any pair. To a reviewer it is one more pair that was shown; to the figures it never was.
"""

from __future__ import annotations

import math
import random
import re
from collections.abc import Hashable, Sequence

KINDS = ("swapped", "identical", "mismatched")
# votes of the reviewer between a pair and the same pair with its sides exchanged
LEAST_BETWEEN = 10
# a check is made up to so many pairs before it is shown
AHEAD = 3
# pairs that a reviewer is shown before the first check: when it is made, each kind can be made of their own votes
FIRST = LEAST_BETWEEN + AHEAD + 2
_WORD = re.compile(r"[^\W\d_]{4,}")


def is_due(*, seed: int, reviewer: Hashable, percent: int, shown: int, last: int | None) -> bool:
    """Whether the next pair this reviewer is given is to be a check.

    `shown`: pairs they were given so far in this evaluation, checks among them; `last`: that number when they were
    given their last check. One that could not be made when it was due is made later in its run of pairs; where that
    is over, or where a lead wanted more of them meanwhile, nothing is made up for.
    """
    return percent > 0 and shown >= place(seed, reviewer, percent, next_run(percent, shown, last))


def place(seed: int, reviewer: Hashable, percent: int, run: int) -> int:
    """How many pairs a reviewer is shown before the check of this run of pairs, counted from 0.

    One stands in each run of 100/percent pairs, at a random place of it: nobody can count on when it comes, and
    nobody gets more or fewer of them than others.
    """
    start, end = _start(percent, run), _start(percent, run + 1)
    return start + _dice("place", seed, reviewer, run).randrange(end - start)


def next_run(percent: int, shown: int, last: int | None) -> int:
    """The run whose check comes next: that of the next pair, or the one after the last check's."""
    return max(_run(percent, shown), -1 if last is None else _run(percent, last) + 1, 0)


def _run(percent: int, shown: int) -> int:
    return (shown - FIRST) * percent // 100


def _start(percent: int, run: int) -> int:
    return FIRST - (-run * 100 // percent)


def still_to_come(
    *, seed: int, reviewer: Hashable, percent: int, shown: int, last: int | None, left: int
) -> int:
    """How many checks come while a reviewer casts `left` more votes; constant time, however many are left."""
    if percent <= 0 or left <= 0:
        return 0
    run = next_run(percent, shown, last)

    def comes(number: int) -> bool:
        return shown + left - 1 + number >= place(seed, reviewer, percent, run + number)

    # the check of this number comes for certain where all of its run is shown by then; of those after it the dice say
    length = 100 / percent
    over = shown + left - 1 - FIRST - (run + 1) * length
    number = max(0, math.floor(over / (length - 1)) - 1)
    while comes(number):
        number += 1
    return number


def kinds_in_turn(seed: int, reviewer: Hashable, number: int) -> list[str]:
    """The kinds to try for the check of this number, the one whose turn it is first.

    Each run of three checks has one of each kind, in random order.
    """
    order = _dice("kinds", seed, reviewer, number // len(KINDS)).sample(KINDS, len(KINDS))
    turn = number % len(KINDS)
    return order[turn:] + order[:turn]


def pick(seed: int, reviewer: Hashable, number: int, what: str, count: int) -> int:
    """One of 0 … count−1 for a check, such as the comparison it is made of; the same whenever it is asked for."""
    return _dice(what, seed, reviewer, number).randrange(count)


def least_related(asked: str, answers: Sequence[str]) -> int:
    """The index of the answer that shares least with a question: the share of its words that stand there, too.

    Of those that share equally little it is the first. Raises ValueError without answers.
    """
    words = set(_WORD.findall(asked.casefold()))

    def related(answer: str) -> float:
        said = _WORD.findall(answer.casefold())
        return sum(word in words for word in said) / len(said) if said else 1.0

    return min(range(len(answers)), key=lambda index: related(answers[index]))


def swapped(choice_on_screen: str) -> str:
    """What the same judgement is on the screen when the sides have changed places."""
    return {"left": "right", "right": "left"}.get(choice_on_screen, choice_on_screen)


def passed(kind: str, expected: str, answer: str) -> bool:
    """Whether a check was answered as an attentive reviewer does.

    Two identical texts that are both called bad were seen to be equal as well. A pair seen the other way round wants
    the same judgement; a pair with an answer to another question wants the other side.
    """
    if kind == "identical":
        return answer in {"tie", "both_bad"}
    return answer == expected


def _dice(what: str, seed: int, reviewer: Hashable, number: int) -> random.Random:
    return random.Random(f"{what}:{seed}:{reviewer}:{number}")  # noqa: S311 - reproducible on purpose
