"""Which hidden check a reviewer gets when, from a stored seed. Pure: no Django.

A check looks like any pair. To a reviewer it is one more pair that was shown; to the figures it never was.
"""

from __future__ import annotations

import math
import random
import re
from collections.abc import Hashable, Sequence

KINDS = ("swapped", "identical", "mismatched")
# pairs that a reviewer is shown before the first check
FIRST = 5
# votes of the reviewer between a pair and the same pair with its sides exchanged
LEAST_BETWEEN = 10
_WORD = re.compile(r"[^\W\d_]{4,}")


def is_due(*, seed: int, reviewer: Hashable, percent: int, votes: int, checks: int) -> bool:
    """Whether the next pair this reviewer is given is to be a check.

    `votes` they have cast and `checks` they were given so far in this evaluation. One that could not be made when it
    was due is made at the next pair.
    """
    return percent > 0 and votes + checks >= place(seed, reviewer, percent, checks)


def place(seed: int, reviewer: Hashable, percent: int, number: int) -> int:
    """How many pairs a reviewer is shown before their check of this number, counted from 0.

    One stands in each run of 100/percent pairs, at a random place of it: nobody can count on when it comes, and
    nobody gets more or fewer of them than others.
    """
    where = _dice("place", seed, reviewer, number).random()
    return FIRST + math.floor((number + where) * 100 / percent)


def still_to_come(*, seed: int, reviewer: Hashable, percent: int, votes: int, checks: int, left: int) -> int:
    """How many checks come while a reviewer casts `left` more votes; constant time, however many are left."""
    if percent <= 0 or left <= 0:
        return 0
    # a check of number n is given at the latest when votes + n >= FIRST + (n + 1)·100/percent, and at the
    # earliest when votes + n >= FIRST + n·100/percent; between the two the dice say
    room = votes + left - 1 - FIRST
    run = 100 / percent
    sure = math.floor((room - run) / (run - 1)) if room > run else 0
    number = max(checks, sure)
    while votes + left - 1 + number >= place(seed, reviewer, percent, number):
        number += 1
    return number - checks


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
