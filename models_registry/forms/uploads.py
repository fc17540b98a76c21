from __future__ import annotations

from typing import Any

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import UploadedFile
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from evalsite.figures import figure
from models_registry.actions.golden_sets import check_golden_set_name
from models_registry.golden_files import CsvColumns
from models_registry.preflight import ENCODINGS, KINDS, Options
from models_registry.queries.preflight_words import kind_said

CONTEXT_WINDOWS = (4096, 8192, 16384, 32768, 65536, 131072, 200_000, 1_000_000)
# what a person maps, with its label and its help; the others stay for those who write our columns themselves
MAPPED = {
    "prompt": (
        _("The question"),
        _("What the user asks."),
    ),
    "id": (
        _("Its id"),
        _("Different in every row, such as a ticket number. Without one, it is made of the question."),
    ),
    "tags": (
        _("Intent"),
        _("What the user wanted, such as billing or returns. Several with ; between them."),
    ),
    "reference": (_("A good answer"), _("Reviewers can look at it while they vote.")),
    "lang": (_("Language"), _("Codes such as en, es or pt-BR.")),
    "system": (_("System message"), _("What the model is told before the conversation.")),
    "messages": (_("Whole conversation"), _("As JSON; only instead of the question.")),
}


def _context_windows() -> list[tuple[int, str]]:
    return [(size, gettext("%(size)s tokens") % {"size": figure(size)}) for size in CONTEXT_WINDOWS]


class PreflightOptionsForm(forms.Form):
    context_window = forms.TypedChoiceField(
        label=_("Context window"),
        coerce=int,
        required=False,
        choices=_context_windows,
        initial=Options().context_window,
        help_text=_("Of the smallest model you compare. Prompts that do not fit are pointed out."),
    )
    encoding = forms.ChoiceField(
        label=_("Tokens counted by"),
        required=False,
        choices=[(name, name) for name in ENCODINGS],
        initial=ENCODINGS[0],
        help_text=_(
            "o200k_base for GPT-4o and later, cl100k_base for GPT-4 and 3.5; a fair guess for others."
        ),
    )

    def options(self) -> Options:
        return Options(
            context_window=self.cleaned_data["context_window"] or Options().context_window,
            encoding=self.cleaned_data["encoding"] or ENCODINGS[0],
        )


class UploadForm(PreflightOptionsForm):
    field_order = ["file", "name", "changelog", "description", "context_window", "encoding"]

    file = forms.FileField(
        label=_("File"),
        help_text=_(
            "A spreadsheet saved as CSV UTF-8; or JSON Lines, a JSON array or Parquet, also packed with gzip. "
            "Files of OpenAI chat and preferences, TRL, AlpacaEval, MT-bench, Arena-Hard and LLM Comparator "
            "are known by their content."
        ),
        # a file that was chosen stays chosen while another field is mended
        widget=forms.ClearableFileInput(
            attrs={"accept": ".jsonl,.ndjson,.json,.csv,.tsv,.txt,.parquet,.gz", "hx-preserve": "true"}
        ),
        error_messages={
            "required": _("Choose a file."),
            "empty": _("The file is empty; write one row a line, as in the example."),
        },
        max_length=None,
    )
    name = forms.CharField(
        label=_("Golden set"),
        help_text=_(
            "A new name without spaces, such as <code>support-2026</code>, or that of an existing set, "
            "which then gets a new version."
        ),
        max_length=100,
        widget=forms.TextInput(
            attrs={"list": "golden-set-names", "autocomplete": "off", "spellcheck": "false"}
        ),
    )
    changelog = forms.CharField(
        label=_("What is new in this version"),
        required=False,
        help_text=_("One or two sentences for those who compare versions later."),
        widget=forms.Textarea(attrs={"rows": 2}),
    )
    description = forms.CharField(
        label=_("Description of the set"),
        required=False,
        help_text=_(
            "What the prompts are and where they come from. Left empty, an existing description stays."
        ),
        widget=forms.Textarea(attrs={"rows": 2}),
    )

    # the upload whose mended file this is
    again = forms.IntegerField(required=False, widget=forms.HiddenInput)

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


class ColumnsForm(forms.Form):
    """Which column of a CSV is which of ours. The values are places in its header: names may be anything."""

    def __init__(
        self, *args: Any, found: CsvColumns, chosen: dict[str, str] | None = None, **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.header = found.header
        suggested = found.suggested if chosen is None else chosen
        whole = self.data.get("messages") if self.is_bound else suggested.get("messages")
        choices = [("", _("no column")), *((str(place), name) for place, name in enumerate(found.header))]
        for ours, (label, help_text) in MAPPED.items():
            theirs = suggested.get(ours)
            self.fields[ours] = forms.ChoiceField(
                label=label,
                help_text=help_text,
                choices=choices,
                required=ours == "prompt" and not whole,
                error_messages={"required": _("Choose the column that holds the questions.")},
                initial=str(found.header.index(theirs)) if theirs in found.header else "",
            )

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if cleaned.get("prompt") and cleaned.get("messages"):
            self.add_error("messages", gettext("Choose the question or the whole conversation, not both."))
        if cleaned.get("system") and cleaned.get("messages"):
            self.add_error("system", gettext("A whole conversation has its system message in itself."))
        used: dict[str, str] = {}
        for ours, place in list(cleaned.items()):
            if place and place in used:
                first = MAPPED[used[place]][0]
                self.add_error(
                    ours,
                    gettext("This column is chosen for “%(first)s” already; choose another.")
                    % {"first": first},
                )
            elif place:
                used[place] = ours
        return cleaned

    def columns(self) -> dict[str, str]:
        return {ours: self.header[int(place)] for ours, place in self.cleaned_data.items() if place}


class StoreForm(forms.Form):
    """What is done with a checked file on its way into the golden set."""

    replaced = forms.MultipleChoiceField(
        label=_("Personal data to replace by a placeholder"),
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text=_("In prompts, references and metadata: an address becomes [e-mail], and so on."),
    )
    # required, so that a browser says it at the box itself, which may be far from where the page begins
    skip_invalid = forms.BooleanField(
        label=_("Skip the bad rows"),
        error_messages={
            "required": _(
                "The file has bad rows: mend them and upload it again, or tick “Skip the bad rows”."
            )
        },
    )
    changelog = forms.CharField(
        label=_("What is new in this version"),
        required=False,
        widget=forms.Textarea(attrs={"rows": 4}),
        help_text=_("One or two sentences for those who compare versions later."),
    )

    def __init__(self, *args: Any, kinds: dict[str, int], bad_rows: int, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if kinds:
            self.fields["replaced"].choices = [  # type: ignore[attr-defined]
                (kind, f"{kind_said(kind)} ({figure(kinds[kind])})") for kind in KINDS if kind in kinds
            ]
        else:
            del self.fields["replaced"]
        if bad_rows:
            self.fields["skip_invalid"].label = gettext("Skip the bad rows (%(count)s)") % {
                "count": figure(bad_rows)
            }
        else:
            del self.fields["skip_invalid"]
