"""The plan of an evaluation as a lead fills it in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _

from models_registry.models import GoldenSetVersion
from models_registry.models.golden_set import intent_shown
from reviews.exchange.traffic import TrafficFault, read_traffic
from reviews.models import EvaluationPlan, Traffic
from reviews.queries.plans import shares_of


class PercentField(forms.FloatField):
    """A fraction of 1 that people read and write in percent."""

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("widget", forms.NumberInput(attrs={"step": "any", "inputmode": "decimal"}))
        super().__init__(**kwargs)

    def prepare_value(self, value: Any) -> Any:
        return round(100 * value, 6) if isinstance(value, float) else value

    def clean(self, value: Any) -> float | None:
        given = super().clean(value)
        return None if given is None else given / 100


class PlanForm(forms.Form):
    """What is decided and how. Intents come as a list: a share and a tick for each, by their place in it."""

    bar = PercentField(
        label=_("Win rate to exceed, percent"),
        min_value=1,
        max_value=99,
        help_text=_(
            "50 is “better than the baseline”. Ask for more where the switch itself costs something."
        ),
    )
    margin = PercentField(
        label=_("How much worse a guarded intent may be, points"),
        min_value=0.5,
        max_value=49,
        help_text=_("With 10, an intent must be shown to be above 40 %. Less takes many more examples."),
    )
    examples = forms.IntegerField(
        label=_("Examples to vote on"),
        required=False,
        min_value=1,
        widget=forms.NumberInput(attrs={"placeholder": _("all")}),
        help_text=_(
            "Fewer than there are leaves some to extend to. Guarded intents get what guarding takes."
        ),
    )
    traffic = forms.ChoiceField(
        label=_("Shares of the traffic"), choices=Traffic.choices, widget=forms.RadioSelect
    )
    traffic_file = forms.FileField(
        label=_("Counts by intent"),
        required=False,
        help_text=_("CSV with intent and count, or a JSON object."),
        widget=forms.ClearableFileInput(attrs={"accept": ".csv,.tsv,.txt,.json"}),
    )
    traffic_version = forms.ModelChoiceField(
        GoldenSetVersion.objects.none(), label=_("Golden set version"), required=False
    )
    latency_p95 = forms.FloatField(
        label=_("95 % of answers within, seconds"), required=False, min_value=0,
        widget=forms.NumberInput(attrs={"step": "any", "placeholder": _("no limit")}),
    )  # fmt: skip
    cost = forms.FloatField(
        label=_("A response costs at most, US dollars"), required=False, min_value=0,
        widget=forms.NumberInput(attrs={"step": "any", "placeholder": _("no limit")}),
    )  # fmt: skip
    failure_rate = PercentField(
        label=_("Responses that may fail, percent"), required=False, min_value=0, max_value=100,
        widget=forms.NumberInput(attrs={"step": "any", "placeholder": _("no limit")}),
    )  # fmt: skip
    adjudicates = forms.BooleanField(
        label=_("A lead settles what reviewers disagree on"),
        required=False,
        help_text=_("Kept apart from the votes, and in no figure of the gate."),
    )
    alpha_peek = PercentField(
        label=_("Error while watching, percent"), min_value=0.01, max_value=49,
        help_text=_("Of both sides together, however often anyone looks."),
    )  # fmt: skip
    alpha_final = PercentField(
        label=_("Error of the last look, percent"), min_value=0.01, max_value=49,
        help_text=_("Of both sides together, at exactly the planned end."),
    )  # fmt: skip
    variance = forms.FloatField(
        label=_("Variance of example scores"), min_value=0.001, max_value=0.25,
        help_text=_("Expected; a wrong guess costs examples, never validity."),
        widget=forms.NumberInput(attrs={"step": "any"}),
    )  # fmt: skip

    def __init__(self, data: Any, files: Any, *, plan: EvaluationPlan, sizes: Mapping[str, int]) -> None:
        self.plan, self.sizes = plan, sizes
        initial = {name: getattr(plan, name) for name in self.base_fields if hasattr(plan, name)}
        super().__init__(data, files, initial=initial)
        versions = GoldenSetVersion.objects.filter(sealed_at__isnull=False).select_related("golden_set")
        choice = self.fields["traffic_version"]
        assert isinstance(choice, forms.ModelChoiceField)
        choice.queryset = versions
        choice.empty_label = _("Choose a golden set version")
        total = sum(sizes.values())
        for place, (name, size) in enumerate(sizes.items()):
            shown = {"intent": intent_shown(name)}
            self.fields[f"share_{place}"] = PercentField(
                label=_now("Share of %(intent)s, percent") % shown,
                required=False,
                min_value=0,
                initial=round(float(plan.shares.get(name, size / total)), 4),
            )
            self.fields[f"guarded_{place}"] = forms.BooleanField(
                label=_now("Guard %(intent)s") % shown, required=False, initial=name in plan.guarded
            )

    def intents(self) -> list[tuple[str, int, forms.BoundField, forms.BoundField]]:
        """Each with its examples, the field of its share and its tick."""
        return [
            (name, size, self[f"share_{place}"], self[f"guarded_{place}"])
            for place, (name, size) in enumerate(self.sizes.items())
        ]

    def clean(self) -> dict[str, Any]:
        given = super().clean() or {}
        given["guarded"] = [
            name for place, name in enumerate(self.sizes) if given.pop(f"guarded_{place}", False)
        ]
        typed = {name: given.pop(f"share_{place}", None) for place, name in enumerate(self.sizes)}
        file, version = given.pop("traffic_file", None), given.pop("traffic_version", None)
        try:
            given["shares"] = self._shares(given.get("traffic", ""), typed, file, version)
        except TrafficFault as wrong:
            self.add_error("traffic_file", str(wrong))
        except ValidationError as wrong:
            self.add_error(None, wrong)
        return given

    def _shares(
        self, kind: str, typed: Mapping[str, float | None], file: Any, version: GoldenSetVersion | None
    ) -> dict[str, float]:
        match kind:
            case Traffic.TYPED:
                total = sum(share or 0 for share in typed.values())
                if not 0.99 <= total <= 1.01:
                    raise ValidationError(
                        _now("The shares come to %(total).1f %%; let them come to 100.")
                        % {"total": 100 * total}
                    )
                return {name: share for name, share in typed.items() if share}
            case Traffic.UPLOADED if file is not None:
                return read_traffic(file.read())
            case Traffic.VERSION if version is not None:
                return shares_of(version)
            case Traffic.UPLOADED | Traffic.VERSION if self.plan.traffic == kind:
                return dict(self.plan.shares)
            case Traffic.UPLOADED:
                raise TrafficFault(_now("Choose the file with the counts by intent."))
            case Traffic.VERSION:
                raise ValidationError(_now("Choose the golden set version whose shares are the traffic's."))
            case _:
                return {}


class ExtendForm(forms.Form):
    """Vote on more examples than planned."""

    examples = forms.IntegerField(label=_("Examples in all"), min_value=1)
    because = forms.CharField(
        label=_("Why"), max_length=1000, widget=forms.Textarea(attrs={"rows": 2}),
        help_text=_("It stays on the plan."),
    )  # fmt: skip
