"""Who votes in an evaluation: what each has done, what they have open, which pairs they skipped. No vote's truth."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime

from django.contrib.auth.models import User
from django.db.models import Count, Max, Q
from django.utils import timezone

from reviews.models import Assignment, Evaluation, ReviewerProfile, ReviewerTally, SkippedTurn, Vote
from reviews.models.evaluation import OpenTo
from reviews.queries.days import midnight
from reviews.queries.eligibility import closed_intents, dealt, invited_reviewers, reads
from reviews.stats.pace import pace

# as many of the newest votes tell how fast someone is
NEWEST = 50


@dataclass(frozen=True)
class Share:
    """What part of an intent's votes that are in one reviewer gave; full: they are given no more of it."""

    intent: str
    votes: int
    share: float
    is_full: bool


@dataclass(frozen=True)
class AtWork:
    """One reviewer of an evaluation. `seconds`: for a vote, by their newest ones; `since`: of the pair they look at.

    `shares`: of each intent they voted on, the largest first.
    """

    reviewer: User
    languages: list[str]
    is_invited: bool
    votes: int
    today: int
    seconds: float | None
    last_vote: datetime | None
    open: int
    since: datetime | None
    skipped: int
    shares: list[Share]

    @property
    def is_here(self) -> bool:
        return self.since is not None

    @property
    def reading_seconds(self) -> float | None:
        return _seconds_since(self.since)

    @property
    def idle_seconds(self) -> float | None:
        return _seconds_since(self.last_vote)

    @property
    def largest(self) -> Share | None:
        return self.shares[0] if self.shares else None


def _seconds_since(when: datetime | None) -> float | None:
    return None if when is None else max(0.0, (timezone.now() - when).total_seconds())


@dataclass(frozen=True)
class Skipped:
    """A pair that someone gave back, and whether nobody is left who could judge it."""

    comparison_id: int
    key: str
    intent: str
    skips: list[SkippedTurn] = field(default_factory=list)
    is_stuck: bool = False


def at_work(evaluation: Evaluation) -> list[AtWork]:
    """Everyone who may vote or did, those with most votes first; in a number of queries that does not grow."""
    tallies: dict[int, dict[str, int]] = defaultdict(dict)
    for reviewer, intent, votes in ReviewerTally.objects.filter(
        evaluation=evaluation, votes__gt=0
    ).values_list("reviewer", "intent", "votes"):
        tallies[reviewer][intent] = votes
    all_votes: dict[str, int] = defaultdict(int)
    for by_intent in tallies.values():
        for intent, votes in by_intent.items():
            all_votes[intent] += votes
    open_now: dict[int, list[datetime | None]] = defaultdict(list)
    for reviewer, shown_at, lease_until in Assignment.objects.filter(
        evaluation=evaluation, reviewer__isnull=False, voted=False
    ).values_list("reviewer", "shown_at", "lease_until"):
        if reviewer is not None and lease_until is not None and lease_until > timezone.now():
            open_now[reviewer].append(shown_at)
    here = Vote.objects.filter(assignment__evaluation=evaluation).order_by()
    since_midnight = Count("pk", filter=Q(cast_at__gte=midnight()))
    last, today = {}, {}
    for person, newest, count in here.values_list("assignment__reviewer").annotate(
        last=Max("cast_at"), today=since_midnight
    ):
        last[person], today[person] = newest, count
    skipped = dict(
        SkippedTurn.objects.filter(comparison__evaluation=evaluation)
        .order_by()
        .values_list("reviewer")
        .annotate(count=Count("pk"))
    )
    invited = {person.pk for person in invited_reviewers(evaluation)}
    people = User.objects.filter(pk__in={*invited, *tallies, *open_now, *skipped})
    languages = dict(ReviewerProfile.objects.filter(user__in=people).values_list("user", "languages"))
    seconds = _seconds(evaluation)
    found = [
        AtWork(
            reviewer=person,
            languages=languages.get(person.pk) or [],
            is_invited=person.pk in invited,
            votes=sum(tallies[person.pk].values()),
            today=today.get(person.pk, 0),
            seconds=seconds.get(person.pk),
            last_vote=last.get(person.pk),
            open=len(open_now[person.pk]),
            since=max((at for at in open_now[person.pk] if at is not None), default=None),
            skipped=skipped.get(person.pk, 0),
            shares=_shares(evaluation, tallies[person.pk], all_votes),
        )
        for person in people
    ]
    return sorted(found, key=lambda one: (-one.votes, one.reviewer.get_username()))


def _shares(evaluation: Evaluation, mine: dict[str, int], of_all: dict[str, int]) -> list[Share]:
    full = closed_intents(evaluation, mine) if evaluation.open_to == OpenTo.INVITED else ()
    found = [
        Share(intent, votes, votes / of_all[intent], intent in full)
        for intent, votes in mine.items()
        if of_all[intent]
    ]
    return sorted(found, key=lambda one: (-one.share, one.intent))


def _seconds(evaluation: Evaluation) -> dict[int, float]:
    """Each reviewer's pace, by the newest votes of the evaluation."""
    newest = (
        Vote.objects.filter(assignment__evaluation=evaluation, seconds__isnull=False)
        .order_by("-cast_at")
        .values_list("assignment__reviewer", "seconds")[: 20 * NEWEST]
    )
    taken: dict[int, list[float]] = defaultdict(list)
    for reviewer, seconds in newest:
        if reviewer is not None and seconds is not None and len(taken[reviewer]) < NEWEST:
            taken[reviewer].append(seconds)
    return {reviewer: found for reviewer, some in taken.items() if (found := pace(some)) is not None}


def skipped_pairs(evaluation: Evaluation) -> list[Skipped]:
    """Pairs that were given back and still lack votes, those first that nobody is left to judge."""
    skips: dict[int, list[SkippedTurn]] = defaultdict(list)
    waiting = Assignment.objects.filter(evaluation=evaluation, voted=False).values("comparison")
    for skip in (
        SkippedTurn.objects.filter(comparison__in=waiting, lifted_at__isnull=True)
        .select_related("reviewer", "comparison__example")
        .order_by("skipped_at")
    ):
        skips[skip.comparison_id].append(skip)
    if not skips:
        return []
    turns: dict[int, list[tuple[int | None, str, str, bool]]] = defaultdict(list)
    for comparison, reviewer, lang, intent, voted in Assignment.objects.filter(
        comparison__in=skips
    ).values_list("comparison", "reviewer", "lang", "intent", "voted"):
        turns[comparison].append((reviewer, lang, intent, voted))
    spoken = dict(invited_reviewers(evaluation).values_list("pk", "reviewer_profile__languages"))
    found = []
    for comparison, some in skips.items():
        had = {reviewer for reviewer, *_rest in turns[comparison] if reviewer is not None}
        out = had | {skip.reviewer_id for skip in some}
        lang = turns[comparison][0][1]
        held = any(
            reviewer is not None and not voted for reviewer, _lang, _intent, voted in turns[comparison]
        )
        could = [pk for pk, languages in spoken.items() if pk not in out and reads(languages or [], lang)]
        found.append(
            Skipped(
                comparison_id=comparison,
                key=some[0].comparison.example.key,
                intent=turns[comparison][0][2],
                skips=some,
                is_stuck=not could and not held,
            )
        )
    return sorted(found, key=lambda one: not one.is_stuck)


def unread_languages(evaluation: Evaluation) -> list[tuple[str, int]]:
    """Languages that nobody who may vote reads, and how many votes are missing in each."""
    spoken = [
        languages or []
        for languages in invited_reviewers(evaluation).values_list("reviewer_profile__languages", flat=True)
    ]
    missing = dict(
        Assignment.objects.filter(evaluation=evaluation, voted=False)
        .order_by()
        .values_list("lang")
        .annotate(count=Count("pk"))
    )
    return [
        (lang, missing[lang])
        for lang in dealt(evaluation).languages
        if missing.get(lang) and not any(reads(languages, lang) for languages in spoken)
    ]


def wants_tour(reviewer: User) -> bool:
    """Nobody has shown them the voting page yet."""
    return not ReviewerProfile.objects.filter(user=reviewer, tour_seen_at__isnull=False).exists()
