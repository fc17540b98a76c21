from __future__ import annotations

from django.db import models
from django.db.models import Q

from reviews.models.assignment import Assignment, new_ticket
from reviews.models.evaluation import Comparison


class HiddenCheck(models.Model):
    """A pair that looks like any other and checks its reviewer. In a table of its own, so that it can't be counted.

    *swapped*: a pair the reviewer judged before, sides exchanged. *identical*: the same text twice, a tie.
    *mismatched*: one side answers another question, so the other side is better.
    """

    class Kind(models.TextChoices):
        SWAPPED = "swapped"
        IDENTICAL = "identical"
        MISMATCHED = "mismatched"

    evaluation = models.ForeignKey(
        "reviews.Evaluation", on_delete=models.CASCADE, related_name="hidden_checks"
    )
    reviewer = models.ForeignKey("auth.User", on_delete=models.PROTECT, related_name="+")
    kind = models.CharField(max_length=10, choices=Kind.choices)
    # whose conversation is shown
    comparison = models.ForeignKey(Comparison, on_delete=models.CASCADE, related_name="+")
    repeats = models.ForeignKey(
        Assignment, on_delete=models.CASCADE, null=True, related_name="+", help_text="Of a swapped one."
    )
    left_response = models.ForeignKey("models_registry.Response", on_delete=models.PROTECT, related_name="+")
    right_response = models.ForeignKey("models_registry.Response", on_delete=models.PROTECT, related_name="+")
    expected = models.CharField(
        max_length=8,
        blank=True,
        help_text="left, right or tie, as on the screen; a swapped one has its vote's.",
    )
    number = models.PositiveIntegerField(help_text="Of this reviewer's checks in the evaluation, from 0.")
    place = models.PositiveIntegerField(default=0, help_text="Pairs its reviewer had been given before it.")
    ticket = models.CharField(max_length=16, unique=True, default=new_ticket, editable=False)
    lease_until = models.DateTimeField(null=True)
    shown_at = models.DateTimeField(null=True)
    # left, right, tie or both_bad, as on the screen: no side of it is the candidate's; empty until it is answered
    answer = models.CharField(max_length=8, blank=True)
    strength = models.CharField(max_length=8, blank=True)
    reasons = models.JSONField(default=list, blank=True)
    comment = models.TextField(blank=True)
    answered_at = models.DateTimeField(null=True)
    times_said = models.PositiveIntegerField(
        default=1, help_text="One more each time it is taken back or changed, as the number of a vote is."
    )
    seconds = models.FloatField(null=True)

    class Meta:
        ordering = ["evaluation", "reviewer", "number"]
        constraints = [
            models.UniqueConstraint(fields=["evaluation", "reviewer", "number"], name="hidden_check_once"),
            models.CheckConstraint(
                condition=Q(kind__in=["swapped", "identical", "mismatched"]),
                name="hidden_check_kind_is_known",
            ),
            models.CheckConstraint(
                condition=Q(answer__in=["", "left", "right", "tie", "both_bad"]),
                name="hidden_check_answer_is_known",
            ),
        ]

    def __str__(self) -> str:
        return f"hidden check {self.pk}"
