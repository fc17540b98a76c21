"""The short form of bench/simulate_gate.py: the product's own gate, looked at after every example."""

import pytest

from bench.simulate_gate import BETTER, GUARDED, NO_BETTER, Scenario, coverage, simulate

RUNS = 1500


@pytest.mark.parametrize("name", NO_BETTER)
def test_an_equal_model_is_hardly_ever_promoted_however_often_anyone_looks(name):
    out = simulate(NO_BETTER[name], RUNS, seed=1)
    assert out.promoted <= 0.025 + 2 * out.error
    assert out.rejected <= 0.025 + 0.012
    # what it is measured against: the same votes, the same looks, a plain interval
    assert out.naive > 0.12


@pytest.mark.parametrize(
    ("rate", "examples", "least"), [(0.55, 663, 0.76), (0.60, 160, 0.74), (0.65, 67, 0.70)]
)
def test_a_better_model_is_promoted_nearly_as_often_as_planned(rate, examples, least):
    assert simulate(Scenario(examples, rate), RUNS, seed=2).promoted >= least


def test_a_much_better_model_is_promoted_long_before_the_end():
    out = simulate(BETTER["0.65, K = 663"], 500, seed=3)
    assert out.promoted > 0.99
    assert out.examples < 663 / 4


def test_a_regression_in_a_guarded_intent_is_hardly_ever_promoted():
    """Overall much better, and the guarded fifth exactly as bad as the plan must not let through."""
    at_the_margin = Scenario(663, 0.6, **(GUARDED | {"shifts": (0.1, 0.1, -0.2)}))  # type: ignore[arg-type]
    out = simulate(at_the_margin, RUNS, seed=4)
    assert out.promoted <= 0.025 + 2 * out.error


@pytest.mark.parametrize("examples", [30, 100, 500])
@pytest.mark.parametrize("rate", [0.5, 0.7, 0.9])
def test_the_fixed_interval_holds_the_truth(examples, rate):
    # 20,000 runs: three standard errors of 95 % are 0.5 %; discrete scores leave a little more to either side
    assert 0.943 <= coverage(examples, rate, 20_000) <= 0.98
