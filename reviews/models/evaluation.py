from __future__ import annotations

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from reviews.reasons import DEFAULT_REASONS

MOST_VOTES_PER_COMPARISON = 100
MOST_CHECK_PERCENT = 30


def default_reasons() -> list[str]:
    return list(DEFAULT_REASONS)


class Rule(models.TextChoices):
    """When something beside the choice itself has to be given."""

    OPTIONAL = "optional", _("optional")
    BOTH_BAD = "both_bad", _("required on “both bad”")
    ALWAYS = "always", _("required on every vote")


class OpenTo(models.TextChoices):
    EVERYONE = "everyone", _("every reviewer")
    INVITED = "invited", _("invited reviewers")


class Evaluation(models.Model):
    """Candidate against baseline on one golden set version.

    It is *generating* from its start, *voting* from the moment a lead opens it, *closed* for good after that.
    """

    class Status(models.TextChoices):
        GENERATING = "generating"
        VOTING = "voting"
        CLOSED = "closed"

    name = models.CharField(max_length=120, unique=True)
    candidate = models.ForeignKey("models_registry.ModelVersion", on_delete=models.PROTECT, related_name="+")
    baseline = models.ForeignKey("models_registry.ModelVersion", on_delete=models.PROTECT, related_name="+")
    golden_set_version = models.ForeignKey(
        "models_registry.GoldenSetVersion", on_delete=models.PROTECT, related_name="+"
    )
    votes_per_comparison = models.PositiveSmallIntegerField(
        default=1, validators=[MinValueValidator(1), MaxValueValidator(MOST_VOTES_PER_COMPARISON)]
    )
    guidelines = models.TextField(blank=True, help_text="What reviewers should look at. Markdown.")
    asks_strength = models.BooleanField(
        default=True, help_text=_("A vote for a side says slightly or clearly better.")
    )
    reasons = models.JSONField(
        default=default_reasons,
        blank=True,
        help_text="Reviewers may give these for a vote: codes of reviews/reasons.py, or a lead's own words.",
    )
    reason_rule = models.CharField(max_length=8, choices=Rule.choices, default=Rule.OPTIONAL)
    comment_rule = models.CharField(max_length=8, choices=Rule.choices, default=Rule.OPTIONAL)
    open_to = models.CharField(max_length=8, choices=OpenTo.choices, default=OpenTo.EVERYONE)
    largest_share = models.PositiveSmallIntegerField(
        default=60,
        validators=[MinValueValidator(1), MaxValueValidator(100)],
        help_text="In percent: of an intent's votes that one of several invited reviewers may cast.",
    )
    check_percent = models.PositiveSmallIntegerField(
        default=0,
        validators=[MaxValueValidator(MOST_CHECK_PERCENT)],
        help_text="So many hidden checks in a hundred pairs shown to a reviewer; none of them is counted.",
    )
    leak_report = models.JSONField(
        null=True,
        blank=True,
        help_text="What the scan before voting found, and who opened voting in spite of it.",
    )
    leak_scan_until = models.DateTimeField(null=True, blank=True, help_text="A worker is at it until then.")
    seed = models.BigIntegerField(
        help_text="Decides the order of examples and sides; never leaves the server."
    )
    run = models.OneToOneField(
        "models_registry.GenerationRun",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        help_text="By which its responses are asked for; none where it was run elsewhere.",
    )
    attempt = models.PositiveSmallIntegerField(
        default=1,
        help_text="1 for the first evaluation of this pair on any version of this golden set, one more with each.",
    )
    imported_from = models.CharField(max_length=255, blank=True, help_text="Set where it was run elsewhere.")
    started_by = models.ForeignKey(
        "auth.User", on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    started_at = models.DateTimeField(auto_now_add=True)
    opened_at = models.DateTimeField(null=True, blank=True)
    closed_at = models.DateTimeField(null=True, blank=True)
    closed_by = models.ForeignKey(
        "auth.User", on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )

    class Meta:
        ordering = ["-started_at", "-pk"]
        constraints = [
            models.CheckConstraint(
                condition=~Q(candidate=F("baseline")), name="candidate_is_not_the_baseline"
            ),
            models.CheckConstraint(
                condition=Q(votes_per_comparison__gte=1, votes_per_comparison__lte=MOST_VOTES_PER_COMPARISON),
                name="votes_per_comparison_in_range",
            ),
            models.CheckConstraint(
                condition=Q(largest_share__gte=1, largest_share__lte=100), name="largest_share_in_range"
            ),
            models.CheckConstraint(
                condition=Q(check_percent__lte=MOST_CHECK_PERCENT), name="check_percent_in_range"
            ),
            models.CheckConstraint(
                condition=Q(closed_at__isnull=True) | Q(opened_at__isnull=False), name="closed_was_open"
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("evaluation", args=[self.pk])

    @property
    def status(self) -> Evaluation.Status:
        if self.closed_at:
            return self.Status.CLOSED
        return self.Status.VOTING if self.opened_at else self.Status.GENERATING


class Comparison(models.Model):
    """One example of an evaluation, with both responses. *Ready* when both are done.

    Its votes are counted here by triggers, in the transaction of each vote: a dashboard reads a row an example,
    however many people voted on it.
    """

    evaluation = models.ForeignKey(Evaluation, on_delete=models.CASCADE, related_name="comparisons")
    example = models.ForeignKey("models_registry.Example", on_delete=models.PROTECT, related_name="+")
    candidate_response = models.ForeignKey(
        "models_registry.Response", on_delete=models.PROTECT, related_name="+"
    )
    baseline_response = models.ForeignKey(
        "models_registry.Response", on_delete=models.PROTECT, related_name="+"
    )
    position = models.PositiveIntegerField(help_text="In the queue: a seeded random order.")
    identical = models.BooleanField(
        default=False, help_text="Both models gave the same text: a tie that nobody needs to vote on."
    )
    # of the example, again: every figure is by them
    lang = models.CharField(
        max_length=8, blank=True, help_text="Language without its region; empty: unknown."
    )
    intent = models.CharField(max_length=100, blank=True, help_text="The primary intent.")
    turns = models.PositiveSmallIntegerField(
        default=0, help_text="Votes it gets; 0 where it was left out, or nobody needs to vote."
    )
    wins = models.PositiveSmallIntegerField(default=0, editable=False)
    losses = models.PositiveSmallIntegerField(default=0, editable=False)
    ties = models.PositiveSmallIntegerField(default=0, editable=False)
    both_bad = models.PositiveSmallIntegerField(default=0, editable=False)

    class Meta:
        ordering = ["evaluation", "position"]
        constraints = [
            models.UniqueConstraint(fields=["evaluation", "example"], name="comparison_once_an_example"),
            models.UniqueConstraint(fields=["evaluation", "position"], name="comparison_position_once"),
        ]

    def __str__(self) -> str:
        return f"{self.evaluation_id}/{self.example_id}"

    def get_absolute_url(self) -> str:
        return reverse("comparison", args=[self.pk])

    @property
    def has_same_text(self) -> bool:
        """Both models said the same, also on the way to the last answer: there is nothing to judge."""
        one, other = self.candidate_response, self.baseline_response
        return one.text.strip() == other.text.strip() and one.earlier_answers == other.earlier_answers
