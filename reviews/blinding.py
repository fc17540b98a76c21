"""Side orders and queue orders, from a stored seed. Pure: no Django.

The candidate stands on the left in half of the assignments, by construction: within each comparison, within each
intent and over the whole evaluation the two sides differ by at most one. Which half is random, and so is the order
of a comparison's own turns, so that neither an id nor a place in the queue tells a side.
"""

from __future__ import annotations

import random
from collections.abc import Hashable, Sequence

CHOICES_ON_SCREEN = ("left", "right", "tie", "both_bad")


def queue_order(seed: int, count: int) -> list[int]:
    """Positions 0 … count−1 in random order: item i of the evaluation stands at the i-th number in the queue."""
    order = list(range(count))
    random.Random(f"queue:{seed}").shuffle(order)  # noqa: S311 - reproducible on purpose
    return order


def side_orders(seed: int, intents: Sequence[Hashable], votes: Sequence[int]) -> list[list[bool]]:
    """For each comparison, whether the candidate stands on the left in each of its assignments.

    `intents[i]` is the primary intent of comparison i, `votes[i]` how many assignments it gets.
    A comparison with an even number of assignments is balanced in itself. Odd ones have one turn over; those turns
    are dealt in random pairs of opposite sides, intent by intent, so that intents and the whole stay within one.
    """
    if len(intents) != len(votes):
        raise ValueError(f"{len(intents)} intents for {len(votes)} comparisons; give one for each")
    dice = random.Random(f"sides:{seed}")  # noqa: S311 - reproducible on purpose
    by_intent: dict[Hashable, list[int]] = {}
    for index in dice.sample(range(len(votes)), len(votes)):
        if votes[index] % 2:
            by_intent.setdefault(intents[index], []).append(index)
    # Alternating over intents laid end to end keeps every run of one intent, and the whole, within one.
    odd_ones = [
        index for intent in dice.sample(list(by_intent), len(by_intent)) for index in by_intent[intent]
    ]
    first = dice.random() < 0.5
    left_over = {index: first ^ bool(turn % 2) for turn, index in enumerate(odd_ones)}
    orders: list[list[bool]] = []
    for index, count in enumerate(votes):
        order = [True, False] * (count // 2)
        if index in left_over:
            order.append(left_over[index])
        dice.shuffle(order)
        orders.append(order)
    return orders


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
