from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST
from django.views.i18n import set_language

from evalsite.language import SESSION_KEY
from reviews.actions.interface_language import choose_interface_language
from reviews.models import ReviewerProfile


@require_POST
@login_not_required
def interface_language(request: HttpRequest) -> HttpResponseBase:
    """This browser reads in that language from now on, and whoever is signed in, wherever they log in."""
    language = request.POST.get("language", "")
    if language not in dict(settings.LANGUAGES):
        offered = ", ".join(dict(settings.LANGUAGES))
        said = _("“%(language)s” is no language of these pages; choose one of: %(offered)s.")
        return HttpResponse(
            said % {"language": language, "offered": offered}, status=400, content_type="text/plain"
        )
    if isinstance(request.user, User):
        choose_interface_language(person=request.user, language=language)
        request.session[SESSION_KEY] = language
    return set_language(request)


def remember_interface_language(request: HttpRequest | None, user: User, **_: Any) -> None:
    """On every way of logging in: the session takes over what the person chose, here or in another browser."""
    if request is None:
        return
    chosen = ReviewerProfile.objects.filter(user=user).values_list("interface_language", flat=True).first()
    if chosen:
        request.session[SESSION_KEY] = chosen
    else:
        request.session.pop(SESSION_KEY, None)
