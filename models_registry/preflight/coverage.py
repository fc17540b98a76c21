"""What a golden set covers: examples per intent and language, and how different they are. Pure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from hashlib import blake2b
from heapq import heappush, heappushpop
from itertools import combinations, pairwise
from math import fsum, log

from models_registry.golden_files.row import UNTAGGED, Row
from models_registry.preflight.prompts import language_of, prompt_of
from models_registry.preflight.tokens import Histogram

ALL_OTHERS = "(all others)"
MOST_INTENTS = 500
MOST_LANGUAGES = 30
ALL_PAIRS_UP_TO = 300  # prompts
SAMPLED_PROMPTS = 1000
PARTNERS = 20  # of each sampled prompt
MOST_WORDS = 1000  # of a prompt that are compared

EVENNESS_DEFINITION = (
    "Normalised Shannon entropy: −Σ p·ln p over the shares p of the intents, divided by the logarithm of their number. "
    "1: all intents have equally many examples; near 0: almost all examples have one intent. "
    "An example counts for its first tag; untagged examples are left out."
)
DISSIMILARITY_DEFINITION = (
    "Mean over pairs of prompts of 1 − Jaccard index of their sets of two neighbouring words, without regard to case "
    "and punctuation. 1: no two prompts share a phrase; 0: all are the same. System messages are left out, "
    f"and of a prompt the first {MOST_WORDS:,} words count."
)

_WORDS = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class Dissimilarity:
    """Mean pairwise dissimilarity of prompts, a fraction of 1, over `pairs` pairs of `prompts` prompts.

    `exact`: over all pairs there are; otherwise over a sample drawn by a seed.
    """

    value: float
    pairs: int
    prompts: int
    exact: bool


@dataclass(frozen=True, slots=True)
class Coverage:
    """What a golden set covers.

    `examples[i][j]`: how many rows have the primary intent `intents[i]` and declare `languages[j]`; all together are
    `rows`. Intents and languages: most examples first, then by name; "untagged" last, "und" for no language; beyond
    500 intents and 30 languages the rest is summed up as "(all others)". Languages without their region.
    `evenness`: normalised Shannon entropy over all intents (EVENNESS_DEFINITION); None without a tag; 0 for one intent.
    `dissimilarity`: as DISSIMILARITY_DEFINITION; None under two rows. `tokens`: None until the slow scans are done.
    """

    rows: int
    intents: tuple[str, ...]
    languages: tuple[str, ...]
    examples: tuple[tuple[int, ...], ...]
    intent_count: int
    evenness: float | None
    dissimilarity: Dissimilarity | None
    tokens: Histogram | None = None


class CoverageCount:
    """Counts rows for a `Coverage` as they pass, in any order: memory for a thousand prompts, however many pass."""

    def __init__(self, seed: int) -> None:
        self.cells: Counter[tuple[str, str]] = Counter()
        self._sample = PromptSample(seed)

    def add(self, row: Row) -> None:
        self.cells[row.tags[0] if row.tags else UNTAGGED, language_of(row)] += 1
        self._sample.add(row)

    def coverage(self) -> Coverage:
        by_intent: Counter[str] = Counter()
        by_language: Counter[str] = Counter()
        for (intent, language), rows in self.cells.items():
            by_intent[intent] += rows
            by_language[language] += rows
        intents = _most(by_intent, MOST_INTENTS)
        languages = _most(by_language, MOST_LANGUAGES)
        shown: Counter[tuple[str, str]] = Counter()
        for (intent, language), rows in self.cells.items():
            shown[
                intent if intent in intents else ALL_OTHERS, language if language in languages else ALL_OTHERS
            ] += rows
        tagged = {intent: rows for intent, rows in by_intent.items() if intent != UNTAGGED}
        return Coverage(
            rows=sum(by_intent.values()),
            intents=tuple(intents),
            languages=tuple(languages),
            examples=tuple(tuple(shown[intent, language] for language in languages) for intent in intents),
            intent_count=len(tagged),
            evenness=evenness(tagged),
            dissimilarity=self._sample.dissimilarity(),
        )


def _most(counts: Counter[str], most: int) -> dict[str, None]:
    """The names in the order they are shown in; a dict for its quick `in`."""
    ordered = sorted(counts, key=lambda name: (name == UNTAGGED, -counts[name], name))
    if len(ordered) > most:
        last = [name for name in ordered[most - 1 :] if name == UNTAGGED]
        ordered = [*ordered[: most - 1 - len(last)], ALL_OTHERS, *last]
    return dict.fromkeys(ordered)


def evenness(counts: Mapping[str, int]) -> float | None:
    """Shannon entropy of the shares over the logarithm of their number, from 0 to 1. 0 for one; None for none.

    counts: examples per intent; intents without any are left out. Source: Pielou 1966 (J. Theor. Biol. 13:131-144).
    """
    numbers = sorted(count for count in counts.values() if count > 0)
    if not numbers:
        return None
    if len(numbers) == 1:
        return 0.0
    total = sum(numbers)
    return min(1.0, -fsum(count / total * log(count / total) for count in numbers) / log(len(numbers)))


class PromptSample:
    """The prompts with the lowest hashes of their ids: a sample by seed, the same in whatever order they come."""

    def __init__(self, seed: int) -> None:
        self._seed = seed.to_bytes(8, "big", signed=True)
        self._kept: list[tuple[int, str, str]] = []
        self._rows = 0

    def add(self, row: Row) -> None:
        self._rows += 1
        digest = blake2b(row.key.encode("utf-8", "surrogatepass"), digest_size=8, key=self._seed).digest()
        hash_ = -int.from_bytes(digest, "big")
        if len(self._kept) < SAMPLED_PROMPTS:
            heappush(self._kept, (hash_, row.key, prompt_of(row)))
        elif hash_ >= self._kept[0][0]:
            heappushpop(self._kept, (hash_, row.key, prompt_of(row)))

    def dissimilarity(self) -> Dissimilarity | None:
        shingles = [_word_pairs(prompt) for _, _, prompt in sorted(self._kept)]
        size = len(shingles)
        if size < 2:
            return None
        exact = self._rows <= ALL_PAIRS_UP_TO
        pairs: Iterable[tuple[int, int]] = (
            combinations(range(size), 2)
            if exact
            else ((one, (one + step) % size) for one in range(size) for step in range(1, PARTNERS + 1))
        )
        values = [1 - _jaccard(shingles[one], shingles[other]) for one, other in pairs]
        return Dissimilarity(fsum(values) / len(values), len(values), size, exact)


def _word_pairs(prompt: str) -> frozenset[tuple[str, ...]]:
    words = []
    for match in _WORDS.finditer(prompt):
        words.append(match.group().casefold())
        if len(words) == MOST_WORDS:
            break
    if len(words) < 2:
        return frozenset([tuple(words)])
    return frozenset(pairwise(words))


def _jaccard(first: frozenset[tuple[str, ...]], second: frozenset[tuple[str, ...]]) -> float:
    shared = len(first & second)
    return shared / (len(first) + len(second) - shared)
