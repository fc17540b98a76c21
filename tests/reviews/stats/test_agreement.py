from itertools import combinations

import krippendorff
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reviews.stats.agreement import Agreement, agreement, gwet_ac1, ordinal_alpha, percent_agreement
from tests.reviews.stats.strategies import Votes, shuffled, single_votes, swapped

# Gwet's two published examples: twelve units by four raters with gaps (also Krippendorff's), and one hundred
# women by two abstractors
FOUR_RATERS = """
1 1 . 1 | 2 2 3 2 | 3 3 3 3 | 3 3 3 3 | 2 2 2 2 | 1 2 3 4
4 4 4 4 | 1 1 2 1 | 2 2 2 2 | . 5 5 5 | . . 1 1 | . . 3 .
""".strip().replace("\n", "|")
TWO_ABSTRACTORS = np.array([[13, 0, 0], [0, 20, 7], [0, 4, 56]])

ORDER = {1: 0, 2: 1, 3: 1, 0: 2}  # baseline < tie of either kind < candidate


def four_raters():
    units = [unit.split() for unit in FOUR_RATERS.split("|")]
    return np.array([[unit.count(str(category)) for category in range(1, 6)] for unit in units])


def pairs_by_hand(votes: Votes):
    """Every two votes on one example: list per example of (category, category)."""
    found: dict[int, list[tuple[int, int]]] = {}
    for i, j in combinations(range(len(votes.examples)), 2):
        if votes.examples[i] == votes.examples[j]:
            found.setdefault(int(votes.examples[i]), []).append(
                (ORDER[int(votes.choices[i])], ORDER[int(votes.choices[j])])
            )
    return found


def ac1_by_hand(votes: Votes):
    pairs = pairs_by_hand(votes)
    if not pairs:
        return None
    observed = np.mean([np.mean([a == b for a, b in of_one]) for of_one in pairs.values()])
    chance = 0.0
    for category in range(3):
        shares = []
        for example in set(votes.examples.tolist()):
            there = [ORDER[c] for c in votes.choices[votes.examples == example].tolist()]
            shares.append(there.count(category) / len(there))
        chance += np.mean(shares) * (1 - np.mean(shares)) / 2
    return (observed - chance) / (1 - chance)


def alpha_by_library(votes: Votes):
    people, units = np.unique(votes.raters), np.unique(votes.examples)
    table = np.full((people.size, units.size), np.nan)
    for example, rater, choice in zip(votes.examples, votes.raters, votes.choices, strict=True):
        table[np.searchsorted(people, rater), np.searchsorted(units, example)] = ORDER[int(choice)]
    return krippendorff.alpha(
        reliability_data=table, level_of_measurement="ordinal", value_domain=[0.0, 1.0, 2.0]
    )


def test_ac1_and_alpha_equal_the_published_values_of_four_raters():
    table = four_raters()
    assert percent_agreement(table) == pytest.approx(0.8181818, abs=5e-8)
    assert gwet_ac1(table) == pytest.approx(0.77544, abs=5e-6)
    assert ordinal_alpha(table) == pytest.approx(0.815, abs=5e-4)


def test_ac1_equals_the_published_value_of_two_abstractors():
    cells = [(a, b) for a in range(3) for b in range(3) for _ in range(TWO_ABSTRACTORS[a, b])]
    table = np.array([[pair.count(category) for category in range(3)] for pair in cells])
    assert percent_agreement(table) == pytest.approx(0.89)
    assert gwet_ac1(table) == pytest.approx(0.84933, abs=5e-6)


def test_both_kinds_of_tie_agree_with_each_other():
    result = agreement([1, 1, 2, 2], [7, 8, 7, 8], [2, 3, 0, 0])
    assert result == Agreement(1.0, 1.0, 1.0, raters=2, pairs=2)


def test_single_votes_make_nobody_agree():
    assert agreement([1, 2], [7, 8], [0, 1]) == Agreement(None, None, None, raters=2, pairs=0)
    assert agreement([], [], []) == Agreement(None, None, None, raters=0, pairs=0)


def test_alpha_is_undefined_where_every_vote_is_the_same_and_ac1_is_not():
    result = agreement([1, 1, 2, 2], [7, 8, 7, 8], [0, 0, 0, 0])
    assert (result.percent, result.gwet_ac1, result.krippendorff_alpha) == (1.0, 1.0, None)


def test_examples_count_the_same_however_many_voted():
    # three people agree on one example, two disagree on another
    result = agreement([1, 1, 1, 2, 2], [1, 2, 3, 1, 2], [0, 0, 0, 0, 1])
    assert (result.percent, result.pairs, result.raters) == (0.5, 4, 3)


def test_a_win_against_a_loss_is_worse_for_alpha_than_against_a_tie():
    examples, raters, rest = [1, 1, 2, 2, 3, 3], [1, 2] * 3, [0, 0, 1, 1]
    near, far = (agreement(examples, raters, [*rest, 0, other]).krippendorff_alpha for other in (2, 1))
    assert near is not None
    assert far is not None
    assert near > far


@pytest.mark.parametrize(
    ("columns", "fix"),
    [
        (([1, 1], [7, 7], [0, 1]), "keep one of them"),
        (([1, 1], [7, 8], [0, 4]), "map the others"),
        (([1, 1], [7, 8], [0, -1]), "map the others"),
        (([1, 1], [7, 8], [0]), "one entry per vote"),
        (([1.5, 1], [7, 8], [0, 0]), r"astype\(int\)"),
        (([[1, 1]], [7, 8], [0, 0]), r"shape \(V,\)"),
    ],
)
def test_wrong_columns_say_their_fix(columns, fix):
    with pytest.raises(ValueError, match=fix):
        agreement(*columns)


@pytest.mark.parametrize("function", [percent_agreement, gwet_ac1, ordinal_alpha])
def test_wrong_table_says_its_fix(function):
    with pytest.raises(ValueError, match="a column per category"):
        function(np.array([1, 2, 3]))


@given(single_votes())
def test_figures_equal_pair_by_pair_counting(votes: Votes):
    result = agreement(votes.examples, votes.raters, votes.choices)
    pairs = pairs_by_hand(votes)
    assert result.pairs == sum(map(len, pairs.values()))
    assert result.raters == len(set(votes.raters.tolist()))
    if not pairs:
        assert (result.percent, result.gwet_ac1, result.krippendorff_alpha) == (None, None, None)
        return
    by_example = [np.mean([a == b for a, b in of_one]) for of_one in pairs.values()]
    assert result.percent == pytest.approx(np.mean(by_example))
    assert result.gwet_ac1 == pytest.approx(ac1_by_hand(votes))


@given(single_votes())
def test_alpha_equals_the_krippendorff_package(votes: Votes):
    result = agreement(votes.examples, votes.raters, votes.choices)
    paired = {category for of_one in pairs_by_hand(votes).values() for pair in of_one for category in pair}
    if len(paired) < 2:
        assert result.krippendorff_alpha is None
    else:
        assert result.krippendorff_alpha == pytest.approx(alpha_by_library(votes), abs=1e-9)


@given(single_votes(), st.data())
def test_neither_order_nor_names_matter(votes: Votes, data):
    order = shuffled(data, votes.examples.size)
    before = agreement(votes.examples, votes.raters, votes.choices)
    # other numbers for people and examples, candidate and baseline exchanged
    after = agreement(9 - 3 * votes.examples[order], 100 - votes.raters[order], swapped(votes.choices[order]))
    assert (after.raters, after.pairs) == (before.raters, before.pairs)
    for figure in ("percent", "gwet_ac1", "krippendorff_alpha"):
        assert getattr(after, figure) == pytest.approx(getattr(before, figure), abs=1e-12)
