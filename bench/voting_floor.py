"""What bench/voting.py measures voting against: a bare view with one SELECT and one INSERT behind the same middleware.

Reached only by bench/voting_settings.py; the product has neither this address nor the header.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.urls import path
from django.utils import timezone

from evalsite.urls import urlpatterns as product
from reviews.models import Assignment, VoteRevision


class QueryCountMiddleware:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        count = 0

        def counted(execute: Any, *arguments: Any) -> Any:
            nonlocal count
            count += 1
            return execute(*arguments)

        with connection.execute_wrapper(counted):
            response = self.get_response(request)
        response["X-Queries"] = str(count)
        return response


def floor(request: HttpRequest, ticket: str, number: int) -> HttpResponse:
    turn = Assignment.objects.get(ticket=ticket)
    VoteRevision.objects.create(
        assignment=turn,
        choice="tie",
        cast_at=timezone.now(),
        number=number,
        why="changed",
        replaced_at=timezone.now(),
    )
    return HttpResponse(turn.ticket)


urlpatterns = [path("floor/<str:ticket>/<int:number>/", floor), *product]
