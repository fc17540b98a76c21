"""The plots of a preflight report: the heat map of what is covered, and the bars of how long prompts are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import log2
from urllib.parse import urlencode

from django.utils.formats import number_format
from django.utils.translation import gettext as _

from models_registry.models.golden_set import UNTAGGED
from models_registry.preflight import Histogram, Report
from models_registry.preflight.coverage import ALL_OTHERS
from models_registry.preflight.prompts import UNDETERMINED

SHADES = 5  # of the heat map, besides that of nothing
FIRST_LINES = 15  # of it, before the fold
FEW_MORE = 3  # lines that are not worth a fold
LEAST_HEIGHT = 0.02  # of a bar, so that a single example is seen
MOST_EMPTY_BINS = 2  # that the axis of tokens is made longer by to reach the budget


@dataclass(frozen=True, slots=True)
class Cell:
    """`level`: 0 for no example, 1 to SHADES for few to many; the class is heat-0 to heat-5."""

    count: str
    level: int


@dataclass(frozen=True, slots=True)
class Line:
    """An intent's examples by language. `is_few`: the gate would not judge it."""

    name: str
    url: str
    cells: tuple[Cell, ...]
    total: str
    is_few: bool = False


@dataclass(frozen=True, slots=True)
class HeatMap:
    """Examples per intent and language. `folded` are the lines after `lines`, and `rest` is their sum."""

    languages: tuple[str, ...]
    lines: tuple[Line, ...]
    folded: tuple[Line, ...]
    rest: Line | None
    total: Line
    legend: tuple[Cell, ...]
    least: int
    is_wide: bool


@dataclass(frozen=True, slots=True)
class Bar:
    """Examples with `low` to `high` tokens. Places are shares of the plot, as SVG reads them: "12.5%"."""

    low: str
    high: str
    count: str
    edge: str
    tick: str
    left: str
    width: str
    middle: str
    top: str
    height: str
    is_over: bool


@dataclass(frozen=True, slots=True)
class TokenPlot:
    """How long the prompts are. `budget_at` is empty where the budget lies beyond the axis."""

    bars: tuple[Bar, ...]
    last_tick: str
    median: str
    p95: str
    most: str
    total: str
    budget: str
    budget_at: str
    is_label_left: bool


def heat_map(report: Report, examples: str) -> HeatMap | None:
    coverage, least = report.coverage, report.options.least_per_intent
    if not coverage.intents:
        return None
    most = max(max(counts) for counts in coverage.examples)
    lines = [
        _line(intent, counts, most, least, examples)
        for intent, counts in zip(coverage.intents, coverage.examples, strict=True)
    ]
    first = FIRST_LINES if len(lines) > FIRST_LINES + FEW_MORE else len(lines)
    folded = coverage.examples[first:]
    return HeatMap(
        languages=tuple(_language(language) for language in coverage.languages),
        lines=tuple(lines[:first]),
        folded=tuple(lines[first:]),
        rest=_sum(_("%(count)s more") % {"count": number(len(folded))}, folded) if folded else None,
        total=_sum(_("All"), coverage.examples),
        legend=_legend(most),
        least=least,
        is_wide=len(coverage.languages) > 4,
    )


def _line(intent: str, counts: Sequence[int], most: int, least: int, examples: str) -> Line:
    total = sum(counts)
    is_intent = intent not in (UNTAGGED, ALL_OTHERS)
    return Line(
        name={UNTAGGED: _("untagged"), ALL_OTHERS: _("all others")}.get(intent, intent),
        url=search(examples, tag=intent) if intent != ALL_OTHERS else "",
        cells=tuple(Cell(number(count), level(count, most)) for count in counts),
        total=number(total),
        is_few=is_intent and total < least,
    )


def _sum(name: str, lines: Sequence[Sequence[int]]) -> Line:
    sums = [sum(column) for column in zip(*lines, strict=True)]
    return Line(name, "", tuple(Cell(number(count), 0) for count in sums), number(sum(sums)))


def _language(language: str) -> str:
    return {UNDETERMINED: _("not given"), ALL_OTHERS: _("all others")}.get(language, language)


def _legend(most: int) -> tuple[Cell, ...]:
    """From and to of every shade that some count can have."""
    cells = [Cell("0", 0)]
    ends = [most * shade**2 // SHADES**2 for shade in range(SHADES + 1)]
    for shade, (before, end) in enumerate(pairwise(ends), start=1):
        if end > before:
            low, high = number(before + 1), number(end)
            cells.append(Cell(low if low == high else f"{low}–{high}", shade))
    return tuple(cells)


def token_plot(tokens: Histogram, budget: int) -> TokenPlot:
    first = next((at for at, count in enumerate(tokens.counts) if count), 0)
    edges, counts = list(tokens.edges[first:]), list(tokens.counts[first:])
    empty = 0
    while edges[-1] <= budget and empty <= MOST_EMPTY_BINS:
        empty += 1
        edges.append(edges[-1] * 2)
    if edges[-1] > budget:
        counts += [0] * empty
    else:  # too far away to be worth the room
        edges = edges[: len(counts) + 1]
    most, bins = max(counts), len(counts)
    where = _place(budget, edges)
    return TokenPlot(
        bars=tuple(
            Bar(
                low=number(low),
                high=number(high - 1),
                count=number(count),
                edge=_share(at / bins),
                tick=_tick(low),
                left=_share((at + 0.06) / bins),
                width=_share(0.88 / bins),
                middle=_share((at + 0.5) / bins),
                top=_share(1 - _height(count, most)),
                height=_share(_height(count, most)),
                is_over=low > budget,
            )
            for at, ((low, high), count) in enumerate(zip(pairwise(edges), counts, strict=True))
        ),
        last_tick=_tick(edges[-1]),
        median=number(tokens.median),
        p95=number(tokens.p95),
        most=number(tokens.most),
        total=number(tokens.total),
        budget=number(budget),
        budget_at="" if where is None else _share(where),
        is_label_left=where is None or where > 0.5,
    )


def _place(value: int, edges: Sequence[int]) -> float | None:
    """Where a number of tokens stands on the axis, from 0 to 1. Bins are equally wide, though their edges double."""
    for at, (low, high) in enumerate(pairwise(edges)):
        if low <= value < high:
            inside = log2(value / low) if low else value / high
            return (at + inside) / (len(edges) - 1)
    return 0.0 if value < edges[0] else None


def _height(count: int, most: int) -> float:
    return max(count / most, LEAST_HEIGHT) if count else 0.0


def _tick(edge: int) -> str:
    return f"{edge // 1024}k" if edge >= 1024 else str(edge)


def level(count: int, most: int) -> int:
    """The shade of a cell, by the square root of its share of the largest: small counts stay apart. 0 for none."""
    if count <= 0:
        return 0
    return next((shade for shade in range(1, SHADES) if count * SHADES**2 <= most * shade**2), SHADES)


def number(value: int) -> str:
    return number_format(value, force_grouping=True)


def _share(value: float) -> str:
    """A place in the plot. Never in the language's own digits: a comma would end the attribute's number."""
    return f"{100 * value:.3f}%"


def search(examples: str, **filters: str) -> str:
    return f"{examples}?{urlencode(filters)}#examples" if examples else ""
