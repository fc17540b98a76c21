"""Many models from comparisons of two: one scale for all evaluations of a golden set."""

from dataclasses import dataclass
from math import sqrt
from statistics import NormalDist

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import expit

from reviews.stats.choices import Bools, Floats, Ints, same_length, whole_numbers
from reviews.stats.win_rate import checked_level


@dataclass(frozen=True)
class Rated:
    """One model. group: models of different groups cannot be compared; the numbers start at 0.

    strength: on the logit scale, 0 the mean of its group. low, high: its limits. win_rate: against an average model of
    its group. None where it is alone in its group. comparisons: examples' comparisons it took part in.
    """

    model: int
    group: int
    comparisons: int
    strength: float | None
    standard_error: float | None
    low: float | None
    high: float | None
    win_rate: float | None


@dataclass(frozen=True)
class BradleyTerry:
    """The models, best first within each group. covariance: of the strengths, in the order of `models`; for the
    difference of two take c_aa + c_bb - 2 c_ab. Zeros for a model that is alone in its group.
    """

    models: tuple[Rated, ...]
    covariance: tuple[tuple[float, ...], ...]
    level: float

    def beats(self, model: int, other: int) -> float | None:
        """Expected win rate of one against the other; None where they cannot be compared."""
        by_name = {rated.model: rated for rated in self.models}
        one, two = by_name[model], by_name[other]
        if one.group != two.group or one.strength is None or two.strength is None:
            return None
        return float(expit(one.strength - two.strength))


def bradley_terry(
    first: ArrayLike, second: ArrayLike, scores: ArrayLike, examples: ArrayLike, level: float = 0.95
) -> BradleyTerry:
    """Strengths by maximum likelihood, ties as half a win for each.

    first, second: int, shape (C,), any numbers that name two different models. scores: float, shape (C,), of the first
    against the second on one example: 1 won, 1/2 tied, 0 lost, or a mean of votes; NaN left out.
    examples: int, shape (C,), the example it was on: the same prompt makes several comparisons lean the same way.
    P(first wins) = logit^-1(b_first - b_second), sum b = 0; Newton's method; errors by the sandwich over examples with
    the factor G/(G-1) for G of them, limits by the normal distribution.
    A maximum exists only where every model can be reached from every other by wins or ties (strong connection, Ford
    1957); models are rated within the groups in which that is so, by their comparisons with each other.
    Raises ValueError on columns of other shapes or lengths, a score outside [0, 1], or a model against itself.
    Source: Bradley & Terry 1952 (Biometrika 39:324-345); Ford 1957 (Am Math Mon 64:28-33); Liang & Zeger 1986.
    """
    confidence = checked_level(level)
    one, two = whole_numbers(first, "first"), whole_numbers(second, "second")
    example, x = whole_numbers(examples, "examples"), np.asarray(scores, dtype=np.float64)
    same_length(first=one, second=two, scores=x, examples=example)
    known = ~np.isnan(x)
    if (one == two).any():
        raise ValueError("a model is compared with itself; give two different models in each row")
    if known.any() and (x[known].min() < 0 or x[known].max() > 1):
        raise ValueError("scores must lie between 0 and 1; give fractions of 1, as example_scores returns")
    names = np.unique(np.concatenate([one, two]))
    # in one order, so that sums are the same to the last bit whatever order votes came in
    order = np.lexsort((x[known], two[known], one[known], example[known]))
    a = np.searchsorted(names, one[known][order])
    b = np.searchsorted(names, two[known][order])
    x, example = x[known][order], example[known][order]
    if not names.size:
        return BradleyTerry((), (), confidence)
    group = _groups(a, b, x, names.size)
    played = np.bincount(np.concatenate([a, b]), minlength=names.size)
    strength, covariance = np.full(names.size, np.nan), np.zeros((names.size, names.size))
    for number in range(int(group.max()) + 1):
        members = np.flatnonzero(group == number)
        if members.size < 2:
            continue
        inside = (group[a] == number) & (group[b] == number)
        place = np.searchsorted(members, np.arange(names.size))
        fitted, errors = _fit(place[a[inside]], place[b[inside]], x[inside], example[inside], members.size)
        strength[members] = fitted
        covariance[np.ix_(members, members)] = errors
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    ranked = sorted(range(names.size), key=lambda m: (group[m], -np.nan_to_num(strength[m]), names[m]))
    models = []
    for m in ranked:
        value = None if np.isnan(strength[m]) else float(strength[m])
        error = None if value is None else sqrt(max(covariance[m, m], 0.0))
        low, high = (None, None) if value is None or error is None else (value - z * error, value + z * error)
        rate = None if value is None else float(expit(value))
        models.append(Rated(int(names[m]), int(group[m]), int(played[m]), value, error, low, high, rate))
    table = covariance[np.ix_(ranked, ranked)]
    return BradleyTerry(tuple(models), tuple(map(tuple, table.tolist())), confidence)


def _groups(a: Ints, b: Ints, x: Floats, size: int) -> Ints:
    """Strongly connected groups of models, a larger one first; an edge wherever one won or tied."""
    reach: Bools = np.eye(size, dtype=np.bool_)
    reach[a[x > 0], b[x > 0]] = True
    reach[b[x < 1], a[x < 1]] = True
    # squaring doubles the length of the paths it knows of
    for _ in range(max(size, 2).bit_length()):
        reach = reach @ reach
    both = reach & reach.T
    leader = both.argmax(axis=1)
    leaders, sizes = np.unique(leader, return_counts=True)
    number = {int(name): place for place, name in enumerate(leaders[np.argsort(-sizes, kind="stable")])}
    return np.array([number[int(name)] for name in leader], dtype=np.int64)


def _fit(a: Ints, b: Ints, x: Floats, example: Ints, size: int) -> tuple[Floats, Floats]:
    """Strengths summing to 0 and their covariance."""
    centre = np.full((size, size), 1 / size)
    beta = np.zeros(size)
    for _ in range(200):
        p = expit(beta[a] - beta[b])
        gradient = _per_model(a, b, x - p, size)
        # the matrix of ones fixes what the comparisons leave open, the sum; it changes nothing else
        step = np.linalg.solve(_information(a, b, p, size) + centre, gradient)
        # far from the maximum a whole step may leap over it
        beta = beta + step * min(1.0, 1.0 / max(float(np.abs(step).max()), 1e-300))
        if np.abs(step).max() < 1e-11:
            break
    p = expit(beta[a] - beta[b])
    bread = np.linalg.inv(_information(a, b, p, size) + centre) - centre
    names, cluster = np.unique(example, return_inverse=True)
    pulls = np.zeros((names.size, size))
    np.add.at(pulls, (cluster, a), x - p)
    np.add.at(pulls, (cluster, b), p - x)
    correction = names.size / max(names.size - 1, 1)
    return beta - beta.mean(), correction * bread @ (pulls.T @ pulls) @ bread


def _information(a: Ints, b: Ints, p: Floats, size: int) -> Floats:
    weight = p * (1 - p)
    table = np.zeros((size, size))
    np.add.at(table, (a, b), -weight)
    np.add.at(table, (b, a), -weight)
    table[np.diag_indices(size)] = -table.sum(axis=1)
    return table


def _per_model(a: Ints, b: Ints, values: Floats, size: int) -> Floats:
    found: Floats = np.bincount(a, values, size) - np.bincount(b, values, size)
    return found
