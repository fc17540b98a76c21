"""The forest plot's rows: estimates as a page shows them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import urlencode

from django.utils.translation import gettext as _

from models_registry.models.golden_set import intent_shown
from reviews.queries.win_rates import Estimate, Row, WinRates
from reviews.stats.win_rate import Interval


@dataclass(frozen=True)
class ForestRow:
    """One line of the plot: the estimate that is honest now; beside a closed one, the anytime-valid interval."""

    label: str
    url: str
    estimate: Estimate
    beside: Interval | None
    overall: bool = False


def forest_rows(rates: WinRates, *, behind: str) -> list[ForestRow]:
    """All examples first, then a row a tag; `behind` is the URL of the comparisons behind them."""
    watched = rates.evaluation.closed_at is None
    by_tag = [
        _forest_row(intent_shown(name), f"{behind}?{urlencode({'tag': name})}", row, watched=watched)
        for name, row in rates.tags.items()
    ]
    return [_forest_row(_("All examples"), behind, rates.overall, watched=watched, overall=True), *by_tag]


def lowest(rows: Iterable[ForestRow]) -> ForestRow | None:
    """The row with the lowest win rate, if it is below one half: what a lead should read before anything else."""
    rates = [(row.estimate.win_rate, row) for row in rows]
    below = [(rate, row) for rate, row in rates if rate is not None and rate < 0.5]
    return min(below, key=lambda pair: pair[0])[1] if below else None


def _forest_row(label: str, url: str, row: Row, *, watched: bool, overall: bool = False) -> ForestRow:
    whole = row.settled.examples == row.win_rate.examples
    return ForestRow(
        label=label,
        url=url,
        estimate=row.estimate(watched=watched),
        beside=row.anytime_interval if whole and not watched else None,
        overall=overall,
    )
