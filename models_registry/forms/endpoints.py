from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from models_registry.models import Endpoint, ModelVersion


class EndpointTestForm(forms.Form):
    """What one request to an endpoint asks: a version of it, or any name that it may serve."""

    model_version = forms.ModelChoiceField(
        ModelVersion.objects.none(),
        label=_("Model version"),
        required=False,
        help_text=_("With its system prompt, decoding parameters and prices."),
        empty_label=_("None: the served name below"),
    )
    served_name = forms.CharField(
        label=_("Served name"),
        required=False,
        max_length=200,
        help_text=_("The model's name at the endpoint; at Azure OpenAI the deployment's."),
    )
    prompt = forms.CharField(
        label=_("Prompt"),
        max_length=20_000,
        widget=forms.Textarea(attrs={"rows": 3}),
        initial=_("Say hello in one short sentence."),
    )

    def __init__(self, *args: Any, endpoint: Endpoint, **kwargs: Any) -> None:
        versions = ModelVersion.objects.filter(endpoint=endpoint).select_related("model")
        newest = versions.order_by("-created_at", "-pk").first()
        super().__init__(*args, **kwargs)
        self.initial["model_version"] = newest and newest.pk
        self.endpoint = endpoint
        self.fields["model_version"].queryset = versions  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        version, name = cleaned.get("model_version"), cleaned.get("served_name")
        if not version and not name and "model_version" not in self.errors:
            self.add_error("served_name", _("Choose a model version, or give a served name."))
        if version and name:
            self.add_error("served_name", _("Either a model version or a served name; remove one of them."))
        return cleaned

    def asked(self) -> ModelVersion:
        """The version to ask; one that is stored nowhere where only a name was given."""
        version: ModelVersion | None = self.cleaned_data["model_version"]
        return version or ModelVersion(endpoint=self.endpoint, served_name=self.cleaned_data["served_name"])
