"""What an evaluation is to decide and how."""

from __future__ import annotations

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from reviews.stats.sequence import DEFAULT_VARIANCE


class Traffic(models.TextChoices):
    """Where the intents' shares of the traffic come from."""

    GOLDEN_SET = "golden_set", _("as in the golden set")
    TYPED = "typed", _("typed in")
    UPLOADED = "uploaded", _("counted in a file")
    VERSION = "version", _("as in another golden set version, such as one sampled from production")


class EvaluationPlan(models.Model):
    """A lead may change it until voting opens. Then it is frozen, hashed and kept: triggers refuse a change.

    After that it can only be extended: so many examples more, judged by the anytime-valid interval alone.
    """

    evaluation = models.OneToOneField("reviews.Evaluation", on_delete=models.CASCADE, related_name="plan")
    bar = models.FloatField(default=0.5, help_text="The win rate to exceed, a fraction of 1.")
    margin = models.FloatField(
        default=0.1, help_text="How far below one half a guarded intent may be, a fraction of 1."
    )
    alpha_peek = models.FloatField(default=0.01, help_text="Error of the interval that may be watched.")
    alpha_final = models.FloatField(default=0.04, help_text="Error of the one look at the planned end.")
    variance = models.FloatField(default=DEFAULT_VARIANCE, help_text="Expected of example scores.")
    examples = models.PositiveIntegerField(
        null=True,
        blank=True,
        validators=[MinValueValidator(1)],
        help_text="So many are voted on; empty: all there are.",
    )
    guarded = models.JSONField(default=list, blank=True, help_text="Intents that must not get worse.")
    traffic = models.CharField(max_length=10, choices=Traffic.choices, default=Traffic.GOLDEN_SET)
    shares = models.JSONField(
        default=dict, blank=True, help_text="Of the traffic, by intent; empty: the golden set's own."
    )
    latency_p95 = models.FloatField(null=True, blank=True, help_text="Seconds the candidate may take.")
    cost = models.FloatField(null=True, blank=True, help_text="US dollars a response of it may cost.")
    failure_rate = models.FloatField(
        null=True,
        blank=True,
        help_text="Share of its responses that may fail.",
        validators=[MaxValueValidator(1)],
    )
    adjudicates = models.BooleanField(
        default=False, help_text="A lead settles what reviewers disagree on; kept apart from the votes."
    )
    frozen = models.TextField(blank=True, editable=False, help_text="The plan as canonical JSON.")
    sha256 = models.CharField(max_length=64, blank=True, editable=False, help_text="Of what is frozen.")
    frozen_at = models.DateTimeField(null=True, blank=True, editable=False)
    frozen_by = models.ForeignKey(
        "auth.User", on_delete=models.PROTECT, null=True, blank=True, related_name="+", editable=False
    )
    measured = models.JSONField(
        default=dict,
        blank=True,
        editable=False,
        help_text="Of the candidate's responses when voting opened, in the units of the limits.",
    )
    extended_to = models.PositiveIntegerField(
        null=True, blank=True, editable=False, help_text="Examples in all; empty: not extended."
    )
    extended_at = models.DateTimeField(null=True, blank=True, editable=False)
    extended_by = models.ForeignKey(
        "auth.User", on_delete=models.PROTECT, null=True, blank=True, related_name="+", editable=False
    )
    extended_because = models.TextField(blank=True, editable=False)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(frozen_at__isnull=True, frozen="", sha256="")
                | Q(frozen_at__isnull=False, sha256__gt="", frozen__gt=""),
                name="frozen_plan_has_a_hash",
            ),
            models.CheckConstraint(
                condition=Q(extended_to__isnull=True) | Q(frozen_at__isnull=False),
                name="extended_plan_is_frozen",
            ),
        ]

    def __str__(self) -> str:
        return f"plan of evaluation {self.evaluation_id}"

    @property
    def floor(self) -> float:
        """What a guarded intent must be shown to be above."""
        return 0.5 - self.margin
