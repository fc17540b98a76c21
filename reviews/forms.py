from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from django import forms
from django.contrib.auth.models import Group, User
from django.db.models import Exists, OuterRef, Q
from django.utils.functional import Promise
from django.utils.text import capfirst
from django.utils.translation import get_language_info
from django.utils.translation import gettext_lazy as _

from models_registry.models import Endpoint, ExampleFlag, GoldenSetVersion, ModelVersion, Response
from models_registry.models.golden_set import intent_shown
from reviews.models import Evaluation
from reviews.models.evaluation import Rule
from reviews.queries.comparisons import (
    DISAGREEMENTS,
    LENGTHS,
    NO_LANGUAGE,
    ORDERS,
    OUTCOMES,
    Wanted,
    intents_of,
    languages_of,
    reviewers_of,
    tags_of,
)
from reviews.queries.eligibility import reviewers
from reviews.queries.leaks import leak_choices
from reviews.reasons import DEFAULT_REASONS, LONGEST_REASON, MOST_REASONS
from reviews.roles import ADMIN, LEAD, REVIEWER

REASON_NAMES: dict[str, str | Promise] = {
    "accuracy": _("Accuracy"),
    "completeness": _("Completeness"),
    "tone": _("Tone"),
    "policy": _("Policy"),
    "safety": _("Safety"),
    "refusal": _("Refusal"),
    "language": _("Language"),
    "format": _("Format"),
    "length": _("Length"),
}


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


# asked when an evaluation starts, and again while people vote
VOTING_LABELS = {
    "largest_share": _("Largest share of an intent, percent"),
    "check_percent": _("Hidden checks, percent"),
}
VOTING_HELP = {
    "largest_share": _(
        "No one of several invited people gives more of an intent's votes, so that nobody decides it alone."
    ),
    "check_percent": _(
        "So many of a hundred pairs ask again what was asked before, sides exchanged, or have a known answer. "
        "Reviewers can't tell them from others, and they are never counted. 0 is none; 10 is usual."
    ),
}


class EvaluationForm(forms.ModelForm):
    # what an estimate is of
    ESTIMATED = ("candidate", "baseline", "golden_set_version", "budget", "batch")

    # what may be left out is as the evaluation has it by default
    DEFAULTED = ("reason_rule", "comment_rule", "open_to", "largest_share", "check_percent")

    class Meta:
        model = Evaluation
        fields = [
            "name",
            "candidate",
            "baseline",
            "golden_set_version",
            "votes_per_comparison",
            "guidelines",
            "asks_strength",
            "reason_rule",
            "comment_rule",
            "open_to",
            "largest_share",
            "check_percent",
        ]
        labels = {
            "name": _("Name"),
            "candidate": _("Candidate"),
            "baseline": _("Baseline"),
            "golden_set_version": _("Golden set version"),
            "votes_per_comparison": _("Votes per comparison"),
            "guidelines": _("Guidelines for reviewers"),
            "asks_strength": _("Ask whether a side is slightly or clearly better"),
            "reason_rule": _("Giving a reason is"),
            "comment_rule": _("Writing a comment is"),
            "open_to": _("Who may vote"),
        } | VOTING_LABELS
        help_texts = {
            "name": _("Reviewers see it, so don't name the models."),
            "candidate": _("The version you would like to ship."),
            "baseline": _("The version it has to beat, usually the one in production."),
            "votes_per_comparison": _(
                "One is quickest to a verdict; two or more also tell how far reviewers agree. Fixed once voting opens."
            ),
            "guidelines": _("Shown beside every pair. What makes an answer good? Markdown."),
            "open_to": _("Whom to invite is chosen on the evaluation's page of reviewers, at any time."),
        } | VOTING_HELP
        widgets = {"guidelines": forms.Textarea(attrs={"rows": 6})}

    candidate = forms.ModelChoiceField(ModelVersion.objects.none(), widget=VersionSelect)
    baseline = forms.ModelChoiceField(ModelVersion.objects.none(), widget=VersionSelect)
    golden_set_version = forms.ModelChoiceField(GoldenSetVersion.objects.none())
    budget = BudgetField(
        label=_("Budget, US dollars"),
        help_text=_("No new request is sent once so much is spent. You can raise it later."),
    )
    known_reasons = forms.MultipleChoiceField(
        label=_("Reasons that reviewers may give"),
        required=False,
        choices=list(REASON_NAMES.items()),
        initial=list(DEFAULT_REASONS),
        widget=forms.CheckboxSelectMultiple,
        help_text=_("Each has a number key, so at most nine, your own among them."),
    )
    own_reasons = forms.CharField(
        label=_("Reasons of your own"),
        required=False,
        max_length=300,
        help_text=_("Separated by commas, such as: Return policy, Empathy."),
    )
    batch = forms.BooleanField(
        label=_("By batch: within a day, at half the price"),
        required=False,
        help_text=_("The endpoints work through all requests when they have time for them."),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # one that can be asked, or has been recorded
        for name in self.DEFAULTED:
            self.fields[name].required = False
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
        for name in self.DEFAULTED:
            if given.get(name) in (None, ""):
                given[name] = getattr(Evaluation(), name)
        self._clean_reasons(given)
        candidate, baseline = given.get("candidate"), given.get("baseline")
        if candidate is not None and candidate == baseline:
            self.add_error("baseline", _("A version can't be compared with itself; choose another baseline."))
        if given.get("batch"):
            for version in (candidate, baseline):
                if version is not None and not goes_by_batch(version):
                    message = _("The endpoint of %(version)s has no Batch API; leave this empty.")
                    self.add_error("batch", message % {"version": version})
        return given

    def _clean_reasons(self, given: dict[str, Any]) -> None:
        own = [word.strip() for word in str(given.pop("own_reasons", "") or "").split(",")]
        reasons = [*given.pop("known_reasons", []), *dict.fromkeys(word for word in own if word)]
        given["reasons"] = reasons
        if len(reasons) > MOST_REASONS:
            message = _("There are %(count)d reasons; choose at most %(most)d, one for each number key.")
            self.add_error("own_reasons", message % {"count": len(reasons), "most": MOST_REASONS})
        long = next((word for word in own if len(word) > LONGEST_REASON), None)
        if long:
            message = _("“%(reason)s” does not fit on a button; shorten it to %(most)d characters.")
            self.add_error("own_reasons", message % {"reason": long, "most": LONGEST_REASON})
        if not reasons and given.get("reason_rule") not in (None, Rule.OPTIONAL):
            self.add_error(
                "reason_rule", _("There is no reason to choose from; tick one, or make it optional.")
            )

    def keep_errors_of_estimate(self) -> None:
        """What is not filled in yet is no error while someone asks what it would cost."""
        for name in [*self.errors]:
            if name not in self.ESTIMATED:
                del self.errors[name]


class ComparisonFilter(forms.Form):
    """What of an evaluation's comparisons is shown; what is none of the choices is as good as absent."""

    q = forms.CharField(label=_("Text"), required=False, max_length=200, widget=forms.SearchInput())
    tag = forms.ChoiceField(label=_("Intent tag"), required=False)
    outcome = forms.ChoiceField(label=_("Outcome"), required=False)
    sort = forms.ChoiceField(label=_("Order"), choices=[*ORDERS.items()], required=False)
    intent = forms.ChoiceField(label=_("Primary intent"), required=False)
    lang = forms.ChoiceField(label=_("Language"), required=False)
    disagreement = forms.ChoiceField(label=_("Reviewers"), required=False)
    reviewer = forms.ChoiceField(label=_("With a vote by"), required=False)
    reason = forms.ChoiceField(label=_("For the reason"), required=False)
    length = forms.ChoiceField(label=_("Length of the responses"), required=False)
    leak = forms.ChoiceField(label=_("Leak"), required=False)
    comment = forms.BooleanField(label=_("Only with a comment"), required=False)

    ALWAYS_SHOWN = ("q", "tag", "outcome", "sort")

    def __init__(self, data: Any, evaluation: Evaluation) -> None:
        super().__init__(data)
        self._offer("tag", ((name, intent_shown(name)) for name in tags_of(evaluation)), least=0)
        self._offer("outcome", OUTCOMES.items())
        self._offer("intent", ((name, intent_shown(name)) for name in intents_of(evaluation)))
        self._offer(
            "lang",
            (
                (code, _("not given") if code == NO_LANGUAGE else language_name(code))
                for code in languages_of(evaluation)
            ),
        )
        self._offer("disagreement", DISAGREEMENTS.items() if evaluation.votes_per_comparison > 1 else ())
        self._offer("reviewer", ((one.username, name_of(one)) for one in reviewers_of(evaluation)), least=1)
        self._offer("reason", ((code, REASON_NAMES.get(code, code)) for code in evaluation.reasons), least=1)
        self._offer("length", LENGTHS.items())
        self._offer("leak", leak_choices(evaluation), least=1)

    def _offer(self, name: str, choices: Iterable[tuple[str, str | Promise]], *, least: int = 2) -> None:
        """These and "All"; a question that has but one answer is not asked."""
        field, offered = self.fields[name], list(choices)
        assert isinstance(field, forms.ChoiceField)
        field.choices = [("", _("All")), *offered]
        if len(offered) < least:
            del self.fields[name]

    def wanted(self) -> Wanted:
        self.is_valid()
        return Wanted(**{name: value for name, value in self.cleaned_data.items() if value})

    @property
    def more(self) -> list[forms.BoundField]:
        """The fields that are folded away until one of them is used."""
        return [self[name] for name in self.fields if name not in self.ALWAYS_SHOWN]

    @property
    def uses_more(self) -> bool:
        return any(self.cleaned_data.get(field.name) for field in self.more)


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


class InviteForm(forms.Form):
    """Who else may vote in an evaluation that is for the invited."""

    reviewers = forms.ModelMultipleChoiceField(
        User.objects.none(), label=_("People"), required=False, widget=forms.CheckboxSelectMultiple
    )
    groups = forms.ModelMultipleChoiceField(
        Group.objects.none(),
        label=_("Groups"),
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text=_("Whoever votes and is in the group, also who joins it later."),
    )
    most_votes = forms.IntegerField(
        label=_("At most so many votes each"),
        required=False,
        min_value=1,
        widget=forms.NumberInput(attrs={"placeholder": _("no limit")}),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        people, groups = self.fields["reviewers"], self.fields["groups"]
        assert isinstance(people, forms.ModelMultipleChoiceField)
        assert isinstance(groups, forms.ModelMultipleChoiceField)
        people.queryset = reviewers()
        people.label_from_instance = name_of  # type: ignore[method-assign, assignment]
        groups.queryset = Group.objects.exclude(name__in=[REVIEWER, LEAD, ADMIN]).order_by("name")
        if not groups.queryset.exists():
            del self.fields["groups"]


class WhoVotesForm(forms.ModelForm):
    """What a lead may change while people vote."""

    class Meta:
        model = Evaluation
        fields = ["open_to", "largest_share", "check_percent"]
        labels = {"open_to": _("Who may vote")} | VOTING_LABELS
        help_texts = VOTING_HELP
        widgets = {"open_to": forms.RadioSelect}


class ProfileForm(forms.Form):
    languages = forms.MultipleChoiceField(
        label=_("Languages you read well"),
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text=_("You are given only pairs you can read. Choose none to be given all."),
    )

    def __init__(self, *args: Any, offered: Iterable[str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["languages"]
        assert isinstance(field, forms.MultipleChoiceField)
        field.choices = [(code, language_name(code)) for code in offered]


def name_of(person: User) -> str:
    return person.get_full_name() or person.get_username()


def language_name(code: str) -> str:
    """In the language itself: español of es; the code where Django knows no name of it."""
    try:
        return str(get_language_info(code)["name_local"])
    except KeyError:
        return code
