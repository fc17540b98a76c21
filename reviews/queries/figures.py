"""Everything a dashboard shows of the votes, computed at most once a second however many are watching.

`stamp` says which votes it is of. Votes keep it in sums of their own, so that asking whether anything changed costs
the same after a million of them.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

from django.core.cache import cache
from django.db.models import Sum

from reviews.models import Evaluation, EvaluationPlan, ReviewerTally
from reviews.queries.counts import counts_by_intent, counts_by_tag, end_of_complete
from reviews.queries.gate import Gated, gate_of, path_now, plan_of
from reviews.queries.progress import VotingProgress, voting_progress
from reviews.queries.win_rates import WinRates, win_rates_of
from reviews.stats.gate_path import Path

FRESH_SECONDS = 1.0
KEPT_SECONDS = 24 * 3600
# nobody waits longer for somebody else's computing than it would take to compute
LOCKED_SECONDS = 30


@dataclass(frozen=True)
class Figures:
    stamp: str
    at: float
    progress: VotingProgress
    rates: WinRates
    gated: Gated | None
    path: Path | None


def stamp_of(evaluation: Evaluation) -> str:
    """Another one whenever a vote was cast, changed or taken back, or the evaluation's state moved."""
    return f"{judgements(evaluation)}-{evaluation.status}-{extended_to(evaluation)}"


def judgements(evaluation: Evaluation) -> int:
    """Votes cast, changed and taken back in it: another number whenever a figure may be another one."""
    tallies = ReviewerTally.objects.filter(evaluation=evaluation)
    return tallies.aggregate(all=Sum("judgements"))["all"] or 0


def extended_to(evaluation: Evaluation) -> int:
    """Examples that voting was extended to; 0 where it was not."""
    plans = EvaluationPlan.objects.filter(evaluation=evaluation)
    return plans.values_list("extended_to", flat=True).first() or 0


def state_of(stamp: str) -> str:
    return stamp.partition("-")[2]


def figures(evaluation: Evaluation) -> Figures:
    """Of this moment, or of one at most a second ago; while someone else computes, what they had before."""
    key = f"figures:{evaluation.pk}"
    stamp = stamp_of(evaluation)
    known: Figures | None = cache.get(key)
    # votes may be a second late; that voting was closed or extended may not
    is_of_now = known is not None and state_of(known.stamp) == state_of(stamp)
    if known is not None and is_of_now:
        if known.stamp == stamp or time.time() - known.at < FRESH_SECONDS:
            return known
        if not cache.add(f"{key}:locked", 1, LOCKED_SECONDS):
            return known
    try:
        found = computed(evaluation, stamp)
        cache.set(key, found, KEPT_SECONDS)
    finally:
        cache.delete(f"{key}:locked")
    return found


def computed(evaluation: Evaluation, stamp: str = "") -> Figures:
    """Without a look at what was computed before."""
    at, end = time.time(), end_of_complete(evaluation)
    by_intent, by_tag = counts_by_intent(evaluation, end), counts_by_tag(evaluation, end)
    plan = plan_of(evaluation)
    gated = gate_of(plan, by_intent) if plan is not None else None
    return Figures(
        stamp=stamp,
        at=at,
        progress=voting_progress(evaluation),
        rates=win_rates_of(evaluation, by_intent, by_tag),
        gated=gated,
        path=path_now(evaluation, gated.plan, end) if gated is not None else None,
    )
