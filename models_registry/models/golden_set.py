from __future__ import annotations

from django.core.validators import MinValueValidator
from django.db import models
from django.urls import reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

UNTAGGED = "untagged"
# what may be written on a sealed version; the triggers freeze every other column
UNSEALED_COLUMNS = frozenset({"retired_at", "retired_by_id", "retired_reason"})


def intent_shown(name: str) -> str:
    """An intent as a page calls it; no tag may have the name of those that have none."""
    return gettext("untagged") if name == UNTAGGED else name


class GoldenSet(models.Model):
    """A named collection of prompts to judge on; what is used is one immutable version of it."""

    name = models.SlugField(unique=True, max_length=100)
    description = models.TextField(blank=True)
    created_by = models.ForeignKey(
        "auth.User", on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("golden_set", args=[self.name])


class GoldenSetVersion(models.Model):
    """A snapshot. Once sealed, triggers in the database refuse every change to it and to its examples.

    Only its retirement can be written down afterwards.
    """

    golden_set = models.ForeignKey(GoldenSet, on_delete=models.PROTECT, related_name="versions")
    number = models.PositiveIntegerField(validators=[MinValueValidator(1)])
    sha256 = models.CharField(
        max_length=64, help_text=_("Of the canonical rows; see models_registry/content_hash.py.")
    )
    rows = models.PositiveIntegerField()
    source = models.CharField(max_length=255, blank=True, help_text=_("Name of the file it came from."))
    warnings = models.JSONField(default=list, blank=True)
    changelog = models.TextField(blank=True, help_text=_("What is new in it, and why."))
    preflight = models.JSONField(
        null=True, blank=True, help_text=_("The report that was shown before it was stored.")
    )
    created_by = models.ForeignKey(
        "auth.User", on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)
    sealed_at = models.DateTimeField(
        null=True, help_text=_("Set once all rows are stored; nothing changes after it.")
    )
    retired_at = models.DateTimeField(
        null=True, blank=True, help_text=_("From then on no new evaluation uses it.")
    )
    retired_by = models.ForeignKey(
        "auth.User", on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    retired_reason = models.TextField(blank=True)

    class Meta:
        ordering = ["golden_set__name", "-number"]
        constraints = [
            models.UniqueConstraint(fields=["golden_set", "number"], name="golden_set_version_once"),
            models.UniqueConstraint(fields=["golden_set", "sha256"], name="golden_set_content_once"),
        ]

    def __str__(self) -> str:
        return f"{self.golden_set.name} v{self.number}"

    def get_absolute_url(self) -> str:
        return reverse("golden_set_version", args=[self.golden_set.name, self.number])


class Example(models.Model):
    """One conversation that ends where a model has to answer, with its intent tags.

    Two user messages in a row mean that the model's own answer stands between them: such a conversation is
    replayed turn by turn, as in MT-bench.
    """

    golden_set_version = models.ForeignKey(
        GoldenSetVersion, on_delete=models.CASCADE, related_name="examples"
    )
    position = models.PositiveIntegerField()
    key = models.CharField(max_length=200, help_text='The "id" of its row.')
    messages = models.JSONField()
    reference = models.TextField(blank=True)
    lang = models.CharField(max_length=35, blank=True)
    metadata = models.JSONField(default=dict)

    class Meta:
        ordering = ["golden_set_version", "position"]
        constraints = [
            models.UniqueConstraint(fields=["golden_set_version", "key"], name="example_key_once"),
            models.UniqueConstraint(fields=["golden_set_version", "position"], name="example_position_once"),
        ]

    def __str__(self) -> str:
        return self.key

    @property
    def tag_names(self) -> list[str]:
        """The intent tags in their order; the first is the primary intent. Reads the prefetched rows."""
        return [tag.name for tag in self.tags.all()]

    @property
    def language(self) -> str:
        """Its language without script and region: es of es-MX; empty where it is not said or undetermined."""
        language = self.lang.replace("_", "-").partition("-")[0].lower()
        return "" if language == "und" else language

    @property
    def primary_intent(self) -> str:
        return next(iter(self.tag_names), UNTAGGED)


class ExampleTag(models.Model):
    example = models.ForeignKey(Example, on_delete=models.CASCADE, related_name="tags")
    position = models.PositiveSmallIntegerField(help_text="0 is the primary intent.")
    name = models.CharField(max_length=100, db_index=True)

    class Meta:
        ordering = ["example", "position"]
        constraints = [
            models.UniqueConstraint(fields=["example", "name"], name="example_tag_once"),
            models.UniqueConstraint(fields=["example", "position"], name="example_tag_position_once"),
        ]

    def __str__(self) -> str:
        return self.name
