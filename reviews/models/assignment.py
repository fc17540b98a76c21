from __future__ import annotations

from django.db import models
from django.db.models import Q

from reviews.models.evaluation import Comparison


class Choice(models.TextChoices):
    """A judgement in truth; what a screen says (left, right) exists only between browser and server."""

    CANDIDATE = "candidate"
    BASELINE = "baseline"
    TIE = "tie"
    BOTH_BAD = "both_bad"


class Assignment(models.Model):
    """One reviewer's turn at one comparison, with a side order and a lease.

    All N turns of a comparison are made, without a reviewer, when voting opens: so sides are balanced by
    construction, and no comparison can ever get N+1 votes. Taking a turn is an update that one reviewer wins.
    """

    comparison = models.ForeignKey(Comparison, on_delete=models.CASCADE, related_name="assignments")
    slot = models.PositiveSmallIntegerField(help_text="0 to N-1.")
    # the comparison's position again: the queue is read in this order at every vote, by an index of its own
    position = models.PositiveIntegerField()
    evaluation = models.ForeignKey("reviews.Evaluation", on_delete=models.CASCADE, related_name="assignments")
    candidate_on_left = models.BooleanField()
    reviewer = models.ForeignKey("auth.User", on_delete=models.PROTECT, null=True, related_name="+")
    lease_until = models.DateTimeField(null=True)
    shown_at = models.DateTimeField(null=True)
    voted = models.BooleanField(default=False)

    class Meta:
        ordering = ["evaluation", "position", "slot"]
        permissions = [("cast_vote", "Can vote on blind pairs")]
        constraints = [
            models.UniqueConstraint(fields=["comparison", "slot"], name="assignment_slot_once"),
            models.UniqueConstraint(fields=["comparison", "reviewer"], name="assignment_once_a_reviewer"),
            models.CheckConstraint(
                condition=Q(voted=False) | Q(reviewer__isnull=False), name="voted_assignment_has_a_reviewer"
            ),
        ]
        indexes = [
            models.Index(
                fields=["evaluation", "position", "slot"], name="assignment_queue", condition=Q(voted=False)
            ),
            models.Index(fields=["reviewer", "evaluation"], name="assignment_reviewer"),
        ]

    def __str__(self) -> str:
        return f"assignment {self.pk}"


class LapsedTurn(models.Model):
    """A reviewer was shown a comparison, left it without a vote, and their turn went to someone else."""

    comparison = models.ForeignKey(Comparison, on_delete=models.CASCADE, related_name="+")
    reviewer = models.ForeignKey("auth.User", on_delete=models.PROTECT, related_name="+")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["comparison", "reviewer"], name="lapsed_turn_once"),
        ]

    def __str__(self) -> str:
        return f"lapsed turn {self.pk}"


class Vote(models.Model):
    """A reviewer's judgement. The order it was seen in is its assignment's, which never changes."""

    assignment = models.OneToOneField(Assignment, on_delete=models.PROTECT, related_name="vote")
    choice = models.CharField(max_length=10, choices=Choice.choices)
    cast_at = models.DateTimeField()
    seconds = models.FloatField(null=True, help_text="From the pair's showing to the vote.")

    class Meta:
        ordering = ["cast_at", "pk"]
        constraints = [
            models.CheckConstraint(condition=Q(choice__in=Choice.values), name="vote_choice_is_known"),
        ]

    def __str__(self) -> str:
        return f"vote {self.pk}"
