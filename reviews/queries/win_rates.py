"""An evaluation's figures, overall and by intent tag: the dashboard and `manage.py winrates` print the same ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from django.db.models import Case, Count, FloatField, Q, Sum, Value, When
from django.db.models.functions import Coalesce

from reviews.models import Assignment, Choice, Evaluation, ReviewerTally
from reviews.queries.counts import Counts, counts_by_intent, counts_by_tag, end_of_complete, together
from reviews.stats.agreement import Agreement, agreement_of_table
from reviews.stats.position_bias import PositionBias, position_bias_of_examples
from reviews.stats.sequence import ANYTIME, anytime_limits, bets
from reviews.stats.tally import Tally
from reviews.stats.win_rate import Interval, WinRate, win_rate

LEVEL = 0.95


@dataclass(frozen=True)
class Estimate:
    """What may be said of a group of examples now. `shown` only where the interval excludes `reference`."""

    examples: int
    win_rate: float | None
    interval: Interval | None
    reference: float = 0.5
    coloured: bool = True

    @property
    def shown(self) -> str:
        if self.interval is None or not self.coloured:
            return ""
        if self.interval.low > self.reference:
            return "better"
        return "worse" if self.interval.high < self.reference else ""


@dataclass(frozen=True)
class Row:
    """The figures of one group of examples: all of them, or those that bear one tag.

    `win_rate` is over every example with a vote, `settled` over the queue's complete prefix, which
    `anytime_interval` is of.
    """

    tally: Tally
    win_rate: WinRate
    settled: WinRate
    anytime_interval: Interval

    def estimate(self, *, watched: bool) -> Estimate:
        """While votes come in: the complete prefix and the interval that may be watched. After that: everything."""
        if watched:
            return Estimate(self.settled.examples, self.settled.win_rate, self.anytime_interval)
        return Estimate(self.win_rate.examples, self.win_rate.win_rate, self.win_rate.interval)

    def as_json(self) -> dict[str, Any]:
        return {
            "examples": self.tally.examples,
            "votes": self.tally.votes,
            "wins": self.tally.wins,
            "ties": self.tally.ties,
            "both_bad": self.tally.both_bad,
            "losses": self.tally.losses,
            "win_rate": self.win_rate.win_rate,
            "standard_error": self.win_rate.standard_error,
            "interval": _interval_json(self.win_rate.interval),
            "anytime_interval": _interval_json(self.anytime_interval),
        }


@dataclass(frozen=True)
class WinRates:
    evaluation: Evaluation
    overall: Row
    tags: dict[str, Row]
    agreement: Agreement

    @cached_property
    def position_bias(self) -> PositionBias:
        """Asked for when it is looked at: it alone reads turns and not what is counted of them."""
        return position_effect(self.evaluation)

    def as_json(self) -> dict[str, Any]:
        return {
            "evaluation": self.evaluation.name,
            "candidate": str(self.evaluation.candidate),
            "baseline": str(self.evaluation.baseline),
            "golden_set_sha256": self.evaluation.golden_set_version.sha256,
            "overall": self.overall.as_json(),
            "tags": {name: row.as_json() for name, row in self.tags.items()},
            "agreement": {
                "percent": self.agreement.percent,
                "gwet_ac1": self.agreement.gwet_ac1,
                "krippendorff_alpha": self.agreement.krippendorff_alpha,
                "raters": self.agreement.raters,
                "pairs": self.agreement.pairs,
            },
            "position_bias": {
                "effect": self.position_bias.effect,
                "se": self.position_bias.se,
                "p": self.position_bias.p,
            },
        }


def _interval_json(interval: Interval | None) -> dict[str, Any] | None:
    if interval is None:
        return None
    return {"low": interval.low, "high": interval.high, "level": interval.level, "method": interval.method}


def win_rates(evaluation: Evaluation) -> WinRates:
    """All figures of an evaluation, in a number of queries and of rows that does not grow with its votes."""
    end = end_of_complete(evaluation)
    return win_rates_of(evaluation, counts_by_intent(evaluation, end), counts_by_tag(evaluation, end))


def win_rates_of(
    evaluation: Evaluation, by_intent: Mapping[str, Counts], by_tag: Mapping[str, Counts]
) -> WinRates:
    """The same from votes that are counted already."""
    everything = together(by_intent.values())
    overall, *rows = rows_of([everything, *by_tag.values()])
    return WinRates(
        evaluation=evaluation,
        overall=overall,
        tags=dict(zip(by_tag, rows, strict=True)),
        agreement=agreement_of_table(everything.votes_by_example(), voters(evaluation)),
    )


def voters(evaluation: Evaluation) -> int:
    """People with a vote in it."""
    voted = ReviewerTally.objects.filter(evaluation=evaluation, votes__gt=0)
    return voted.order_by().values("reviewer").distinct().count()


def position_effect(evaluation: Evaluation) -> PositionBias:
    """Whether standing on the left helped, by the votes of each comparison and side."""
    score = Case(
        When(vote__choice=Choice.CANDIDATE, then=Value(1.0)),
        When(vote__choice=Choice.BASELINE, then=Value(0.0)),
        default=Value(0.5),
        output_field=FloatField(),
    )
    left, right = Q(candidate_on_left=True), Q(candidate_on_left=False)
    rows = np.array(
        Assignment.objects.filter(evaluation=evaluation, voted=True)
        .order_by()
        .values_list("comparison")
        .annotate(
            left_votes=Count("pk", filter=left),
            left_total=Coalesce(Sum(score, filter=left), 0.0),
            right_votes=Count("pk", filter=right),
            right_total=Coalesce(Sum(score, filter=right), 0.0),
        ),
        dtype=np.float64,
    ).reshape(-1, 5)
    return position_bias_of_examples(
        rows[:, 1].astype(np.int64), rows[:, 2], rows[:, 3].astype(np.int64), rows[:, 4]
    )


def rows_of(groups: Sequence[Counts], planned: Sequence[int] | None = None) -> list[Row]:
    """The figures of each group. planned: how many examples each may come to, where that is not what it holds now."""
    watched = [group.complete_scores() for group in groups]
    values, place = np.unique(np.concatenate(watched), return_inverse=True)
    owner = np.repeat(np.arange(len(groups)), [len(scores) for scores in watched])
    counts = np.bincount(owner * values.size + place, minlength=len(groups) * values.size)
    low, high = anytime_limits(
        values,
        counts.reshape(len(groups), values.size),
        [bets(max(1, size), 1 - LEVEL) for size in planned or [group.examples for group in groups]],
    )
    return [
        Row(
            tally=group.tally(),
            win_rate=win_rate(group.all_scores(), LEVEL),
            settled=win_rate(scores, LEVEL),
            anytime_interval=Interval(float(low[index]), float(high[index]), LEVEL, ANYTIME),
        )
        for index, (group, scores) in enumerate(zip(groups, watched, strict=True))
    ]
