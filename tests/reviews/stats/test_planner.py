"""Sample sizes against the design's numbers, simulation, and what an allocation has to keep."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats.power import NormalIndPower

from reviews.stats import planner
from reviews.stats.gate_plan import PlannedIntent, gate_plan, own_shares
from reviews.stats.planner import (
    design_effect,
    intent_sizes,
    plan_power,
    power_at,
    score_variance,
)

# a figure may be None, and then the test that asks for it fails as it should
examples_needed: Any = planner.examples_needed
allocation: Any = planner.allocation


@pytest.mark.parametrize(("rate", "examples"), [(0.55, 663), (0.60, 160), (0.65, 67)])
def test_examples_for_a_better_model_are_those_of_the_design(rate, examples):
    assert examples_needed(rate).examples == examples


def test_a_guarded_intent_takes_168_examples():
    assert examples_needed(0.5, 0.4).examples == 168


def test_votes_and_hours_follow_from_examples():
    effort = examples_needed(0.55, votes=3, icc=0.3, seconds_per_vote=45)
    assert effort.votes == 3 * effort.examples
    assert effort.hours == pytest.approx(effort.votes * 45 / 3600)
    assert examples_needed(0.55).hours is None


def test_one_vote_each_on_more_examples_takes_fewer_votes_than_three_on_fewer():
    assert examples_needed(0.55).votes < examples_needed(0.55, votes=3, icc=0.5).votes
    assert examples_needed(0.55).examples > examples_needed(0.55, votes=3, icc=0.5).examples


@pytest.mark.parametrize("rate", [0.55, 0.6, 0.7])
def test_without_ties_power_is_that_of_statsmodels(rate):
    # one sample against a fixed value: its other group is endless (ratio 0 has its own rule there)
    effect = (rate - 0.5) / np.sqrt(rate * (1 - rate))
    theirs = NormalIndPower().power(effect, 200, 0.02, ratio=0, alternative="larger")
    assert power_at([rate], 200, ties=0)[0].chance == pytest.approx(theirs)


@pytest.mark.parametrize(("votes", "icc"), [(1, 0.0), (3, 0.3), (3, 0.6)])
def test_variance_is_that_of_simulated_scores(votes, icc):
    from bench.simulate_gate import example_scores

    values, place = example_scores(np.random.default_rng(2), np.full(200_000, 0.6), votes, icc)
    assert values[place].mean() == pytest.approx(0.6, abs=0.004)
    assert values[place].var() == pytest.approx(score_variance(0.6, 0.2, votes, icc), rel=0.02)


def test_power_of_a_plan_counts_what_weighting_leaves_of_its_examples():
    even = gate_plan(own_shares({"a": 300, "b": 300}))
    skewed = gate_plan([PlannedIntent("a", 300, 0.9, False), PlannedIntent("b", 300, 0.1, False)])
    assert plan_power(even, [0.55])[0].chance > plan_power(skewed, [0.55])[0].chance + 0.1
    assert plan_power(even, [0.55]) == power_at([0.55], 600)
    assert plan_power(even, [0.99])[0].chance == pytest.approx(1)


def test_small_intents_are_named_with_what_they_need():
    found = intent_sizes(["a", "b", "c"], [400, 90, 12])
    assert [(i.needed, i.small, i.insufficient) for i in found] == [
        (168, False, False),
        (168, True, False),
        (168, True, True),
    ]
    assert found[0].chance > 0.95
    assert 0.4 < found[1].chance < 0.8
    assert found[2].chance == 0


def test_a_wide_margin_still_asks_for_twenty_examples():
    assert intent_sizes(["a"], [20], margin=0.45)[0].needed == 20


def test_sharing_as_the_traffic_does_costs_nothing():
    found = allocation([0.5, 0.3, 0.2], 100, 0)
    assert found.sizes == (50, 30, 20)
    assert found.design_effect == pytest.approx(1)
    assert found.effective == pytest.approx(100)


def test_oversampling_a_rare_intent_has_its_price():
    found = allocation([0.9, 0.1], 400, [0, 168])
    assert found.sizes == (232, 168)
    assert found.design_effect == pytest.approx(0.81 / 0.58 + 0.01 / 0.42)
    assert found.effective == pytest.approx(400 / found.design_effect)


def test_no_more_is_taken_than_there_is():
    assert allocation([0.8, 0.1, 0.1], 100, 0, [40, 100, 100]).sizes == (40, 30, 30)


@given(
    st.lists(st.tuples(st.integers(1, 50), st.integers(0, 60), st.integers(1, 200)), min_size=1, max_size=8),
    st.integers(1, 600),
)
def test_allocation_keeps_its_bounds_and_is_the_cheapest(rows, examples):
    raw, least, available = (np.array(column) for column in zip(*rows, strict=True))
    weights = raw / raw.sum()
    low = np.minimum(np.maximum(least, 1), available)
    if low.sum() > examples or available.sum() < examples:
        with pytest.raises(ValueError, match="cannot be shared"):
            allocation(weights, examples, least, available)
        return
    found = allocation(weights, examples, least, available)
    sizes = np.array(found.sizes)
    assert sizes.sum() == examples
    assert (low <= sizes).all()
    assert (sizes <= available).all()
    assert found.design_effect >= 1 - 1e-9
    # no example moved from one intent to another makes it cheaper by more than rounding to whole ones may
    for a in range(sizes.size):
        for b in range(sizes.size):
            moved = sizes.copy()
            moved[a] -= 1
            moved[b] += 1
            if a != b and moved[a] >= low[a] and moved[b] <= available[b] and sizes[a] > 5 and sizes[b] > 5:
                assert design_effect(weights, moved) >= found.design_effect * 0.98


@pytest.mark.parametrize(
    ("rate", "change", "fix"),
    [
        (0.5, {}, "larger one"),
        (0.4, {}, "larger one"),
        (1.0, {}, "below 1"),
        (0.95, {}, "leaves room"),
        (0.6, {"votes": 0}, "1 vote or more"),
        (0.6, {"icc": 1.5}, "from 0 to 1"),
        (0.6, {"power": 80}, "such as 0.8"),
    ],
)
def test_impossible_questions_say_their_fix(rate, change, fix):
    with pytest.raises(ValueError, match=fix):
        examples_needed(rate, **change)
