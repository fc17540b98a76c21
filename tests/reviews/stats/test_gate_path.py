import numpy as np
import pytest
from ville import BettingCS

from reviews.stats.gate import gate
from reviews.stats.gate_path import gate_path
from reviews.stats.gate_plan import PlannedIntent, gate_plan, own_shares
from reviews.stats.sequence import anytime_interval, anytime_limits, bets


@pytest.fixture
def weighted():
    plan = gate_plan([PlannedIntent("a", 300, 0.3, True), PlannedIntent("b", 200, 0.7, False)])
    rng = np.random.default_rng(1)
    intents = rng.permutation(np.repeat([0, 1], [300, 200]))
    return plan, rng.choice([0, 0.5, 1], 500, p=[0.3, 0.2, 0.5]), intents


def test_every_moment_is_what_the_gate_showed_then(weighted):
    plan, x, intents = weighted
    path = gate_path(plan, x[:90], intents[:90])
    assert path.examples == tuple(range(1, 91))
    for n in (1, 2, 77, 90):
        shown = gate(plan, x[:n], intents[:n]).overall
        assert path.win_rate[n - 1] == pytest.approx(shown.win_rate.win_rate)
        assert (path.low[n - 1], path.high[n - 1]) == pytest.approx((shown.anytime.low, shown.anytime.high))


def test_many_examples_are_thinned_out_and_end_now(weighted):
    plan, x, intents = weighted
    path = gate_path(plan, x, intents)
    assert len(path.examples) == 100
    assert (path.examples[0], path.examples[-1]) == (1, 500)
    assert path.low[-1] == pytest.approx(gate(plan, x, intents).overall.anytime.low)


def test_path_ends_at_the_first_gap(weighted):
    plan, x, intents = weighted
    x[40] = np.nan
    assert gate_path(plan, x, intents).examples[-1] == 40
    x[0] = np.nan
    assert gate_path(plan, x, intents).examples == ()


def test_limits_of_many_groups_are_those_of_each():
    rng = np.random.default_rng(2)
    values, counts = np.array([0.0, 1 / 3, 0.5, 1.0]), rng.integers(0, 40, (30, 4))
    counts[0] = 0
    counts[1] = [5, 0, 0, 0]
    sizes = rng.integers(10, 300, 30)
    low, high = anytime_limits(values, counts, [bets(int(size), 0.05) for size in sizes])
    for row in range(30):
        alone = anytime_interval(np.repeat(values, counts[row]), int(sizes[row]), 0.95)
        assert (low[row], high[row]) == pytest.approx((alone.low, alone.high), abs=1e-12)


@pytest.mark.parametrize("rate", [0.5, 0.6, 0.8])
def test_at_the_planned_end_it_is_narrower_than_ville_and_before_it_not_much_wider(rate):
    """Same guarantee, other bets: ville's follow the data, ours the plan. Of one set of votes they must agree."""
    rng = np.random.default_rng(3)
    widths: dict[int, list[tuple[float, float]]] = {200: [], 600: []}
    for _ in range(8):
        x = rng.choice([0, 0.5, 1], 600, p=[0.9 - rate, 0.2, rate - 0.1])
        for n, found in widths.items():
            ours, theirs = anytime_interval(x[:n], 600, 0.95), BettingCS(alpha=0.05)
            theirs.update(x[:n])
            low, high = theirs.lower_[-1], theirs.upper_[-1]
            assert max(ours.low, low) < min(ours.high, high)
            found.append((ours.high - ours.low, float(high - low)))
    at_end, midway = (np.mean(widths[n], axis=0) for n in (600, 200))
    assert at_end[0] < at_end[1]
    assert midway[0] < 1.15 * midway[1]


def test_it_is_quick_for_many_intents():
    import time

    plan = gate_plan(own_shares({f"tag {place}": 2000 for place in range(50)}, guarded=["tag 3"]))
    rng = np.random.default_rng(4)
    intents = rng.permutation(np.repeat(np.arange(50), 2000))
    x = rng.choice([0, 1 / 6, 1 / 3, 0.5, 2 / 3, 5 / 6, 1], 100_000)
    gate(plan, x[:1000], intents[:1000])
    started = time.process_time()
    gate(plan, x, intents)
    gate_path(plan, x, intents)
    # about 0.15 s on a quiet machine
    assert time.process_time() - started < 2
