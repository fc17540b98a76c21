from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from reviews import access
from reviews.queries.progress import work_for_lead
from reviews.queries.reviewer_home import reviewer_home


@require_GET
def home(request: HttpRequest) -> HttpResponse:
    """What is waiting for me."""
    user = access.signed_in(request)
    if access.sees_truth(user):
        return render(request, "reviews/home_lead.html", {"work": work_for_lead()})
    return render(request, "reviews/home_reviewer.html", {"home": reviewer_home(user)})
