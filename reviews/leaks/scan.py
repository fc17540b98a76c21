"""Scan the pairs of an evaluation for what would tell a reader which side is whose. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np

from reviews.leaks.features import FEATURES, features
from reviews.leaks.guess import LEAST_PAIRS, Floats, Guess, guess_the_side
from reviews.leaks.names import Kind, Vocabulary

# pairs that a finding names, and words
MOST_PAIRS = 200
MOST_WORDS = 10
# of pairs in which what was found, alone, would tell the side
TELLING = 0.75
PLAIN = 0.9
# the same for what should hardly be there at all
TELLING_OF_A_FAULT = 0.525
# lower limits of the classifier's accuracy
GUESSABLE = 0.6
SURELY_GUESSABLE = 0.8
# a word that both sides say about equally often tells nothing
MUCH_MORE_OFTEN = 2


class Level(StrEnum):
    """*serious*: opening voting in spite of it wants a tick."""

    NOTE = "note"
    WARNING = "warning"
    SERIOUS = "serious"


@dataclass(frozen=True, slots=True)
class Answer:
    """`other_language`: it is in another language than its example says; `cut_short`: it ended at a length limit."""

    text: str
    other_language: bool = False
    cut_short: bool = False


@dataclass(frozen=True, slots=True)
class Pair:
    """`key`: of the comparison; `conversation`: what a reviewer reads above the two answers."""

    key: int
    conversation: str
    candidate: Answer
    baseline: Answer


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that may tell the sides apart.

    `candidate`, `baseline`: how many responses of each have it. `accuracy`: the share of pairs in which a reader who
    goes by it alone, and knows whose habit it is, is right. `words`: what was found, the most frequent first.
    `pairs`: keys of the comparisons behind it, the first 200; `count` of all.
    """

    code: str
    level: Level
    candidate: int
    baseline: int
    accuracy: float
    count: int
    pairs: tuple[int, ...]
    words: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Report:
    """`findings`: the worst first. `guess`: None where there are too few pairs."""

    pairs: int
    findings: tuple[Finding, ...]
    guess: Guess | None
    guess_level: Level | None

    @property
    def is_serious(self) -> bool:
        return Level.SERIOUS in {self.guess_level, *(finding.level for finding in self.findings)}


@dataclass
class _Tally:
    """How often something is in the responses of each side, and in which pairs."""

    candidate: int = 0
    baseline: int = 0
    only_candidate: list[int] = field(default_factory=list)
    only_baseline: list[int] = field(default_factory=list)
    both: list[int] = field(default_factory=list)

    def add(self, key: int, candidate: bool, baseline: bool) -> None:
        self.candidate += candidate
        self.baseline += baseline
        if candidate and baseline:
            self.both.append(key)
        elif candidate:
            self.only_candidate.append(key)
        elif baseline:
            self.only_baseline.append(key)

    def accuracy(self, pairs: int) -> float:
        return 0.5 + abs(len(self.only_candidate) - len(self.only_baseline)) / (2 * pairs) if pairs else 0.5

    def finding(
        self,
        code: str,
        level: Level,
        pairs: int,
        *,
        words: Counter[str] | None = None,
        telling_only: bool = False,
    ) -> Finding:
        """`telling_only`: the pairs in which the one that has it more often has it alone."""
        more = self.only_candidate, self.only_baseline
        behind = max(more, key=len) if telling_only else sorted(self.both + more[0] + more[1])
        return Finding(
            code=code,
            level=level,
            candidate=self.candidate,
            baseline=self.baseline,
            accuracy=self.accuracy(pairs),
            count=len(behind),
            pairs=tuple(behind[:MOST_PAIRS]),
            words=tuple((words or Counter()).most_common(MOST_WORDS)),
        )


# a habit of how one writes; told by the features of the same name
HABITS = (
    "markdown",
    "lists",
    "headings",
    "bold",
    "tables_code",
    "links",
    "emoji",
    "exclamations",
    "dashes",
    "curly_quotes",
    "greeting",
    "closing",
    "apology",
)
_MARKDOWN = ("lists", "headings", "bold", "tables_code")
# named before voting wherever it is found; what is amiss with it is for the lead to say
FAULTS = ("language", "cut_short", "empty")
_NAMING: dict[Kind, str] = {
    "own": "names_itself",
    "described": "describes_itself",
    "vendor": "names_a_vendor",
}
_COLUMN = {name: column for column, name in enumerate(FEATURES)}


def scan(pairs: Iterable[Pair], *, own_words: Iterable[str], seed: int) -> Report:
    """Look at every pair once. `own_words`: names, versions and served names of both models; `seed`: of the folds."""
    vocabulary = Vocabulary(own_words)
    differences: list[Floats] = []
    tallies: dict[str, _Tally] = {}
    words: dict[str, Counter[str]] = {code: Counter() for code in _NAMING.values()}
    for pair in pairs:
        sides = []
        for answer in (pair.candidate, pair.baseline):
            named = vocabulary.find(answer.text, pair.conversation)
            kinds = {_NAMING[naming.kind] for naming in named}
            for naming in named:
                words[_NAMING[naming.kind]][naming.word] += 1
            row = features(
                answer.text,
                other_language=answer.other_language,
                cut_short=answer.cut_short,
                names_a_model=bool(named),
            )
            sides.append((row, _found(answer, row) | kinds))
        (candidate, has), (baseline, other_has) = sides
        differences.append(candidate - baseline)
        for code in has | other_has:
            tallies.setdefault(code, _Tally()).add(pair.key, code in has, code in other_has)
        longer = float(candidate[0] - baseline[0])
        tallies.setdefault("length", _Tally()).add(pair.key, longer > 0, longer < 0)
    count = len(differences)
    guess = guess_the_side(np.array(differences), FEATURES, seed=seed) if differences else None
    return Report(count, _findings(tallies, words, count), guess, _guess_level(guess))


def _found(answer: Answer, row: Floats) -> set[str]:
    """Codes of what an answer has, other than names."""
    found = {name for name in HABITS if name in _COLUMN and row[_COLUMN[name]] > 0}
    if found.intersection(_MARKDOWN):
        found.add("markdown")
    if answer.other_language:
        found.add("language")
    if answer.cut_short:
        found.add("cut_short")
    if not answer.text.strip():
        found.add("empty")
    elif answer.text != answer.text.rstrip():
        found.add("white_space")
    return found


def _findings(tallies: dict[str, _Tally], words: dict[str, Counter[str]], pairs: int) -> tuple[Finding, ...]:
    found: list[Finding] = []
    for code in _NAMING.values():
        if tally := tallies.get(code):
            level = _naming_level(code, tally)
            found.append(tally.finding(code, level, pairs, words=words[code]))
    for code in FAULTS:
        if tally := tallies.get(code):
            telling = tally.accuracy(pairs) >= TELLING_OF_A_FAULT
            found.append(tally.finding(code, Level.WARNING if telling else Level.NOTE, pairs))
    white_space = tallies.get("white_space")
    if white_space and white_space.accuracy(pairs) >= TELLING_OF_A_FAULT:
        found.append(white_space.finding("white_space", Level.NOTE, pairs, telling_only=True))
    for code in ("length", *HABITS):
        tally = tallies.get(code)
        if tally and pairs >= LEAST_PAIRS and tally.accuracy(pairs) >= TELLING:
            level = Level.SERIOUS if tally.accuracy(pairs) >= PLAIN else Level.WARNING
            found.append(tally.finding(code, level, pairs, telling_only=True))
    worst = (Level.SERIOUS, Level.WARNING, Level.NOTE)
    return tuple(sorted(found, key=lambda finding: worst.index(finding.level)))


def _naming_level(code: str, tally: _Tally) -> Level:
    fewer, more = sorted((tally.candidate, tally.baseline))
    if more < MUCH_MORE_OFTEN * fewer:
        return Level.WARNING
    return Level.WARNING if code == "names_a_vendor" else Level.SERIOUS


def _guess_level(guess: Guess | None) -> Level | None:
    if guess is None or guess.low <= 0.5:
        return None
    if guess.low >= SURELY_GUESSABLE:
        return Level.SERIOUS
    return Level.WARNING if guess.low >= GUESSABLE else Level.NOTE
