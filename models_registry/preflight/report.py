"""The preflight report of a golden set: warnings and coverage, first what one pass tells, then the slow scans. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from models_registry.golden_files.row import Row
from models_registry.preflight.balance import LEAST_EXAMPLES, LEAST_PER_INTENT, REFUSAL_RULE, Balance
from models_registry.preflight.coverage import (
    DISSIMILARITY_DEFINITION,
    EVENNESS_DEFINITION,
    Coverage,
    CoverageCount,
    Dissimilarity,
)
from models_registry.preflight.findings import (
    MOST_SUBJECTS,
    RowBehind,
    RowsBehind,
    Subject,
    Warning,
    examples,
)
from models_registry.preflight.language import other_language
from models_registry.preflight.near_duplicates import THRESHOLD, near_duplicates
from models_registry.preflight.personal_data import KINDS, kinds_in_row
from models_registry.preflight.prompts import prompt_of
from models_registry.preflight.tokens import ENCODINGS, Histogram, histogram, row_tokens

FORM = 1  # of the JSON; a reader of an older one would misread it
EVERY = 100  # rows between two calls of `progress`
DEFINITIONS: Mapping[str, str] = {
    "evenness": EVENNESS_DEFINITION,
    "dissimilarity": DISSIMILARITY_DEFINITION,
    "no_refusals_or_edge_cases": REFUSAL_RULE,
}

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Options:
    """What to check against. Tokens: `context_window` holds the prompt and `answer_tokens` for the answer.

    `near_duplicate`: Jaccard index, a fraction of 1. Raises ValueError for a value that makes no sense.
    """

    encoding: str = ENCODINGS[0]
    context_window: int = 8192
    answer_tokens: int = 1024
    near_duplicate: float = THRESHOLD
    least_per_intent: int = LEAST_PER_INTENT
    least_examples: int = LEAST_EXAMPLES
    seed: int = 0

    def __post_init__(self) -> None:
        if self.encoding not in ENCODINGS:
            raise ValueError(f'the encoding "{self.encoding}" is not known; use {" or ".join(ENCODINGS)}')
        if not 0 <= self.answer_tokens < self.context_window:
            raise ValueError("the context window has no room for a prompt; make it larger than the answer")
        if not 0 < self.near_duplicate <= 1:
            raise ValueError("the threshold of near-duplicates is a fraction above 0 and at most 1")
        if self.least_per_intent < 0 or self.least_examples < 0:
            raise ValueError("the fewest examples are counted from 0 up")
        if not -(2**63) <= self.seed < 2**63:
            raise ValueError("the seed has more than 63 bits")

    @property
    def budget(self) -> int:
        """Tokens that a prompt may have."""
        return self.context_window - self.answer_tokens


@dataclass(frozen=True, slots=True)
class Report:
    """What preflight found in `rows` rows. `complete`: the slow scans are done too.

    Warnings in a fixed order: those of the quick pass, then personal data, tokens, language, near-duplicates.
    """

    rows: int
    warnings: tuple[Warning, ...]
    coverage: Coverage
    options: Options = field(default_factory=Options)
    complete: bool = False

    def as_json(self) -> dict[str, Any]:
        """Objects, lists, strings and numbers, for `from_json`; "definitions" are texts for the page."""
        return {"form": FORM, **_plain(asdict(self)), "definitions": dict(DEFINITIONS)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Report:
        """The report that `as_json` wrote. Raises ValueError where `data` is none, or of another form."""
        if not isinstance(data, Mapping) or data.get("form") != FORM:
            raise ValueError("this is no preflight report of this version; make it again")
        try:
            return cls(
                rows=data["rows"],
                warnings=tuple(_warning(warning) for warning in data["warnings"]),
                coverage=_coverage(data["coverage"]),
                options=Options(**data["options"]),
                complete=data["complete"],
            )
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"the preflight report is damaged ({error}); make it again") from None


def preflight(
    rows: Iterable[Row], options: Options | None = None, progress: Progress | None = None
) -> Report:
    """The whole report at once: `quick`, then `slow`. The same rows in any order give the same report.

    Raises nothing on any row that `golden_files` lets through. Keeps all rows until it is done.
    """
    kept = list(rows)
    return slow(quick(kept, options), kept, progress)


def quick(rows: Iterable[Row], options: Options | None = None) -> Report:
    """What one pass over the rows tells, some microseconds a row: balance, and coverage but for tokens.

    Keeps no rows, only counts and a sample of a thousand prompts.
    """
    pass_ = Quick(options)
    for row in rows:
        pass_.add(row)
    return pass_.report()


class Quick:
    """`quick` for rows that pass one at a time, as in an import that streams."""

    def __init__(self, options: Options | None = None) -> None:
        self._options = options or Options()
        self._rows = 0
        self._balance = Balance(self._options.least_per_intent, self._options.least_examples)
        self._coverage = CoverageCount(self._options.seed)

    def add(self, row: Row) -> None:
        self._rows += 1
        self._balance.add(row)
        self._coverage.add(row)

    def report(self) -> Report:
        return Report(self._rows, tuple(self._balance.warnings()), self._coverage.coverage(), self._options)


def slow(report: Report, rows: Iterable[Row], progress: Progress | None = None) -> Report:
    """The quick report, completed: personal data, tokens, languages and near-duplicates of the same rows.

    rows: read once; of each its prompt is kept until the end. `progress(done, total)`: called often, done never
    falls, total is twice the number of rows (each is read, then compared) and is reached at the end.
    Raises ValueError where the number of rows is not the report's. What `progress` raises ends the scan.
    """
    total = 2 * report.rows
    scan = _Scan(report.options)
    for number, row in enumerate(rows, start=1):
        if number > report.rows:
            break
        scan.add(row)
        if progress and number % EVERY == 0:
            progress(number, total)
    else:
        number = len(scan.seen)
    if number != report.rows:
        raise ValueError("the rows are not those of the quick report; make that again")

    def compared(done: int, _: int) -> None:
        if progress:
            progress(report.rows + done, total)

    found = [*scan.warnings(), *scan.near_duplicate_warnings(compared)]
    if progress:
        progress(total, total)
    return replace(
        report,
        warnings=(*(warning for warning in report.warnings if warning.code not in SLOW_CODES), *found),
        coverage=replace(report.coverage, tokens=histogram(scan.tokens)),
        complete=True,
    )


SLOW_CODES = ("personal_data", "over_budget", "other_language", "near_duplicates")


class _Scan:
    def __init__(self, options: Options) -> None:
        self._options = options
        self.tokens: Counter[int] = Counter()
        self.seen: list[tuple[int, str, str]] = []  # line, key, prompt
        self._kinds: Counter[str] = Counter()
        self._personal, self._over, self._language = RowsBehind(), RowsBehind(), RowsBehind()
        self._languages: Counter[str] = Counter()

    def add(self, row: Row) -> None:
        prompt = prompt_of(row)
        self.seen.append((row.line, row.key, prompt))
        kinds = kinds_in_row(row)
        if kinds:
            self._kinds.update(kinds.keys())
            self._personal.add(
                row,
                ", ".join(
                    kind if kinds[kind] == 1 else f"{kind} ({kinds[kind]:,})" for kind in KINDS if kinds[kind]
                ),
            )
        tokens = row_tokens(row, self._options.encoding)
        self.tokens[tokens] += 1
        if tokens > self._options.budget:
            self._over.add(row, f"{tokens:,} tokens")
        found = other_language(prompt, row.lang)
        if found:
            self._languages[f"{row.lang} → {found}"] += 1
            self._language.add(row, f"declared {row.lang}, reads as {found}")

    def warnings(self) -> Iterable[Warning]:
        if self._personal.count:
            yield Warning(
                "personal_data",
                f"{_has(self._personal.count)} what looks like personal data: "
                f"{', '.join(kind for kind in KINDS if self._kinds[kind])}. "
                "Reviewers and model vendors would read it.",
                "Have it replaced by a placeholder when the set is stored, or put made-up data into the file.",
                self._personal.count,
                self._personal.rows,
                tuple(Subject(kind, self._kinds[kind]) for kind in KINDS if self._kinds[kind]),
            )
        if self._over.count:
            options = self._options
            yield Warning(
                "over_budget",
                f"{_has(self._over.count)} more than {options.budget:,} tokens, what a context window of "
                f"{options.context_window:,} leaves for the prompt when the answer takes {options.answer_tokens:,}. "
                "A model would refuse such a prompt, or answer without having read all of it.",
                "Shorten the conversation, or choose the context window of the models you compare.",
                self._over.count,
                self._over.rows,
            )
        if self._language.count:
            pairs = sorted(self._languages.items(), key=lambda item: (-item[1], item[0]))
            one = self._language.count == 1
            yield Warning(
                "other_language",
                f"{examples(self._language.count)} {'reads' if one else 'read'} as another language than "
                f"{'it declares' if one else 'they declare'}. Results by language would be wrong by "
                f"{'it' if one else 'them'}.",
                "Correct “lang”, or look whether the text belongs to another example.",
                self._language.count,
                self._language.rows,
                tuple(Subject(name, count) for name, count in pairs[:MOST_SUBJECTS]),
            )

    def near_duplicate_warnings(self, progress: Progress) -> Iterable[Warning]:
        self.seen.sort()
        groups = near_duplicates(
            [prompt for _, _, prompt in self.seen], self._options.near_duplicate, progress
        )
        if not groups:
            return
        behind = RowsBehind()
        for group in groups:
            first = group.members[0]
            for member in group.members:
                line, key, _ = self.seen[member]
                other = self.seen[group.members[1] if member == first else first][1]
                behind.extend([RowBehind(line, key, f"like {other} ({group.similarity:.0%} or more alike)")])
        spare = behind.count - len(groups)
        yield Warning(
            "near_duplicates",
            f"{_has(behind.count)} a prompt that is nearly the same as another's, in "
            f"{'1 group' if len(groups) == 1 else f'{len(groups):,} groups'}. "
            "The same question asked twice counts twice, and the figures look surer than they are.",
            f"Keep one of each group; that would take away {examples(spare)}.",
            behind.count,
            behind.rows,
            tuple(
                Subject(self.seen[group.members[0]][1], len(group.members))
                for group in sorted(groups, key=lambda group: (-len(group.members), group.members))[
                    :MOST_SUBJECTS
                ]
            ),
        )


def _has(count: int) -> str:
    return f"{examples(count)} {'has' if count == 1 else 'have'}"


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, tuple | list) else value


def _warning(data: Mapping[str, Any]) -> Warning:
    return Warning(
        **{
            **data,
            "rows": tuple(RowBehind(**row) for row in data["rows"]),
            "subjects": tuple(Subject(**subject) for subject in data["subjects"]),
        }
    )


def _coverage(data: Mapping[str, Any]) -> Coverage:
    tokens = data["tokens"]
    return Coverage(
        **{
            **data,
            "intents": tuple(data["intents"]),
            "languages": tuple(data["languages"]),
            "examples": tuple(tuple(line) for line in data["examples"]),
            "dissimilarity": data["dissimilarity"] and Dissimilarity(**data["dissimilarity"]),
            "tokens": tokens
            and Histogram(**{**tokens, "edges": tuple(tokens["edges"]), "counts": tuple(tokens["counts"])}),
        }
    )
