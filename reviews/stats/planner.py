"""How many examples, votes and hours an answer takes, and which intents are too small for one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, sqrt
from statistics import NormalDist
from typing import Final

import numpy as np
from numpy.typing import ArrayLike

from reviews.stats.choices import Floats, Ints, whole_numbers
from reviews.stats.gate_plan import LEAST_OF_AN_INTENT, GatePlan
from reviews.stats.traffic import checked_weights, importance

TIES: Final = 0.2
ICC: Final = 0.5
POWER: Final = 0.8
ALPHA: Final = 0.04


@dataclass(frozen=True)
class Effort:
    """Examples, votes and reviewer hours; hours are None where no pace was given."""

    examples: int
    votes: int
    hours: float | None


@dataclass(frozen=True)
class Power:
    """Chance, a fraction of 1, that a model of this true win rate is shown better at the planned end."""

    win_rate: float
    chance: float


@dataclass(frozen=True)
class IntentSize:
    """Whether an intent can be guarded. needed: examples for that. small: it has fewer.

    insufficient: fewer than 20, so that nothing will be said of it. chance: that an intent which is truly no worse
    is shown not to be, with the examples it has.
    """

    name: str
    examples: int
    needed: int
    small: bool
    insufficient: bool
    chance: float


@dataclass(frozen=True)
class Allocation:
    """Examples to take of each intent, and what that costs the overall win rate.

    sizes: of each intent. design_effect: sum w_g^2/q_g, how many times as many examples the overall win rate then
    needs as with the traffic's own shares. effective: examples divided by it.
    """

    sizes: tuple[int, ...]
    design_effect: float
    effective: float


def score_variance(win_rate: float, ties: float = TIES, votes: int = 1, icc: float = ICC) -> float:
    """Variance of example scores: [theta(1-theta) - ties/4] (1 + (R-1) ICC)/R.

    win_rate, ties: fractions of 1; ties of both kinds, at most twice the smaller of win and loss rate. votes: R.
    icc: correlation of two votes on one example, 0 to 1. Raises ValueError out of range.
    Source: variance of a score that is 0, 1/2 or 1; Donner & Klar 2000 for the votes that share an example.
    """
    if not 0 < win_rate < 1:
        raise ValueError(f"win_rate is {win_rate}; give a fraction of 1 above 0 and below 1, such as 0.55")
    if not (0 <= ties <= 2 * min(win_rate, 1 - win_rate) and ties < 1):
        raise ValueError(f"ties is {ties}; a win rate of {win_rate:g} leaves room for 0 to "
                         f"{2 * min(win_rate, 1 - win_rate):g}")  # fmt: skip
    if votes < 1 or not 0 <= icc <= 1:
        raise ValueError(f"votes is {votes}, icc {icc}; give 1 vote or more, and a correlation from 0 to 1")
    return (win_rate * (1 - win_rate) - ties / 4) * (1 + (votes - 1) * icc) / votes


def examples_needed(
    win_rate: float,
    bar: float = 0.5,
    *,
    ties: float = TIES,
    votes: int = 1,
    icc: float = ICC,
    power: float = POWER,
    alpha: float = ALPHA,
    seconds_per_vote: float | None = None,
) -> Effort:
    """Examples to show with this power that the win rate is above `bar`, if it truly is `win_rate`.

    n = ceil((z_(1-alpha/2) + z_power)^2 variance / (win_rate - bar)^2), the variance as in `score_variance`. For a
    guarded intent give bar = 1/2 - margin and the win rate 1/2. alpha: of the fixed interval at the planned end.
    Looking before it costs nothing: the gate's other error is spent there.
    Raises ValueError where win_rate is not above bar, or something is out of range.
    Source: the normal sample size of a mean, e.g. Lachin 1981 (Control Clin Trials 2:93-113).
    """
    if not win_rate > bar:
        raise ValueError(f"a win rate of {win_rate:g} is never shown to be above {bar:g}; give a larger one")
    if not (0 < power < 1 and 0 < alpha < 1):
        raise ValueError(f"power is {power}, alpha {alpha}; give fractions of 1 such as 0.8 and 0.04")
    normal = NormalDist()
    z = normal.inv_cdf(1 - alpha / 2) + normal.inv_cdf(power)
    variance = score_variance(win_rate, ties, votes, icc)
    # never 0: with next to no variance one example still has to be asked
    examples = max(ceil(z**2 * variance / (win_rate - bar) ** 2), 1)
    return effort(examples, votes, seconds_per_vote)


def effort(examples: int, votes: int = 1, seconds_per_vote: float | None = None) -> Effort:
    """What that many examples with `votes` votes each take of reviewers. Source: plain counting."""
    cast = examples * votes
    return Effort(examples, cast, None if seconds_per_vote is None else cast * seconds_per_vote / 3600)


def power_at(
    win_rates: ArrayLike,
    examples: float,
    bar: float = 0.5,
    *,
    ties: float = TIES,
    votes: int = 1,
    icc: float = ICC,
    alpha: float = ALPHA,
) -> list[Power]:
    """Chance to be shown above `bar` with so many examples, at several true win rates.

    Phi((theta - bar) sqrt(n/variance) - z_(1-alpha/2)): `examples_needed` turned round. win_rates: float, shape (W,).
    examples: may be an effective number, as `Allocation.effective`. ties: fewer where the win rate leaves less room.
    Source: as `examples_needed`.
    """
    normal = NormalDist()
    z = normal.inv_cdf(1 - alpha / 2)
    found = []
    for rate in np.asarray(win_rates, dtype=np.float64).tolist():
        variance = score_variance(rate, min(ties, 1.8 * min(rate, 1 - rate)), votes, icc)
        found.append(Power(rate, normal.cdf((rate - bar) * sqrt(examples / variance) - z)))
    return found


def plan_power(
    plan: GatePlan, win_rates: Sequence[float], ties: float = TIES, icc: float = ICC
) -> list[Power]:
    """`power_at` of a plan: its examples, by what their weighting leaves of them, its votes, bar and alpha_final."""
    worth = plan.examples / design_effect(plan.weights, plan.sizes)
    return power_at(win_rates, worth, plan.bar, ties=ties, votes=plan.votes, icc=icc, alpha=plan.alpha_final)


def design_effect(weights: ArrayLike, sizes: ArrayLike) -> float:
    """How many times as many examples this allocation needs as one in the traffic's shares: sum w_g^2/q_g, at least 1.

    weights: float (G,), traffic shares. sizes: int (G,), examples of each intent.
    Source: Kish 1965, Survey Sampling, 11.7.
    """
    return float(checked_weights(weights) @ importance(weights, sizes))


def intent_sizes(
    names: Sequence[str],
    sizes: ArrayLike,
    margin: float = 0.1,
    *,
    ties: float = TIES,
    votes: int = 1,
    icc: float = ICC,
    power: float = POWER,
    alpha: float = ALPHA,
) -> list[IntentSize]:
    """Which intents have examples enough to be guarded, in the order given.

    names, sizes: G each. An intent that is truly as good (win rate 1/2) must be shown above 1/2 - margin with `power`.
    Source: `examples_needed`, `power_at`.
    """
    counts = whole_numbers(sizes, "sizes")
    needed = examples_needed(
        0.5, 0.5 - margin, ties=ties, votes=votes, icc=icc, power=power, alpha=alpha
    ).examples
    needed = max(needed, LEAST_OF_AN_INTENT)
    found = []
    for name, size in zip(names, counts.tolist(), strict=True):
        chance = power_at([0.5], size, 0.5 - margin, ties=ties, votes=votes, icc=icc, alpha=alpha)[0].chance
        too_few = size < LEAST_OF_AN_INTENT
        found.append(IntentSize(name, size, needed, size < needed, too_few, 0.0 if too_few else chance))
    return found


def allocation(
    weights: ArrayLike, examples: int, least: ArrayLike, available: ArrayLike | None = None
) -> Allocation:
    """Share `examples` among intents as the traffic does, yet never fewer of one than `least`.

    weights: float (G,), traffic shares. least: int (G,) or one number, such as what guarding needs (0 becomes 1: an
    intent with traffic must be seen). available: int (G,), examples there are; None: as many as one likes.
    Intents held at their least or at what is available are set aside and the rest is shared in proportion,
    until nothing changes; it is the allocation nearest to the traffic's own shares, with the smallest design effect.
    Raises ValueError where the least together, or what is available, does not fit `examples`.
    Source: Neyman 1934 with bounds (box-constrained optimal allocation, Gabler et al. 2012, Metrika 75:151-161).
    """
    shares = checked_weights(weights)
    low = np.maximum(np.broadcast_to(np.asarray(least, dtype=np.int64), shares.shape), 1)
    high = (
        np.full(shares.shape, examples, dtype=np.int64)
        if available is None
        else whole_numbers(available, "available")
    )
    if high.size != shares.size:
        raise ValueError(f"available has {high.size} entries; give one for each of {shares.size} intents")
    low = np.minimum(low, high)
    if int(low.sum()) > examples or int(high.sum()) < examples or high.min() < 1:
        raise ValueError(
            f"{examples} examples cannot be shared so: the least is {int(low.sum())}, the most {int(high.sum())}, "
            "and every intent needs one; change the number, the guarded intents, or the golden set"
        )
    sizes = _whole(_bounded(shares, examples, low, high), examples, low, high)
    effect = design_effect(shares, sizes)
    return Allocation(tuple(sizes.tolist()), effect, examples / effect)


def _bounded(shares: Floats, total: int, low: Ints, high: Ints) -> Floats:
    """c w_g held within its bounds, with the c that makes it sum to `total`; the sum only grows with c."""
    least, most = 0.0, float((high / shares).max())
    for _ in range(200):
        middle = (least + most) / 2
        if np.clip(middle * shares, low, high).sum() < total:
            least = middle
        else:
            most = middle
    result: Floats = np.clip(most * shares, low, high)
    return result


def _whole(wanted: Floats, total: int, low: Ints, high: Ints) -> Ints:
    """Whole numbers nearest to it that sum to `total`: largest remainders first."""
    sizes = np.clip(np.floor(wanted + 1e-9).astype(np.int64), low, high)
    while (left := total - int(sizes.sum())) > 0:
        room = np.where(sizes < high, wanted - sizes, -np.inf)
        for place in np.argsort(-room, kind="stable")[:left]:
            sizes[place] += int(room[place] > -np.inf)
    return sizes
