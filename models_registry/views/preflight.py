"""A preflight report as pages show it: warnings with the rows behind them, plots, and how diverse it is."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.formats import number_format
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from models_registry.models import GoldenSetVersion
from models_registry.preflight import Coverage, Report, Warning
from models_registry.queries.preflight_words import DEFINITIONS, kind_said, note_said, said
from models_registry.views.preflight_plots import HeatMap, TokenPlot, heat_map, number, search, token_plot

FIRST_SUBJECTS = 12
TITLES: dict[str, str | Promise] = {
    "few_examples": gettext_lazy("Few examples"),
    "untagged": gettext_lazy("Untagged examples"),
    "small_intents": gettext_lazy("Small intents"),
    "missing_languages": gettext_lazy("Missing languages"),
    "no_refusals_or_edge_cases": gettext_lazy("No refusals or edge cases"),
    "personal_data": gettext_lazy("Personal data"),
    "over_budget": gettext_lazy("Prompts over the token budget"),
    "other_language": gettext_lazy("Another language than declared"),
    "near_duplicates": gettext_lazy("Near-duplicates"),
}


@dataclass(frozen=True, slots=True)
class Linked:
    """A name with what is counted of it; `url` (empty: none) leads to the examples."""

    name: str
    count: str
    url: str = ""


@dataclass(frozen=True, slots=True)
class LinkedRow:
    line: int
    key: str
    note: str
    url: str


@dataclass(frozen=True, slots=True)
class ShownWarning:
    """`definition` is how the warning is decided, where that isn't plain. `has_notes`: some row has a note."""

    code: str
    title: str
    message: str
    fix: str
    definition: str
    examples: str
    subjects: tuple[Linked, ...]
    more_subjects: tuple[Linked, ...]
    rows: tuple[LinkedRow, ...]
    has_notes: bool
    is_cut: bool


@dataclass(frozen=True, slots=True)
class Index:
    """A figure from 0 to 1 with how it is computed; `at` is its place on a bar of width 1."""

    name: str
    value: str
    at: str
    basis: str
    definition: str


@dataclass(frozen=True, slots=True)
class Preflight:
    """What _preflight.html shows."""

    complete: bool
    examples: str
    warnings: tuple[ShownWarning, ...]
    heat: HeatMap | None
    tokens: TokenPlot | None
    diversity: tuple[Index, ...]
    checked_with: str


def shown(report: Report, version: GoldenSetVersion | None = None) -> Preflight:
    """The report for _preflight.html. With the version it is about, names link to its examples."""
    examples = version.get_absolute_url() if version else ""
    tokens = report.coverage.tokens
    return Preflight(
        complete=report.complete,
        examples=number(report.rows),
        # first what reaches beyond the set: people's data, which reviewers and vendors would read
        warnings=tuple(
            _warning(warning, report, examples)
            for warning in sorted(report.warnings, key=lambda warning: warning.code != "personal_data")
        ),
        heat=heat_map(report, examples),
        tokens=token_plot(tokens, report.options.budget) if tokens else None,
        diversity=tuple(_diversity(report.coverage)),
        checked_with=_checked_with(report),
    )


def stored(version: GoldenSetVersion) -> Preflight | None:
    """The report that was stored with a version; None where there is none that can be read today."""
    if version.preflight is None:
        return None
    try:
        return shown(Report.from_json(version.preflight), version)
    except ValueError:
        return None


def _examples(count: int) -> str:
    return ngettext("%(count)s example", "%(count)s examples", count) % {"count": number(count)}


def _warning(warning: Warning, report: Report, examples: str) -> ShownWarning:
    message, fix = said(warning, report)
    subjects = tuple(
        Linked(
            kind_said(subject.name), number(subject.count), _subject_url(warning.code, subject.name, examples)
        )
        for subject in warning.subjects
    )
    rows = tuple(
        LinkedRow(row.line, row.key, note_said(row.note), search(examples, q=row.key)) for row in warning.rows
    )
    return ShownWarning(
        code=warning.code,
        title=str(TITLES.get(warning.code, warning.code)),
        message=message,
        fix=fix,
        definition=str(DEFINITIONS.get(warning.code, "")),
        examples=_examples(warning.count) if warning.count else "",
        subjects=subjects[:FIRST_SUBJECTS],
        more_subjects=subjects[FIRST_SUBJECTS:],
        rows=rows,
        has_notes=any(row.note for row in rows),
        is_cut=len(rows) < warning.count,
    )


def _subject_url(code: str, name: str, examples: str) -> str:
    if code == "small_intents":
        return search(examples, tag=name)
    return search(examples, q=name) if code == "near_duplicates" else ""


def _diversity(coverage: Coverage) -> list[Index]:
    found = []
    if coverage.evenness is not None:
        basis = ngettext("over %(count)s intent", "over %(count)s intents", coverage.intent_count)
        found.append(
            _index(
                "evenness",
                _("Evenness of intents"),
                coverage.evenness,
                basis % {"count": number(coverage.intent_count)},
            )
        )
    if coverage.dissimilarity is not None:
        of = coverage.dissimilarity
        counts = {"pairs": number(of.pairs), "prompts": number(of.prompts)}
        basis = (
            ngettext(
                "exact, over the only pair of %(prompts)s prompts",
                "exact, over all %(pairs)s pairs of %(prompts)s prompts",
                of.pairs,
            )
            if of.exact
            else _("sampled: %(pairs)s pairs of %(prompts)s prompts drawn by a seed")
        )
        found.append(_index("dissimilarity", _("Mean pairwise dissimilarity"), of.value, basis % counts))
    return found


def _index(name: str, title: str, value: float, basis: str) -> Index:
    return Index(title, number_format(value, 2), f"{value:.4f}", basis, str(DEFINITIONS[name]))


def _checked_with(report: Report) -> str:
    options = report.options
    return _(
        "Checked with: prompts count as near-duplicates from %(threshold)s%% alike; tokens by %(encoding)s; "
        "a context window of %(window)s, of which %(answer)s are for the answer; seed %(seed)s."
    ) % {
        "threshold": round(100 * options.near_duplicate),
        "encoding": options.encoding,
        "window": number(options.context_window),
        "answer": number(options.answer_tokens),
        "seed": options.seed,
    }
