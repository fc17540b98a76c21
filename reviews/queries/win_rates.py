"""An evaluation's figures, overall and by intent tag: the dashboard and `manage.py winrates` print the same ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from django.db.models import Q
from numpy.typing import NDArray

from reviews.models import Assignment, Choice, Evaluation
from reviews.queries.tags import examples_by_tag
from reviews.stats.agreement import Agreement, agreement
from reviews.stats.position_bias import PositionBias, position_bias
from reviews.stats.sequence import anytime_interval
from reviews.stats.tally import Tally, example_scores, tally
from reviews.stats.win_rate import Interval, WinRate, win_rate

LEVEL = 0.95
# columns of a tally, and the codes that reviews.stats knows choices by
CHOICES: list[str] = [Choice.CANDIDATE, Choice.BASELINE, Choice.TIE, Choice.BOTH_BAD]


@dataclass(frozen=True)
class Estimate:
    """What may be said of a group of examples now. `shown` only where the interval excludes one half."""

    examples: int
    win_rate: float | None
    interval: Interval | None

    @property
    def shown(self) -> str:
        if self.interval is None:
            return ""
        return "better" if self.interval.low > 0.5 else "worse" if self.interval.high < 0.5 else ""


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
    position_bias: PositionBias

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


@dataclass(frozen=True)
class _Examples:
    """The compared examples in the queue's order, as arrays of length K."""

    ids: NDArray[np.int64]
    counts: NDArray[np.int64]
    identical: NDArray[np.bool_]
    complete: NDArray[np.bool_]


def win_rates(evaluation: Evaluation) -> WinRates:
    """All figures of an evaluation, in four queries however many votes there are."""
    votes = list(
        Assignment.objects.filter(evaluation=evaluation, voted=True)
        .order_by("position", "slot")
        .values_list("comparison__example_id", "reviewer_id", "candidate_on_left", "vote__choice")
    )
    examples = _examples(evaluation, votes)
    members = _members(evaluation, examples)
    return WinRates(
        evaluation=evaluation,
        overall=_row(examples, np.ones(len(examples.ids), dtype=bool)),
        tags={name: _row(examples, member) for name, member in members.items()},
        agreement=agreement(
            _column(votes, 0),
            _column(votes, 1),
            np.array([CHOICES.index(v[3]) for v in votes], dtype=np.int64),
        ),
        position_bias=position_bias(
            _column(votes, 0),
            np.array([v[2] for v in votes], dtype=bool),
            np.array([CHOICES.index(v[3]) for v in votes], dtype=np.int64),
        ),
    )


def _column(votes: Sequence[tuple[Any, ...]], index: int) -> NDArray[np.int64]:
    return np.array([vote[index] for vote in votes], dtype=np.int64)


def _examples(evaluation: Evaluation, votes: Sequence[tuple[Any, ...]]) -> _Examples:
    # Comparisons that were left out when voting opened have neither a turn nor a tie, and no place here.
    turns = Assignment.objects.filter(evaluation=evaluation)
    compared = list(
        evaluation.comparisons.filter(Q(identical=True) | Q(pk__in=turns.values("comparison")))
        .order_by("position")
        .values_list("example_id", "identical")
    )
    missing = set(turns.filter(voted=False).values_list("comparison__example_id", flat=True))
    row_of = {example: row for row, (example, _identical) in enumerate(compared)}
    counts = np.zeros((len(compared), len(CHOICES)), dtype=np.int64)
    for example, _reviewer, _left, choice in votes:
        counts[row_of[example], CHOICES.index(choice)] += 1
    return _Examples(
        ids=np.array([example for example, _identical in compared], dtype=np.int64),
        counts=counts,
        identical=np.array([identical for _example, identical in compared], dtype=bool),
        complete=np.array([example not in missing for example, _identical in compared], dtype=bool),
    )


def _members(evaluation: Evaluation, examples: _Examples) -> dict[str, NDArray[np.bool_]]:
    """Which examples bear each tag: {name: bool (K,)}."""
    return {
        name: np.isin(examples.ids, tagged)
        for name, tagged in examples_by_tag(evaluation, examples.ids.tolist()).items()
    }


def _row(examples: _Examples, member: NDArray[np.bool_]) -> Row:
    counts, identical = examples.counts[member], examples.identical[member]
    scores = example_scores(counts, identical)
    # Hard examples finish late: counting whatever is finished would favour the easy ones, so the interval that may
    # be watched reads the queue only up to the first example whose votes are not all in.
    complete = examples.complete[member]
    prefix = int(np.argmin(complete)) if not complete.all() else len(complete)
    return Row(
        tally=tally(counts, identical),
        win_rate=win_rate(scores, LEVEL),
        settled=win_rate(scores[:prefix], LEVEL),
        anytime_interval=anytime_interval(scores[:prefix], max(1, len(scores)), LEVEL),
    )
