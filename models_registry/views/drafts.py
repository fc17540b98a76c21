"""The draft of a golden set: single examples added, edited, retired, and published together."""

from __future__ import annotations

from typing import Any, cast
from urllib.parse import urlencode

from django.contrib import messages
from django.contrib.auth.decorators import permission_required
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from models_registry.actions import drafts as actions
from models_registry.actions.flags import settle_flag
from models_registry.forms import ExampleForm, PublishForm, suggested_changelog
from models_registry.models import ExampleFlag, GoldenSet, Upload
from models_registry.models.golden_set import UNTAGGED
from models_registry.queries import drafts as queries
from models_registry.queries import examples_of, tag_counts

FOUND_SHOWN = 10
CHANGE = "models_registry.change_example"


@require_http_methods(["GET", "HEAD", "POST"])
@permission_required("models_registry.view_goldenset", raise_exception=True)
def golden_set_draft(request: HttpRequest, name: str) -> HttpResponse:
    found = get_object_or_404(GoldenSet, name=name)
    draft = queries.draft_of(found)
    form = PublishForm(initial={"changelog": suggested_changelog(draft)})
    if request.method == "POST":
        if not _who(request).has_perm(CHANGE):
            raise PermissionDenied
        form = PublishForm(request.POST)
        if upload := _publish(form, found, _who(request)):
            return redirect(upload)
    wanted = request.GET.get("q", "").strip()
    context = {
        "golden_set": found,
        "draft": draft,
        "flagged": queries.open_flags(found),
        "settled": queries.settled_flags(found),
        "form": form,
        "wanted": wanted,
        "examples": examples_of(draft.newest, text=wanted)[:FOUND_SHOWN] if draft.newest and wanted else [],
    }
    status = 422 if form.errors else 200
    return render(request, "models_registry/golden_set_draft.html", context, status=status)


@require_http_methods(["GET", "HEAD", "POST"])
@permission_required(CHANGE, raise_exception=True)
def draft_add(request: HttpRequest, name: str) -> HttpResponse:
    found = get_object_or_404(GoldenSet, name=name)
    form = _form(request, is_new=True)
    if form.is_valid():
        try:
            change = actions.add_example(
                golden_set=found, raw=form.raw(), note=form.cleaned_data["note"], by=_who(request)
            )
        except ValidationError as error:
            form.add_error(None, error)
        else:
            messages.success(request, _("%(key)s is in the draft.") % {"key": change.key})
            return redirect("golden_set_draft", found.name)
    return _render_form(request, found, form)


@require_http_methods(["GET", "HEAD", "POST"])
@permission_required(CHANGE, raise_exception=True)
def draft_edit(request: HttpRequest, name: str) -> HttpResponse:
    found = get_object_or_404(GoldenSet, name=name)
    example = queries.example_in_draft(found, request.GET.get("key", "").replace("\x00", ""))
    if example.row is None:
        raise Http404
    form = _form(
        request, row=example.row, note=example.change.note if example.change else "", flags=example.flags
    )
    if form.is_valid():
        try:
            change = actions.edit_example(
                golden_set=found,
                key=example.key,
                raw=form.raw(),
                note=form.cleaned_data["note"],
                by=_who(request),
            )
        except ValidationError as error:
            form.add_error(None, error)
        else:
            if form.cleaned_data.get("settle"):
                for flag in example.flags:
                    settle_flag(flag=flag, by=_who(request))
            said = _("%(key)s is in the draft.") if change else _("%(key)s is as the newest version has it.")
            messages.success(request, said % {"key": example.key})
            return redirect("golden_set_draft", found.name)
    return _render_form(request, found, form, example=example)


@require_POST
@permission_required(CHANGE, raise_exception=True)
def draft_retire(request: HttpRequest, name: str) -> HttpResponse:
    found = get_object_or_404(GoldenSet, name=name)
    key = _key(request)
    note = request.POST.get("note", "")
    try:
        change = actions.retire_example(golden_set=found, key=key, note=note, by=_who(request))
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
        return redirect(f"{reverse('golden_set_draft_edit', args=[found.name])}?{urlencode({'key': key})}")
    said = _("The next version leaves %(key)s out.") if change else _("The draft no longer holds %(key)s.")
    messages.success(request, said % {"key": key})
    return redirect("golden_set_draft", found.name)


@require_POST
@permission_required(CHANGE, raise_exception=True)
def draft_undo(request: HttpRequest, name: str) -> HttpResponse:
    found = get_object_or_404(GoldenSet, name=name)
    actions.undo_draft_change(golden_set=found, key=_key(request), by=_who(request))
    messages.success(request, _("The change of %(key)s is dropped.") % {"key": _key(request)})
    return redirect("golden_set_draft", found.name)


@require_POST
@permission_required(CHANGE, raise_exception=True)
def draft_keep(request: HttpRequest, name: str) -> HttpResponse:
    found = get_object_or_404(GoldenSet, name=name)
    actions.keep_draft_change(golden_set=found, key=_key(request), by=_who(request))
    messages.success(request, _("%(key)s stays as the draft has it.") % {"key": _key(request)})
    return redirect("golden_set_draft", found.name)


@require_POST
@permission_required(CHANGE, raise_exception=True)
def flag_settle(request: HttpRequest, name: str, pk: int) -> HttpResponse:
    flag = get_object_or_404(
        ExampleFlag.objects.select_related("example"),
        pk=pk,
        example__golden_set_version__golden_set__name=name,
    )
    settle_flag(flag=flag, by=_who(request))
    messages.success(request, _("Settled, and off the list: %(key)s.") % {"key": flag.example.key})
    return redirect(f"{reverse('golden_set_draft', args=[name])}#to-do")


def _who(request: HttpRequest) -> User:
    return cast(User, request.user)


def _key(request: HttpRequest) -> str:
    return request.POST.get("key", "").replace("\x00", "")


def _publish(form: PublishForm, golden_set: GoldenSet, by: User) -> Upload | None:
    if not form.is_valid():
        return None
    try:
        return actions.publish_draft(golden_set=golden_set, changelog=form.cleaned_data["changelog"], by=by)
    except ValidationError as error:
        form.add_error(None, error)
        return None


def _form(
    request: HttpRequest, *, row: Any = None, is_new: bool = False, note: str = "", flags: Any = ()
) -> ExampleForm:
    return ExampleForm.of(
        request.POST if request.method == "POST" else None,
        row,
        one_more="add_turn" in request.POST,
        is_new=is_new,
        is_flagged=bool(flags),
        **({} if request.method == "POST" else {"initial": {"note": note}}),
    )


def _render_form(
    request: HttpRequest,
    golden_set: GoldenSet,
    form: ExampleForm,
    *,
    example: queries.ExampleInDraft | None = None,
) -> HttpResponse:
    newest = queries.newest_version(golden_set)
    tags = [tag.name for tag in tag_counts(newest) if tag.name != UNTAGGED] if newest else []
    context = {"golden_set": golden_set, "form": form, "example": example, "newest": newest, "tags": tags}
    status = 422 if form.errors else 200
    return render(request, "models_registry/example_form.html", context, status=status)
