from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from django.contrib.auth.middleware import LoginRequiredMiddleware
from django.contrib.auth.views import redirect_to_login
from django.http import HttpResponse
from django_htmx.http import HttpResponseClientRedirect

from evalsite.requests import HttpRequest


class HtmxLoginRequiredMiddleware(LoginRequiredMiddleware):
    """Sends a fragment's request whose session has ended to the login page as a whole, and back to its page."""

    def handle_no_permission(  # type: ignore[override]  # its own type allows no answer but a plain redirect
        self, request: HttpRequest, view_func: Any
    ) -> HttpResponse:
        if not request.htmx:
            return super().handle_no_permission(request, view_func)
        page = urlsplit(request.htmx.current_url or "/").path
        return HttpResponseClientRedirect(redirect_to_login(page, self.get_login_url(view_func)).url)
