"""Turns without a vote that nobody may take as things stand, and why: in a number of queries that does not grow."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models import Count, Q

from reviews.models import Assignment, Evaluation, Invitation, ReviewerTally, SkippedTurn
from reviews.models.evaluation import OpenTo
from reviews.queries.eligibility import closed_intents, invited_reviewers, reads, votes_left

# what keeps a person from a pair; where several keep several, the first of these is told: it is the easiest to lift
SHARE, NUMBER, SKIPPED, JUDGED = "share", "number", "skipped", "judged"
WHY = (SHARE, NUMBER, SKIPPED, JUDGED)


@dataclass(frozen=True)
class StuckTurns:
    """Votes that are missing in an intent, on pairs in one language (empty: any), and what keeps people from them.

    `why`: share, number, skipped or judged. `readers`: people who may vote and read the language.
    """

    intent: str
    lang: str
    turns: int
    why: str
    readers: int


@dataclass(frozen=True)
class Reader:
    pk: int
    languages: tuple[str, ...]
    has_number: bool
    closed: frozenset[str]

    def may_not(self, intent: str) -> str:
        """What keeps them from all pairs of an intent; empty: nothing."""
        return SHARE if intent in self.closed else NUMBER if self.has_number else ""


def stuck_turns(evaluation: Evaluation) -> list[StuckTurns]:
    """Of an evaluation that is being voted on, most first. What nobody reads is told elsewhere.

    Pairs are looked at one by one only where fewer people could vote on them than votes are wanted, or someone skipped.
    """
    if evaluation.status != Evaluation.Status.VOTING:
        return []
    free = Assignment.objects.filter(evaluation=evaluation, voted=False, reviewer__isnull=True).order_by()
    groups = list(free.values_list("intent", "lang").annotate(count=Count("pk")))
    if not groups:
        return []
    people = _readers(evaluation)
    skips: dict[int, set[int]] = defaultdict(set)
    for comparison, reviewer in SkippedTurn.objects.filter(
        comparison__evaluation=evaluation, lifted_at__isnull=True
    ).values_list("comparison", "reviewer"):
        skips[comparison].add(reviewer)
    scarce = []
    readers: dict[tuple[str, str], list[Reader]] = {}
    for intent, lang, _count in groups:
        readers[intent, lang] = [person for person in people if reads(person.languages, lang)]
        may = sum(not person.may_not(intent) for person in readers[intent, lang])
        if may < evaluation.votes_per_comparison:
            scarce.append((intent, lang))
    found: Counter[tuple[str, str, str]] = Counter()
    for intent, lang, count, had, skipped in _pairs(evaluation, scarce, skips):
        here = readers.get((intent, lang), [])
        keeps = [
            person.may_not(intent)
            or (JUDGED if person.pk in had else SKIPPED if person.pk in skipped else "")
            for person in here
        ]
        nobody_for = count - keeps.count("")
        if here and nobody_for > 0:
            found[intent, lang, next((why for why in WHY if why in keeps), JUDGED)] += nobody_for
    return [
        StuckTurns(intent, lang, turns, why, len(readers[intent, lang]))
        for (intent, lang, why), turns in found.most_common()
    ]


def _pairs(
    evaluation: Evaluation, scarce: Iterable[tuple[str, str]], skips: dict[int, set[int]]
) -> Iterable[tuple[str, str, int, set[int], set[int]]]:
    """Pairs to look at: intent, language, turns that are free, who had a turn at it, and who skipped it."""
    wanted = set(scarce)
    waiting = Assignment.objects.filter(evaluation=evaluation, voted=False, reviewer__isnull=True)
    turns = Assignment.objects.filter(evaluation=evaluation, comparison__in=waiting.values("comparison"))
    turns = turns.filter(Q(intent__in={intent for intent, _lang in wanted}) | Q(comparison__in=list(skips)))
    free: Counter[int] = Counter()
    had: dict[int, set[int]] = defaultdict(set)
    where: dict[int, tuple[str, str]] = {}
    rows: Iterable[tuple[int, int | None, str, str]] = turns.order_by().values_list(
        "comparison", "reviewer", "intent", "lang"
    )
    for comparison, reviewer, intent, lang in rows:
        if (intent, lang) not in wanted and comparison not in skips:
            continue
        where[comparison] = (intent, lang)
        if reviewer is None:
            free[comparison] += 1
        else:
            had[comparison].add(reviewer)
    for comparison, count in free.items():
        yield *where[comparison], count, had[comparison], skips.get(comparison, set())


def _readers(evaluation: Evaluation) -> list[Reader]:
    """All who may vote, with what they have reached; by the rules of eligibility.py, for everyone at once."""
    people = list(invited_reviewers(evaluation).values_list("pk", "reviewer_profile__languages"))
    if evaluation.open_to == OpenTo.EVERYONE:
        return [Reader(pk, tuple(languages or ()), False, frozenset()) for pk, languages in people]
    tallies: dict[int, Counter[str]] = defaultdict(Counter)
    for reviewer, intent, votes in ReviewerTally.objects.filter(evaluation=evaluation).values_list(
        "reviewer", "intent", "votes"
    ):
        tallies[reviewer][intent] += votes
    # what they have open will be votes, too
    for taker, intent in Assignment.objects.filter(
        evaluation=evaluation, voted=False, reviewer__isnull=False
    ).values_list("reviewer", "intent"):
        if taker is not None:
            tallies[taker][intent] += 1
    numbers: dict[int, list[int | None]] = defaultdict(list)
    invitations = Invitation.objects.filter(evaluation=evaluation)
    for reviewer, member, most in invitations.order_by().values_list("reviewer", "group__user", "most_votes"):
        for person in {reviewer, member} - {None}:
            numbers[person].append(most)
    return [
        Reader(
            pk,
            tuple(languages or ()),
            has_number=votes_left(numbers[pk], tallies[pk].total()) == 0,
            closed=frozenset(closed_intents(evaluation, tallies[pk])),
        )
        for pk, languages in people
    ]
