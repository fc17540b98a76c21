from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from models_registry.models.golden_set import intent_shown
from models_registry.queries import TagCount


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
        self.fields["tag"].choices = [("", _("All")), *((tag.name, intent_shown(tag.name)) for tag in tags)]  # type: ignore[attr-defined]
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
