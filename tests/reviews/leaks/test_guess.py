"""The classifier that tells the sides apart: checked against another program, against chance, and on planted habits."""

from __future__ import annotations

import numpy as np
import pytest
import statsmodels.api as sm
from statsmodels.stats.proportion import proportion_confint

from reviews.leaks import FEATURES, guess_the_side
from reviews.leaks.features import features
from reviews.leaks.guess import binomial_interval, fit


def test_fit_is_the_maximum_that_statsmodels_finds() -> None:
    generator = np.random.default_rng(7)
    wins = generator.normal(0.4, 1, size=(200, 3))
    # the same pairs both ways round, which is what leaving out the intercept amounts to
    both_ways = np.vstack([wins, -wins])
    won = np.repeat([1.0, 0.0], len(wins))
    expected = sm.Logit(won, both_ways).fit(disp=0).params
    assert fit(wins, ridge=1e-9) == pytest.approx(expected, abs=1e-6)


def test_fit_is_where_the_penalised_slope_is_nothing() -> None:
    wins = np.random.default_rng(8).normal(1, 1, size=(60, 5))
    weights = fit(wins, ridge=2.0)
    slope = wins.T @ (1 / (1 + np.exp(wins @ weights))) - 2.0 * weights
    assert np.abs(slope).max() < 1e-6


def test_fit_stays_finite_where_the_sides_are_perfectly_told_apart() -> None:
    weights = fit(np.full((500, 2), [1.0, 0.0]))
    assert np.isfinite(weights).all()
    assert weights[0] > 3
    assert weights[1] == 0


@pytest.mark.parametrize(("right", "pairs"), [(0, 20), (13, 20), (83, 100), (100, 100)])
def test_interval_is_clopper_pearsons(right: int, pairs: int) -> None:
    expected = proportion_confint(right, pairs, alpha=0.05, method="beta")
    assert binomial_interval(right, pairs) == pytest.approx(expected, abs=1e-12)


def test_sides_without_a_difference_are_guessed_by_chance_only() -> None:
    """At most one in ten of a hundred scans of nothing goes beyond chance: 95 % limits let 2.5 pass below."""
    beyond = 0
    for seed in range(100):
        differences = np.random.default_rng(seed).normal(size=(120, 6))
        guess = guess_the_side(differences, FEATURES[:6], seed=seed)
        assert guess is not None
        beyond += guess.low > 0.5
    assert beyond <= 10


def test_a_habit_is_found_and_named() -> None:
    generator = np.random.default_rng(1)
    differences = generator.normal(size=(200, 4))
    differences[:, 2] += 1.2  # right in 88 of 100 pairs: Φ(1.2)
    guess = guess_the_side(differences, ("length", "sentences", "lists", "emoji"), seed=5)
    assert guess is not None
    assert 0.82 < guess.accuracy < 0.94
    assert guess.low < guess.accuracy < guess.high
    assert guess.by[0][0] == "lists"


def test_the_same_seed_guesses_the_same() -> None:
    differences = np.random.default_rng(3).normal(0.2, 1, size=(90, 4))
    assert guess_the_side(differences, FEATURES[:4], seed=9) == guess_the_side(
        differences, FEATURES[:4], seed=9
    )


def test_which_side_is_called_the_candidate_does_not_matter() -> None:
    differences = np.random.default_rng(4).normal(0.3, 1, size=(90, 4))
    one = guess_the_side(differences, FEATURES[:4], seed=9)
    other = guess_the_side(-differences, FEATURES[:4], seed=9)
    assert one == other


def test_texts_that_are_all_alike_are_guessed_in_half_of_the_pairs() -> None:
    guess = guess_the_side(np.zeros((50, 3)), FEATURES[:3], seed=1)
    assert guess is not None
    assert guess.right == 25
    assert guess.by == ()


def test_nothing_is_guessed_of_a_few_pairs() -> None:
    assert guess_the_side(np.ones((19, 2)), FEATURES[:2], seed=1) is None


def test_features_count_what_they_are_named_for() -> None:
    table = "| a | b |\n|---|---|"
    text = f"Hello Ana!\n\n## Steps\n\n- **One**\n- two\n\n{table}\n\nSorry 😀 — [see](https://x.example). Let me know?"
    row = dict(zip(FEATURES, features(text, cut_short=True), strict=True))
    counted = {name: round(float(np.expm1(value))) for name, value in row.items()}
    assert counted["length"] == len(text)
    expected = {"lists": 2, "headings": 1, "bold": 1, "tables_code": 1, "links": 1, "emoji": 1, "dashes": 1}
    assert {name: counted[name] for name in expected} == expected
    signs = {"greeting": 1, "closing": 1, "apology": 1, "cut_short": 1, "language": 0, "naming": 0}
    assert {name: row[name] for name in signs} == signs


def test_empty_text_has_no_feature() -> None:
    assert not features("").any()
    assert not features(" \n").any()


@pytest.mark.parametrize(
    "text",
    [
        "¡Hola, Ana!",
        "Buenos días",
        "Estimada clienta:",
        "**Thank you for reaching out**",
        "Gracias por contactarnos.",
    ],
)
def test_greetings_are_told(text: str) -> None:
    assert features(text)[FEATURES.index("greeting")] == 1
