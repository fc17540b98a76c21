"""The comparisons behind a figure: which they are, in which order, and the ones before and after.

For those who may know the truth; the judgements of one comparison are in judgements.py beside this.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, fields
from hashlib import sha256
from typing import Any
from urllib.parse import urlencode

from django.contrib.auth.models import User
from django.core.cache import cache
from django.db.models import (
    BooleanField,
    Case,
    Exists,
    F,
    FloatField,
    Func,
    OuterRef,
    Q,
    QuerySet,
    Value,
    When,
)
from django.db.models.functions import Abs, Cast, Coalesce, Length
from django.db.models.sql.compiler import SQLCompiler
from django.utils.translation import gettext_lazy as _

from models_registry.models import ExampleTag
from models_registry.models.golden_set import UNTAGGED
from models_registry.queries import Said
from reviews.models import Assignment, Comparison, Evaluation, ReviewerTally
from reviews.queries.counts import CAST
from reviews.queries.leaks import with_leak

# what an example can come out as: its score against one half, a vote of a kind, or why it has no votes
OUTCOMES = {
    "wins": _("With a vote for the candidate"),
    "ties": _("With a vote for a tie"),
    "losses": _("With a vote for the baseline"),
    "won": _("Candidate won"),
    "tied": _("Tied"),
    "lost": _("Baseline won"),
    "both_bad": _("Called both bad"),
    "split": _("Reviewers disagree"),
    "judged": _("With a vote"),
    "waiting": _("Votes missing"),
    "identical": _("Same text"),
    "left_out": _("Left out"),
}
DISAGREEMENTS = {
    "unanimous": _("All chose the same"),
    "differ": _("They chose differently"),
    "opposed": _("Some chose either side"),
}
LENGTHS = {
    "candidate": _("The candidate’s is longer"),
    "baseline": _("The baseline’s is longer"),
    "alike": _("About as long"),
}
ORDERS = {
    "queue": _("As in the queue"),
    "controversy": _("Most controversial first"),
    "length": _("Largest difference in length first"),
}
# one response is longer than the other when it has so many times its characters
LONGER = 1.25
NO_LANGUAGE = "-"
# A text is looked for until so many were found, as nobody reads more; and what was found is remembered for so many
# seconds, so that leafing through it does not read 100,000 comparisons again.
MOST_FOUND = 500
REMEMBERED = 60


@dataclass(frozen=True)
class Wanted:
    """What a list of comparisons is narrowed to; an empty field asks for nothing.

    `tag`: any tag; `intent`: the primary one. `reviewer`, `reason` and `comment` are of one vote.
    """

    q: str = ""
    tag: str = ""
    intent: str = ""
    lang: str = ""
    outcome: str = ""
    disagreement: str = ""
    reviewer: str = ""
    reason: str = ""
    comment: bool = False
    length: str = ""
    leak: str = ""
    sort: str = "queue"

    @property
    def is_narrowed(self) -> bool:
        return self != Wanted(sort=self.sort)

    def as_query(self) -> str:
        """What stands behind the question mark of an address that asks for the same."""
        asked = {field.name: getattr(self, field.name) for field in fields(self)}
        given = {name: value for name, value in asked.items() if value != getattr(Wanted, name)}
        return urlencode({name: "on" if value is True else value for name, value in given.items()})


def comparisons(evaluation: Evaluation) -> QuerySet[Comparison]:
    """Each with `votes`, `score` (½ per tie; None without votes) and `controversy`.

    `controversy`: the variance of its votes around its score, ¼ where they are split in halves; -1 without votes.
    """
    of_votes = F("votes") * Value(1.0)
    return (
        evaluation.comparisons.annotate(votes=CAST)
        .annotate(
            score=Case(
                When(identical=True, then=Value(0.5)),
                When(
                    votes__gt=0,
                    then=(Cast(F("wins"), FloatField()) + (F("ties") + F("both_bad")) * Value(0.5))
                    / F("votes"),
                ),
                default=None,
                output_field=FloatField(),
            )
        )
        .annotate(
            controversy=Case(
                When(
                    votes__gt=0,
                    identical=False,
                    then=(F("wins") + (F("ties") + F("both_bad")) * Value(0.25)) / of_votes
                    - F("score") * F("score"),
                ),
                default=Value(-1.0),
                output_field=FloatField(),
            )
        )
        .select_related("example", "candidate_response", "baseline_response")
        .prefetch_related("example__tags")
        .order_by("position")
    )


def narrowed(evaluation: Evaluation, wanted: Wanted) -> QuerySet[Comparison]:
    """Those that match all of it, in the order that is wanted."""
    found = comparisons(evaluation)
    found = with_tag(found, wanted.tag)
    found = with_outcome(found, wanted.outcome)
    found = with_disagreement(found, wanted.disagreement)
    found = with_vote(found, wanted)
    found = with_length(found, wanted.length)
    if wanted.intent:
        found = found.filter(intent=wanted.intent)
    if wanted.lang:
        found = found.filter(lang="" if wanted.lang == NO_LANGUAGE else wanted.lang)
    found = with_leak(found, evaluation, wanted.leak)
    return in_order(matching(found, evaluation, wanted.q), wanted.sort)


def with_tag(found: QuerySet[Comparison], tag: str) -> QuerySet[Comparison]:
    # subqueries, not joins: a comparison is listed once
    bearing = Q(example__in=ExampleTag.objects.filter(name=tag).values("example"))
    if tag == UNTAGGED:
        bearing |= ~Q(Exists(ExampleTag.objects.filter(example=OuterRef("example"))))
    return found.filter(bearing) if tag else found


def with_outcome(found: QuerySet[Comparison], outcome: str) -> QuerySet[Comparison]:
    conditions = {
        "wins": Q(wins__gt=0),
        "ties": Q(ties__gt=0),
        "losses": Q(losses__gt=0),
        "won": Q(votes__gt=0, score__gt=0.5),
        "lost": Q(votes__gt=0, score__lt=0.5),
        "tied": Q(votes__gt=0, score=0.5),
        "both_bad": Q(both_bad__gt=0),
        "split": Q(wins__gt=0, losses__gt=0),
        "judged": Q(votes__gt=0),
        "waiting": Q(turns__gt=F("votes")),
        "identical": Q(identical=True),
        "left_out": Q(turns=0, identical=False),
    }
    return found.filter(conditions[outcome]) if outcome in conditions else found


def with_disagreement(found: QuerySet[Comparison], disagreement: str) -> QuerySet[Comparison]:
    alike = Q(wins=F("votes")) | Q(losses=F("votes")) | Q(ties=F("votes")) | Q(both_bad=F("votes"))
    conditions = {
        "unanimous": Q(votes__gt=1) & alike,
        "differ": Q(votes__gt=1) & ~alike,
        "opposed": Q(wins__gt=0, losses__gt=0),
    }
    return found.filter(conditions[disagreement]) if disagreement in conditions else found


class Given(Func):
    """Is the reason among those of a vote? JSON's own search differs by database."""

    output_field = BooleanField()
    arity = 2

    def as_sqlite(
        self, compiler: SQLCompiler, connection: Any, **context: Any
    ) -> tuple[str, tuple[Any, ...]]:
        reasons, reason = self.get_source_expressions()
        column, params = compiler.compile(reasons)
        return (
            f"EXISTS (SELECT 1 FROM json_each({column}) WHERE value = %s)",  # noqa: S608 - a compiled column
            (*params, reason.value),
        )

    def as_postgresql(
        self, compiler: SQLCompiler, connection: Any, **context: Any
    ) -> tuple[str, tuple[Any, ...]]:
        reasons, reason = self.get_source_expressions()
        column, params = compiler.compile(reasons)
        return f"{column} @> %s::jsonb", (*params, json.dumps([reason.value]))


def with_vote(found: QuerySet[Comparison], wanted: Wanted) -> QuerySet[Comparison]:
    """With one vote that is all of it: by this reviewer, for this reason, with a comment."""
    if not (wanted.reviewer or wanted.reason or wanted.comment):
        return found
    turns = Assignment.objects.filter(comparison=OuterRef("pk"), voted=True)
    if wanted.reviewer:
        turns = turns.filter(reviewer__username=wanted.reviewer)
    if wanted.reason:
        turns = turns.filter(Q(Given(F("vote__reasons"), Value(wanted.reason))))
    if wanted.comment:
        turns = turns.filter(vote__comment__gt="")
    return found.filter(Exists(turns))


def with_length(found: QuerySet[Comparison], length: str) -> QuerySet[Comparison]:
    if length not in LENGTHS:
        return found
    found = found.annotate(
        candidate_length=Length("candidate_response__text"), baseline_length=Length("baseline_response__text")
    )
    longer = {
        "candidate": Q(candidate_length__gt=F("baseline_length") * LONGER),
        "baseline": Q(baseline_length__gt=F("candidate_length") * LONGER),
    }
    return found.filter(longer.get(length) or ~(longer["candidate"] | longer["baseline"]))


def matching(found: QuerySet[Comparison], evaluation: Evaluation, text: str) -> QuerySet[Comparison]:
    """Where it stands in the id, the conversation, a response or a reviewer's comment, whatever its case."""
    if not text:
        return found
    commented = Assignment.objects.filter(evaluation=evaluation, voted=True, vote__comment__gt="")
    return found.filter(
        Q(example__key__icontains=text)
        | Q(Said(F("example__messages"), Value(text)))
        | Q(candidate_response__text__icontains=text)
        | Q(baseline_response__text__icontains=text)
        | Q(pk__in=commented.filter(vote__comment__icontains=text).values("comparison"))
    )


# --- order -------------------------------------------------------------------------------------------------------

# what rows are sorted by, descending where it says so; position is unique, so that each row has its place
KEYS = {
    "controversy": (("controversy", True), ("votes", True), ("position", False)),
    "length": (("length_difference", True), ("position", False)),
}
IN_QUEUE = (("position", False),)


def _with_keys(found: QuerySet[Comparison], sort: str) -> QuerySet[Comparison]:
    if sort != "length":
        return found
    difference = Abs(Length("candidate_response__text") - Length("baseline_response__text"))
    return found.annotate(length_difference=Coalesce(difference, 0))


def in_order(found: QuerySet[Comparison], sort: str) -> QuerySet[Comparison]:
    keys = KEYS.get(sort, IN_QUEUE)
    return _with_keys(found, sort).order_by(*(f"-{name}" if down else name for name, down in keys))


def found_by_text(evaluation: Evaluation, wanted: Wanted) -> list[int]:
    """Keys of those that match, in order; one more than MOST_FOUND where there are more."""
    name = f"comparisons-{evaluation.pk}-{sha256(wanted.as_query().encode()).hexdigest()}-{MOST_FOUND}"
    keys: list[int] | None = cache.get(name)
    if keys is None:
        keys = list(narrowed(evaluation, wanted).values_list("pk", flat=True)[: MOST_FOUND + 1])
        cache.set(name, keys, REMEMBERED)
    return keys


def neighbours(
    evaluation: Evaluation, comparison: Comparison, wanted: Wanted
) -> tuple[Comparison | None, Comparison | None]:
    """The ones before and after it in the list, by the index where it is the queue's; it may be in none itself."""
    if wanted.q and comparison.pk in (found := found_by_text(evaluation, wanted)):
        place = found.index(comparison.pk)
        beside = Comparison.objects.in_bulk(
            [*found[max(place - 1, 0) : place], *found[place + 1 : place + 2]]
        )
        return (
            beside.get(found[place - 1]) if place else None,
            beside.get(found[place + 1]) if place + 1 < len(found) else None,
        )
    keys = KEYS.get(wanted.sort, IN_QUEUE)
    names = [name for name, _down in keys]
    here = _with_keys(comparisons(evaluation), wanted.sort).values(*names).get(pk=comparison.pk)
    listed = narrowed(evaluation, wanted).select_related(None).prefetch_related(None).only("pk")
    before, after = Q(), Q()
    for place, (name, down) in enumerate(keys):
        same = Q(**{earlier: here[earlier] for earlier in names[:place]})
        smaller, larger = Q(**{f"{name}__lt": here[name]}), Q(**{f"{name}__gt": here[name]})
        before |= same & (larger if down else smaller)
        after |= same & (smaller if down else larger)
    return listed.filter(before).reverse().first(), listed.filter(after).first()


# --- what can be chosen ------------------------------------------------------------------------------------------


def tags_of(evaluation: Evaluation) -> list[str]:
    """Every tag a comparison of the evaluation can be found by, by name; "untagged" last where there are any."""
    here = evaluation.comparisons
    borne = ExampleTag.objects.filter(example__in=here.values("example"))
    tags = sorted(set(borne.order_by().values_list("name", flat=True).distinct()) - {UNTAGGED})
    bare = ~Exists(ExampleTag.objects.filter(example=OuterRef("example")))
    if borne.filter(name=UNTAGGED).exists() or here.filter(bare).exists():
        tags.append(UNTAGGED)
    return tags


def intents_of(evaluation: Evaluation) -> list[str]:
    return _values_of(evaluation, "intent")


def languages_of(evaluation: Evaluation) -> list[str]:
    return [lang or NO_LANGUAGE for lang in _values_of(evaluation, "lang")]


def _values_of(evaluation: Evaluation, column: str) -> list[str]:
    values = evaluation.comparisons.order_by().values_list(column, flat=True).distinct()
    return sorted(values, key=lambda value: (value in ("", UNTAGGED), value))


def reviewers_of(evaluation: Evaluation) -> Iterable[User]:
    """Whoever has a vote in it."""
    voted = ReviewerTally.objects.filter(evaluation=evaluation, votes__gt=0)
    return User.objects.filter(pk__in=voted.values("reviewer")).order_by("username")
