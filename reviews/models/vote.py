from __future__ import annotations

from django.db import models
from django.db.models import Q

from reviews.models.assignment import Assignment


class Choice(models.TextChoices):
    """A judgement in truth; what a screen says (left, right) exists only between browser and server."""

    CANDIDATE = "candidate"
    BASELINE = "baseline"
    TIE = "tie"
    BOTH_BAD = "both_bad"


class Strength(models.TextChoices):
    """By how much one answer is better; only of a vote for a side."""

    SLIGHTLY = "slightly"
    CLEARLY = "clearly"


class Judgement(models.Model):
    """What a reviewer said of one turn."""

    choice = models.CharField(max_length=10, choices=Choice.choices)
    strength = models.CharField(max_length=8, choices=Strength.choices, blank=True)
    reasons = models.JSONField(default=list, blank=True, help_text="Of the evaluation's reasons, as pressed.")
    comment = models.TextField(blank=True)
    cast_at = models.DateTimeField()
    seconds = models.FloatField(null=True, help_text="From the pair's showing to the vote.")
    number = models.PositiveIntegerField(
        default=1, help_text="1 for the first judgement of the turn, one more with each change."
    )

    class Meta:
        abstract = True


class Vote(Judgement):
    """A reviewer's judgement as it stands. The order it was seen in is its assignment's, which never changes.

    It may be changed or withdrawn while voting is open; what it said before is kept, or triggers refuse the change.
    """

    assignment = models.OneToOneField(Assignment, on_delete=models.PROTECT, related_name="vote")

    class Meta:
        ordering = ["cast_at", "pk"]
        constraints = [
            models.CheckConstraint(condition=Q(choice__in=Choice.values), name="vote_choice_is_known"),
            models.CheckConstraint(
                condition=Q(strength="")
                | Q(strength__in=Strength.values, choice__in=[Choice.CANDIDATE, Choice.BASELINE]),
                name="vote_strength_is_of_a_side",
            ),
        ]

    def __str__(self) -> str:
        return f"vote {self.pk}"


class VoteRevision(Judgement):
    """What a vote said before its reviewer changed it, or took it back. Only ever added."""

    class Why(models.TextChoices):
        CHANGED = "changed"
        UNDONE = "undone"

    assignment = models.ForeignKey(Assignment, on_delete=models.PROTECT, related_name="revisions")
    why = models.CharField(max_length=8, choices=Why.choices)
    replaced_at = models.DateTimeField()

    class Meta:
        ordering = ["assignment", "number"]
        constraints = [
            models.UniqueConstraint(fields=["assignment", "number"], name="vote_revision_once"),
        ]

    def __str__(self) -> str:
        return f"revision {self.number} of assignment {self.assignment_id}"
