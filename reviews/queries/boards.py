"""All evaluations of a golden set together: who beats whom, one scale for all, and the same pair over time."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from django.db.models import Count, Min
from scipy.special import expit

from models_registry.models import GoldenSet, ModelVersion
from reviews.models import Assignment, Comparison, Evaluation, EvaluationPlan
from reviews.queries.counts import COLUMNS, VOTED_ON, Bools, Counts, Floats
from reviews.queries.gate import Gated, gate_of
from reviews.queries.win_rates import LEVEL, Estimate, rows_of
from reviews.stats.bradley_terry import Rated, bradley_terry
from reviews.stats.drift import Drift, drift
from reviews.stats.gate_plan import LEAST_OF_AN_INTENT
from reviews.stats.win_rate import Interval

# comparisons that a board reads; evaluations before them are left out and it says so
MOST_COMPARISONS = 200_000
BRADLEY_TERRY = "Bradley-Terry, sandwich errors by example"
HEAD = ("evaluation", "example__key", "candidate_response", "baseline_response", "intent", "position")

type Pair = tuple[int, int]


@dataclass(frozen=True)
class Judged:
    """One evaluation's comparisons in the order of its queue. `counted`: those that may be read now.

    While people vote these are the first ones whose votes are all in; once it is closed, all with a vote.
    """

    evaluation: Evaluation
    keys: list[str]
    responses: list[Pair]
    intents: list[str]
    counts: Counts

    @property
    def is_watched(self) -> bool:
        return self.evaluation.closed_at is None

    @property
    def pair(self) -> Pair:
        return self.evaluation.candidate_id, self.evaluation.baseline_id

    @property
    def scores(self) -> Floats:
        return self.counts.scores

    @property
    def counted(self) -> Bools:
        known: Bools = ~np.isnan(self.scores)
        return known & self.counts.complete if self.is_watched else known

    def by_intent(self) -> dict[str, Counts]:
        names = np.array(self.intents)
        return {name: _some(self.counts, names == name) for name in dict.fromkeys(self.intents)}


@dataclass(frozen=True)
class Beats:
    """Win rate of one model against another in the latest evaluation of the two."""

    evaluation: Evaluation
    estimate: Estimate

    @property
    def insufficient(self) -> bool:
        return self.estimate.examples < LEAST_OF_AN_INTENT


@dataclass(frozen=True)
class Placed:
    """A model on the scale; `estimate`: of its win rate against an average model of its group."""

    version: ModelVersion
    rank: int
    rated: Rated
    examples: int
    estimate: Estimate

    @property
    def insufficient(self) -> bool:
        """Errors by example are too small where there are but few examples."""
        return self.examples < LEAST_OF_AN_INTENT


@dataclass(frozen=True)
class Attempt:
    """`drift`: against the attempt before, on the examples that both judged; None where they are under two."""

    evaluation: Evaluation
    estimate: Estimate
    gated: Gated | None
    drift: Drift | None
    drifted: list[str]


@dataclass(frozen=True)
class Board:
    """`groups`: models that can be placed on one scale, each with its own; `lonely`: those that fit on none.

    `matrix`: {(model, other): …} in both directions. `over_time`: pairs that were evaluated more than once.
    """

    versions: list[ModelVersion]
    groups: list[list[Placed]]
    lonely: list[ModelVersion]
    matrix: dict[Pair, Beats]
    over_time: list[list[Attempt]]
    evaluations: int
    left_out: int

    @property
    def is_connected(self) -> bool:
        return len(self.groups) + len(self.lonely) <= 1


def board(golden_set: GoldenSet) -> Board:
    evaluations = list(
        Evaluation.objects.filter(golden_set_version__golden_set=golden_set, opened_at__isnull=False)
        .select_related("candidate__model", "baseline__model", "golden_set_version__golden_set")
        .order_by("started_at", "pk")
    )
    read = _newest(evaluations)
    judged = _judged(read)
    rows = rows_of([one.counts for one in judged]) if judged else []
    estimates = {
        one.evaluation.pk: row.estimate(watched=one.is_watched) for one, row in zip(judged, rows, strict=True)
    }
    versions = {version.pk: version for one in read for version in (one.candidate, one.baseline)}
    groups, lonely = _leaderboard(judged, versions)
    ranked = [placed.version for group in groups for placed in group] + lonely
    return Board(
        versions=ranked,
        groups=groups,
        lonely=lonely,
        matrix=_matrix(judged, estimates),
        over_time=_over_time(judged, estimates),
        evaluations=len(read),
        left_out=len(evaluations) - len(read),
    )


def _newest(evaluations: Sequence[Evaluation]) -> list[Evaluation]:
    """As many of the newest as a board reads, the oldest first."""
    sizes = dict(
        Comparison.objects.filter(evaluation__in=evaluations)
        .order_by()
        .values_list("evaluation")
        .annotate(size=Count("pk"))
    )
    read: list[Evaluation] = []
    left = MOST_COMPARISONS
    for evaluation in reversed(evaluations):
        left -= sizes.get(evaluation.pk, 0)
        if left < 0 and read:
            break
        read.append(evaluation)
    return read[::-1]


def _judged(evaluations: Sequence[Evaluation]) -> list[Judged]:
    waiting = Assignment.objects.filter(evaluation__in=evaluations, voted=False).order_by()
    ends = dict(waiting.values_list("evaluation").annotate(end=Min("position")))
    rows: dict[int, list[tuple[Any, ...]]] = defaultdict(list)
    found = Comparison.objects.filter(VOTED_ON, evaluation__in=evaluations).order_by("evaluation", "position")
    for evaluation, *row in found.values_list(*HEAD, *COLUMNS, "identical").iterator(chunk_size=5000):
        rows[evaluation].append(tuple(row))
    return [_one(evaluation, rows[evaluation.pk], ends.get(evaluation.pk)) for evaluation in evaluations]


def _one(evaluation: Evaluation, rows: Sequence[tuple[Any, ...]], end: int | None) -> Judged:
    positions = np.array([row[4] for row in rows], dtype=np.int64)
    return Judged(
        evaluation=evaluation,
        keys=[row[0] for row in rows],
        responses=[(row[1], row[2]) for row in rows],
        intents=[row[3] for row in rows],
        counts=Counts(
            table=np.array([row[5:9] for row in rows], dtype=np.int64).reshape(-1, 4),
            identical=np.array([row[9] for row in rows], dtype=np.bool_),
            complete=positions < end if end is not None else np.ones(len(rows), dtype=np.bool_),
            repeats=np.ones(len(rows), dtype=np.int64),
        ),
    )


def _some(counts: Counts, chosen: Bools) -> Counts:
    return Counts(
        counts.table[chosen], counts.identical[chosen], counts.complete[chosen], counts.repeats[chosen]
    )


# --- one scale ---------------------------------------------------------------------------------------------------


def _leaderboard(
    judged: Iterable[Judged], versions: Mapping[int, ModelVersion]
) -> tuple[list[list[Placed]], list[ModelVersion]]:
    """Models best first, those that can be compared together; and those that can be compared with none."""
    numbers: dict[str, int] = {}
    first: list[int] = []
    second: list[int] = []
    examples: list[int] = []
    scores: list[float] = []
    seen: dict[int, set[int]] = defaultdict(set)
    for one in judged:
        for place in np.flatnonzero(one.counted).tolist():
            example = numbers.setdefault(one.keys[place], len(numbers))
            first.append(one.pair[0])
            second.append(one.pair[1])
            examples.append(example)
            scores.append(float(one.scores[place]))
            for model in one.pair:
                seen[model].add(example)
    as_numbers = [np.array(column, dtype=np.int64) for column in (first, second, examples)]
    fitted = bradley_terry(as_numbers[0], as_numbers[1], scores, as_numbers[2], LEVEL)
    groups: dict[int, list[Placed]] = defaultdict(list)
    for rated in fitted.models:
        if rated.win_rate is None or rated.low is None or rated.high is None:
            continue
        group = groups[rated.group]
        limits = Interval(float(expit(rated.low)), float(expit(rated.high)), LEVEL, BRADLEY_TERRY)
        group.append(
            Placed(
                version=versions[rated.model],
                rank=len(group) + 1,
                rated=rated,
                examples=len(seen[rated.model]),
                estimate=Estimate(
                    len(seen[rated.model]),
                    rated.win_rate,
                    limits,
                    coloured=len(seen[rated.model]) >= LEAST_OF_AN_INTENT,
                ),
            )
        )
    placed = {one.version.pk for group in groups.values() for one in group}
    lonely = [version for pk, version in versions.items() if pk not in placed]
    return list(groups.values()), sorted(lonely, key=str)


# --- who beats whom ----------------------------------------------------------------------------------------------


def _matrix(judged: Iterable[Judged], estimates: Mapping[int, Estimate]) -> dict[Pair, Beats]:
    """A later evaluation of two models takes the place of an earlier one, whichever of them was the candidate."""
    found: dict[Pair, Beats] = {}
    for one in judged:
        candidate, baseline = one.pair
        estimate = estimates[one.evaluation.pk]
        found[candidate, baseline] = Beats(one.evaluation, estimate)
        found[baseline, candidate] = Beats(one.evaluation, turned(estimate))
    return {
        pair: Beats(beats.evaluation, replace(beats.estimate, coloured=not beats.insufficient))
        for pair, beats in found.items()
    }


def turned(estimate: Estimate) -> Estimate:
    """The same seen from the other side."""
    rate, limits = estimate.win_rate, estimate.interval
    return Estimate(
        estimate.examples,
        None if rate is None else 1 - rate,
        None if limits is None else Interval(1 - limits.high, 1 - limits.low, limits.level, limits.method),
    )


# --- the same pair over time -------------------------------------------------------------------------------------


def _over_time(judged: Iterable[Judged], estimates: Mapping[int, Estimate]) -> list[list[Attempt]]:
    pairs: dict[Pair, list[Judged]] = defaultdict(list)
    for one in judged:
        pairs[one.pair].append(one)
    again = [attempts for attempts in pairs.values() if len(attempts) > 1]
    plans = {
        plan.evaluation_id: plan
        for plan in EvaluationPlan.objects.filter(
            evaluation__in=[one.evaluation.pk for attempts in again for one in attempts],
            frozen_at__isnull=False,
        )
    }
    found = []
    for attempts in again:
        line = []
        for before, one in zip([None, *attempts], attempts, strict=False):
            plan = plans.get(one.evaluation.pk)
            change, drifted = _drift(before, one) if before is not None else (None, [])
            gated = gate_of(plan, one.by_intent()) if plan is not None else None
            line.append(Attempt(one.evaluation, estimates[one.evaluation.pk], gated, change, drifted))
        found.append(line)
    return found


def _drift(before: Judged, after: Judged) -> tuple[Drift | None, list[str]]:
    """On what both judged: the same two responses to the same prompt. And the intents that changed for sure."""
    earlier = {
        before.responses[place]: before.scores[place] for place in np.flatnonzero(before.counted).tolist()
    }
    common = [place for place in np.flatnonzero(after.counted).tolist() if after.responses[place] in earlier]
    if len(common) < 2:
        return None, []
    names = sorted({after.intents[place] for place in common})
    numbers = {name: number for number, name in enumerate(names)}
    found = drift(
        [earlier[after.responses[place]] for place in common],
        [after.scores[place] for place in common],
        np.array([numbers[after.intents[place]] for place in common], dtype=np.int64),
        len(names),
        LEVEL,
    )
    surely = [
        name
        for name, change in zip(names, found.intents, strict=True)
        if change.adjusted_p is not None and change.adjusted_p < 1 - LEVEL
    ]
    return found, surely
