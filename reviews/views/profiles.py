"""What a person tells about themselves."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from evalsite.requests import HttpRequest
from reviews import access
from reviews.actions.profiles import choose_languages
from reviews.forms import ProfileForm
from reviews.queries.eligibility import languages_of, offered_languages


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def profile(request: HttpRequest) -> HttpResponse:
    person = access.signed_in(request)
    known = languages_of(person)
    offered = offered_languages(known)
    given = request.POST if request.method == "POST" else None
    form = ProfileForm(given, offered=offered, initial={"languages": list(known)})
    if form.is_valid():
        choose_languages(person=person, languages=form.cleaned_data["languages"])
        messages.success(request, _("Saved."))
        return redirect("home")
    return render(request, "reviews/profile.html", {"form": form}, status=422 if form.errors else 200)
