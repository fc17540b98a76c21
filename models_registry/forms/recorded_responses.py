from __future__ import annotations

from typing import Any

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import UploadedFile
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from models_registry import queries
from models_registry.actions.recorded_responses import FIELDS, check_has_no_endpoint
from models_registry.models import GoldenSetVersion, ModelVersion
from models_registry.models.model_version import validate_model_name

# A file is read and stored while the page waits; what takes longer than a minute is the command's.
MOST_BYTES = 50 * 1024 * 1024


def most_bytes() -> int:
    return min(MOST_BYTES, settings.GOLDEN_SET_MAX_BYTES)


class ResponsesForm(forms.Form):
    """A file of responses made elsewhere, and whose they are."""

    file = forms.FileField(
        label=_("File"),
        help_text=_("JSON Lines, CSV, a JSON array or Parquet, also packed with gzip."),
        widget=forms.ClearableFileInput(attrs={"accept": ".jsonl,.ndjson,.json,.csv,.tsv,.txt,.parquet,.gz"}),
        error_messages={
            "required": _("Choose a file."),
            "empty": _("The file is empty; write one row a line, as in the example."),
        },
        max_length=None,
    )
    golden_set_version = forms.ModelChoiceField(
        GoldenSetVersion.objects.none(),
        label=_("Golden set version"),
        empty_label=_("Choose a golden set version"),
        help_text=_("The one whose prompts were answered."),
        error_messages={
            "invalid_choice": _(
                "This version was retired, or was never stored; choose another one of the list."
            )
        },
    )
    model = forms.CharField(
        label=_("Model"),
        max_length=100,
        validators=[validate_model_name],
        help_text=_(
            "A new name, or that of an existing line of models, such as <code>aurora-support</code>."
        ),
        widget=forms.TextInput(attrs={"list": "model-names", "autocomplete": "off", "spellcheck": "false"}),
    )
    version = forms.CharField(
        label=_("Version"),
        max_length=60,
        validators=ModelVersion._meta.get_field("version").validators,
        help_text=_("Such as <code>2026-11</code>. One that is there already gets the responses it lacks."),
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )
    input_price = forms.DecimalField(
        label=_("Input price"),
        required=False,
        min_value=0,
        max_digits=12,
        decimal_places=6,
        help_text=_("US dollars per million tokens."),
    )
    output_price = forms.DecimalField(
        label=_("Output price"),
        required=False,
        min_value=0,
        max_digits=12,
        decimal_places=6,
        help_text=_("US dollars per million tokens."),
    )
    changelog = forms.CharField(
        label=_("Changelog"),
        required=False,
        help_text=_("What is new against the version before."),
        widget=forms.Textarea(attrs={"rows": 2}),
    )
    intended_use = forms.CharField(
        label=_("Intended use"),
        required=False,
        help_text=_("What the version is for, and what not."),
        widget=forms.Textarea(attrs={"rows": 2}),
    )
    skip_invalid = forms.BooleanField(
        label=_("Skip rows that can't be used, and store the others"), required=False
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choice = self.fields["golden_set_version"]
        assert isinstance(choice, forms.ModelChoiceField)
        usable = queries.sealed_versions().filter(retired_at__isnull=True)
        choice.queryset = usable.order_by("golden_set__name", "-number")

    def clean_file(self) -> UploadedFile[Any]:
        file: UploadedFile[Any] = self.cleaned_data["file"]
        most = most_bytes()
        if file.size is not None and file.size > most:
            raise ValidationError(
                gettext(
                    "The file has %(size).1f MB; up to %(most)d MB can be uploaded here. Split it, or let an "
                    "operator run manage.py import_responses."
                )
                % {"size": file.size / 1024 / 1024, "most": most // 1024 // 1024}
            )
        return file

    def clean(self) -> dict[str, Any]:
        given: dict[str, Any] = super().clean() or self.cleaned_data
        if given.get("model") and given.get("version"):
            try:
                check_has_no_endpoint(given["model"], given["version"])
            except ValidationError as error:
                self.add_error(None, error)
        return given

    def version_fields(self) -> dict[str, Any]:
        """What was filled in; what was left empty stays as it is."""
        return {name: self.cleaned_data[name] for name in FIELDS if self.cleaned_data[name] not in (None, "")}
