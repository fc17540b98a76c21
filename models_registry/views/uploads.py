from __future__ import annotations

from typing import cast

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import permission_required
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe
from django.views.decorators.vary import vary_on_headers
from django_htmx.http import HttpResponseClientRedirect, HttpResponseClientRefresh

from evalsite.requests import HttpRequest
from models_registry import queries
from models_registry.actions import uploads
from models_registry.forms import ColumnsForm, PreflightOptionsForm, StoreForm, UploadForm
from models_registry.golden_files import Problem
from models_registry.models import GoldenSet, Upload
from models_registry.queries.file_words import file_said
from models_registry.views.preflight import shown

LISTED = 200
may_upload = permission_required("models_registry.add_goldensetversion", raise_exception=True)


@require_http_methods(["GET", "HEAD", "POST"])
@may_upload
@vary_on_headers("HX-Request")
def golden_set_upload(request: HttpRequest) -> HttpResponse:
    data, files = (request.POST, request.FILES) if request.method == "POST" else (None, None)
    form = UploadForm(data, files, initial=_typed_before(request))
    if form.is_valid():
        file = form.cleaned_data["file"]
        upload = uploads.receive_upload(
            name=form.cleaned_data["name"],
            description=form.cleaned_data["description"],
            changelog=form.cleaned_data["changelog"],
            options=form.options(),
            pieces=file.chunks(),
            filename=file.name,
            by=cast(User, request.user),
        )
        mended = queries.unfinished_uploads().filter(pk=form.cleaned_data["again"]).first()
        if mended and mended.state != Upload.State.STORING:
            uploads.discard_upload(upload=mended)
        page = upload.get_absolute_url()
        return HttpResponseClientRedirect(page) if request.htmx else redirect(page)
    context = {
        "form": form,
        "names": GoldenSet.objects.values_list("name", flat=True),
        "unfinished": queries.unfinished_uploads(),
        "most_mb": settings.GOLDEN_SET_MAX_BYTES // 1024 // 1024,
    }
    template = "models_registry/golden_set_upload.html" + ("#upload-form" if request.htmx else "")
    return render(request, template, context, status=422 if request.method == "POST" else 200)


@require_safe
@may_upload
@vary_on_headers("HX-Request")
def upload(request: HttpRequest, pk: int) -> HttpResponse:
    found = get_object_or_404(queries.uploads(), pk=pk)
    if found.state == Upload.State.COLUMNS:
        return redirect("upload_columns", pk=pk)
    if request.htmx:
        # what is shown besides the progress changes with the step; until then the page stays as it is
        if found.is_worked_on and found.step == request.GET.get("step"):
            return render(request, "models_registry/upload.html#progress", {"upload": found})
        return HttpResponseClientRefresh()
    if found.version:
        return _after_storing(request, found)
    return _upload_page(request, found, _store_form(found))


@require_http_methods(["GET", "HEAD", "POST"])
@may_upload
def upload_columns(request: HttpRequest, pk: int) -> HttpResponse:
    found = get_object_or_404(queries.uploads(), pk=pk)
    header = None if found.is_done_with or found.is_worked_on else uploads.columns_of(found)
    if header is None or isinstance(header, Problem):
        return redirect(found)
    posted = request.POST if request.method == "POST" else None
    form = ColumnsForm(posted, found=header, chosen=found.columns)
    if form.is_valid():
        uploads.choose_columns(upload=found, columns=form.columns())
        return redirect(found)
    context = {"upload": found, "found": header, "form": form}
    return render(
        request,
        "models_registry/upload_columns.html",
        context,
        status=422 if request.method == "POST" else 200,
    )


@require_POST
@may_upload
def upload_options(request: HttpRequest, pk: int) -> HttpResponse:
    found = get_object_or_404(queries.uploads(), pk=pk)
    form = PreflightOptionsForm(request.POST)
    if form.is_valid():
        uploads.check_again(upload=found, options=form.options())
    return redirect(found)


@require_POST
@may_upload
def upload_store(request: HttpRequest, pk: int) -> HttpResponse:
    found = get_object_or_404(queries.uploads(), pk=pk)
    form = _store_form(found, request)
    if not form.is_valid():
        return _upload_page(request, found, form, status=422)
    chosen = form.cleaned_data
    try:
        uploads.store_upload(
            upload=found,
            changelog=chosen["changelog"],
            skip_invalid=chosen.get("skip_invalid", False),
            replaced=chosen.get("replaced", []),
        )
    except ValidationError as error:
        form.add_error(None, ValidationError(error.messages))
        return _upload_page(request, found, form, status=422)
    return _after_storing(request, found)


@require_POST
@may_upload
def upload_discard(request: HttpRequest, pk: int) -> HttpResponse:
    found = get_object_or_404(queries.uploads(), pk=pk)
    if uploads.discard_upload(upload=found):
        messages.info(
            request, _("%(file)s was discarded; nothing of it was stored.") % {"file": found.filename}
        )
    return redirect("golden_set_draft", found.name) if found.from_draft else redirect("golden_sets")


def _typed_before(request: HttpRequest) -> dict[str, object]:
    """What was typed beside a file that has to be mended, or the set that gets a new version."""
    pk = request.GET.get("again", "")
    before = queries.unfinished_uploads().filter(pk=int(pk)).first() if pk.isdecimal() else None
    if before is None:
        return {"name": request.GET.get("name", "")}
    return {
        "again": before.pk,
        "name": before.name,
        "description": before.description,
        "changelog": before.changelog,
        **before.options,
    }


def _after_storing(request: HttpRequest, found: Upload) -> HttpResponse:
    if not found.version:
        return redirect(found)
    words = {"version": str(found.version), "rows": found.version.rows}
    if found.made_its_version:
        messages.success(request, _("%(version)s is stored, with %(rows)d examples.") % words)
    else:
        messages.info(
            request, _("%(version)s has exactly this content already; nothing new was stored.") % words
        )
    return redirect(found.version)


def _store_form(found: Upload, request: HttpRequest | None = None) -> StoreForm:
    return StoreForm(
        request.POST if request else None,
        kinds=queries.personal_data_of(found),
        bad_rows=found.bad_rows,
        # what was replaced in the version before would else slip into this one
        initial={"changelog": found.changelog, "replaced": queries.replaced_before(found)},
    )


def _upload_page(request: HttpRequest, found: Upload, form: StoreForm, status: int = 200) -> HttpResponse:
    if found.state == Upload.State.DISCARDED:
        raise Http404
    report = queries.report_of(found)
    context = {
        "upload": found,
        "form": form,
        "options_form": PreflightOptionsForm(initial=found.options),
        "preflight": shown(report) if report else None,
        "same_version": queries.same_version(found),
        "number": queries.next_number(found),
        "listed": [
            {**problem, "message": file_said(problem["message"]), "fix": file_said(problem["fix"])}
            for problem in found.problems[:LISTED]
        ],
        "unlisted": found.more_problems + max(0, len(found.problems) - LISTED),
    }
    return render(request, "models_registry/upload.html", context, status=status)
