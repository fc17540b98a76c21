"""The language of a page: what the person chose, then what this browser was told, then what it asks for."""

from __future__ import annotations

from django.http import HttpRequest
from django.middleware.locale import LocaleMiddleware
from django.utils import translation

# A person's choice is read from the database when they log in and kept with the session, which every page of a person
# loads anyway: the language costs no query.
SESSION_KEY = "interface_language"


class InterfaceLanguageMiddleware(LocaleMiddleware):
    def process_request(self, request: HttpRequest) -> None:
        super().process_request(request)
        # looked at last although it counts most, so that every answer says it varies by the cookie
        chosen = request.session.get(SESSION_KEY)
        if chosen and translation.check_for_language(chosen):
            translation.activate(chosen)
            request.LANGUAGE_CODE = translation.get_language()
