from __future__ import annotations

from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import Q


class Invitation(models.Model):
    """Lets one reviewer, or all of a group, vote in an evaluation that is open to the invited only."""

    evaluation = models.ForeignKey("reviews.Evaluation", on_delete=models.CASCADE, related_name="invitations")
    reviewer = models.ForeignKey(
        "auth.User", on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    group = models.ForeignKey("auth.Group", on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    most_votes = models.PositiveIntegerField(
        null=True,
        blank=True,
        validators=[MinValueValidator(1)],
        help_text="That one person may cast by it; empty: no limit.",
    )
    invited_by = models.ForeignKey(
        "auth.User", on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    invited_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["evaluation", "invited_at", "pk"]
        constraints = [
            models.CheckConstraint(
                condition=Q(reviewer__isnull=False, group__isnull=True)
                | Q(reviewer__isnull=True, group__isnull=False),
                name="invitation_is_of_a_reviewer_or_a_group",
            ),
            models.UniqueConstraint(
                fields=["evaluation", "reviewer"],
                condition=Q(reviewer__isnull=False),
                name="invitation_once_a_reviewer",
            ),
            models.UniqueConstraint(
                fields=["evaluation", "group"],
                condition=Q(group__isnull=False),
                name="invitation_once_a_group",
            ),
        ]

    def __str__(self) -> str:
        return f"invitation {self.pk}"
