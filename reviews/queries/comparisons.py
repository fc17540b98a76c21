"""The comparisons behind a figure, with both responses and every vote, for those who may know the truth."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import Case, Exists, F, FloatField, OuterRef, Q, QuerySet, Value, When
from django.db.models.functions import Cast
from django.utils.translation import gettext_lazy as _

from models_registry.models import ExampleTag
from models_registry.models.golden_set import UNTAGGED
from models_registry.queries import Said
from reviews.blinding import on_screen
from reviews.models import Assignment, Comparison, Evaluation
from reviews.queries.tags import examples_by_tag

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
    "waiting": _("Votes missing"),
    "identical": _("Same text"),
    "left_out": _("Left out"),
}


def comparisons(evaluation: Evaluation) -> QuerySet[Comparison]:
    """Each with `votes` and `score` (½ per tie; None without votes)."""
    return (
        evaluation.comparisons.annotate(votes=F("wins") + F("losses") + F("ties") + F("both_bad"))
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
        .select_related("example", "candidate_response", "baseline_response")
        .prefetch_related("example__tags")
        .order_by("position")
    )


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
        "waiting": Q(turns__gt=F("votes")),
        "identical": Q(identical=True),
        "left_out": Q(turns=0, identical=False),
    }
    return found.filter(conditions[outcome]) if outcome in conditions else found


def matching(found: QuerySet[Comparison], text: str) -> QuerySet[Comparison]:
    if not text:
        return found
    return found.filter(
        Q(example__key__icontains=text)
        | Q(Said(F("example__messages"), Value(text)))
        | Q(candidate_response__text__icontains=text)
        | Q(baseline_response__text__icontains=text)
    )


@dataclass(frozen=True)
class CastVote:
    reviewer: str
    choice: str
    pressed: str  # as it was seen: left, right, tie, both_bad
    seconds: float | None


def votes_on(comparison: Comparison) -> list[CastVote]:
    turns = (
        Assignment.objects.filter(comparison=comparison, voted=True)
        .select_related("reviewer", "vote")
        .order_by("vote__cast_at", "slot")
    )
    return [
        CastVote(
            reviewer=turn.reviewer.username,
            choice=turn.vote.choice,
            pressed=on_screen(turn.vote.choice, candidate_on_left=turn.candidate_on_left),
            seconds=turn.vote.seconds,
        )
        for turn in turns
        if turn.reviewer
    ]


def tags_of(evaluation: Evaluation) -> list[str]:
    """Every tag a comparison of the evaluation can be found by, by name; "untagged" last where there are any."""
    return list(examples_by_tag(evaluation, evaluation.comparisons.values_list("example_id", flat=True)))
