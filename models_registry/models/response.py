from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _


class Response(models.Model):
    """What one model version answered to one prompt; or that it is still to be asked.

    A response belongs to a request, not to an evaluation: any evaluation that would send the same thing to the
    same model version finds it here.
    """

    class Status(models.TextChoices):
        PENDING = "pending"
        DONE = "done"
        FAILED = "failed"

    model_version = models.ForeignKey(
        "models_registry.ModelVersion", on_delete=models.PROTECT, related_name="responses"
    )
    example = models.ForeignKey(
        "models_registry.Example",
        on_delete=models.PROTECT,
        related_name="+",
        help_text=_("The one it was first asked for."),
    )
    question = models.JSONField(
        null=True,
        help_text=_("Messages that are sent instead of the example's: a judge is asked about it, not it."),
    )
    request_sha256 = models.CharField(
        max_length=64, help_text=_("Of what is sent; see models_registry/content_hash.py.")
    )
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.PENDING)

    run = models.ForeignKey(
        "models_registry.GenerationRun",
        on_delete=models.PROTECT,
        null=True,
        related_name="responses",
        help_text=_("The one that it is asked for; nothing is asked while that does not run."),
    )
    batch_job = models.ForeignKey(
        "models_registry.BatchJob",
        on_delete=models.PROTECT,
        null=True,
        related_name="responses",
        help_text=_("While it waits in a batch."),
    )

    asked_live = models.BooleanField(
        default=False, help_text=_("Although its run goes by batch, which can't ask for it.")
    )

    # --- being asked: a worker holds a lease; a killed worker's lease runs out and another takes it up
    claim = models.UUIDField(null=True)
    lease_until = models.DateTimeField(null=True)
    next_try_at = models.DateTimeField(null=True, help_text=_("Not before then; empty: at once."))
    attempts = models.PositiveIntegerField(default=0)
    lost_attempts = models.PositiveIntegerField(
        default=0, help_text=_("Requests whose worker died with them; asked, and perhaps paid, again.")
    )
    last_error = models.TextField(blank=True)

    # --- the answer
    text = models.TextField(blank=True)
    earlier_answers = models.JSONField(
        default=list,
        help_text=_("The model's own answers to the user turns before the last, where those are replayed."),
    )
    input_tokens = models.PositiveIntegerField(null=True)
    output_tokens = models.PositiveIntegerField(null=True)
    latency_seconds = models.FloatField(null=True, help_text=_("Empty where it came by batch."))
    first_token_seconds = models.FloatField(null=True, help_text=_("Where the answer was streamed."))
    cost = models.DecimalField(max_digits=16, decimal_places=10, null=True, help_text=_("US dollars."))
    by_batch = models.BooleanField(default=False, help_text=_("It came by the Batch API, at half the price."))
    finish_reason = models.CharField(max_length=40, blank=True)
    reported_model = models.CharField(
        max_length=200, blank=True, help_text=_("The model's name as the endpoint gave it.")
    )
    created_at = models.DateTimeField(auto_now_add=True)
    done_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["model_version", "request_sha256"], name="response_once_a_request"
            ),
            models.CheckConstraint(
                condition=Q(status__in=["pending", "done", "failed"]), name="response_status_is_known"
            ),
            models.CheckConstraint(
                condition=Q(status="done", done_at__isnull=False) | ~Q(status="done"),
                name="response_done_has_a_time",
            ),
        ]
        indexes = [
            models.Index(
                fields=["model_version", "id"], name="response_pending", condition=Q(status="pending")
            ),
            # the first that waits, of whichever version
            models.Index(fields=["id"], name="response_first_pending", condition=Q(status="pending")),
            # those under way are counted before every request
            models.Index(
                fields=["lease_until"],
                name="response_leased",
                condition=Q(status="pending", lease_until__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"response {self.pk} ({self.status})"

    @property
    def messages(self) -> list[dict[str, str]]:
        """What is asked, without the version's system prompt."""
        asked: list[dict[str, str]] = self.example.messages if self.question is None else self.question
        return asked

    @property
    def intent_asked_for(self) -> str:
        """Whose decoding parameters are laid over the version's; a question about an example is of no intent."""
        if self.question is not None or not self.model_version.parameters_by_tag:  # the tags are a query
            return ""
        return self.example.primary_intent
