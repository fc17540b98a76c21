"""What reviewers disagree on and a lead settles: kept apart from the votes, and never in the gate."""

from __future__ import annotations

import random
from dataclasses import dataclass

import numpy as np
from django.db.models import Count, Q, QuerySet

from reviews.models import Adjudication, Assignment, Comparison, Evaluation, EvaluationPlan
from reviews.queries.counts import CAST, CODES, COLUMNS, VOTED_ON
from reviews.queries.disagreements import DISAGREED
from reviews.queries.voting import BlindPair, blind_pair
from reviews.stats.choices import VOTE_SCORES
from reviews.stats.tally import example_scores
from reviews.stats.win_rate import WinRate, win_rate


def adjudicates(evaluation: Evaluation) -> bool:
    """Whether its plan lets a lead settle what reviewers disagree on."""
    return EvaluationPlan.objects.filter(evaluation=evaluation, adjudicates=True).exists()


def disputed(evaluation: Evaluation) -> QuerySet[Comparison]:
    """Comparisons that a lead may settle: reviewers disagree, and no vote of theirs is still to come."""
    found = evaluation.comparisons.filter(DISAGREED, identical=False)
    if evaluation.closed_at is None:
        found = found.filter(turns=CAST)
    return found


def to_settle(evaluation: Evaluation) -> QuerySet[Comparison]:
    """Those that nobody settled yet, in the random order of the queue."""
    return disputed(evaluation).filter(adjudication=None).select_related("example").order_by("position")


def adjudication_of(comparison: Comparison) -> Adjudication | None:
    return Adjudication.objects.filter(comparison=comparison).select_related("settled_by").first()


def candidate_on_left(comparison: Comparison) -> bool:
    """The side a lead sees it on: by the evaluation's seed, the same whenever it is looked at."""
    dice = random.Random(f"settle:{comparison.evaluation.seed}:{comparison.pk}")  # noqa: S311 - reproducible on purpose
    return dice.random() < 0.5


def pair_to_settle(comparison: Comparison) -> BlindPair:
    """The pair as a reviewer would see it: texts and sides."""
    turn = Assignment(comparison=comparison, candidate_on_left=candidate_on_left(comparison), ticket="")
    return blind_pair(turn)


@dataclass(frozen=True)
class Adjudicated:
    """The win rate of the votes, and with a lead's verdict in place of the votes of `settled` examples."""

    settled: int
    by_votes: WinRate
    win_rate: WinRate


def adjudicated(evaluation: Evaluation) -> Adjudicated:
    found = list(
        evaluation.comparisons.filter(VOTED_ON | Q(adjudication__isnull=False))
        .order_by()
        .values_list(*COLUMNS, "identical", "adjudication__choice")
        .annotate(times=Count("pk"))
    )
    numbers = np.array([(*row[:5], row[6]) for row in found], dtype=np.int64).reshape(-1, 6)
    votes = example_scores(numbers[:, :4], numbers[:, 4].astype(np.bool_))
    lead = np.array(
        [
            score if row[5] is None else VOTE_SCORES[CODES[row[5]]]
            for row, score in zip(found, votes, strict=True)
        ]
    )
    times = numbers[:, 5]
    return Adjudicated(
        settled=sum(row[6] for row in found if row[5] is not None),
        by_votes=win_rate(np.repeat(votes, times)),
        win_rate=win_rate(np.repeat(lead, times)),
    )
