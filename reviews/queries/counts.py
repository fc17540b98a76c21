"""Votes of an evaluation as they are counted on its comparisons: what every figure is made of.

Comparisons that came out alike are one row here, so that the rows are few however many votes there are.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from django.db.models import BooleanField, Case, Count, F, IntegerField, Q, QuerySet, Value, When
from numpy.typing import NDArray

from models_registry.models.golden_set import UNTAGGED
from reviews.models import Assignment, Choice, Comparison, Evaluation
from reviews.stats.choices import BASELINE, BOTH_BAD, CANDIDATE, TIE
from reviews.stats.counted import in_categories
from reviews.stats.tally import Tally, example_scores

# the columns of a table of counts, in the order reviews.stats knows choices by
COLUMNS = ("wins", "losses", "ties", "both_bad")
# a comparison's votes
CAST = F("wins") + F("losses") + F("ties") + F("both_bad")
VOTED_ON = Q(turns__gt=0) | Q(identical=True)
# the codes that reviews.stats knows choices by
CODES: dict[str, int] = {
    Choice.CANDIDATE: CANDIDATE,
    Choice.BASELINE: BASELINE,
    Choice.TIE: TIE,
    Choice.BOTH_BAD: BOTH_BAD,
}
# moments of a path times intents: more would be more rows than there is to see
MOST_CELLS = 1500
MOST_MOMENTS = 100

type Ints = NDArray[np.int64]
type Floats = NDArray[np.float64]
type Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class Counts:
    """Comparisons of one group, by how they came out; P ways.

    table: int (P, 4), votes on each by COLUMNS. identical, complete: bool (P,); complete are those in the beginning of
    the queue whose votes are all in. repeats: int (P,), how many comparisons came out so.
    """

    table: Ints
    identical: Bools
    complete: Bools
    repeats: Ints

    @property
    def scores(self) -> Floats:
        """Of each way, NaN without a vote."""
        return example_scores(self.table, self.identical)

    def all_scores(self) -> Floats:
        """One of each comparison, in no order."""
        return np.repeat(self.scores, self.repeats)

    def complete_scores(self) -> Floats:
        """One of each comparison that counts while people watch, in no order."""
        return np.repeat(self.scores[self.complete], self.repeats[self.complete])

    @property
    def examples(self) -> int:
        return int(self.repeats.sum())

    def tally(self) -> Tally:
        wins, losses, ties, both_bad = (self.repeats @ self.table).tolist()
        known = self.identical | (self.table.sum(axis=1) > 0)
        return Tally(
            examples=int(self.repeats[known].sum()),
            votes=wins + losses + ties + both_bad,
            wins=wins,
            ties=ties,
            both_bad=both_bad,
            losses=losses,
            identical=int(self.repeats[self.identical].sum()),
        )

    def votes_by_example(self) -> Ints:
        """Votes on each comparison in the categories baseline, tie of either kind, candidate; int (n, 3)."""
        return np.repeat(in_categories(self.table), self.repeats, axis=0)


def counts_of(rows: Iterable[tuple[Any, ...]]) -> Counts:
    """From rows of wins, losses, ties, both_bad, identical, complete, repeats."""
    found = list(rows)
    numbers = np.array([row[:4] for row in found], dtype=np.int64).reshape(-1, 4)
    return Counts(
        table=numbers,
        identical=np.array([row[4] for row in found], dtype=np.bool_),
        complete=np.array([row[5] for row in found], dtype=np.bool_),
        repeats=np.array([row[6] for row in found], dtype=np.int64),
    )


def end_of_complete(evaluation: Evaluation) -> int | None:
    """The queue's first place that still waits for a vote; None where every vote is in.

    Hard examples finish late: what is finished behind it would favour the easy ones, so it does not count yet.
    """
    waiting = Assignment.objects.filter(evaluation=evaluation, voted=False).order_by("position")
    return waiting.values_list("position", flat=True).first()


def in_beginning(end: int | None) -> Case:
    """Whether a comparison, or a turn at one, stands before that place: it counts while people watch."""
    condition = Q(position__lt=end) if end is not None else Q(position__gte=0)
    return Case(When(condition, then=Value(True)), default=Value(False), output_field=BooleanField())


def counted(found: QuerySet[Comparison], *by: str, end: int | None) -> dict[tuple[Any, ...], Counts]:
    """Comparisons that are voted on, by the values of some columns."""
    rows = (
        found.filter(VOTED_ON)
        .order_by()
        .annotate(complete=in_beginning(end))
        .values_list(*by, *COLUMNS, "identical", "complete")
        .annotate(repeats=Count("pk"))
    )
    groups: dict[tuple[Any, ...], list[tuple[Any, ...]]] = {}
    for row in rows:
        groups.setdefault(row[: len(by)], []).append(row[len(by) :])
    return {names: counts_of(some) for names, some in groups.items()}


def _by_name(groups: Mapping[tuple[Any, ...], Counts]) -> dict[str, Counts]:
    """Of one column that names intents: by name, "untagged" last."""
    named = {name if name is not None else UNTAGGED: counts for (name,), counts in groups.items()}
    return {name: named[name] for name in sorted(named, key=lambda name: (name == UNTAGGED, name))}


def counts_by_intent(evaluation: Evaluation, end: int | None) -> dict[str, Counts]:
    """By primary intent: every comparison that is voted on is in one of them."""
    return _by_name(counted(evaluation.comparisons.all(), "intent", end=end))


def counts_by_tag(evaluation: Evaluation, end: int | None) -> dict[str, Counts]:
    """By every tag: a comparison may be in several. "untagged" last."""
    return _by_name(counted(evaluation.comparisons.all(), "example__tags__name", end=end))


def together(groups: Iterable[Counts]) -> Counts:
    """All comparisons of groups that have none in common."""
    some = list(groups)
    if not some:
        return counts_of([])
    return Counts(
        table=np.concatenate([one.table for one in some]),
        identical=np.concatenate([one.identical for one in some]),
        complete=np.concatenate([one.complete for one in some]),
        repeats=np.concatenate([one.repeats for one in some]),
    )


@dataclass(frozen=True)
class Moments:
    """Scores of the complete beginning, counted at moments along the queue.

    examples: int (M,), seen by then. values: float (U,), the scores there are. counts: int (M, G, U), how often each
    had occurred in each intent by then.
    """

    examples: Ints
    values: Floats
    counts: Ints


def counts_by_moment(evaluation: Evaluation, intents: list[str], end: int | None) -> Moments:
    """The way the complete beginning came in, for a path; `intents` in the plan's order."""
    moments = max(2, min(MOST_MOMENTS, MOST_CELLS // max(len(intents), 1)))
    found = evaluation.comparisons.filter(VOTED_ON, intent__in=intents)
    if end is not None:
        found = found.filter(position__lt=end)
    last = found.order_by("-position").values_list("position", flat=True).first()
    if last is None:
        return Moments(np.zeros(0, np.int64), np.zeros(0), np.zeros((0, len(intents), 0), np.int64))
    width = max(1, -(-(last + 1) // moments))
    # half points and votes tell a score; grouped by them there are a few rows where ways to come out are many
    number = {name: index for index, name in enumerate(intents)}
    rows = (
        found.order_by()
        .annotate(
            moment=F("position") / Value(width, output_field=IntegerField()),
            points=Case(
                When(identical=True, then=Value(1)), default=2 * F("wins") + F("ties") + F("both_bad")
            ),
            votes=Case(When(identical=True, then=Value(1)), default=CAST),
        )
        .values_list("intent", "moment", "points", "votes")
        .annotate(repeats=Count("pk"))
    )
    table = np.array([(number[intent], *numbers) for intent, *numbers in rows], dtype=np.int64)
    place, moment, points, votes, repeats = table.T
    values, which = np.unique(points / (2 * votes), return_inverse=True)
    steps, step = np.unique(moment, return_inverse=True)
    counts = np.zeros((steps.size, len(intents), values.size), dtype=np.int64)
    np.add.at(counts, (step, place, which), repeats)
    counts = np.cumsum(counts, axis=0)
    return Moments(counts.sum(axis=(1, 2)), values, counts)
