"""A practice round that does not count, and the tour of a first visit."""

from __future__ import annotations

from typing import Any

from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import get_language
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from evalsite.requests import HttpRequest
from reviews import access, practice
from reviews.actions.reviewers import practised, tour_seen
from reviews.blinding import CHOICES_ON_SCREEN
from reviews.queries.voting import BlindPair, Message, Side
from reviews.reasons import DEFAULT_REASONS


@never_cache
@require_GET
def practise(request: HttpRequest, number: int = 1) -> HttpResponse:
    access.reviewer(request)
    return render(request, "reviews/practice.html", _context(number))


@never_cache
@require_POST
def practise_vote(request: HttpRequest, number: int) -> HttpResponse:
    """What was pressed, beside what we would have pressed; nothing of it is stored but that the round was finished."""
    reviewer = access.reviewer(request)
    context = _context(number)
    choice = request.POST.get("choice", "")
    if choice not in CHOICES_ON_SCREEN:
        return redirect("practise", number)
    if number == practice.ROUND:
        practised(reviewer=reviewer, at=timezone.now())
    strength = request.POST.get("strength") or request.GET.get("strength", "slightly")
    said = {"choice": choice, "strength": strength if choice in ("left", "right") else ""}
    return render(request, "reviews/practice.html", context | {"said": said, "earlier": said})


@require_POST
def tour_done(request: HttpRequest) -> HttpResponse:
    tour_seen(reviewer=access.reviewer(request), at=timezone.now())
    return HttpResponse(status=204)


def _context(number: int) -> dict[str, Any]:
    language = get_language() or "en"
    if not 1 <= number <= practice.ROUND:
        raise Http404
    found = practice.practice_pair(number, language)
    pair = BlindPair(
        ticket=f"practice-{number}",
        lang="es" if language.startswith("es") else "en",
        conversation=[Message("user", found.question)],
        reference=found.reference,
        left=Side(found.left, []),
        right=Side(found.right, []),
    )
    return {
        "pair": pair,
        "expected": {"choice": found.choice, "strength": ""},
        "why": found.why,
        "number": number,
        "round": practice.ROUND,
        "following": number + 1 if number < practice.ROUND else None,
        "guidelines": practice.guidelines(language),
        "asks_strength": True,
        "reasons": list(DEFAULT_REASONS),
        "reason_rule": "optional",
        "comment_rule": "optional",
        "is_practice": True,
    }
