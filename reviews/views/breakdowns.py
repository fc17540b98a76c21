"""Where a win rate comes from; the dashboard loads it after itself, and without JavaScript it is a page."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlencode

from django.contrib.auth.decorators import permission_required
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET
from django.views.decorators.vary import vary_on_headers

from evalsite.requests import HttpRequest
from models_registry.models.golden_set import intent_shown
from reviews import access
from reviews.forms import REASON_NAMES, language_name
from reviews.models import Evaluation
from reviews.queries.breakdowns import Heat, HeatLine, Part, intent_by_language, win_rate_by_reason
from reviews.queries.comparisons import NO_LANGUAGE
from reviews.views.forest import ForestRow


@require_GET
@never_cache
@vary_on_headers("HX-Request")
@permission_required("reviews.view_evaluation", raise_exception=True)
def breakdowns(request: HttpRequest, pk: int) -> HttpResponse:
    evaluation = access.watched_evaluation(pk)
    behind = reverse("comparisons", args=[evaluation.pk])
    heat = intent_by_language(evaluation)
    context = {
        "evaluation": evaluation,
        "reasons": reason_rows(evaluation, behind),
        "heat": heat_map(heat, behind) if heat.is_a_map else None,
    }
    return render(request, f"reviews/breakdowns.html{'#breakdowns' if request.htmx else ''}", context)


def reason_rows(evaluation: Evaluation, behind: str) -> list[ForestRow]:
    return [
        ForestRow(
            label=str(REASON_NAMES.get(reason, reason)),
            # an imported vote may name what the filter does not offer
            url=f"{behind}?{urlencode({'reason': reason})}" if reason in evaluation.reasons else "",
            estimate=part.estimate,
            beside=None,
            insufficient=part.insufficient,
        )
        for reason, part in win_rate_by_reason(evaluation).items()
    ]


@dataclass(frozen=True)
class HeatCell:
    """`part` is None where no example is of this intent and this language."""

    part: Part | None
    url: str


@dataclass(frozen=True)
class HeatRow:
    name: str
    cells: list[HeatCell]
    total: HeatCell


@dataclass(frozen=True)
class HeatMap:
    languages: list[str]
    rows: list[HeatRow]
    total: HeatRow
    left_out: int


def heat_map(heat: Heat, behind: str) -> HeatMap:
    def row(line: HeatLine, name: str) -> HeatRow:
        asked = {"intent": line.intent} if line.intent else {}
        cells = [
            HeatCell(part, f"{behind}?{urlencode(asked | {'lang': lang or NO_LANGUAGE})}")
            for lang, part in zip(heat.languages, line.cells, strict=True)
        ]
        return HeatRow(name, cells, HeatCell(line.total, f"{behind}?{urlencode(asked)}" if asked else behind))

    return HeatMap(
        languages=[language_name(lang) if lang else _("not given") for lang in heat.languages],
        rows=[row(line, intent_shown(line.intent)) for line in heat.lines],
        total=row(heat.total, _("All intents")),
        left_out=heat.left_out,
    )
