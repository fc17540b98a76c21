from __future__ import annotations

from django.db import models
from django.urls import reverse
from django.utils.translation import gettext_lazy as _


class Upload(models.Model):
    """A golden set file that someone gave, on its way to become a version: checked, looked at, then stored or not.

    The database holds the file, so that web server and workers need no common disk. Work on it is leased, as a
    response's is: whoever died leaves a lease that runs out, and the next one begins the step again.
    """

    class State(models.TextChoices):
        COLUMNS = "columns", _("waiting for its columns")
        CHECKING = "checking", _("being checked")
        CHECKED = "checked", _("checked")
        STORING = "storing", _("being stored")
        STORED = "stored", _("stored")
        DISCARDED = "discarded", _("discarded")

    WORKED_ON = (State.CHECKING, State.STORING)

    name = models.SlugField(max_length=100, help_text="Of the golden set.")
    description = models.TextField(blank=True)
    changelog = models.TextField(blank=True)
    filename = models.CharField(max_length=255, blank=True)
    from_draft = models.BooleanField(
        default=False, help_text="Once stored, the draft's changes that it holds are done with."
    )
    size = models.PositiveBigIntegerField(help_text="Bytes.")
    state = models.CharField(max_length=20, choices=State, default=State.CHECKING)

    # what was chosen
    columns = models.JSONField(null=True, help_text="Of a CSV: which of its columns is which of ours.")
    options = models.JSONField(default=dict, help_text="Of preflight, by name.")
    skip_invalid = models.BooleanField(default=False)
    replaced = models.JSONField(default=list, help_text="Kinds of personal data to put placeholders for.")

    # what the check found
    format = models.CharField(max_length=40, blank=True)
    rows = models.PositiveIntegerField(default=0, help_text="Good ones.")
    bad_rows = models.PositiveIntegerField(default=0)
    problems = models.JSONField(default=list, help_text="The first of them.")
    more_problems = models.PositiveIntegerField(default=0)
    notes = models.JSONField(default=list, help_text="What was worth saying about the file as it was read.")
    report = models.JSONField(null=True, help_text="Of preflight.")
    sha256 = models.CharField(max_length=64, blank=True, help_text="Of the good rows as they are.")

    # work under way
    step = models.CharField(max_length=20, blank=True)
    done = models.PositiveBigIntegerField(default=0)
    total = models.PositiveBigIntegerField(default=0)
    claim = models.UUIDField(null=True)
    lease_until = models.DateTimeField(null=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    fault = models.TextField(blank=True)

    version = models.ForeignKey(
        "models_registry.GoldenSetVersion", on_delete=models.PROTECT, null=True, related_name="uploads"
    )
    created_by = models.ForeignKey("auth.User", on_delete=models.PROTECT, null=True, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    changed_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["-pk"]

    def __str__(self) -> str:
        return f"{self.filename} for {self.name}"

    def get_absolute_url(self) -> str:
        return reverse("upload", args=[self.pk])

    @property
    def is_worked_on(self) -> bool:
        return self.state in self.WORKED_ON

    @property
    def is_done_with(self) -> bool:
        return self.state in (self.State.STORED, self.State.DISCARDED)

    @property
    def made_its_version(self) -> bool:
        """False where a version had this content before the file came."""
        return self.version is not None and self.version.created_at >= self.created_at


class UploadPart(models.Model):
    """A piece of the file, at most a megabyte; all in the order of their positions are the file."""

    upload = models.ForeignKey(Upload, on_delete=models.CASCADE, related_name="parts")
    position = models.PositiveIntegerField()
    content = models.BinaryField()

    class Meta:
        ordering = ["upload", "position"]
        constraints = [
            models.UniqueConstraint(fields=["upload", "position"], name="upload_part_once"),
        ]

    def __str__(self) -> str:
        return f"{self.upload_id}.{self.position}"
