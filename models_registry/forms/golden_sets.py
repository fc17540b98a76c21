from __future__ import annotations

from typing import Any

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import UploadedFile
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from models_registry.actions.golden_sets import check_golden_set_name
from models_registry.queries import TagCount


class GoldenSetUploadForm(forms.Form):
    file = forms.FileField(
        label=_("File"),
        help_text=_(
            "JSON Lines, CSV, a JSON array or Parquet, also packed with gzip. The formats of OpenAI chat "
            "and preference files, TRL, AlpacaEval, MT-bench, Arena-Hard and LLM Comparator are known by their content."
        ),
        widget=forms.ClearableFileInput(attrs={"accept": ".jsonl,.ndjson,.json,.csv,.tsv,.txt,.parquet,.gz"}),
        error_messages={
            "required": _("Choose a file."),
            "empty": _("The file is empty; write one row a line, as in the example."),
        },
    )
    name = forms.CharField(
        label=_("Golden set"),
        help_text=_(
            "A new name, such as <code>support-2026</code>, or that of an existing set, "
            "which then gets a new version."
        ),
        max_length=100,
        widget=forms.TextInput(
            attrs={"list": "golden-set-names", "autocomplete": "off", "spellcheck": "false"}
        ),
    )
    description = forms.CharField(
        label=_("Description"),
        required=False,
        help_text=_(
            "What the prompts are and where they come from. Left empty, an existing description stays."
        ),
        widget=forms.Textarea(attrs={"rows": 3}),
    )
    skip_invalid = forms.BooleanField(
        label=_("Skip the bad rows"),
        required=False,
        help_text=_("Stores the good rows. Without it, a single bad row keeps the whole file out."),
    )

    def clean_file(self) -> UploadedFile[Any]:
        file: UploadedFile[Any] = self.cleaned_data["file"]
        most = settings.GOLDEN_SET_MAX_BYTES
        if file.size is not None and file.size > most:
            raise ValidationError(
                gettext(
                    "The file has %(size).1f MB; up to %(most)d MB can be uploaded here. Split it, or let "
                    "an operator raise GOLDEN_SET_MAX_MB or run manage.py import_golden_set."
                )
                % {"size": file.size / 1024 / 1024, "most": most // 1024 // 1024}
            )
        return file

    def clean_name(self) -> str:
        name: str = self.cleaned_data["name"]
        try:
            check_golden_set_name(name)
        except ValidationError as error:
            raise ValidationError(error.messages) from None
        return name


class ExampleFilterForm(forms.Form):
    """What of a version's examples is shown; all optional, and what is not understood is passed over."""

    q = forms.CharField(
        label=_("Text"), required=False, max_length=200, widget=forms.TextInput(attrs={"type": "search"})
    )
    tag = forms.ChoiceField(label=_("Intent tag"), required=False)
    lang = forms.ChoiceField(label=_("Language"), required=False)

    NO_LANGUAGE = "-"

    def __init__(self, *args: Any, tags: list[TagCount], languages: list[str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["tag"].choices = [("", _("All")), *((tag.name, tag.name) for tag in tags)]  # type: ignore[attr-defined]
        self.fields["lang"].choices = [  # type: ignore[attr-defined]
            ("", _("All")),
            *((lang or self.NO_LANGUAGE, lang or _("not given")) for lang in languages),
        ]

    def chosen(self) -> dict[str, Any]:
        """The arguments of queries.examples_of."""
        self.is_valid()
        lang = self.cleaned_data.get("lang", "")
        return {
            "text": self.cleaned_data.get("q", ""),
            "tag": self.cleaned_data.get("tag", ""),
            "lang": None if not lang else "" if lang == self.NO_LANGUAGE else lang,
        }
