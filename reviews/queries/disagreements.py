"""The examples that reviewers disagree on, by the votes that are counted on them."""

from __future__ import annotations

from django.db.models import Exists, F, FloatField, OuterRef, Q, QuerySet
from django.db.models.functions import Cast

from models_registry.models import ExampleFlag
from reviews.models import Comparison, Evaluation
from reviews.queries.comparisons import comparisons

# a tie and both_bad are one verdict, as in every figure of agreement
DISAGREED = Q(wins__gt=0, losses__gt=0) | (
    (Q(wins__gt=0) | Q(losses__gt=0)) & (Q(ties__gt=0) | Q(both_bad__gt=0))
)


def disagreements(evaluation: Evaluation) -> QuerySet[Comparison]:
    """The most disputed first. `dispute`: share of pairs of votes that differ, half where one is a tie;
    `is_flagged`: someone asked for a clearer ground truth, and nobody settled that yet.
    """
    tied = F("ties") + F("both_bad")
    differing = F("wins") * F("losses") + (F("wins") + F("losses")) * tied * 0.5
    asked = ExampleFlag.objects.filter(
        example=OuterRef("example"), kind=ExampleFlag.Kind.GROUND_TRUTH, settled_at=None
    )
    return (
        comparisons(evaluation)
        .filter(DISAGREED, identical=False)
        .annotate(
            dispute=Cast(differing, FloatField()) * 2 / (F("votes") * (F("votes") - 1)),
            is_flagged=Exists(asked),
        )
        .order_by("-dispute", "position")
    )
