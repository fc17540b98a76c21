from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from reviews import access
from reviews.queries.progress import work_for_lead, work_for_reviewer


@require_GET
def home(request: HttpRequest) -> HttpResponse:
    """What is waiting for me."""
    user = access.signed_in(request)
    if access.sees_truth(user):
        return render(request, "reviews/home_lead.html", {"work": work_for_lead()})
    work = work_for_reviewer(user)
    waiting = sum(item.progress.left > 0 for item in work)
    return render(request, "reviews/home_reviewer.html", {"work": work, "waiting": waiting})
