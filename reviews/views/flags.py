"""Saying that something is wrong with an example, on the page where one judges it or looks at what was judged."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import permission_required
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.safestring import SafeString
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST
from django.views.decorators.vary import vary_on_headers

from evalsite.requests import HttpRequest
from models_registry.actions import flags
from models_registry.models import Example
from reviews import access
from reviews.forms import FlagForm
from reviews.queries.voting import flagged_by


@require_POST
@vary_on_headers("HX-Request")
@permission_required("reviews.view_comparison", raise_exception=True)
def flag_comparison(request: HttpRequest, pk: int) -> HttpResponse:
    found = access.watched_comparison(pk)
    form = FlagForm(request.POST)
    flagged = flag(form, found.example, access.signed_in(request))
    if request.htmx:
        return render_flag(request, form, found.example, request.path, flagged=flagged)
    say(request, form, flagged=flagged)
    return redirect(found)


def flag(form: FlagForm, example: Example, by: User) -> bool:
    """Whether it was said well enough to be written down; else the form knows why not."""
    if not form.is_valid():
        return False
    try:
        flags.flag_example(example=example, **form.cleaned_data, by=by)
    except ValidationError as error:
        form.add_error(None, error)
    return form.is_valid()


@lru_cache(maxsize=16)
def blank_form(_language: str) -> SafeString:
    """Drawn once: it stands beside every pair, the same each time."""
    return FlagForm().render()


def flag_context(form: FlagForm, example: Example, action: str, person: User) -> dict[str, Any]:
    shown = form if form.is_bound else blank_form(get_language())
    return {"flag_form": shown, "flag_action": action, "flags": flagged_by(person, example)}


def render_flag(
    request: HttpRequest, form: FlagForm, example: Example, action: str, *, flagged: bool
) -> HttpResponse:
    shown = FlagForm() if flagged else form
    context = flag_context(shown, example, action, access.signed_in(request)) | {"flagged": flagged}
    return render(request, "reviews/_flag.html", context, status=200 if flagged else 422)


def say(request: HttpRequest, form: FlagForm, *, flagged: bool) -> None:
    if flagged:
        messages.success(request, _("Thank you. It is on the list of the people who keep the golden set."))
    else:
        messages.error(request, " ".join(str(error) for errors in form.errors.values() for error in errors))
