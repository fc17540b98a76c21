from __future__ import annotations

from decimal import Decimal

from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _


class GenerationRun(models.Model):
    """Responses that were asked for together, and what they may cost. Only those of a *running* run are asked for.

    A response that several runs want belongs to the last of them that asked while it was not done.
    """

    class State(models.TextChoices):
        RUNNING = "running", _("running")
        PAUSED = "paused", _("paused by a person")
        SPENT = "spent", _("stopped by its budget")
        CANCELLED = "cancelled", _("cancelled")

    state = models.CharField(max_length=10, choices=State, default=State.RUNNING)
    budget = models.DecimalField(
        max_digits=12,
        decimal_places=4,
        null=True,
        blank=True,
        validators=[MinValueValidator(Decimal("0.0001"))],
        help_text="US dollars, at which no new request is sent. Empty: no limit.",
    )
    spent = models.DecimalField(
        max_digits=16, decimal_places=10, default=0, help_text="US dollars, by the answers that came."
    )
    batch = models.BooleanField(
        default=False,
        help_text="By the Batch API of endpoints that have one: within a day, at half the price.",
    )
    created_by = models.ForeignKey("auth.User", on_delete=models.PROTECT, null=True, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    changed_at = models.DateTimeField(auto_now=True)
    changed_by = models.ForeignKey(
        "auth.User",
        on_delete=models.PROTECT,
        null=True,
        related_name="+",
        help_text="Who paused, resumed or cancelled it last.",
    )

    class Meta:
        ordering = ["pk"]

    def __str__(self) -> str:
        return f"generation run {self.pk} ({self.state})"


class Fault(models.Model):
    """One attempt that brought no answer: what happened, when, and what was done about it."""

    class Kind(models.TextChoices):
        THROTTLED = "throttled", _("asked to slow down")
        TIMEOUT = "timeout", _("no answer in time")
        CONNECTION = "connection", _("not reached, or cut off")
        SERVER = "server", _("an error of the endpoint")
        GARBAGE = "garbage", _("an answer that can't be read")
        LOST = "lost", _("the worker died with it")
        REFUSED = "refused", _("refused for good")
        FILTERED = "filtered", _("held back by a content filter")
        UNFORESEEN = "unforeseen", _("unforeseen")

    response = models.ForeignKey(
        "models_registry.Response", on_delete=models.CASCADE, related_name="attempts_failed"
    )
    model_version = models.ForeignKey(
        "models_registry.ModelVersion", on_delete=models.CASCADE, related_name="+"
    )
    kind = models.CharField(max_length=12, choices=Kind)
    message = models.TextField()
    attempt = models.PositiveIntegerField(default=0)
    next_try_at = models.DateTimeField(null=True, help_text="Empty: it was not tried again by itself.")
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-pk"]
        indexes = [models.Index(fields=["model_version", "-id"], name="fault_newest")]

    def __str__(self) -> str:
        return f"{self.kind} at {self.at:%H:%M:%S}"


class BatchJob(models.Model):
    """Requests given to a provider's Batch API in one file, and what became of them."""

    class State(models.TextChoices):
        WRITING = "writing", _("being written")
        VALIDATING = "validating", _("being validated")
        IN_PROGRESS = "in_progress", _("in progress")
        COLLECTING = "collecting", _("being collected")
        DONE = "done", _("done")
        FAILED = "failed", _("failed")
        EXPIRED = "expired", _("expired")
        CANCELLED = "cancelled", _("cancelled")

    OPEN = (State.WRITING, State.VALIDATING, State.IN_PROGRESS, State.COLLECTING)

    model_version = models.ForeignKey(
        "models_registry.ModelVersion", on_delete=models.PROTECT, related_name="batch_jobs"
    )
    run = models.ForeignKey(GenerationRun, on_delete=models.PROTECT, related_name="batch_jobs")
    state = models.CharField(max_length=12, choices=State, default=State.WRITING)
    provider_id = models.CharField(max_length=200, blank=True)
    input_file_id = models.CharField(max_length=200, blank=True)
    output_file_id = models.CharField(max_length=200, blank=True)
    error_file_id = models.CharField(max_length=200, blank=True)
    requests = models.PositiveIntegerField(default=0)
    completed = models.PositiveIntegerField(default=0)
    failed = models.PositiveIntegerField(default=0)
    answered = models.PositiveIntegerField(
        default=0, help_text="Answers that were stored; what the provider counts is in completed."
    )
    spent = models.DecimalField(
        max_digits=16,
        decimal_places=10,
        default=0,
        help_text="US dollars, by those answers, at half the price.",
    )
    message = models.TextField(blank=True, help_text="What the provider said of the whole of it.")
    line_error = models.TextField(
        blank=True, help_text="What was wrong with the last of its requests that brought no answer."
    )
    claim = models.UUIDField(null=True)
    lease_until = models.DateTimeField(null=True)
    next_poll_at = models.DateTimeField(null=True)
    attempts = models.PositiveIntegerField(default=0)
    created_at = models.DateTimeField(auto_now_add=True)
    submitted_at = models.DateTimeField(null=True, help_text="When the provider took it.")
    expires_at = models.DateTimeField(null=True, help_text="When the provider gives it up, where it says so.")
    ended_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["provider_id"], condition=~Q(provider_id=""), name="batch_job_once_at_the_provider"
            ),
        ]

    def __str__(self) -> str:
        return f"batch {self.provider_id or self.pk} ({self.state})"

    @property
    def is_open(self) -> bool:
        return self.state in self.OPEN

    @property
    def is_leaving(self) -> bool:
        """Its run stands still or goes live, so its batch is cancelled at the next look."""
        collects = self.state == self.State.COLLECTING
        goes_on = self.run.batch and self.run.state == GenerationRun.State.RUNNING
        return self.is_open and not collects and not goes_on

    @property
    def done(self) -> int:
        """Answers that are stored; before they are collected, those that the provider says it has."""
        return self.answered or self.completed

    @property
    def money(self) -> Decimal | None:
        """US dollars; None where answers came before their price was kept beside the job."""
        return None if self.completed and not self.answered and not self.is_open else self.spent
