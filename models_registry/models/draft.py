from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _


class DraftChange(models.Model):
    """One example added, edited or retired since the newest version of its golden set; published, all become the next.

    `row` is the example as it is to be, with the columns of a file's row; it is null where the example is retired.
    """

    class Kind(models.TextChoices):
        ADD = "add", _("added")
        EDIT = "edit", _("edited")
        RETIRE = "retire", _("retired")

    golden_set = models.ForeignKey(
        "models_registry.GoldenSet", on_delete=models.PROTECT, related_name="draft_changes"
    )
    key = models.CharField(max_length=200, help_text='The "id" of its row.')
    kind = models.CharField(max_length=10, choices=Kind)
    row = models.JSONField(null=True, blank=True)
    note = models.TextField(blank=True, help_text="Why; goes into the changelog.")
    created_by = models.ForeignKey("auth.User", on_delete=models.PROTECT, null=True, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    changed_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["golden_set", "key"]
        constraints = [
            models.UniqueConstraint(fields=["golden_set", "key"], name="draft_change_once"),
            models.CheckConstraint(
                condition=Q(kind="retire", row__isnull=True) | ~Q(kind="retire") & Q(row__isnull=False),
                name="draft_change_row_unless_retired",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.key} {self.kind}"


class ExampleFlag(models.Model):
    """Something that someone who judged finds wrong with an example itself; on the draft's list until it is settled."""

    class Kind(models.TextChoices):
        REFERENCE = "reference", _("the reference is wrong")
        AMBIGUOUS = "ambiguous", _("the prompt is ambiguous")
        TAG = "tag", _("the intent tag is wrong")
        GROUND_TRUTH = "ground_truth", _("it needs a clearer ground truth")
        OTHER = "other", _("something else")

    example = models.ForeignKey("models_registry.Example", on_delete=models.PROTECT, related_name="flags")
    kind = models.CharField(max_length=20, choices=Kind)
    note = models.TextField(blank=True)
    created_by = models.ForeignKey("auth.User", on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    settled_at = models.DateTimeField(null=True, blank=True)
    settled_by = models.ForeignKey(
        "auth.User", on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )

    class Meta:
        ordering = ["created_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["example", "created_by", "kind"],
                condition=Q(settled_at__isnull=True),
                name="example_flag_once_open",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.example_id}: {self.kind}"
