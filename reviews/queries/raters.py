"""How far an evaluation's reviewers can be relied on. Votes are counted by the database, in as many rows as there are
ways to come out; nothing here is read once a vote.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from django.core.cache import cache
from django.db.models import Count, Sum
from django.db.models.functions import Length

from reviews.models import Assignment, Evaluation, HiddenCheck, ReviewerTally
from reviews.queries.counts import CODES, COLUMNS, VOTED_ON, end_of_complete, in_beginning
from reviews.queries.figures import extended_to, judgements
from reviews.queries.gate import plan_of
from reviews.queries.hidden_checks import hidden_checks
from reviews.queries.plans import frozen_plan
from reviews.queries.statements import rows
from reviews.queries.win_rates import position_effect
from reviews.stats.agreement_intervals import AgreementIntervals, agreement_intervals
from reviews.stats.choices import Bools, Ints
from reviews.stats.counted import CountedExamples, CountedVotes, examples_of, in_categories
from reviews.stats.gate import Measured, verdict_of_counts
from reviews.stats.gate_evidence import Verdict
from reviews.stats.gate_plan import GatePlan
from reviews.stats.leave_one_out import ScoresWithout, Without, examples_without, leave_one_out_counted
from reviews.stats.position_bias import PositionBias
from reviews.stats.screening import Checks, Pace, Screening, screen_counted
from reviews.stats.style import StyleAdjusted, style_adjusted
from reviews.stats.tally import example_scores
from reviews.stats.win_rate import WinRate, win_rate

KEPT_FOR = 24 * 3600
# so many votes are worked out while the page is waited for
FEW = 5000
BATCH = 10_000

# exact, and of any number of votes: no median is built into SQLite
MEDIANS = """
SELECT reviewer_id, AVG(seconds), MAX(votes) FROM (
  SELECT a.reviewer_id, v.seconds, COUNT(*) OVER (PARTITION BY a.reviewer_id) AS votes,
    ROW_NUMBER() OVER (PARTITION BY a.reviewer_id ORDER BY v.seconds) AS place
  FROM reviews_assignment a JOIN reviews_vote v ON v.assignment_id = a.id
  WHERE a.evaluation_id = %(evaluation)s AND a.voted AND v.seconds IS NOT NULL
) timed WHERE place = (votes + 1) / 2 OR place = (votes + 2) / 2 GROUP BY reviewer_id
"""


@dataclass(frozen=True)
class LeftOut:
    """The figures without one reviewer. verdict: of the gate; None where no plan is frozen."""

    without: Without
    verdict: Verdict | None


@dataclass(frozen=True)
class Raters:
    """Everything about an evaluation's reviewers that is worked out of their votes.

    win_rate: of every example with a vote. verdict: of the gate with everyone. style: of the examples of win_rate.
    """

    agreement: AgreementIntervals
    by_intent: dict[str, AgreementIntervals]
    position: PositionBias
    screening: list[Screening]
    win_rate: WinRate
    verdict: Verdict | None
    left_out: list[LeftOut]
    style: StyleAdjusted


def raters(evaluation: Evaluation) -> Raters:
    """Kept until a vote, an answer to a hidden check or the plan's extension changes it."""
    key = _key(evaluation)
    found: Raters | None = cache.get(key)
    if found is None:
        found = _raters(evaluation)
        cache.set(key, found, KEPT_FOR)
    return found


def is_at_hand(evaluation: Evaluation) -> bool:
    """Whether `raters` takes no time worth a second request."""
    return votes_of(evaluation) <= FEW or _key(evaluation) in cache


def votes_of(evaluation: Evaluation) -> int:
    return ReviewerTally.objects.filter(evaluation=evaluation).aggregate(votes=Sum("votes"))["votes"] or 0


def _key(evaluation: Evaluation) -> str:
    checked = HiddenCheck.objects.filter(evaluation=evaluation).exclude(answer="").count()
    return f"raters:{evaluation.pk}:{judgements(evaluation)}:{checked}:{extended_to(evaluation)}"


def _raters(evaluation: Evaluation) -> Raters:
    counted = _counted(evaluation)
    votes, examples = counted.votes, counted.examples
    verdicts = Verdicts.of(evaluation, counted)
    return Raters(
        agreement=_agreement(examples),
        by_intent={
            name: _agreement(kept(examples, examples.group == place))
            for place, name in enumerate(counted.intents)
        },
        position=position_effect(evaluation),
        screening=screen_counted(votes, examples, _pace(evaluation), _checks(evaluation)),
        win_rate=win_rate(np.repeat(examples.scores, examples.times)),
        verdict=verdicts.with_everyone() if verdicts else None,
        left_out=[
            LeftOut(without, verdicts.without(without.reviewer) if verdicts else None)
            for without in leave_one_out_counted(votes, examples)
        ],
        style=_style(evaluation),
    )


def _agreement(examples: CountedExamples) -> AgreementIntervals:
    return agreement_intervals(in_categories(examples.table), times=examples.times)


@dataclass(frozen=True)
class CountedEvaluation:
    """All votes and the examples they are of; groups are places in `intents`. complete: of rows of votes."""

    intents: list[str]
    votes: CountedVotes
    complete: Bools
    examples: CountedExamples
    complete_examples: CountedExamples


def _counted(evaluation: Evaluation) -> CountedEvaluation:
    """By one statement, so that examples and votes are of one moment; and identical texts that nobody voted on."""
    end = end_of_complete(evaluation)
    of_comparison = [f"comparison__{column}" for column in (*COLUMNS, "identical", "intent")]
    cast = list(
        Assignment.objects.filter(evaluation=evaluation, voted=True)
        .order_by()
        .annotate(complete=in_beginning(end))
        .values_list("reviewer", "vote__choice", "candidate_on_left", *of_comparison, "complete")
        .annotate(times=Count("pk"))
    )
    same = list(
        evaluation.comparisons.filter(identical=True, wins=0, losses=0, ties=0, both_bad=0)
        .order_by()
        .annotate(complete=in_beginning(end))
        .values_list("intent", "complete")
        .annotate(times=Count("pk"))
    )
    names = sorted({row[8] for row in cast} | {row[0] for row in same})
    place = {name: index for index, name in enumerate(names)}
    numbers = np.array(
        [
            (who, CODES[choice], left, *counts, place[intent], complete, times)
            for who, choice, left, *counts, intent, complete, times in cast
        ],
        dtype=np.int64,
    ).reshape(-1, 11)
    votes = CountedVotes(
        reviewer=numbers[:, 0],
        choice=numbers[:, 1],
        candidate_left=numbers[:, 2].astype(np.bool_),
        table=numbers[:, 3:7],
        identical=numbers[:, 7].astype(np.bool_),
        group=numbers[:, 8],
        times=numbers[:, 10],
    )
    complete = numbers[:, 9].astype(np.bool_)
    return CountedEvaluation(
        intents=names,
        votes=votes,
        complete=complete,
        examples=_with_same(examples_of(votes), [(place[name], times) for name, _known, times in same]),
        complete_examples=_with_same(
            examples_of(kept(votes, complete)), [(place[name], times) for name, known, times in same if known]
        ),
    )


def _with_same(examples: CountedExamples, same: list[tuple[int, int]]) -> CountedExamples:
    more = np.array(same, dtype=np.int64).reshape(-1, 2)
    return CountedExamples(
        table=np.concatenate([examples.table, np.zeros((len(same), 4), np.int64)]),
        identical=np.concatenate([examples.identical, np.ones(len(same), np.bool_)]),
        group=np.concatenate([examples.group, more[:, 0]]),
        times=np.concatenate([examples.times, more[:, 1]]),
    )


def kept[Counted: (CountedVotes, CountedExamples)](counted: Counted, these: Bools) -> Counted:
    """Some of the rows."""
    return type(counted)(**{name: column[these] for name, column in vars(counted).items()})


@dataclass(frozen=True)
class Verdicts:
    """The gate with and without a reviewer, by the examples in the beginning of the queue that have all their votes.

    What only that reviewer judged is left out of it: it would be waited for otherwise.
    """

    plan: GatePlan
    measured: Measured
    extended_to: int | None
    place: Ints
    examples: CountedExamples
    votes: CountedVotes

    @classmethod
    def of(cls, evaluation: Evaluation, counted: CountedEvaluation) -> Verdicts | None:
        plan = plan_of(evaluation)
        if plan is None:
            return None
        frozen = frozen_plan(plan)
        planned = {intent.name: place for place, intent in enumerate(frozen.intents)}
        return cls(
            plan=frozen,
            measured=Measured(**plan.measured),
            extended_to=plan.extended_to,
            place=np.array([planned.get(name, -1) for name in counted.intents], dtype=np.int64),
            examples=counted.complete_examples,
            votes=kept(counted.votes, counted.complete),
        )

    def with_everyone(self) -> Verdict:
        examples = self.examples
        return self._verdict(ScoresWithout(examples.scores, examples.group, examples.times))

    def without(self, reviewer: int) -> Verdict:
        return self._verdict(examples_without(self.votes, self.examples, reviewer))

    def _verdict(self, left: ScoresWithout) -> Verdict:
        place = self.place[left.group]
        planned = place >= 0
        values, which = np.unique(left.scores[planned], return_inverse=True)
        counts = np.zeros((len(self.plan.intents), values.size), dtype=np.int64)
        np.add.at(counts, (place[planned], which), left.times[planned])
        return verdict_of_counts(self.plan, values, counts, self.measured, self.extended_to)


def _pace(evaluation: Evaluation) -> dict[int, Pace]:
    return {
        int(reviewer): Pace(float(seconds), int(votes))
        for reviewer, seconds, votes in rows(MEDIANS, {"evaluation": evaluation.pk})
    }


def _checks(evaluation: Evaluation) -> dict[tuple[int, str], Checks]:
    return {
        (one.reviewer.pk, kind): Checks(outcome.answered, outcome.missed)
        for one in hidden_checks(evaluation)
        for kind, outcome in one.kinds
        if outcome.answered
    }


def _style(evaluation: Evaluation) -> StyleAdjusted:
    """At equal length, in characters: tokens of two models are not the same thing."""
    found = (
        evaluation.comparisons.filter(VOTED_ON)
        .order_by()
        .values_list(
            *COLUMNS, "identical", Length("candidate_response__text") - Length("baseline_response__text")
        )
    )
    numbers = np.concatenate(
        [
            np.zeros((0, 6), np.int64),
            *(np.array(some, dtype=np.int64) for some in _batches(found.iterator(BATCH))),
        ]
    )
    scores = example_scores(numbers[:, :4], numbers[:, 4].astype(np.bool_))
    return style_adjusted(scores, numbers[:, 5])


def _batches(found: Iterable[tuple[int, ...]]) -> Iterator[list[tuple[int, ...]]]:
    some: list[tuple[int, ...]] = []
    for row in found:
        some.append(row)
        if len(some) == BATCH:
            yield some
            some = []
    if some:
        yield some
