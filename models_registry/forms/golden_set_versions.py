from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _

from models_registry.models import GoldenSetVersion


class CompareForm(forms.Form):
    """Two versions of a golden set, given newest first. What isn't chosen is the newest and the one before it."""

    def __init__(self, given: Mapping[str, Any], *, versions: Sequence[GoldenSetVersion]) -> None:
        self.versions = {str(version.number): version for version in versions}
        later = given.get("to") or next(iter(self.versions), "")
        super().__init__({"from": given.get("from") or self._before(later), "to": later})
        # "from" can't be the name of an attribute
        for name, label in (("from", _("From")), ("to", _("To"))):
            self.fields[name] = forms.ChoiceField(
                label=label,
                choices=[(number, _choice(version)) for number, version in self.versions.items()],
                error_messages={
                    "invalid_choice": _("There is no such version; choose one of the list."),
                    "required": _("Choose a version."),
                },
            )

    def _before(self, later: str) -> str:
        """The version before this one; the oldest has none, so the one after it."""
        numbers = list(self.versions)
        if later not in numbers:
            return numbers[1] if len(numbers) > 1 else ""
        place = numbers.index(later)
        return next(iter(numbers[place + 1 :] or reversed(numbers[:place])), "")

    def clean(self) -> dict[str, Any]:
        given = super().clean() or {}
        if "from" in given and given["from"] == given.get("to"):
            raise ValidationError(_now("Choose two different versions."))
        return given

    def chosen(self) -> tuple[GoldenSetVersion, GoldenSetVersion] | None:
        """The two versions; None where the form says what is wrong."""
        if not self.is_valid():
            return None
        return self.versions[self.cleaned_data["from"]], self.versions[self.cleaned_data["to"]]


class RetireForm(forms.Form):
    reason = forms.CharField(
        label=_("Why is it retired?"),
        help_text=_("Stands on its page for whoever wonders later."),
        widget=forms.Textarea(attrs={"rows": 4}),
        error_messages={"required": _("Say why, such as “version 4 mends the wrong references”.")},
    )


def _choice(version: GoldenSetVersion) -> str:
    words = {"number": version.number}
    return (
        _now("Version %(number)s, retired") % words
        if version.retired_at
        else _now("Version %(number)s") % words
    )
