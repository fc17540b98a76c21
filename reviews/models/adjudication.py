from __future__ import annotations

from django.db import models
from django.db.models import Q

from reviews.models.evaluation import Comparison
from reviews.models.vote import Choice


class Settlement(models.Model):
    """What a lead said of one comparison that reviewers disagree on."""

    choice = models.CharField(max_length=10, choices=Choice.choices)
    comment = models.TextField(blank=True)
    candidate_on_left = models.BooleanField(help_text="As it was shown.")
    blind = models.BooleanField(help_text="Nothing on its page had said yet which side was whose.")
    settled_by = models.ForeignKey("auth.User", on_delete=models.PROTECT, related_name="+")
    settled_at = models.DateTimeField()
    number = models.PositiveIntegerField(
        default=1, help_text="1 for the first time it was settled, one more with each change."
    )

    class Meta:
        abstract = True


class Adjudication(Settlement):
    """A lead's verdict as it stands: no vote, in a table of its own, so that the gate can't count it.

    It may be changed; what it said before is kept, or triggers refuse the change. It is never deleted.
    """

    comparison = models.OneToOneField(Comparison, on_delete=models.PROTECT, related_name="adjudication")

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(choice__in=Choice.values), name="adjudication_choice_is_known"
            ),
        ]

    def __str__(self) -> str:
        return f"adjudication of comparison {self.comparison_id}"


class AdjudicationRevision(Settlement):
    """What an adjudication said before it was changed. Only ever added."""

    comparison = models.ForeignKey(
        Comparison, on_delete=models.PROTECT, related_name="adjudication_revisions"
    )
    replaced_at = models.DateTimeField()

    class Meta:
        ordering = ["comparison", "number"]
        constraints = [
            models.UniqueConstraint(fields=["comparison", "number"], name="adjudication_revision_once"),
        ]

    def __str__(self) -> str:
        return f"revision {self.number} of the adjudication of comparison {self.comparison_id}"
