"""What the gate's promises rest on: the product's own gate on simulated votes, looked at after every example.

    make bench-gate                         the table of docs/statistics.md; RUNS=2000 for a quicker one

False promotions of a model that is no better, with the simulations' own error; how often a better one is promoted, and
after how many examples, beside a plain 95 % interval that is watched and O'Brien and Fleming's boundary; and how often
the fixed interval holds the truth.
"""

from __future__ import annotations

import argparse
import sys
import time
from dataclasses import dataclass
from math import sqrt
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from reviews.stats.gate_evidence import Verdict, evidence, verdicts
from reviews.stats.gate_plan import GatePlan, PlannedIntent, gate_plan
from reviews.stats.planner import examples_needed
from reviews.stats.traffic import fixed_limits, stratified

TIES = 0.2
# a watched plain interval says nothing under 20 examples: a very small start would make it look worse than it is
NAIVE_FROM = 20
NAIVE_Z = 1.959964
# O'Brien and Fleming with a look at every example: P(max |B| over [0, 1] > c) = 5 %
OBRIEN_FLEMING = 2.2414
CHUNK = 250


@dataclass(frozen=True)
class Scenario:
    """Intents have shares of the examples, of the traffic, and win rates around `rate`; votes agree by `icc`."""

    examples: int
    rate: float
    votes: int = 1
    icc: float = 0.0
    sizes: tuple[float, ...] = (1.0,)
    weights: tuple[float, ...] = (1.0,)
    guarded: tuple[bool, ...] = (False,)
    shifts: tuple[float, ...] = (0.0,)

    @property
    def plan(self) -> GatePlan:
        sizes = [round(share * self.examples) for share in self.sizes]
        sizes[0] += self.examples - sum(sizes)
        rows = zip("abcdefgh", sizes, self.weights, self.guarded, strict=False)
        return gate_plan([PlannedIntent(*row) for row in rows], votes=self.votes)


@dataclass(frozen=True)
class Outcome:
    """Shares of runs: what a person who acts on the first verdict that is not HOLD did, and after how many examples."""

    runs: int
    promoted: float
    rejected: float
    examples: float
    naive: float
    naive_examples: float
    obrien_fleming: float
    obrien_fleming_examples: float

    @property
    def error(self) -> float:
        """Monte Carlo standard error of `promoted`."""
        return sqrt(max(self.promoted * (1 - self.promoted), 1 / self.runs) / self.runs)


def example_scores(
    rng: np.random.Generator, rates: NDArray[np.float64], votes: int, icc: float
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Scores of examples with these win rates, as the possible values and a place in them for each.

    A vote repeats what the example itself is (won, tied or lost) with probability sqrt(icc) and is else drawn afresh:
    two votes on one example then correlate by icc.
    """
    values = np.arange(2 * votes + 1) / (2 * votes)
    win = rates - TIES / 2

    def drawn(shape: tuple[int, ...]) -> NDArray[np.int64]:
        u = rng.random(shape)
        wins = np.broadcast_to(win.reshape(win.shape + (1,) * (len(shape) - win.ndim)), shape)
        return np.where(u < wins, 2, np.where(u < wins + TIES, 1, 0))

    own = drawn(rates.shape)
    afresh = drawn((*rates.shape, votes))
    follows = rng.random((*rates.shape, votes)) < sqrt(icc)
    cast = np.where(follows, own[..., None], afresh)
    return values, cast.sum(axis=-1)


def simulate(scenario: Scenario, runs: int, seed: int = 0) -> Outcome:
    """`runs` evaluations, each looked at after every example."""
    rng = np.random.default_rng(seed)
    plan = scenario.plan
    k, groups = plan.examples, len(plan.intents)
    order = np.repeat(np.arange(groups), plan.sizes)
    rates = scenario.rate + np.array(scenario.shifts)
    found: dict[str, list[NDArray[np.float64]]] = {}
    for start in range(0, runs, CHUNK):
        size = min(CHUNK, runs - start)
        intents = rng.permuted(np.broadcast_to(order, (size, k)), axis=1)
        values, place = example_scores(rng, rates[intents], scenario.votes, scenario.icc)
        x = values[place]
        cells = np.zeros((size, k, groups * values.size))
        np.put_along_axis(cells, (intents * values.size + place)[..., None], 1.0, axis=2)
        counts = np.cumsum(cells, axis=1, out=cells).reshape(size, k, groups, values.size)
        said = verdicts(plan, evidence(plan, values, counts))
        first, when = _first(said != Verdict.HOLD)
        verdict = np.where(first, np.take_along_axis(said, when[:, None], axis=1)[:, 0], Verdict.HOLD)
        naive, naive_when = _first_naive(x)
        obf, obf_when = _first_obrien_fleming(x)
        for name, column in (
            ("promoted", verdict == Verdict.PROMOTE),
            ("rejected", verdict == Verdict.REJECT),
            ("examples", when + 1.0),
            ("naive", naive),
            ("naive_examples", naive_when + 1.0),
            ("obrien_fleming", obf),
            ("obrien_fleming_examples", obf_when + 1.0),
        ):
            found.setdefault(name, []).append(column.astype(float))
    means = {name: float(np.concatenate(columns).mean()) for name, columns in found.items()}
    return Outcome(runs=runs, **means)


def coverage(examples: int, rate: float, runs: int, seed: int = 0) -> float:
    """How often the fixed 95 % interval holds the true win rate; ties as far as the rate leaves room for them."""
    rng = np.random.default_rng(seed)
    ties = min(TIES, rate, 2 * (1 - rate))
    win = rate - ties / 2
    counts = rng.multinomial(examples, [1 - win - ties, ties, win], size=runs)
    values = np.array([0.0, 0.5, 1.0])
    low, high = fixed_limits(stratified(values, counts[:, None, :], np.ones(1)), 0.95)
    return float(np.mean((low <= rate) & (rate <= high)))


def _first(hit: NDArray[np.bool_]) -> tuple[NDArray[np.bool_], NDArray[np.int64]]:
    """Whether it ever happens in a run, and at which example: the last where it never does."""
    ever = hit.any(axis=1)
    return ever, np.where(ever, hit.argmax(axis=1), hit.shape[1] - 1)


def _running(x: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    n = np.arange(1, x.shape[1] + 1)
    mean = np.cumsum(x, axis=1) / n
    variance = np.maximum(np.cumsum(x**2, axis=1) / n - mean**2, 0) * n / np.maximum(n - 1, 1)
    return n.astype(float), mean, variance


def _first_naive(x: NDArray[np.float64]) -> tuple[NDArray[np.bool_], NDArray[np.int64]]:
    """mean - 1.96 s/sqrt(n) above one half, at whatever moment: what other tools' intervals invite to."""
    n, mean, variance = _running(x)
    return _first((mean - NAIVE_Z * np.sqrt(variance / n) > 0.5) & (n >= NAIVE_FROM))


def _first_obrien_fleming(x: NDArray[np.float64]) -> tuple[NDArray[np.bool_], NDArray[np.int64]]:
    """z at n above c sqrt(K/n): valid as the gate is, as long as the scores are normal and K is never extended."""
    n, mean, variance = _running(x)
    z = (mean - 0.5) / np.sqrt(np.maximum(variance, 1e-12) / n)
    return _first((z >= OBRIEN_FLEMING * np.sqrt(x.shape[1] / n)) & (n >= NAIVE_FROM))


GUARDED = {
    "sizes": (0.5, 0.3, 0.2),
    "weights": (0.5, 0.3, 0.2),
    "guarded": (False, False, True),
    "shifts": (0.0, 0.0, 0.0),
}
TRAFFIC = {
    "sizes": (0.4, 0.3, 0.3),
    "weights": (0.7, 0.2, 0.1),
    "guarded": (False, False, False),
    # weighted by the traffic exactly no better; by the golden set's own shares better
    "shifts": (-0.1, 0.2, 0.3),
}
NO_BETTER = {
    "R = 1": Scenario(663, 0.5),
    "R = 1, K = 160": Scenario(160, 0.5),
    "R = 3, ICC 0.3": Scenario(663, 0.5, votes=3, icc=0.3),
    "R = 3, ICC 0.6": Scenario(663, 0.5, votes=3, icc=0.6),
    "R = 1, better in the golden set, not in the traffic": Scenario(663, 0.5, **TRAFFIC),  # type: ignore[arg-type]
}
BETTER = {
    "0.55, K = 663": Scenario(663, 0.55),
    "0.60, K = 663": Scenario(663, 0.60),
    "0.60, K = 160": Scenario(160, 0.60),
    "0.65, K = 663": Scenario(663, 0.65),
    "0.65, K = 67": Scenario(67, 0.65),
    "0.55, K = 663, R = 3, ICC 0.3": Scenario(663, 0.55, votes=3, icc=0.3),
    "0.60, K = 663, a fifth guarded": Scenario(663, 0.60, **GUARDED),  # type: ignore[arg-type]
}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=20_000, help="evaluations for each row")
    runs = parser.parse_args().runs
    started = time.perf_counter()
    print(f"{runs:,} evaluations a row, each looked at after every example; ties {TIES:.0%}.\n")
    print("| no better | promoted | allowed | rejected | watched 95 % interval |")
    print("|---|--:|--:|--:|--:|")
    failed = False
    for name, scenario in NO_BETTER.items():
        out = simulate(scenario, runs)
        allowed = 0.025 + 2 * out.error
        failed |= out.promoted > allowed
        print(
            f"| {name} | {out.promoted:.2%} | {allowed:.2%} | {out.rejected:.2%} | {out.naive:.1%} |",
            flush=True,
        )
    print("\n| better | promoted | after | watched 95 % interval | after | O'Brien–Fleming | after |")
    print("|---|--:|--:|--:|--:|--:|--:|")
    for name, scenario in BETTER.items():
        out = simulate(scenario, max(runs // 4, 1))
        print(
            f"| {name} | {out.promoted:.1%} | {out.examples:.0f} | {out.naive:.1%} | {out.naive_examples:.0f} "
            f"| {out.obrien_fleming:.1%} | {out.obrien_fleming_examples:.0f} |",
            flush=True,
        )
    print("\n| fixed 95 % interval holds the truth | 0.5 | 0.7 | 0.9 |\n|---|--:|--:|--:|")
    for examples in (30, 100, 500):
        row = " | ".join(f"{coverage(examples, rate, 10 * runs):.1%}" for rate in (0.5, 0.7, 0.9))
        print(f"| K = {examples} | {row} |")
    needed = ", ".join(str(examples_needed(rate).examples) for rate in (0.55, 0.60, 0.65))
    print(
        f"\nExamples for 80 % at 0.55, 0.60, 0.65, by formula: {needed}. {time.perf_counter() - started:.0f} s."
    )
    if failed:
        sys.exit("an equal model was promoted more often than allowed")


if __name__ == "__main__":
    main()
