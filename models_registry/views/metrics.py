from __future__ import annotations

import secrets

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from models_registry.queries.metrics import exposition
from models_registry.queries.metrics import metrics as found

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


@never_cache
@require_safe
@login_not_required
def metrics(request: HttpRequest) -> HttpResponse:
    """For a scraper that has the token, and for admins. One that has none is told so, and not sent to a login page."""
    if _has_token(request) or request.user.has_perm("models_registry.change_endpoint"):
        return HttpResponse(exposition(found()), content_type=CONTENT_TYPE)
    if request.user.is_authenticated:
        return _refused("Only admins read the metrics, and scrapers with METRICS_TOKEN.", 403)
    refused = _refused("Send METRICS_TOKEN as a bearer token, or sign in as an admin.", 401)
    refused["WWW-Authenticate"] = 'Bearer realm="metrics"'
    return refused


def _has_token(request: HttpRequest) -> bool:
    scheme, _space, given = request.headers.get("Authorization", "").partition(" ")
    token = settings.METRICS_TOKEN
    if not token or scheme.lower() != "bearer":
        return False
    return secrets.compare_digest(given.strip().encode(), token.encode())


def _refused(why: str, status: int) -> HttpResponse:
    return HttpResponse(f"{why}\n", status=status, content_type="text/plain; charset=utf-8")
