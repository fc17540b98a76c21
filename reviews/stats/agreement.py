"""Do reviewers agree, beyond what chance would bring about?"""

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import ArrayLike

from reviews.stats.choices import Floats, Ints, choice_codes, same_length, whole_numbers

# By choice code: baseline 0 < tie 1 < candidate 2. A tie and both_bad are one category here because they
# are one half each in the win rate: telling them apart moves no decision, so failing to must not count as
# disagreement. It also makes the scale an ordered one, which the ordinal alpha needs.
CATEGORY = np.array([2, 0, 1, 1])


type Strength = Literal["none", "slight", "fair", "moderate", "substantial", "almost_perfect"]
# up to and with each
_STRENGTHS: Final[tuple[tuple[float, Strength], ...]] = (
    (0.0, "none"), (0.2, "slight"), (0.4, "fair"), (0.6, "moderate"), (0.8, "substantial"), (1.0, "almost_perfect")
)  # fmt: skip


@dataclass(frozen=True)
class Agreement:
    """Agreement of reviewers in three categories: baseline, tie of either kind, candidate.

    percent: share of agreeing pairs of votes, averaged over examples with two or more (fraction of 1).
    gwet_ac1, krippendorff_alpha: agreement beyond chance, 1 perfect, 0 as by chance; alpha is ordinal.
    raters: people who voted. pairs: pairs of votes of two people on one example. None where undefined: no
    pair at all, and for alpha also where every paired vote is the same.
    """

    percent: float | None
    gwet_ac1: float | None
    krippendorff_alpha: float | None
    raters: int
    pairs: int


def strength(coefficient: float) -> Strength:
    """What a coefficient of agreement beyond chance is commonly called; a convention, not a test.

    Source: Landis & Koch 1977 (Biometrics 33:159-174).
    """
    return next((name for most, name in _STRENGTHS if coefficient <= most), "almost_perfect")


def agreement(examples: ArrayLike, raters: ArrayLike, choices: ArrayLike) -> Agreement:
    """Agreement from one row per vote.

    examples, raters: int, shape (V,), any numbers that name an example and a person.
    choices: int, shape (V,), 0 candidate, 1 baseline, 2 tie, 3 both_bad.
    Raises ValueError on columns of other shapes or lengths, an unknown choice, or a person voting twice
    on an example.
    Source: Gwet 2008 (Br J Math Stat Psychol 61:29-48); Krippendorff 2011.
    """
    example, rater = whole_numbers(examples, "examples"), whole_numbers(raters, "raters")
    choice = choice_codes(choices)
    same_length(examples=example, raters=rater, choices=choice)
    if len(np.unique(np.stack([example, rater]), axis=1).T) < example.size:
        raise ValueError("a rater has two votes on one example; keep one of them")
    return agreement_of_table(vote_table(example, choice), int(np.unique(rater).size))


def agreement_of_table(table: Ints, raters: int) -> Agreement:
    """Agreement from votes that are counted already: all that any of its figures needs.

    table: int, shape (n, 3), votes on each example in the categories baseline, tie of either kind, candidate.
    raters: people who gave them. Raises ValueError on another shape.
    Source: as `agreement`.
    """
    votes = table.sum(axis=1)
    return Agreement(
        percent=percent_agreement(table),
        gwet_ac1=gwet_ac1(table),
        krippendorff_alpha=ordinal_alpha(table),
        raters=raters,
        pairs=int((votes * (votes - 1) // 2).sum()),
    )


def percent_agreement(table: Ints) -> float | None:
    """Share of agreeing pairs of votes on an example, averaged over examples with two votes or more.

    p_a = mean over examples with r_i >= 2 votes of sum_q r_iq (r_iq - 1) / (r_i (r_i - 1)).
    table: int, shape (n, Q), votes on each example in each category. None where no example has two votes.
    Raises ValueError on another shape.
    Source: Fleiss 1971 (Psychol Bull 76:378-382), for unequal numbers of votes as in Gwet 2014.
    """
    rated = _rated(table, at_least=2)
    if not len(rated):
        return None
    votes = rated.sum(axis=1)
    agreeing = (rated * (rated - 1)).sum(axis=1)
    return float(np.mean(np.sort(agreeing / (votes * (votes - 1)))))


def gwet_ac1(table: Ints) -> float | None:
    """AC1 = (p_a - p_e) / (1 - p_e), p_e = sum_q pi_q (1 - pi_q) / (Q - 1), for any number of raters.

    table: as in `percent_agreement`, Q >= 2 columns: every category there is, also those nobody chose.
    pi_q: mean share of category q over every example with a vote, also those with only one.
    Raises ValueError on another shape.
    Source: Gwet 2014, Handbook of Inter-Rater Reliability, 4th edition; Gwet 2008.
    """
    observed = percent_agreement(table)
    if observed is None:
        return None
    rated = _rated(table, at_least=1)
    shares = np.sort(rated / rated.sum(axis=1, keepdims=True), axis=0).mean(axis=0)
    chance = float((shares * (1 - shares)).sum() / (table.shape[1] - 1))
    return (observed - chance) / (1 - chance)


def gwet_ac2(table: Ints) -> float | None:
    """AC2 with linear weights: mixing up a win and a tie counts half of mixing up a win and a loss, as in the win rate.

    AC2 = (p_a - p_e) / (1 - p_e), w_kl = 1 - |k - l|/(Q - 1); p_a is that of `percent_agreement` with the agreement of
    every two votes w_kl, and p_e = sum_kl w_kl / (Q (Q-1)) sum_q pi_q (1 - pi_q). table, pi_q: as in `gwet_ac1`, the
    columns in the order of the scale. None where no example has two votes.
    Raises ValueError on another shape.
    Source: Gwet 2014, Handbook of Inter-Rater Reliability, 4th edition, chapter 5.
    """
    rated = _rated(table, at_least=2)
    if not len(rated):
        return None
    weights = linear_weights(table.shape[1])
    votes = rated.sum(axis=1)
    agreeing = (rated * (rated @ weights - 1)).sum(axis=1)
    observed = float(np.mean(np.sort(agreeing / (votes * (votes - 1)))))
    shown = _rated(table, at_least=1)
    shares = np.sort(shown / shown.sum(axis=1, keepdims=True), axis=0).mean(axis=0)
    categories = table.shape[1]
    chance = float(weights.sum() / (categories * (categories - 1)) * (shares * (1 - shares)).sum())
    return (observed - chance) / (1 - chance)


def linear_weights(categories: int) -> Floats:
    """w_kl = 1 - |k - l|/(Q - 1), shape (Q, Q)."""
    place = np.arange(categories)
    return 1 - np.abs(place[:, None] - place[None, :]) / (categories - 1)


def vote_table(examples: ArrayLike, choices: ArrayLike) -> Ints:
    """Votes on each example in the categories baseline, tie of either kind, candidate; int, shape (n, 3).

    examples, choices: int, shape (V,), as in `agreement`; rows in the order of the examples' numbers.
    """
    example, choice = whole_numbers(examples, "examples"), choice_codes(choices)
    same_length(examples=example, choices=choice)
    names, row = np.unique(example, return_inverse=True)
    cells = np.bincount(row * 3 + CATEGORY[choice], minlength=names.size * 3)
    return cells.reshape(names.size, 3).astype(np.int64)


def ordinal_alpha(table: Ints) -> float | None:
    """Krippendorff's alpha = 1 - D_o/D_e with ordinal distances; columns in the order of the scale.

    table: as in `percent_agreement`. Only examples with two votes or more count.
    The distance of categories c < k is (n_c/2 + all between them + n_k/2) squared, n_c the paired votes in c.
    None where no example has two votes, or where all paired votes are in one category.
    Raises ValueError on another shape.
    Source: Krippendorff 2011, Computing Krippendorff's Alpha-Reliability, University of Pennsylvania.
    """
    rated = _rated(table, at_least=2)
    if not len(rated):
        return None
    weights = 1 / (rated.sum(axis=1) - 1)
    together = (rated * weights[:, None]).T @ rated - np.diag(weights @ rated)
    totals = rated.sum(axis=0)
    distances = _ordinal_distances(totals)
    expected = float((np.outer(totals, totals) * distances).sum())
    if expected == 0:
        return None
    return 1 - (float(totals.sum()) - 1) * float((together * distances).sum()) / expected


def _ordinal_distances(totals: Ints) -> Floats:
    middle = np.cumsum(totals) - totals / 2
    return (middle[:, None] - middle[None, :]) ** 2


def _rated(table: Ints, at_least: int) -> Ints:
    if table.ndim != 2 or table.shape[1] < 2:
        raise ValueError(f"table has shape {table.shape}; give a row per example, a column per category")
    return table[table.sum(axis=1) >= at_least]
