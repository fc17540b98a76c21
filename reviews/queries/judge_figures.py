"""What a judge's verdicts say beside people's votes. They are never counted among them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from django.db.models import Q
from django.db.models.functions import Length

from models_registry.models.golden_set import UNTAGGED
from reviews.models import Comparison, Judge
from reviews.queries.comparisons import comparisons
from reviews.queries.counts import CODES, COLUMNS, VOTED_ON, end_of_complete
from reviews.stats.agreement import CATEGORY, percent_agreement
from reviews.stats.choices import VOTE_SCORES, Bools, Ints
from reviews.stats.counted import in_categories
from reviews.stats.judge import (
    JudgeAgreement,
    LengthPreference,
    SwapConsistency,
    judge_agreement,
    length_preference,
    swap_consistency,
)
from reviews.stats.prediction_powered import PredictionPowered, prediction_powered
from reviews.stats.tally import example_scores
from reviews.stats.win_rate import WinRate, win_rate

JUDGED = ("pk", "votes", "position", "score")
# from here on a judge says another thing than people, and not only a tie where they are torn
LEAST_APART = 0.5


@dataclass(frozen=True)
class IntentAgreement:
    intent: str
    agreement: JudgeAgreement


@dataclass(frozen=True)
class JudgeFigures:
    """`judged`: comparisons with a verdict in both orders, which all is of. `alone`: the judge's own win rate.

    `among_people`: how often two votes on one example say the same, on those that judge and people both have.
    `estimate`: people's votes sharpened by the verdicts, with the plain figure of the same examples beside it.
    """

    judged: int
    agreement: JudgeAgreement
    among_people: float | None
    by_intent: list[IntentAgreement]
    consistency: SwapConsistency
    length: LengthPreference
    alone: WinRate
    estimate: PredictionPowered


def judge_figures(judge: Judge) -> JudgeFigures:
    """In a number of queries that does not grow; a row each comparison and verdict, and no text."""
    evaluation = judge.evaluation
    orders = _codes_in_both_orders(judge)
    # what is left out of the vote is no part of what people are compared on
    compared = evaluation.comparisons.filter(VOTED_ON) if evaluation.opened_at else evaluation.comparisons
    rows = list(
        compared.order_by("position").values_list(
            "pk",
            "position",
            "intent",
            "identical",
            *COLUMNS,
            Length("candidate_response__text") - Length("baseline_response__text"),
        )
    )
    pks = [row[0] for row in rows]
    intents = np.array([row[2] or UNTAGGED for row in rows], dtype=object)
    identical = np.array([row[3] for row in rows], dtype=np.bool_)
    votes = np.array([row[4:8] for row in rows], dtype=np.int64).reshape(-1, 4)
    longer = np.sign(np.array([row[8] or 0 for row in rows], dtype=np.int64))
    verdicts = np.array([orders.get(pk, (-1, -1)) for pk in pks], dtype=np.int64).reshape(-1, 2)
    judged = verdicts[:, 0] >= 0
    scores = example_scores(votes, identical)
    judged_scores = np.full(len(rows), np.nan)
    judged_scores[judged] = VOTE_SCORES[verdicts[judged]].mean(axis=1)
    both = judged & (votes.sum(axis=1) > 0)
    people_table, judge_table = in_categories(votes), _verdict_table(verdicts)
    # what both models answered alike is a tie to anyone; nobody was asked
    known = np.where(identical, 0.5, judged_scores)
    labelled = ~np.isnan(scores)
    if not evaluation.closed_at:
        labelled = _in_beginning([row[1] for row in rows], end_of_complete(evaluation))
    return JudgeFigures(
        judged=int(judged.sum()),
        agreement=judge_agreement(people_table[both], judge_table[both]),
        among_people=percent_agreement(people_table[both]),
        by_intent=[
            IntentAgreement(str(name), judge_agreement(people_table[chosen], judge_table[chosen]))
            for name in sorted(set(intents[both]), key=lambda name: (name == UNTAGGED, name))
            for chosen in [both & (intents == name)]
        ],
        consistency=swap_consistency(verdicts[judged, 0], verdicts[judged, 1]),
        length=length_preference(scores[both], judged_scores[both], longer[both]),
        alone=win_rate(judged_scores),
        estimate=prediction_powered(scores[labelled], known[labelled], known[~labelled]),
    )


def _codes_in_both_orders(judge: Judge) -> dict[int, tuple[int, int]]:
    """By comparison: the verdict where the candidate stood first, and the one where the baseline did."""
    read = judge.verdicts.exclude(choice="").order_by().values_list("comparison", "candidate_first", "choice")
    found: dict[int, dict[bool, int]] = {}
    for comparison, candidate_first, choice in read:
        found.setdefault(comparison, {})[candidate_first] = CODES[choice]
    return {pk: (codes[True], codes[False]) for pk, codes in found.items() if len(codes) == 2}


def _in_beginning(positions: Sequence[int], end: int | None) -> Bools:
    """What counts while votes come in. What is voted on behind it waits: hard examples finish late."""
    return np.array([end is None or position < end for position in positions], dtype=np.bool_)


def _verdict_table(verdicts: Ints) -> Ints:
    table = np.zeros((len(verdicts), 3), dtype=np.int64)
    for order in verdicts.T:
        told = order >= 0
        np.add.at(table, (np.flatnonzero(told), CATEGORY[order[told]]), 1)
    return table


@dataclass(frozen=True)
class Said:
    """A verdict in one order, with its rationale."""

    candidate_first: bool
    choice: str
    rationale: str


@dataclass(frozen=True)
class Difference:
    """A comparison on which judge and people say other things: how far apart their scores are, of 1."""

    comparison: Comparison
    people: float
    judge: float
    said: list[Said]

    @property
    def apart(self) -> float:
        return abs(self.people - self.judge)


def differences(judge: Judge, most: int) -> list[Difference]:
    """Where judge and people differ most, those with most votes first among equals."""
    orders = _codes_in_both_orders(judge)
    voted = comparisons(judge.evaluation).filter(Q(votes__gt=0), identical=False)
    found = []
    for pk, votes, position, people in voted.values_list(*JUDGED):
        if pk in orders:
            judged = float(VOTE_SCORES[list(orders[pk])].mean())
            found.append((abs(people - judged), votes, -position, pk, people, judged))
    chosen = [one for one in sorted(found, reverse=True) if one[0] >= LEAST_APART][:most]
    pks = [one[3] for one in chosen]
    shown = Comparison.objects.select_related("example").in_bulk(pks)
    said: dict[int, list[Said]] = {}
    for verdict in judge.verdicts.filter(comparison__in=pks).order_by("-candidate_first"):
        said.setdefault(verdict.comparison_id, []).append(
            Said(verdict.candidate_first, verdict.choice, verdict.rationale)
        )
    return [
        Difference(shown[pk], people, judged, said[pk])
        for _apart, _votes, _position, pk, people, judged in chosen
    ]
