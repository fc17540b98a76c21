from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.urls import reverse

from reviews.models.evaluation import Comparison
from reviews.models.vote import Choice


class Judge(models.Model):
    """A model version that is asked what it thinks of an evaluation's comparisons, each in both orders.

    It votes on nothing: what it says is kept apart from the votes, and no reviewer ever sees it. Frozen, by a
    trigger, once there are verdicts: they would be of another question otherwise.
    """

    evaluation = models.ForeignKey("reviews.Evaluation", on_delete=models.CASCADE, related_name="judges")
    model_version = models.ForeignKey(
        "models_registry.ModelVersion", on_delete=models.PROTECT, related_name="+"
    )
    template = models.TextField(help_text="What it is asked; see reviews/verdicts.py for the placeholders.")
    template_sha256 = models.CharField(max_length=64)
    run = models.OneToOneField(
        "models_registry.GenerationRun",
        on_delete=models.PROTECT,
        related_name="+",
        help_text="By which it is asked: its state, budget and money.",
    )
    started_by = models.ForeignKey("auth.User", on_delete=models.PROTECT, null=True, related_name="+")
    started_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["evaluation", "model_version", "template_sha256"], name="judge_once_a_question"
            ),
        ]

    def __str__(self) -> str:
        return f"judge {self.pk}"

    def get_absolute_url(self) -> str:
        return reverse("judges", args=[self.evaluation_id], query={"judge": str(self.pk)})


class JudgeVerdict(models.Model):
    """What a judge said of one comparison in one order; or that it is still to be asked, or could not be read.

    How it was asked, what came word for word, and what that cost and took is the response's: the queue, its leases,
    retries and limits are those of every response. `choice` and `problem` are empty until that is read.
    """

    judge = models.ForeignKey(Judge, on_delete=models.CASCADE, related_name="verdicts")
    comparison = models.ForeignKey(Comparison, on_delete=models.CASCADE, related_name="judge_verdicts")
    candidate_first = models.BooleanField()
    response = models.ForeignKey("models_registry.Response", on_delete=models.PROTECT, related_name="+")
    again = models.PositiveSmallIntegerField(
        default=0, help_text="How many answers before this one could not be read."
    )
    choice = models.CharField(
        max_length=10, choices=Choice.choices, blank=True, help_text="In truth, like a vote's."
    )
    rationale = models.TextField(blank=True)
    problem = models.TextField(blank=True, help_text="Why the response is no verdict.")

    class Meta:
        ordering = ["judge", "comparison", "-candidate_first"]
        constraints = [
            models.UniqueConstraint(
                fields=["judge", "comparison", "candidate_first"], name="judge_verdict_once_an_order"
            ),
            models.CheckConstraint(
                condition=Q(choice__in=["", *Choice.values]), name="judge_verdict_choice_is_known"
            ),
            models.CheckConstraint(
                condition=Q(choice="") | Q(problem=""), name="judge_verdict_is_read_or_not"
            ),
        ]
        indexes = [
            models.Index(fields=["judge"], name="judge_verdict_unread", condition=Q(choice="", problem="")),
        ]

    def __str__(self) -> str:
        return f"verdict {self.pk}"
