"""What a reviewer may be given of an evaluation: whether at all, in which languages and intents, and how many.

The rules are asked at every claim, so they cost a few queries however many votes there are.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import ceil

from django.conf import settings
from django.contrib.auth.models import User
from django.core.cache import cache
from django.db.models import Count, Exists, OuterRef, Q, QuerySet

from reviews.models import Assignment, Evaluation, Invitation, ReviewerProfile, ReviewerTally
from reviews.models.evaluation import OpenTo
from reviews.roles import REVIEWER

# turns of an evaluation are dealt once; what is cached of them only has to be asked again now and then
DEALT_SECONDS = 3600
# how long a change of invitations or languages may take to reach every process
COLLEAGUES_SECONDS = 30


@dataclass(frozen=True)
class Eligibility:
    """languages: those a reviewer reads, none: all. closed_intents: those in which they have their largest share.

    left: votes that their invitation still allows; None where it sets no limit.
    """

    is_invited: bool = True
    languages: tuple[str, ...] = ()
    closed_intents: tuple[str, ...] = ()
    left: int | None = None

    @property
    def may_vote(self) -> bool:
        return self.is_invited and self.left != 0

    def turns(self) -> Q:
        """Which turns they may be given."""
        if not self.may_vote:
            return Q(pk__in=[])
        wanted = Q()
        if self.languages:
            wanted &= Q(lang__in=["", *self.languages])
        if self.closed_intents:
            wanted &= ~Q(intent__in=self.closed_intents)
        return wanted


def languages_of(reviewer: User) -> tuple[str, ...]:
    """Those a reviewer told they read, none: all. Remembered for a while, as it is asked at every vote."""
    key = languages_key(reviewer)
    known: tuple[str, ...] | None = cache.get(key)
    if known is None:
        told = ReviewerProfile.objects.filter(user=reviewer).values_list("languages", flat=True).first()
        known = tuple(told or ())
        cache.set(key, known, COLLEAGUES_SECONDS)
    return known


def languages_key(reviewer: User) -> str:
    return f"languages:{reviewer.pk}"


def eligibility(evaluation: Evaluation, reviewer: User) -> Eligibility:
    languages = languages_of(reviewer)
    if evaluation.open_to == OpenTo.EVERYONE:
        return Eligibility(languages=languages)
    invited = invitations_of(reviewer).filter(evaluation=evaluation).values_list("most_votes", flat=True)
    caps = list(invited)
    if not caps:
        return Eligibility(is_invited=False)
    tallies = Counter(
        dict(
            ReviewerTally.objects.filter(evaluation=evaluation, reviewer=reviewer).values_list(
                "intent", "votes"
            )
        )
    )
    # what they have open will be votes, too
    here = Assignment.objects.filter(evaluation=evaluation, reviewer=reviewer, voted=False)
    tallies.update(here.values_list("intent", flat=True))
    return Eligibility(
        languages=languages,
        closed_intents=closed_intents(evaluation, tallies),
        left=votes_left(caps, tallies.total()),
    )


def votes_left(numbers: Sequence[int | None], votes: int) -> int | None:
    """Of the numbers in a person's invitations; None where nothing limits them.

    Invited twice, the larger number counts; one without a number is no limit.
    """
    limits: list[int] = [number for number in numbers if number is not None]
    if not limits or len(limits) < len(numbers):
        return None
    return max(0, max(limits) - votes)


def invitations_of(reviewer: User) -> QuerySet[Invitation]:
    """By name, or by a group they are in."""
    return Invitation.objects.filter(Q(reviewer=reviewer) | Q(group__in=reviewer.groups.values("pk")))


def evaluations_for(reviewer: User, evaluations: QuerySet[Evaluation]) -> QuerySet[Evaluation]:
    """Those of the given evaluations that this reviewer may know of."""
    mine = invitations_of(reviewer).filter(evaluation=OuterRef("pk"))
    return evaluations.filter(Q(open_to=OpenTo.EVERYONE) | Exists(mine))


def reviewers() -> QuerySet[User]:
    """Everyone who votes: in the group, and able to sign in."""
    return User.objects.filter(is_active=True, groups__name=REVIEWER).order_by("username").distinct()


def invited_reviewers(evaluation: Evaluation) -> QuerySet[User]:
    """Who may vote in an evaluation: those who are invited and vote at all, or everyone who does."""
    if evaluation.open_to == OpenTo.EVERYONE:
        return reviewers()
    invitations = Invitation.objects.filter(evaluation=evaluation)
    return reviewers().filter(
        Q(pk__in=invitations.filter(reviewer__isnull=False).values("reviewer"))
        | Q(pk__in=User.objects.filter(groups__in=invitations.values("group")).values("pk"))
    )


def reads(languages: Iterable[str], lang: str) -> bool:
    spoken = list(languages)
    return not lang or not spoken or lang in spoken


def readers(evaluation: Evaluation) -> dict[str, int]:
    """How many of those who may vote read each language of the evaluation's turns: {language: people}."""
    people = invited_reviewers(evaluation).values_list("reviewer_profile__languages", flat=True)
    spoken = [languages or [] for languages in people]
    return {lang: sum(reads(languages, lang) for languages in spoken) for lang in dealt(evaluation).languages}


def closed_intents(evaluation: Evaluation, tallies: Mapping[str, int]) -> tuple[str, ...]:
    """Where another vote of this reviewer's would be more than their share, and a colleague could give it."""
    if evaluation.largest_share >= 100 or not tallies:
        return ()
    found = dealt(evaluation)
    colleagues = cache.get_or_set(
        f"readers:{evaluation.pk}:{evaluation.seed}", lambda: readers(evaluation), COLLEAGUES_SECONDS
    )
    closed = []
    for intent in tallies.keys() & found.turns.keys():
        people = min((colleagues or {}).get(lang, 0) for lang in found.langs_of[intent])
        # three can't share all votes at 30 % each: nobody's share is less than an equal one
        share = max(evaluation.largest_share / 100, 1 / max(1, people))
        if people > 1 and tallies[intent] >= ceil(share * found.turns[intent]):
            closed.append(intent)
    return tuple(sorted(closed))


@dataclass(frozen=True)
class Dealt:
    """The turns of an evaluation: how many each intent has, and in which languages. They never change."""

    turns: dict[str, int]
    langs_of: dict[str, set[str]]

    @property
    def languages(self) -> list[str]:
        return sorted(set().union(*self.langs_of.values())) if self.langs_of else []


def dealt(evaluation: Evaluation) -> Dealt:
    if evaluation.opened_at is None:
        return _dealt(evaluation)
    key = f"dealt:{evaluation.pk}:{evaluation.seed}"
    found: Dealt | None = cache.get(key)
    if found is None:
        found = _dealt(evaluation)
        cache.set(key, found, DEALT_SECONDS)
    return found


def _dealt(evaluation: Evaluation) -> Dealt:
    turns: Counter[str] = Counter()
    langs_of: dict[str, set[str]] = {}
    rows = Assignment.objects.filter(evaluation=evaluation).order_by()
    for intent, lang, count in rows.values_list("intent", "lang").annotate(count=Count("pk")):
        turns[intent] += count
        langs_of.setdefault(intent, set()).add(lang)
    return Dealt(dict(turns), langs_of)


def offered_languages(known: Iterable[str]) -> list[str]:
    """Those that a person may say they read: the pages' own, and those of all turns."""
    used = Assignment.objects.exclude(lang="").order_by().values_list("lang", flat=True).distinct()
    return sorted({*dict(settings.LANGUAGES), *used, *known})
