"""What waits for one reviewer, how long it takes them, and what became of what they judged. No figure of a result."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.contrib.auth.models import User

from reviews.models import Evaluation, HiddenCheck, ReviewerTally, Vote
from reviews.queries.claiming import standing
from reviews.queries.days import midnight
from reviews.queries.eligibility import dealt, evaluations_for, languages_of
from reviews.queries.progress import ReviewerProgress, open_evaluations, reviewer_progress
from reviews.stats.pace import pace

# as many of the newest votes tell how fast someone is; those of a few evaluations are among them
NEWEST = 200
CLOSED_SHOWN = 5


@dataclass(frozen=True)
class ReviewerWork:
    """An evaluation a reviewer may vote in. `pace`: seconds a vote of theirs takes; None: too few to say."""

    evaluation_id: int
    name: str
    progress: ReviewerProgress
    pace: float | None = None

    @property
    def seconds_left(self) -> float | None:
        return None if self.pace is None else self.pace * self.progress.left


@dataclass(frozen=True)
class ClosedWork:
    """An evaluation that was closed, in which a reviewer voted. `judged`: pairs, as they count them."""

    evaluation_id: int
    name: str
    judged: int
    closed_at: datetime
    closed_by: User | None


@dataclass(frozen=True)
class ReviewerHome:
    """`waiting`: something is left for them; `finished`: open, with all they could judge judged.

    `ask_languages`: those to choose from, of a person who has not said what they read while it matters.
    """

    waiting: list[ReviewerWork]
    finished: list[ReviewerWork]
    closed: list[ClosedWork]
    ask_languages: list[str]
    judged_today: int

    @property
    def left(self) -> int:
        return sum(work.progress.left for work in self.waiting)

    @property
    def seconds_left(self) -> float | None:
        """Of all that waits; None where it is not known of a part."""
        each = [work.seconds_left for work in self.waiting]
        return None if None in each else sum(seconds for seconds in each if seconds is not None)


@dataclass(frozen=True)
class EndOfVoting:
    """Nothing is left for a reviewer in one evaluation. `elsewhere`: where they are waited for."""

    closed_at: datetime | None
    closed_by: User | None
    elsewhere: ReviewerWork | None
    ask_languages: list[str]


def reviewer_home(reviewer: User) -> ReviewerHome:
    work = work_for_reviewer(reviewer)
    return ReviewerHome(
        waiting=[one for one in work if one.progress.left],
        finished=[one for one in work if not one.progress.left],
        closed=_closed_work(reviewer),
        ask_languages=languages_to_ask(reviewer),
        judged_today=_judged_today(reviewer),
    )


def work_for_reviewer(reviewer: User) -> list[ReviewerWork]:
    """The evaluations a reviewer may vote in, those with something left first; names and counts only."""
    if not reviewer.has_perm("reviews.cast_vote"):
        return []
    evaluations = list(evaluations_for(reviewer, open_evaluations()))
    paces = _paces(reviewer, [evaluation.pk for evaluation in evaluations])
    work = [
        ReviewerWork(
            evaluation.pk, evaluation.name, reviewer_progress(evaluation, reviewer), paces[evaluation.pk]
        )
        for evaluation in evaluations
    ]
    return sorted(work, key=lambda item: item.progress.left == 0)


def end_of_voting(evaluation: Evaluation, reviewer: User) -> EndOfVoting:
    others = (one for one in work_for_reviewer(reviewer) if one.evaluation_id != evaluation.pk)
    return EndOfVoting(
        closed_at=evaluation.closed_at,
        closed_by=evaluation.closed_by,
        elsewhere=next((one for one in others if one.progress.left), None),
        ask_languages=languages_to_ask(reviewer),
    )


def languages_to_ask(reviewer: User) -> list[str]:
    """What a person who said nothing could say they read; none where no text that waits for them has a language."""
    if languages_of(reviewer):
        return []
    used = {
        lang
        for evaluation in evaluations_for(reviewer, open_evaluations())
        for lang in dealt(evaluation).languages
        if lang
    }
    return sorted({*used, *dict(settings.LANGUAGES)}) if used else []


def _paces(reviewer: User, evaluations: Iterable[int]) -> dict[int, float | None]:
    """Their pace in each evaluation; where they are new to it, that of all they judged lately."""
    newest = (
        Vote.objects.filter(assignment__reviewer=reviewer, seconds__isnull=False)
        .order_by("-cast_at")
        .values_list("assignment__evaluation", "seconds")[:NEWEST]
    )
    taken: dict[int, list[float]] = defaultdict(list)
    for evaluation, seconds in newest:
        taken[evaluation].append(seconds or 0.0)
    of_all = pace([seconds for some in taken.values() for seconds in some])
    return {pk: here if (here := pace(taken[pk])) is not None else of_all for pk in evaluations}


def _judged_today(reviewer: User) -> int:
    """With hidden checks, which are pairs like any other to who judges them: a number without them would tell."""
    votes = Vote.objects.filter(assignment__reviewer=reviewer, cast_at__gte=midnight())
    checks = HiddenCheck.objects.filter(reviewer=reviewer, answered_at__gte=midnight()).exclude(answer="")
    return votes.count() + checks.count()


def _closed_work(reviewer: User) -> list[ClosedWork]:
    """The newest that were closed. What they judged stays theirs to see, invited or not."""
    mine = ReviewerTally.objects.filter(reviewer=reviewer, votes__gt=0).values("evaluation")
    closed = Evaluation.objects.filter(pk__in=mine, closed_at__isnull=False).select_related("closed_by")
    newest = closed.order_by("-closed_at", "-pk")[:CLOSED_SHOWN]
    return [
        ClosedWork(one.pk, one.name, standing(one, reviewer).judged, one.closed_at, one.closed_by)
        for one in newest
        if one.closed_at is not None
    ]
