"""The verdict: what makes each, what stands in its way, and what relabelling, order and extra wins do to it."""

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reviews.stats import gate as gates
from reviews.stats.gate import Measured
from reviews.stats.gate_evidence import Verdict, evidence, verdicts
from reviews.stats.gate_plan import GatePlan, Limits, PlannedIntent, gate_plan, own_shares
from reviews.stats.sequence import anytime_interval, bets
from reviews.stats.traffic import counted_scores
from reviews.stats.traffic import traffic_win_rate as typed_traffic_win_rate

# a figure may be None, and then the test that asks for it fails as it should
gate: Any = gates.gate
futility: Any = gates.futility
more_examples: Any = gates.more_examples
traffic_win_rate: Any = typed_traffic_win_rate

SIZES = {"billing": 120, "medical": 60, "returns": 20}
PLAN = gate_plan(own_shares(SIZES, guarded=["medical"]))
INTENTS = np.random.default_rng(0).permutation(np.repeat([0, 1, 2], [120, 60, 20]))


def scores_of(*rates, seed=1):
    """Wins and losses in random order, so many that each intent's rate is as asked, to the nearest example."""
    x = np.zeros(INTENTS.size)
    rng = np.random.default_rng(seed)
    for place, rate in enumerate(rates):
        here = rng.permutation(np.flatnonzero(place == INTENTS))
        x[here[: round(rate * here.size)]] = 1.0
    return x


def codes(found):
    return {(reason.code, reason.about) for reason in found.reasons}


def test_clearly_better_everywhere_is_promoted_before_the_end():
    found = gate(PLAN, scores_of(0.85, 0.8, 0.8)[:150], INTENTS[:150])
    assert found.verdict is Verdict.PROMOTE
    assert codes(found) == {("better", None)}
    assert found.overall.missing is None


def test_clearly_worse_is_rejected_before_the_end():
    found = gate(PLAN, scores_of(0.2, 0.3, 0.3)[:150], INTENTS[:150])
    assert found.verdict is Verdict.REJECT
    assert ("worse", None) in codes(found)


def test_a_shown_regression_in_a_guarded_intent_rejects_a_better_whole():
    found = gate(PLAN, scores_of(1.0, 0.1, 0.9), INTENTS)
    assert found.verdict is Verdict.REJECT
    assert codes(found) == {("guarded_regression", "medical")}
    assert found.overall.better


def test_a_regression_in_a_monitored_intent_stops_promotion_without_rejecting():
    plan = gate_plan(own_shares(SIZES, guarded=["returns"]))
    found = gate(plan, scores_of(0.95, 0.1, 0.95)[:180], INTENTS[:180])
    assert found.verdict is Verdict.HOLD
    assert ("regression", "medical") in codes(found)


def test_a_monitored_intent_seen_below_the_margin_stops_promotion():
    plan = gate_plan(own_shares(SIZES))
    found = gate(plan, scores_of(0.9, 0.9, 0.4), INTENTS)
    assert found.verdict is Verdict.INCONCLUSIVE
    assert codes(found) == {("used_up", None), ("below_margin", "returns")}
    assert gate(plan, scores_of(0.9, 0.9, 0.45), INTENTS).verdict is Verdict.PROMOTE


def test_used_up_without_an_answer_is_inconclusive_and_not_a_rejection():
    found = gate(PLAN, scores_of(0.52, 0.5, 0.5), INTENTS)
    assert found.verdict is Verdict.INCONCLUSIVE
    assert {("used_up", None), ("not_shown_better", None)} <= codes(found)
    assert found.futility is None


def test_nothing_is_decided_before_fifty_examples():
    x = np.ones(200)
    assert gate(PLAN, x[:49], INTENTS[:49]).verdict is Verdict.HOLD
    assert ("few_examples", None) in codes(gate(PLAN, x[:49], INTENTS[:49]))
    assert gate(PLAN, 1 - x[:49], INTENTS[:49]).verdict is Verdict.HOLD
    assert gate(PLAN, 1 - x[:50], INTENTS[:50]).verdict is Verdict.REJECT


def test_a_plan_of_fewer_than_fifty_examples_ends_inconclusive():
    small = gate_plan(own_shares({"all": 30}))
    assert gate(small, np.ones(30), np.zeros(30, int)).verdict is Verdict.INCONCLUSIVE


def test_nothing_at_all_holds_and_says_what_is_missing():
    found = gate(PLAN, [], [])
    assert found.verdict is Verdict.HOLD
    assert codes(found) == {("few_examples", None), ("guarded_insufficient", "medical")}
    assert (found.overall.missing.examples, found.overall.missing.within_plan) == (50, True)
    assert [intent.missing.examples for intent in found.intents] == [20, 20, 20]
    assert {intent.status for intent in found.intents} == {"insufficient"}


def test_only_the_complete_prefix_counts():
    x = scores_of(0.85, 0.8, 0.8)
    gap = x.copy()
    gap[70] = np.nan
    assert gate(PLAN, gap, INTENTS) == gate(PLAN, x[:70], INTENTS[:70])
    assert gate(PLAN, gap, INTENTS).examples == 70


def test_examples_beyond_the_plan_count_only_where_it_was_extended():
    x, intents = np.tile(scores_of(0.52, 0.5, 0.5), 2), np.tile(INTENTS, 2)
    assert gate(PLAN, x, intents) == gate(PLAN, x[:200], INTENTS)
    longer = gate(PLAN, x[:300], intents[:300], extended_to=400)
    assert (longer.verdict, longer.examples) == (Verdict.HOLD, 300)
    assert gate(PLAN, x, intents, extended_to=400).verdict is Verdict.INCONCLUSIVE
    with pytest.raises(ValueError, match="more than the planned 200"):
        gate(PLAN, x, intents, extended_to=200)


def test_past_the_plan_the_fixed_interval_decides_nothing():
    """A result that the one fixed look shows and the anytime-valid interval does not."""
    plan = gate_plan(own_shares({"all": 200}))
    x = np.random.default_rng(3).permutation(np.repeat([1.0, 0.0], [115, 85]))
    none = np.zeros(200, int)
    assert traffic_win_rate(x, none, [1.0], 0.96).interval.low > 0.5
    assert anytime_interval(x, 200, 0.99).low < 0.5
    assert gate(plan, x, none).verdict is Verdict.PROMOTE
    assert gate(plan, x, none, extended_to=201).verdict is Verdict.HOLD
    assert gate(plan, x[:199], none[:199]).verdict is Verdict.HOLD


def test_limits_stand_in_the_way_with_their_numbers():
    plan = replace(PLAN, limits=Limits(latency_p95=2.0, cost=0.01, failure_rate=0.02))
    x = scores_of(0.85, 0.8, 0.8)
    fine = Measured(latency_p95=2.0, cost=0.004, failure_rate=0.0)
    assert gate(plan, x, INTENTS, fine).verdict is Verdict.PROMOTE
    slow = gate(plan, x, INTENTS, replace(fine, latency_p95=2.5, cost=None))
    assert slow.verdict is Verdict.INCONCLUSIVE
    assert codes(slow) == {
        ("used_up", None),
        ("limit_exceeded", "latency_p95"),
        ("limit_not_measured", "cost"),
    }
    assert slow.reasons[1].numbers == {"measured": 2.5, "limit": 2.0}


def test_a_limit_does_not_save_from_rejection():
    plan = replace(PLAN, limits=Limits(cost=0.01))
    assert gate(plan, scores_of(0.1, 0.2, 0.2), INTENTS).verdict is Verdict.REJECT


def test_missing_examples_are_as_many_as_it_then_takes():
    """Feed the same mixture that many more times: not shown just before, shown then."""
    values, counts = np.array([0.0, 0.5, 1.0]), np.array([20.0, 20.0, 40.0])
    plan = bets(400, 0.01)
    more = more_examples(values, counts, 0.5, plan)
    assert 0 < more < 320

    def low(n):
        repeats = counts * n / 80
        return anytime_interval(np.repeat(values, np.round(repeats).astype(int)), 400, 0.99).low

    assert low(80 + more + 4) >= 0.5 > low(80 + more - 4)
    assert more_examples(values, counts[::-1], 0.5, plan) is None


def test_a_guarded_intent_says_how_many_more_it_needs():
    found = gate(PLAN, scores_of(0.9, 0.6, 0.9)[:120], INTENTS[:120])
    medical = found.intents[1]
    assert (found.verdict, medical.status) == (Verdict.HOLD, "open")
    assert ("guarded_open", "medical") in codes(found)
    assert medical.missing.within_plan
    assert 0 < medical.missing.examples <= 60 - medical.win_rate.examples
    assert medical.missing.votes == medical.missing.examples


def test_votes_missing_are_examples_times_votes_per_example():
    found = gate(replace(PLAN, votes=3), scores_of(0.9, 0.6, 0.9)[:120], INTENTS[:120])
    assert found.intents[1].missing.votes == 3 * found.intents[1].missing.examples


def test_traffic_decides_what_better_means():
    """Better on the intent most examples are of, worse on the one most traffic is of."""
    intents = [PlannedIntent("billing", 120, 0.1, False), PlannedIntent("medical", 60, 0.8, False),
               PlannedIntent("returns", 20, 0.1, False)]  # fmt: skip
    x = scores_of(0.9, 0.2, 0.5)
    assert gate(gate_plan(own_shares(SIZES)), x, INTENTS).overall.better
    assert gate(gate_plan(intents), x, INTENTS).verdict is Verdict.REJECT


def test_futility_is_small_for_a_hopeless_and_large_for_a_winning_candidate():
    hopeless = gate(PLAN, scores_of(0.45, 0.45, 0.45)[:150], INTENTS[:150]).futility
    winning = gate(PLAN, scores_of(0.65, 0.65, 0.65)[:150], INTENTS[:150]).futility
    assert hopeless.advised
    assert hopeless.chance < 0.05
    assert winning.chance > 0.9
    assert gate(PLAN, scores_of(0.5, 0.5, 0.5)[:49], INTENTS[:49]).futility is None


def test_chance_at_the_end_is_the_one_of_simulated_ends():
    plan = gate_plan(own_shares({"all": 400}))
    x = np.repeat([1.0, 0.0], [110, 90])
    chance = futility(plan, *counted_scores(x, np.zeros(200, int), 1)).chance
    rng = np.random.default_rng(5)
    wins = 110 + rng.binomial(200, 0.55, 20_000)
    need = 0.5 + 2.0537 * np.sqrt(0.55 * 0.45 / 400)
    assert chance == pytest.approx(np.mean(wins / 400 > need), abs=0.03)


@st.composite
def any_evaluation(draw):
    groups = draw(st.integers(1, 3))
    sizes = draw(st.lists(st.integers(1, 60), min_size=groups, max_size=groups))
    raw = draw(st.lists(st.integers(1, 5), min_size=groups, max_size=groups))
    plan = gate_plan(
        [
            PlannedIntent(str(place), size, weight / sum(raw), draw(st.booleans()))
            for place, (size, weight) in enumerate(zip(sizes, raw, strict=True))
        ]
    )
    rng = np.random.default_rng(draw(st.integers(0, 10**6)))
    intents = rng.permutation(np.repeat(np.arange(groups), sizes))
    rates = rng.random(groups)
    x = np.where(rng.random(intents.size) < 0.2, 0.5, rng.random(intents.size) < rates[intents])
    seen = draw(st.integers(0, intents.size))
    return plan, x[:seen].astype(float), intents[:seen], rng


@given(any_evaluation())
def test_order_within_the_prefix_changes_nothing(drawn):
    plan, x, intents, rng = drawn
    order = rng.permutation(x.size)
    assert gate(plan, x[order], intents[order]) == gate(plan, x, intents)


@given(any_evaluation())
def test_relabelling_mirrors_the_overall_figures(drawn):
    plan, x, intents, _ = drawn
    mine, theirs = gate(plan, x, intents).overall, gate(plan, 1 - x, intents).overall
    assert (mine.better, mine.worse) == (theirs.worse, theirs.better)
    assert (theirs.anytime.low, theirs.anytime.high) == pytest.approx(
        (1 - mine.anytime.high, 1 - mine.anytime.low), abs=2e-5
    )


@given(any_evaluation(), st.integers(0, 10**6))
def test_one_more_win_never_makes_a_rejection(drawn, pick):
    plan, x, intents, _ = drawn
    if not x.size:
        return
    better = x.copy()
    better[pick % x.size] = 1.0
    before, after = gate(plan, x, intents), gate(plan, better, intents)
    assert after.overall.win_rate.win_rate >= before.overall.win_rate.win_rate - 1e-12
    assert before.overall.anytime.low <= after.overall.anytime.low + 1e-5
    # at the end itself a win may leave an intent all alike, and the fixed interval narrower by more than it moved
    if after.verdict is Verdict.REJECT and x.size < plan.examples:
        assert before.verdict is Verdict.REJECT


@given(any_evaluation())
def test_at_every_moment_the_simulation_sees_what_the_gate_says(drawn):
    """Cumulated counts, all moments at once, against one call a moment."""
    plan, x, intents, _ = drawn
    values = np.array([0.0, 0.5, 1.0])
    cell = intents * 3 + np.searchsorted(values, x)
    counts = np.cumsum(np.eye(3 * len(plan.intents))[cell], axis=0).reshape(-1, len(plan.intents), 3)
    if not x.size:
        return
    along = verdicts(plan, evidence(plan, values, counts))
    for n in {1, x.size // 2, x.size} - {0}:
        assert along[n - 1] == gate(plan, x[:n], intents[:n]).verdict


def test_plan_has_one_hash_whatever_the_order_and_type_of_its_parts():
    one = gate_plan(own_shares({"a": 1, "b": 1}), bar=0.5, limits=Limits(latency_p95=2))
    two = gate_plan(own_shares({"b": 1, "a": 1}), bar=0.5, limits=Limits(latency_p95=2.0))
    assert one.sha256 == two.sha256
    assert len(one.sha256) == 64
    assert GatePlan.from_json(one.canonical_json()) == one


@pytest.mark.parametrize(
    "change",
    [{"votes": 3}, {"bar": 0.52}, {"margin": 0.05}, {"alpha_peek": 0.02}, {"alpha_final": 0.03},
     {"variance": 0.2}, {"limits": Limits(cost=1.0)}, {"limits": Limits(failure_rate=0.1)}],
)  # fmt: skip
def test_any_change_of_the_plan_changes_its_hash(change):
    assert gate_plan(own_shares(SIZES), **change).sha256 != gate_plan(own_shares(SIZES)).sha256
    assert gate_plan(own_shares(SIZES)).sha256 != PLAN.sha256


def test_the_hash_of_a_plan_stays_what_it_was():
    """Plans are stored with their hash for years; a change of this one breaks every record."""
    plan = gate_plan([PlannedIntent("a", 3, 0.25, True), PlannedIntent("é", 5, 0.75, False)], votes=2)
    assert plan.canonical_json() == (
        '{"alpha_final":0.04,"alpha_peek":0.01,"bar":0.5,"intents":[{"examples":3,"guarded":true,"name":"a",'
        '"weight":0.25},{"examples":5,"guarded":false,"name":"é","weight":0.75}],"limits":{"cost":null,'
        '"failure_rate":null,"latency_p95":null},"margin":0.1,"variance":0.16,"version":1,"votes":2}'
    )


@pytest.mark.parametrize(
    ("change", "fix"),
    [
        ({"votes": 0}, "1 or more"),
        ({"bar": 1.0}, "bar is 1.0"),
        ({"margin": 0.0}, "margin is 0.0"),
        ({"alpha_peek": 0.7}, "below 0.5"),
        ({"variance": 0.3}, "at most 0.25"),
        ({"limits": Limits(cost=-1.0)}, "not negative"),
        ({"limits": Limits(failure_rate=2.0)}, "fraction of 1"),
    ],
)
def test_impossible_plan_says_its_fix(change, fix):
    with pytest.raises(ValueError, match=fix):
        gate_plan(own_shares(SIZES), **change)


@pytest.mark.parametrize(
    ("intents", "fix"),
    [
        ([], "give one for all"),
        ([PlannedIntent("a", 5, 0.5, False)] * 2, "twice"),
        ([PlannedIntent("a", 0, 1.0, False)], "no example"),
        ([PlannedIntent("a", 5, 0.5, False)], "sum to 0.5"),
        ([PlannedIntent("a", 5, -1.0, False)], "traffic share"),
    ],
)
def test_impossible_intents_say_their_fix(intents, fix):
    with pytest.raises(ValueError, match=fix):
        gate_plan(intents)


def test_an_unknown_guarded_intent_is_refused():
    with pytest.raises(ValueError, match="nowhere"):
        own_shares({"a": 1}, guarded=["nowhere"])


@pytest.mark.parametrize("text", ["[]", "{}", '{"version": 1, "intents": [{}], "limits": {}}', "1"])
def test_what_is_no_plan_is_refused(text):
    with pytest.raises(ValueError, match="no gate plan"):
        GatePlan.from_json(text)


def test_a_plan_of_another_version_is_refused():
    content = json.loads(PLAN.canonical_json()) | {"version": 2}
    with pytest.raises(ValueError, match="version 2"):
        GatePlan.from_json(json.dumps(content))
