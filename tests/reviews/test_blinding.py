"""Sides are balanced by construction, and nothing but the seed decides them."""

from __future__ import annotations

from collections import Counter, defaultdict
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reviews.blinding import CHOICES_ON_SCREEN, on_screen, queue_order, side_orders, truth

seeds = st.integers(min_value=0, max_value=2**62 - 1)
# comparisons as (primary intent, votes)
comparisons = st.lists(
    st.tuples(st.sampled_from(["refunds", "billing", "sizing", "untagged"]), st.integers(0, 5)), max_size=60
)


def lean(order: list[bool]) -> int:
    """How many more turns have the candidate on the left than on the right."""
    return sum(1 if left else -1 for left in order)


@given(seeds, comparisons)
def test_sides_are_balanced_within_one_everywhere(seed: int, drawn: list[tuple[str, int]]) -> None:
    intents = [intent for intent, _votes in drawn]
    orders = side_orders(seed, intents, [votes for _intent, votes in drawn])

    by_intent: dict[str, int] = defaultdict(int)
    for intent, order in zip(intents, orders, strict=True):
        assert abs(lean(order)) <= 1
        by_intent[intent] += lean(order)
    assert all(abs(total) <= 1 for total in by_intent.values())
    assert abs(sum(by_intent.values())) <= 1


@given(seeds, comparisons, st.integers(0, 60), st.data())
def test_sides_come_in_small_blocks_along_the_queue(
    seed: int, drawn: list[tuple[str, int]], end: int, data: st.DataObject
) -> None:
    """Wherever the queue is cut: each intent in each language within two, so that either side is near."""
    langs = [data.draw(st.sampled_from(["", "en", "es"])) for _ in drawn]
    intents = [intent for intent, _votes in drawn]
    orders = side_orders(seed, intents, [votes for _intent, votes in drawn], langs=langs)
    leans: dict[tuple[str, str], int] = defaultdict(int)
    by_intent: dict[str, int] = defaultdict(int)
    for intent, lang, order in [*zip(intents, langs, orders, strict=True)][:end]:
        leans[intent, lang] += lean(order)
        by_intent[intent] += lean(order)
    # a block of four has two of a side; the one that is over stands last
    assert all(abs(total) <= 3 for total in leans.values())
    if end >= len(drawn):
        assert all(abs(total) <= 1 for total in leans.values())
        assert all(abs(total) <= 1 for total in by_intent.values())
        assert abs(sum(by_intent.values())) <= 1


@given(seeds, comparisons, comparisons)
def test_what_is_dealt_later_keeps_the_balance(
    seed: int, first: list[tuple[str, int]], more: list[tuple[str, int]]
) -> None:
    """As when a plan is extended: each intent stays within one over both, and the whole where no intent is left out."""
    by_intent: dict[str, int] = defaultdict(int)
    for number, drawn in enumerate((first, more)):
        intents = [intent for intent, _votes in drawn]
        votes = [count for _intent, count in drawn]
        for intent, order in zip(
            intents, side_orders(seed + number, intents, votes, before=dict(by_intent)), strict=True
        ):
            by_intent[intent] += lean(order)
        assert all(abs(total) <= 1 for total in by_intent.values())
    assert abs(sum(by_intent.values())) <= 4  # as many intents as there are


@given(seeds, st.integers(1, 30), st.sampled_from([2, 4, 6]))
def test_even_number_of_votes_is_balanced_in_each_comparison(seed: int, count: int, votes: int) -> None:
    orders = side_orders(seed, ["refunds"] * count, [votes] * count)
    assert [len(order) for order in orders] == [votes] * count
    assert all(lean(order) == 0 for order in orders)


@given(seeds, comparisons)
def test_same_seed_gives_the_same_sides(seed: int, drawn: list[tuple[str, int]]) -> None:
    intents, votes = [intent for intent, _ in drawn], [number for _, number in drawn]
    assert side_orders(seed, intents, votes) == side_orders(seed, intents, votes)


def test_another_seed_gives_other_sides() -> None:
    orders = [side_orders(seed, ["refunds"] * 40, [1] * 40) for seed in range(20)]
    assert len({str(order) for order in orders}) == 20


@pytest.mark.parametrize("votes", [1, 2, 3, 4])
def test_no_slot_tells_the_side(votes: int) -> None:
    """Over 2,000 comparisons each slot has each side in half of them (four standard errors)."""
    orders = side_orders(7, [f"intent {index % 8}" for index in range(2000)], [votes] * 2000)
    for slot in range(votes):
        assert 910 < sum(order[slot] for order in orders) < 1090


@pytest.mark.parametrize("votes", [1, 2, 3])
def test_no_place_in_the_queue_tells_the_side(votes: int) -> None:
    """Neither does a turn tell the next one's."""
    orders = side_orders(11, ["refunds", "billing"] * 1000, [votes] * 2000)
    first = [order[0] for order in orders]
    assert 910 < sum(first[:-1][i] == first[1:][i] for i in range(1999)) < 1090
    assert 455 < 2 * sum(first[::4]) < 545


def test_turn_over_of_a_lone_comparison_is_a_toss_of_the_coin() -> None:
    lefts = sum(side_orders(seed, ["refunds"], [1])[0][0] for seed in range(1000))
    assert 430 < lefts < 570


def test_blocks_do_not_tell_the_next_side() -> None:
    """Of a lone intent, the next turn has the other side in five of eight cases; within a block in two of three."""
    first = [order[0] for order in side_orders(5, ["refunds"] * 4000, [1] * 4000)]
    other = sum(before != after for before, after in pairwise(first)) / 3999
    assert 0.59 < other < 0.66


def test_intents_must_match_the_comparisons() -> None:
    with pytest.raises(ValueError, match="2 intents for 1 comparisons"):
        side_orders(1, ["refunds", "billing"], [1])


@given(st.sampled_from(CHOICES_ON_SCREEN), st.booleans())
def test_truth_and_on_screen_are_inverse(choice: str, candidate_on_left: bool) -> None:
    said = truth(choice, candidate_on_left=candidate_on_left)
    assert said in {"candidate", "baseline", "tie", "both_bad"}
    assert on_screen(said, candidate_on_left=candidate_on_left) == choice


@pytest.mark.parametrize(
    ("choice", "candidate_on_left", "said"),
    [
        ("left", True, "candidate"),
        ("right", True, "baseline"),
        ("left", False, "baseline"),
        ("right", False, "candidate"),
        ("tie", True, "tie"),
        ("both_bad", False, "both_bad"),
    ],
)
def test_truth_of_a_side_is_who_stood_there(choice: str, candidate_on_left: bool, said: str) -> None:
    assert truth(choice, candidate_on_left=candidate_on_left) == said


@pytest.mark.parametrize("choice", ["", "candidate", "LEFT", "A"])
def test_truth_refuses_what_no_screen_says(choice: str) -> None:
    with pytest.raises(ValueError, match="is no choice"):
        truth(choice, candidate_on_left=True)


@given(seeds, st.integers(0, 300))
def test_queue_order_is_a_permutation_and_reproducible(seed: int, count: int) -> None:
    order = queue_order(seed, count)
    assert sorted(order) == list(range(count))
    assert order == queue_order(seed, count)


def test_queue_order_depends_on_the_seed() -> None:
    assert len({tuple(queue_order(seed, 20)) for seed in range(50)}) == 50
    # each item comes first about as often as any other
    first = Counter(queue_order(seed, 4).index(0) for seed in range(1000))
    assert all(190 < times < 310 for times in first.values())
