"""How well a simple classifier tells the two sides apart. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import betaincinv

LEAST_PAIRS = 20
FOLDS = 10
LEVEL = 0.95
RIDGE = 1.0
# a difference larger than so many standard ones says no more than that it is large
MOST_DEVIATIONS = 3.0
MOST_STEPS = 50

type Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Guess:
    """Of `pairs` pairs the classifier named the candidate's side in `right`; where it could not say, one half.

    `low`, `high`: Clopper-Pearson limits at 95 % for so many independent guesses. The folds share their training
    pairs, so the true limits are a little wider. `by`: features that alone do better than chance, the best first,
    each with its share of right guesses.
    """

    pairs: int
    right: float
    low: float
    high: float
    by: tuple[tuple[str, float], ...] = ()

    @property
    def accuracy(self) -> float:
        return self.right / self.pairs


def guess_the_side(differences: Floats, names: Sequence[str], *, seed: int) -> Guess | None:
    """`differences`: (pairs, features), the candidate's features minus the baseline's. None under 20 pairs.

    Logistic regression without an intercept: the sides are exchangeable but for the features, so a pair seen the other
    way round is the same pair. Accuracy is over ten random folds, each guessed by a fit to the other nine.
    """
    pairs = len(differences)
    if pairs < LEAST_PAIRS:
        return None
    folds = np.random.default_rng(seed).permutation(pairs) % FOLDS
    right = _right(differences, folds)
    low, high = binomial_interval(right, pairs)
    alone = []
    for column, name in enumerate(names):
        if differences[:, column].any():
            of_it = _right(differences[:, [column]], folds)
            if binomial_interval(of_it, pairs)[0] > 0.5:
                alone.append((name, of_it / pairs))
    alone.sort(key=lambda item: -item[1])
    return Guess(pairs, right, low, high, tuple(alone))


def _right(differences: Floats, folds: NDArray[np.int64]) -> float:
    right = 0.0
    for fold in range(FOLDS):
        held_out = folds == fold
        # the spread about zero, not about the mean: the sides are exchangeable
        spread = np.sqrt(np.mean(differences[~held_out] ** 2, axis=0))
        scaled = differences / np.where(spread > 0, spread, 1.0)
        scaled = np.clip(scaled, -MOST_DEVIATIONS, MOST_DEVIATIONS)
        said = scaled[held_out] @ fit(scaled[~held_out])
        right += float(np.sum(said > 0) + np.sum(said == 0) / 2)
    return right


def fit(wins: Floats, ridge: float = RIDGE) -> Floats:
    """Weights that maximise Σ log σ(wins·w) − ridge·|w|²/2, by Newton's method with halved steps.

    `wins`: (pairs, features), each row the difference in favour of what happened. The penalty keeps the weights finite
    where the sides can be told apart perfectly. Source: Hastie, Tibshirani & Friedman 2009, 4.4.1 (IRLS).
    """
    weights = np.zeros(wins.shape[1])
    value = _penalised(wins, weights, ridge)
    for _step in range(MOST_STEPS):
        probability = _sigmoid(wins @ weights)
        gradient = wins.T @ (1 - probability) - ridge * weights
        hessian = (wins * (probability * (1 - probability))[:, None]).T @ wins + ridge * np.eye(len(weights))
        step = np.linalg.solve(hessian, gradient)
        while (better := _penalised(wins, weights + step, ridge)) < value and np.abs(step).max() > 1e-9:
            step = step / 2
        weights, value = weights + step, better
        if np.abs(step).max() < 1e-8:
            break
    return weights


def _penalised(wins: Floats, weights: Floats, ridge: float) -> float:
    return float(-np.logaddexp(0, -(wins @ weights)).sum() - ridge * (weights @ weights) / 2)


def _sigmoid(value: Floats) -> Floats:
    probability: Floats = np.exp(-np.logaddexp(0, -value))
    return probability


def binomial_interval(right: float, pairs: int, level: float = LEVEL) -> tuple[float, float]:
    """Clopper & Pearson 1934, by beta quantiles; `right` may end in a half."""
    tail = (1 - level) / 2
    low = float(betaincinv(right, pairs - right + 1, tail)) if right > 0 else 0.0
    high = float(betaincinv(right + 1, pairs - right, 1 - tail)) if right < pairs else 1.0
    return low, high
