from __future__ import annotations

import random
from itertools import combinations, pairwise

import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st

from models_registry.golden_files.row import Row
from models_registry.preflight.coverage import (
    ALL_OTHERS,
    ALL_PAIRS_UP_TO,
    MOST_INTENTS,
    MOST_LANGUAGES,
    Coverage,
    CoverageCount,
    evenness,
)
from tests.models_registry.preflight.rows import row, row_lists


def coverage_of(rows: list[Row], seed: int = 0) -> Coverage:
    count = CoverageCount(seed)
    for each in rows:
        count.add(each)
    return count.coverage()


def test_examples_stand_by_primary_intent_and_language() -> None:
    rows = [
        row(1, tags=("billing", "returns"), lang="en"),
        row(2, tags=("billing",), lang="es-MX"),
        row(3, tags=("billing",), lang="es"),
        row(4, tags=("returns",), lang="en-GB"),
        row(5),
        row(6),
    ]
    coverage = coverage_of(rows)
    assert coverage.intents == ("billing", "returns", "untagged")
    assert coverage.languages == ("en", "es", "und")
    assert coverage.examples == ((1, 2, 0), (1, 0, 0), (0, 0, 2))
    assert (coverage.rows, coverage.intent_count) == (6, 2)


def test_a_thousand_intents_are_shown_as_five_hundred() -> None:
    rows = [row(number, tags=(f"intent {number:04}",)) for number in range(1000)] + [row(1000)]
    coverage = coverage_of(rows)
    assert len(coverage.intents) == MOST_INTENTS
    assert coverage.intents[-2:] == (ALL_OTHERS, "untagged")
    assert coverage.examples[-2:] == ((1000 - MOST_INTENTS + 2,), (1,))
    assert coverage.intent_count == 1000
    assert coverage.evenness == pytest.approx(1)


def test_a_hundred_languages_are_shown_as_thirty() -> None:
    rows = [row(number, lang=f"q{chr(97 + number % 26)}{chr(97 + number // 26)}") for number in range(100)]
    coverage = coverage_of(rows)
    assert len(coverage.languages) == MOST_LANGUAGES
    assert sum(coverage.examples[0]) == 100


@given(st.dictionaries(st.text(max_size=3), st.integers(1, 10_000), min_size=2, max_size=50))
def test_evenness_is_scipys_entropy_over_its_maximum(counts: dict[str, int]) -> None:
    expected = scipy.stats.entropy(list(counts.values())) / np.log(len(counts))
    assert evenness(counts) == pytest.approx(float(expected))


def test_evenness_of_one_intent_is_nothing_and_of_none_unknown() -> None:
    assert evenness({"billing": 7}) == 0
    assert evenness({}) is None
    assert coverage_of([row(1)]).evenness is None


def word_pairs(prompt: str) -> set[tuple[str, str]]:
    words = prompt.lower().split()
    return set(pairwise(words))


def prompts(size: int) -> list[str]:
    rng = random.Random(3)
    return [" ".join(rng.choices(["ab", "cd", "ef", "gh"], k=rng.randint(2, 8))) for _ in range(size)]


def mean_dissimilarity(texts: list[str]) -> float:
    sets = [word_pairs(text) for text in texts]
    return float(np.mean([1 - len(one & other) / len(one | other) for one, other in combinations(sets, 2)]))


def test_dissimilarity_of_a_small_set_is_over_all_pairs() -> None:
    texts = prompts(60)
    found = coverage_of([row(line, text) for line, text in enumerate(texts)]).dissimilarity
    assert found is not None
    assert (found.exact, found.pairs, found.prompts) == (True, 60 * 59 // 2, 60)
    assert found.value == pytest.approx(mean_dissimilarity(texts))


def test_dissimilarity_of_a_large_set_is_a_close_sample_by_seed() -> None:
    texts = prompts(1500)
    rows = [row(line, text) for line, text in enumerate(texts)]
    found, again, other = (coverage_of(rows, seed).dissimilarity for seed in (1, 1, 2))
    assert found is not None
    assert other is not None
    assert (found.exact, found.pairs, found.prompts) == (False, 20_000, 1000)
    assert found.value == pytest.approx(mean_dissimilarity(texts), abs=0.02)
    assert found == again
    assert found.value != other.value


def test_the_border_between_exact_and_sampled() -> None:
    rows = [row(line, text) for line, text in enumerate(prompts(ALL_PAIRS_UP_TO + 1))]
    at_border, above = coverage_of(rows[:-1]).dissimilarity, coverage_of(rows).dissimilarity
    assert at_border is not None
    assert at_border.exact
    assert above is not None
    assert not above.exact
    assert above.prompts == ALL_PAIRS_UP_TO + 1


def test_same_prompts_are_not_different_and_strangers_wholly() -> None:
    same = coverage_of([row(1, "Hello there, you"), row(2, "hello there you!")]).dissimilarity
    strangers = coverage_of([row(1, "one two"), row(2, "three four")]).dissimilarity
    assert same is not None
    assert same.value == 0
    assert strangers is not None
    assert strangers.value == 1
    assert coverage_of([row(1)]).dissimilarity is None


@given(row_lists(), st.randoms(use_true_random=False))
@settings(deadline=None)
def test_the_order_of_rows_does_not_matter_and_all_are_counted(rows: list[Row], rng: random.Random) -> None:
    shuffled = list(rows)
    rng.shuffle(shuffled)
    coverage = coverage_of(rows)
    assert coverage == coverage_of(shuffled)
    assert sum(map(sum, coverage.examples)) == coverage.rows == len(rows)
