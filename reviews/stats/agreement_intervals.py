"""How sure the agreement figures are: what they would be on other examples of the same kind."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from reviews.stats.agreement import gwet_ac1, gwet_ac2, linear_weights, ordinal_alpha, percent_agreement
from reviews.stats.choices import Floats, Ints

RESAMPLES: Final = 2000
LEAST_EXAMPLES: Final = 10
BOOTSTRAP: Final = "percentile bootstrap over examples"


@dataclass(frozen=True)
class Coefficient:
    """An agreement figure with its limits; None where undefined, limits also under 10 examples with two votes."""

    value: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True)
class AgreementIntervals:
    """examples: with two votes or more. level: of the limits, a fraction of 1. method: how they were made."""

    percent: Coefficient
    gwet_ac1: Coefficient
    gwet_ac2: Coefficient
    krippendorff_alpha: Coefficient
    examples: int
    level: float
    method: str = BOOTSTRAP


def agreement_intervals(
    table: Ints,
    level: float = 0.95,
    resamples: int = RESAMPLES,
    seed: int = 0,
    times: Ints | None = None,
) -> AgreementIntervals:
    """Percent, AC1, AC2 and alpha with bootstrap intervals over examples.

    table: int, shape (n, Q), as of `vote_table`. times: int (n,), examples that each row stands for; else one.
    Whole examples are drawn with replacement, as votes on one belong together; the limits are quantiles of the
    figures so drawn. Same seed, same limits, whatever order examples come in.
    Equal rows are drawn together by a multinomial, so that it takes as long for ten examples as for a million.
    Raises ValueError on another shape, or a level or number of resamples that is none.
    Source: Efron & Tibshirani 1993, An Introduction to the Bootstrap, chapter 13; over units as in Zapf et al. 2016
    (BMC Med Res Methodol 16:93).
    """
    if not 0 < level < 1 or resamples < 100:
        raise ValueError(
            f"level is {level}, resamples {resamples}; give a fraction of 1 such as 0.95, and 100 or more"
        )
    every = table if times is None else np.repeat(table, times, axis=0)
    values = (percent_agreement(every), gwet_ac1(every), gwet_ac2(every), ordinal_alpha(every))
    rows, counts = _alike(table, np.ones(table.shape[0], np.int64) if times is None else times)
    paired = int(counts[rows.sum(axis=1) >= 2].sum())
    figures: list[Floats | None] = [None] * len(values)
    if paired >= LEAST_EXAMPLES:
        size = int(counts.sum())
        drawn = np.random.default_rng(seed).multinomial(size, counts / size, size=resamples)
        figures = list(resampled(rows, drawn))
    percent, ac1, ac2, alpha = (
        _coefficient(value, resample, level) for value, resample in zip(values, figures, strict=True)
    )
    return AgreementIntervals(percent, ac1, ac2, alpha, paired, level)


def _alike(table: Ints, times: Ints) -> tuple[Ints, Ints]:
    """Rows with a vote, each once and in one order, and how often each occurs."""
    rows, place = np.unique(table, axis=0, return_inverse=True)
    counts = np.zeros(rows.shape[0], np.int64)
    np.add.at(counts, place.ravel(), times)
    some = (rows.sum(axis=1) > 0) & (counts > 0)
    return rows[some], counts[some]


def _coefficient(value: float | None, figures: Floats | None, level: float) -> Coefficient:
    known = np.zeros(0) if figures is None else figures[~np.isnan(figures)]
    if value is None or not known.size:
        return Coefficient(value, None, None)
    low, high = np.quantile(known, [(1 - level) / 2, (1 + level) / 2])
    return Coefficient(value, min(float(low), value), max(float(high), value))


def resampled(rows: Ints, times: Ints) -> tuple[Floats, Floats, Floats, Floats]:
    """Percent, AC1, AC2 and alpha of tables in which row u of `rows` (U, Q) stands times[b, u] times; each (B,).

    NaN where undefined. The formulas are those of `reviews.stats.agreement`.
    """
    categories = rows.shape[1]
    votes = rows.sum(axis=1).astype(np.float64)
    pairs = votes * (votes - 1)
    two = votes >= 2
    safe = np.where(two, pairs, 1.0)
    weights = linear_weights(categories)
    shares = rows / votes[:, None]
    every, paired = times.sum(axis=1), times[:, two].sum(axis=1)
    mean_share = times @ shares / every[:, None]
    spread = (mean_share * (1 - mean_share)).sum(axis=1) / (categories - 1)

    def observed(agreement_of_two: Floats) -> Floats:
        agreeing = (rows * (rows @ agreement_of_two - 1)).sum(axis=1) / safe
        mean: Floats = np.where(
            paired > 0, times @ np.where(two, agreeing, 0.0) / np.maximum(paired, 1), np.nan
        )
        return mean

    plain, weighted = observed(np.eye(categories)), observed(weights)
    by_chance = spread * weights.sum() / categories
    return (
        plain,
        (plain - spread) / (1 - spread),
        (weighted - by_chance) / (1 - by_chance),
        _alphas(rows[two], times[:, two]),
    )


def _alphas(rows: Ints, times: Ints) -> Floats:
    """`ordinal_alpha` of each resample: distances depend on its own totals, so they are made anew for each."""
    votes = rows.sum(axis=1)
    of_one = (rows[:, :, None] * rows[:, None, :]) / (votes - 1)[:, None, None]
    of_one -= np.eye(rows.shape[1]) * (rows / (votes - 1)[:, None])[:, :, None]
    together = np.tensordot(times, of_one, axes=1)
    totals = (times @ rows).astype(np.float64)
    middle = np.cumsum(totals, axis=1) - totals / 2
    distances = (middle[:, :, None] - middle[:, None, :]) ** 2
    expected = (totals[:, :, None] * totals[:, None, :] * distances).sum(axis=(1, 2))
    disagreement = (together * distances).sum(axis=(1, 2))
    alpha: Floats = 1 - (totals.sum(axis=1) - 1) * disagreement / np.where(expected > 0, expected, np.nan)
    return alpha
