from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from evalsite.figures import dollars
from models_registry.models import ModelVersion
from reviews.forms import BudgetField
from reviews.queries.judges import JudgeCost
from reviews.verdicts import DEFAULT_TEMPLATE


class JudgeForm(forms.Form):
    """Who judges, and what it is asked. What of it can't be done the action says."""

    model_version = forms.ModelChoiceField(
        ModelVersion.objects.none(),
        label=_("Model version"),
        empty_label=_("Choose a model version"),
        help_text=_(
            "It is asked as it is, with its own system prompt and parameters: best one that was registered for this, "
            "without a system prompt."
        ),
    )
    budget = BudgetField(
        label=_("Budget, US dollars"),
        help_text=_("No new request is sent once so much is spent. You can raise it later."),
    )
    template = forms.CharField(
        label=_("What it is asked"),
        strip=False,
        initial=DEFAULT_TEMPLATE,
        max_length=20_000,
        widget=forms.Textarea(attrs={"rows": 14, "class": "judge-template", "spellcheck": "false"}),
        help_text=_(
            "{conversation}, {first} and {second} have to be in it; {reference} and {guidelines} may be. Every "
            "comparison is asked about twice, the second time with the answers the other way round."
        ),
    )
    although_judged = forms.BooleanField(
        label=_("It is one of the two that are judged, and I know that models prefer their own answers"),
        required=False,
    )

    def __init__(self, *args: Any, cost: JudgeCost, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        versions = self.fields["model_version"]
        assert isinstance(versions, forms.ModelChoiceField)
        versions.queryset = ModelVersion.objects.filter(endpoint__isnull=False).select_related("model")
        self._cost = cost
        versions.label_from_instance = self._with_cost  # type: ignore[method-assign, assignment]

    def _with_cost(self, version: ModelVersion) -> str:
        if not (version.input_price or version.output_price):
            return str(version)
        about = {"version": version, "money": dollars(self._cost.dollars(version))}
        return _("%(version)s, about %(money)s") % about
