"""Side orders and queue orders, from a stored seed. Pure: no Django.

The candidate stands on the left in half of the assignments, by construction: within each comparison, within each
intent and over the whole evaluation the two sides differ by at most one. Which half is random, and so is the order
of a comparison's own turns, so that neither an id nor a place in the queue tells a side.

Along the queue both sides come in small blocks, within each intent and language. So whoever is to see one side next
finds it near the head of the queue, and each reviewer's own pairs can be kept in balance (docs/decisions/0012).
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from typing import Any

CHOICES_ON_SCREEN = ("left", "right", "tie", "both_bad")


def queue_order(seed: int, count: int) -> list[int]:
    """Positions 0 … count−1 in random order: item i of the evaluation stands at the i-th number in the queue."""
    order = list(range(count))
    random.Random(f"queue:{seed}").shuffle(order)  # noqa: S311 - reproducible on purpose
    return order


def side_orders(
    seed: int,
    intents: Sequence[Hashable],
    votes: Sequence[int],
    *,
    langs: Sequence[Hashable] | None = None,
    before: Mapping[Any, int] | None = None,
) -> list[list[bool]]:
    """For each comparison, in the order of the queue, whether the candidate is on the left in each of its assignments.

    `intents[i]` is the primary intent of comparison i, `langs[i]` its language, `votes[i]` its number of assignments.
    `before`: of what was dealt earlier, how many more turns of an intent have the candidate on the left than on the
    right; then intents stay within one, and the whole as near to it as they let it.

    A comparison with an even number of assignments is balanced in itself. Odd ones have one turn over; those turns
    are dealt along the queue in blocks of four, two of each side in random order, within each language of an intent.
    What is over there is dealt in pairs within the intent, and what is over there in pairs over all intents.
    """
    langs = [""] * len(votes) if langs is None else langs
    if not len(intents) == len(votes) == len(langs):
        raise ValueError(f"{len(intents)} intents for {len(votes)} comparisons; give one for each")
    dice = random.Random(f"sides:{seed}")  # noqa: S311 - reproducible on purpose
    left_over: dict[int, bool] = {}
    odd_ones = [index for index, count in enumerate(votes) if count % 2]
    over = _deal_blocks(dice, odd_ones, [*zip(intents, langs, strict=True)], left_over)
    lean = Counter(before or {})
    for index in over.copy():
        # the intent's own turn that is over from before finds its other side here
        if lean[intents[index]]:
            left_over[index] = lean[intents[index]] < 0
            lean[intents[index]] += 1 if left_over[index] else -1
            over.remove(index)
    over = _deal_blocks(dice, over, intents, left_over)
    for index in dice.sample(over, len(over)):
        total = lean.total()
        left_over[index] = dice.random() < 0.5 if total == 0 else total < 0
        lean[intents[index]] += 1 if left_over[index] else -1
    orders: list[list[bool]] = []
    for index, count in enumerate(votes):
        order = [True, False] * (count // 2)
        if index in left_over:
            order.append(left_over[index])
        dice.shuffle(order)
        orders.append(order)
    return orders


BLOCK = 4


def _deal_blocks(
    dice: random.Random, indexes: Sequence[int], groups: Sequence[Hashable], sides: dict[int, bool]
) -> list[int]:
    """Deal as many left as right to each group's turns, block by block; the indexes that are over, one a group."""
    by_group: dict[Hashable, list[int]] = {}
    for index in indexes:
        by_group.setdefault(groups[index], []).append(index)
    over = []
    for members in by_group.values():
        even = len(members) - len(members) % 2
        for start in range(0, even, BLOCK):
            block = members[start : min(start + BLOCK, even)]
            order = [True, False] * (len(block) // 2)
            dice.shuffle(order)
            sides |= dict(zip(block, order, strict=True))
        over += members[even:]
    return sorted(over)


def truth(choice_on_screen: str, *, candidate_on_left: bool) -> str:
    """What was said on the screen (left, right, tie, both_bad) in truth (candidate, baseline, tie, both_bad)."""
    if choice_on_screen not in CHOICES_ON_SCREEN:
        raise ValueError(f'"{choice_on_screen}" is no choice; say {", ".join(CHOICES_ON_SCREEN)}')
    if choice_on_screen in {"tie", "both_bad"}:
        return choice_on_screen
    return "candidate" if (choice_on_screen == "left") == candidate_on_left else "baseline"


def on_screen(choice: str, *, candidate_on_left: bool) -> str:
    """The reverse of `truth`: what the reviewer pressed."""
    if choice in {"tie", "both_bad"}:
        return choice
    return "left" if (choice == "candidate") == candidate_on_left else "right"
