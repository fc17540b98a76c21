"""The board of a golden set: all of its evaluations together."""

from __future__ import annotations

from django.contrib.auth.decorators import permission_required
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_GET

from evalsite.requests import HttpRequest
from models_registry.models import GoldenSet
from reviews.queries.boards import Beats, Board, board
from reviews.queries.gate_words import NAMES


@require_GET
@permission_required("reviews.view_evaluation", raise_exception=True)
def golden_set_board(request: HttpRequest, name: str) -> HttpResponse:
    golden_set = get_object_or_404(GoldenSet, name=name)
    found = board(golden_set)
    context = {
        "golden_set": golden_set,
        "board": found,
        "matrix": matrix_rows(found),
        "over_time": [
            [
                (attempt, NAMES[attempt.gated.gate.verdict] if attempt.gated is not None else "")
                for attempt in reversed(attempts)
            ]
            for attempts in found.over_time
        ],
    }
    return render(request, "reviews/golden_set_board.html", context)


def matrix_rows(found: Board) -> list[tuple[str, list[Beats | None]]]:
    """A line a model, against the others in the same order; None against itself and where nobody asked."""
    return [
        (str(version), [found.matrix.get((version.pk, other.pk)) for other in found.versions])
        for version in found.versions
    ]
