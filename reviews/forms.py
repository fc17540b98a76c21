from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from django import forms
from django.db.models import Exists, OuterRef, Q
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _

from models_registry.models import Endpoint, ExampleFlag, GoldenSetVersion, ModelVersion, Response
from models_registry.models.golden_set import intent_shown
from reviews.models import Evaluation
from reviews.queries.comparisons import OUTCOMES


class VersionSelect(forms.Select):
    """Marks the versions that can be asked by batch, or are not asked at all, for the stylesheet."""

    def create_option(self, name: str, value: Any, *args: Any, **kwargs: Any) -> dict[str, Any]:
        option = super().create_option(name, value, *args, **kwargs)
        version = getattr(value, "instance", None)
        if version is not None and goes_by_batch(version):
            option["attrs"]["data-path"] = "batch"
        return option


def goes_by_batch(version: ModelVersion) -> bool:
    return version.endpoint is None or version.endpoint.has_batches


class BudgetField(forms.DecimalField):
    def __init__(self, **kwargs: Any) -> None:
        attrs = {"step": "any", "inputmode": "decimal", "placeholder": _("no limit")}
        super().__init__(
            required=False,
            min_value=Decimal("0.01"),
            max_digits=12,
            decimal_places=4,
            widget=forms.NumberInput(attrs=attrs),
            **kwargs,
        )


class ResumeForm(forms.Form):
    """How an evaluation goes on whose budget is spent."""

    budget = BudgetField(
        label=_("New budget, US dollars"),
        help_text=_("For all of it, with what is spent. Empty: no limit."),
    )


class EvaluationForm(forms.ModelForm):
    # what an estimate is of
    ESTIMATED = ("candidate", "baseline", "golden_set_version", "budget", "batch")

    class Meta:
        model = Evaluation
        fields = ["name", "candidate", "baseline", "golden_set_version", "votes_per_comparison", "guidelines"]
        labels = {
            "name": _("Name"),
            "candidate": _("Candidate"),
            "baseline": _("Baseline"),
            "golden_set_version": _("Golden set version"),
            "votes_per_comparison": _("Votes per comparison"),
            "guidelines": _("Guidelines for reviewers"),
        }
        help_texts = {
            "name": _("Reviewers see it, so don't name the models."),
            "candidate": _("The version you would like to ship."),
            "baseline": _("The version it has to beat, usually the one in production."),
            "votes_per_comparison": _(
                "One is quickest to a verdict; two or more also tell how far reviewers agree. Fixed once voting opens."
            ),
            "guidelines": _("Shown beside every pair. What makes an answer good? Markdown."),
        }
        widgets = {"guidelines": forms.Textarea(attrs={"rows": 6})}

    candidate = forms.ModelChoiceField(ModelVersion.objects.none(), widget=VersionSelect)
    baseline = forms.ModelChoiceField(ModelVersion.objects.none(), widget=VersionSelect)
    golden_set_version = forms.ModelChoiceField(GoldenSetVersion.objects.none())
    budget = BudgetField(
        label=_("Budget, US dollars"),
        help_text=_("No new request is sent once so much is spent. You can raise it later."),
    )
    batch = forms.BooleanField(
        label=_("By batch: within a day, at half the price"),
        required=False,
        help_text=_("The endpoints work through all requests when they have time for them."),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # one that can be asked, or has been recorded
        recorded = Exists(Response.objects.filter(model_version=OuterRef("pk")))
        versions = ModelVersion.objects.filter(Q(endpoint__isnull=False) | recorded).select_related(
            "model", "endpoint"
        )
        for name in ("candidate", "baseline"):
            self._choose(name, versions, _("Choose a model version"))
        if not Endpoint.objects.filter(has_batches=True).exists():
            del self.fields["batch"]
        usable = GoldenSetVersion.objects.filter(sealed_at__isnull=False, retired_at__isnull=True)
        self._choose(
            "golden_set_version", usable.select_related("golden_set"), _("Choose a golden set version")
        )
        self.fields["golden_set_version"].error_messages["invalid_choice"] = _(
            "This version was retired, or was never stored; choose another one of the list."
        )

    def _choose(self, name: str, choices: Any, prompt: Any) -> None:
        field = self.fields[name]
        assert isinstance(field, forms.ModelChoiceField)
        field.label = (self._meta.labels or {})[name]
        field.help_text = (self._meta.help_texts or {}).get(name, "")
        field.queryset = choices
        field.empty_label = prompt

    def clean(self) -> dict[str, Any]:
        given = super().clean() or {}
        candidate, baseline = given.get("candidate"), given.get("baseline")
        if candidate is not None and candidate == baseline:
            self.add_error("baseline", _("A version can't be compared with itself; choose another baseline."))
        if given.get("batch"):
            for version in (candidate, baseline):
                if version is not None and not goes_by_batch(version):
                    message = _("The endpoint of %(version)s has no Batch API; leave this empty.")
                    self.add_error("batch", message % {"version": version})
        return given

    def keep_errors_of_estimate(self) -> None:
        """What is not filled in yet is no error while someone asks what it would cost."""
        for name in [*self.errors]:
            if name not in self.ESTIMATED:
                del self.errors[name]


class ComparisonFilter(forms.Form):
    q = forms.CharField(label=_("Text"), required=False, max_length=200, widget=forms.SearchInput())
    tag = forms.ChoiceField(label=_("Intent"), required=False)
    outcome = forms.ChoiceField(
        label=_("Outcome"), choices=[("", _("All")), *OUTCOMES.items()], required=False
    )

    leak = forms.ChoiceField(label=_("Leak"), required=False)

    def __init__(
        self, *args: Any, tags: Iterable[str], leaks: Iterable[tuple[str, str]] = (), **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        tag, leak = self.fields["tag"], self.fields["leak"]
        assert isinstance(tag, forms.ChoiceField)
        assert isinstance(leak, forms.ChoiceField)
        tag.choices = [("", _("All")), *((name, intent_shown(name)) for name in tags)]
        leak.choices = [("", _("All")), *leaks]
        if len(leak.choices) == 1:  # nothing was found, or nothing was looked for
            del self.fields["leak"]


class FlagForm(forms.Form):
    """Something that is wrong with an example itself, whatever was answered to it."""

    kind = forms.ChoiceField(
        label=_("What is wrong?"),
        choices=[(kind, capfirst(label)) for kind, label in ExampleFlag.Kind.choices],
        widget=forms.RadioSelect,
        error_messages={"required": _("Choose what is wrong.")},
    )
    note = forms.CharField(
        label=_("Note"),
        required=False,
        max_length=2000,
        help_text=_("What should it say instead? For the people who keep the golden set."),
        widget=forms.Textarea(attrs={"rows": 3, "dir": "auto"}),
    )
