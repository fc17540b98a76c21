from __future__ import annotations

import secrets

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from reviews.models.evaluation import Comparison


def new_ticket() -> str:
    return secrets.token_urlsafe(12)


class Assignment(models.Model):
    """One reviewer's turn at one comparison, with a side order and a lease.

    All N turns of a comparison are made, without a reviewer, when voting opens: so sides are balanced by
    construction, and no comparison can ever get N+1 votes. Taking a turn is an update that one reviewer wins.

    *held*: a reviewer has it and has not been shown it yet, because it is prefetched; *shown* from `shown_at` on.
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
    # what a browser calls this turn by; a number would tell turns from hidden checks, and one slot from the other
    ticket = models.CharField(max_length=16, unique=True, default=new_ticket, editable=False)
    # of the example, again: the queue is read by them at every vote
    lang = models.CharField(max_length=8, blank=True, help_text="Language without its region; empty: any.")
    intent = models.CharField(max_length=100, blank=True, help_text="The primary intent.")

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
            # how far in the queue a reviewer has come is asked for at every vote
            models.Index(fields=["reviewer", "evaluation", "position"], name="assignment_reviewer"),
            # what a reviewer has open is asked for at every vote, however many they have cast
            models.Index(fields=["reviewer", "evaluation"], name="assignment_open", condition=Q(voted=False)),
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


class SkippedTurn(models.Model):
    """A reviewer gave a comparison back unjudged, and why. It goes to someone else, and never to them again."""

    class Reason(models.TextChoices):
        CANT_JUDGE = "cant_judge", _("I don't know enough about this")
        LANGUAGE = "language", _("I don't read this language well enough")
        BROKEN = "broken", _("It can't be read as it is shown")
        INVOLVED = "involved", _("I know this case or wrote one of the answers")
        OTHER = "other", _("Something else")

    comparison = models.ForeignKey(Comparison, on_delete=models.CASCADE, related_name="skipped_turns")
    reviewer = models.ForeignKey("auth.User", on_delete=models.PROTECT, related_name="+")
    reason = models.CharField(max_length=10, choices=Reason.choices)
    note = models.TextField(blank=True)
    skipped_at = models.DateTimeField()
    lifted_at = models.DateTimeField(
        null=True, blank=True, help_text="From then on they may be given it again, as a lead asked."
    )

    class Meta:
        ordering = ["skipped_at", "pk"]
        constraints = [
            models.UniqueConstraint(fields=["comparison", "reviewer"], name="skipped_turn_once"),
            models.CheckConstraint(
                condition=Q(reason__in=["cant_judge", "language", "broken", "involved", "other"]),
                name="skipped_turn_reason_is_known",
            ),
        ]

    def __str__(self) -> str:
        return f"skipped turn {self.pk}"
