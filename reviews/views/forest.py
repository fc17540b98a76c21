"""The forest plot's rows: estimates as a page shows them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import urlencode

from django.utils.translation import gettext as _

from models_registry.models.golden_set import intent_shown
from reviews.queries.gate import Gated
from reviews.queries.win_rates import Estimate, Row, WinRates
from reviews.stats.gate import Intent
from reviews.stats.win_rate import Interval


@dataclass(frozen=True)
class ForestRow:
    """One line of the plot: the estimate that is honest now; beside a closed one, the anytime-valid interval.

    reference: where the thick line of the plot stands, one half or the bar. floor: what a guarded intent must be above.
    """

    label: str
    url: str
    estimate: Estimate
    beside: Interval | None
    overall: bool = False
    guarded: bool = False
    insufficient: bool = False
    reference: float = 0.5
    floor: float | None = None


def gate_rows(gated: Gated, *, behind: str, closed: bool) -> list[ForestRow]:
    """The traffic-weighted whole, then the plan's intents, guarded ones first.

    While it is watched the intervals are the anytime-valid ones of the plan; once it is closed the fixed ones are
    read once, with the others beside them.
    """
    plan, found = gated.plan, gated.gate
    rate = found.overall.win_rate
    fixed, anytime = rate.interval, found.overall.anytime
    whole = ForestRow(
        label=_("All, by traffic"),
        url=behind,
        estimate=Estimate(found.examples, rate.win_rate, fixed if closed else anytime, reference=plan.bar),
        beside=anytime if closed and rate.win_rate is not None else None,
        overall=True,
        reference=plan.bar,
    )
    intents = sorted(found.intents, key=lambda intent: not intent.guarded)
    return [whole, *(_gate_row(intent, gated, behind, closed=closed) for intent in intents)]


def _gate_row(intent: Intent, gated: Gated, behind: str, *, closed: bool) -> ForestRow:
    rate = intent.win_rate
    insufficient = intent.status == "insufficient"
    return ForestRow(
        label=intent_shown(intent.name),
        # an example counts under its primary intent alone
        url=f"{behind}?{urlencode({'intent': intent.name})}",
        estimate=Estimate(
            rate.examples,
            rate.win_rate,
            rate.interval if closed else intent.anytime,
            coloured=not insufficient,
        ),
        beside=intent.anytime if closed and rate.win_rate is not None else None,
        guarded=intent.guarded,
        insufficient=insufficient,
        floor=gated.plan.floor if intent.guarded else None,
    )


def slices(rates: WinRates, gated: Gated, *, behind: str) -> list[ForestRow]:
    """Rows of tags that are no primary intent of the plan: shown, and weighted nowhere."""
    planned = {intent.name for intent in gated.plan.intents}
    watched = rates.evaluation.closed_at is None
    return [
        _forest_row(intent_shown(name), f"{behind}?{urlencode({'tag': name})}", row, watched=watched)
        for name, row in rates.tags.items()
        if name not in planned
    ]


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
