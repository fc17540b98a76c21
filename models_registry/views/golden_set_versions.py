"""Two versions of a golden set compared, and one of them retired."""

from __future__ import annotations

from typing import cast

from django.contrib import messages
from django.contrib.auth.decorators import permission_required
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from models_registry import queries
from models_registry.actions.golden_set_versions import restore_golden_set_version, retire_golden_set_version
from models_registry.forms.golden_set_versions import CompareForm, RetireForm
from models_registry.models import GoldenSet, GoldenSetVersion
from models_registry.queries import differences

CHANGES_A_PAGE = 25
MOST_IN_TABLE = 12


@require_safe
@permission_required("models_registry.view_goldenset", raise_exception=True)
def golden_set_compare(request: HttpRequest, name: str) -> HttpResponse:
    found = get_object_or_404(GoldenSet, name=name)
    form = CompareForm(request.GET, versions=list(queries.golden_set_versions(found)))
    context = {"golden_set": found, "form": form}
    if chosen := form.chosen():
        context |= _compared(*chosen, kind=request.GET.get("kind", ""), page=request.GET.get("page", ""))
    return render(request, "models_registry/golden_set_compare.html", context)


def _compared(
    before: GoldenSetVersion, after: GoldenSetVersion, *, kind: str, page: str
) -> dict[str, object]:
    difference = differences.version_difference(before, after)
    counts = difference.counts
    page_obj = Paginator(difference.of_kind(kind), CHANGES_A_PAGE).get_page(page)
    tables = (
        (_("Examples with an intent tag"), differences.tag_coverage(before, after)),
        (_("Examples in a language"), differences.language_coverage(before, after)),
    )
    return {
        "difference": difference,
        "counts": counts,
        "kind": kind if kind in counts else "",
        "kinds": [
            ("", _("All"), len(difference.changes)),
            ("changed", _("Changed"), counts["changed"]),
            ("tags", _("Tags moved"), counts["tags"]),
            ("added", _("Added"), counts["added"]),
            ("removed", _("Removed"), counts["removed"]),
        ],
        "page_obj": page_obj,
        "changes": differences.shown_changes(page_obj),
        "coverage": [
            {"title": title, "rows": rows[:MOST_IN_TABLE], "more": rows[MOST_IN_TABLE:]}
            for title, rows in tables
        ],
    }


@require_http_methods(["GET", "HEAD", "POST"])
@permission_required("models_registry.change_goldensetversion", raise_exception=True)
def golden_set_version_retire(request: HttpRequest, name: str, number: int) -> HttpResponse:
    version = _version(name, number)
    form = RetireForm(request.POST if request.method == "POST" else None)
    if form.is_valid() and _retired(form, version, cast(User, request.user)):
        messages.success(
            request, _("%(version)s is retired. New evaluations can't use it.") % {"version": version}
        )
        return redirect(version.golden_set)
    context = {"version": version, "form": form}
    return render(
        request, "models_registry/golden_set_retire.html", context, status=422 if form.errors else 200
    )


def _retired(form: RetireForm, version: GoldenSetVersion, by: User) -> bool:
    try:
        retire_golden_set_version(version=version, reason=form.cleaned_data["reason"], by=by)
    except ValidationError as error:
        form.add_error(None, error)
    return form.is_valid()


@require_POST
@permission_required("models_registry.change_goldensetversion", raise_exception=True)
def golden_set_version_restore(request: HttpRequest, name: str, number: int) -> HttpResponse:
    version = restore_golden_set_version(version=_version(name, number), by=cast(User, request.user))
    messages.success(request, _("New evaluations can use %(version)s again.") % {"version": version})
    return redirect(version.golden_set)


def _version(name: str, number: int) -> GoldenSetVersion:
    versions = queries.sealed_versions().select_related("retired_by")
    return get_object_or_404(versions, golden_set__name=name, number=number)
