from __future__ import annotations

from django.db import models


class ReviewerProfile(models.Model):
    """What a person told about themselves; one without a row has every default."""

    user = models.OneToOneField("auth.User", on_delete=models.CASCADE, related_name="reviewer_profile")
    languages = models.JSONField(
        default=list,
        blank=True,
        help_text="Those they read well, such as en and es; empty: not asked, so all.",
    )
    interface_language = models.CharField(max_length=8, blank=True, help_text="Empty: as the browser says.")
    tour_seen_at = models.DateTimeField(null=True, blank=True)
    practised_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"profile of {self.user_id}"


class ReviewerTally(models.Model):
    """How many votes a reviewer has cast in one intent of an evaluation, and with the candidate on which side.

    Kept in the transaction of each vote, so that sides, shares and caps cost the same after 100,000 votes.
    """

    evaluation = models.ForeignKey("reviews.Evaluation", on_delete=models.CASCADE, related_name="+")
    reviewer = models.ForeignKey("auth.User", on_delete=models.PROTECT, related_name="+")
    intent = models.CharField(max_length=100, blank=True)
    votes = models.PositiveIntegerField(default=0)
    candidate_left = models.PositiveIntegerField(default=0)
    judgements = models.PositiveIntegerField(
        default=0, help_text="Votes cast, changed and taken back: it grows with whatever moves a figure."
    )

    class Meta:
        ordering = ["evaluation", "reviewer", "intent"]
        constraints = [
            models.UniqueConstraint(fields=["evaluation", "reviewer", "intent"], name="reviewer_tally_once"),
        ]

    def __str__(self) -> str:
        return f"tally of {self.reviewer_id} in {self.evaluation_id}/{self.intent}"
