from __future__ import annotations

from dataclasses import replace
from typing import cast

from django.contrib import messages
from django.contrib.auth.decorators import permission_required
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods

from models_registry.actions.recorded_responses import ImportedResponses, import_responses
from models_registry.forms import ResponsesForm
from models_registry.forms.recorded_responses import most_bytes
from models_registry.importing.limits import upload_limits
from models_registry.models import Model
from models_registry.queries.file_words import file_said

LISTED = 200


@require_http_methods(["GET", "HEAD", "POST"])
@permission_required("models_registry.add_modelversion", raise_exception=True)
def responses_upload(request: HttpRequest) -> HttpResponse:
    data, files = (request.POST, request.FILES) if request.method == "POST" else (None, None)
    form = ResponsesForm(data, files, initial=_asked_for(request))
    imported = _import(form, cast(User, request.user)) if form.is_valid() else None
    if imported and imported.model_version:
        _tell(request, imported)
        return redirect(imported.model_version)
    context = {
        "form": form,
        "imported": imported,
        "listed": [
            replace(problem, message=file_said(problem.message), fix=file_said(problem.fix))
            for problem in (imported.errors[:LISTED] if imported else ())
        ],
        "unlisted": imported.more_errors + max(0, len(imported.errors) - LISTED) if imported else 0,
        "names": Model.objects.values_list("name", flat=True),
        "most_mb": most_bytes() // 1024 // 1024,
    }
    status = 422 if request.method == "POST" else 200
    return render(request, "models_registry/responses_upload.html", context, status=status)


def _asked_for(request: HttpRequest) -> dict[str, str]:
    """A version that a link names, to which responses are added."""
    return {name: request.GET.get(name, "") for name in ("model", "version", "golden_set_version")}


def _import(form: ResponsesForm, by: User) -> ImportedResponses | None:
    given = form.cleaned_data
    try:
        return import_responses(
            model_version=(given["model"], given["version"]),
            golden_set_version=given["golden_set_version"],
            stream=given["file"].file,
            filename=given["file"].name,
            by=by,
            skip_invalid=given["skip_invalid"],
            fields=form.version_fields(),
            limits=replace(upload_limits(), file_bytes=most_bytes()),
        )
    except ValidationError as error:
        # such as a price that an answered version can't be given any more
        form.add_error(None, ValidationError(error.messages))
        return None


def _tell(request: HttpRequest, imported: ImportedResponses) -> None:
    if imported.stored:
        said = ngettext("%(count)d response is stored.", "%(count)d responses are stored.", imported.stored)
        messages.success(request, said % {"count": imported.stored})
    else:
        messages.info(request, _("All of these responses were stored before; nothing new came in."))
    if imported.bad_rows:
        said = ngettext(
            "%(count)d bad row was skipped.", "%(count)d bad rows were skipped.", imported.bad_rows
        )
        messages.warning(request, said % {"count": imported.bad_rows})
    if imported.missing:
        messages.warning(
            request,
            _("%(missing)d of %(examples)d examples of %(version)s have no response yet, such as %(named)s.")
            % {
                "missing": imported.missing,
                "examples": imported.golden_set_version.rows,
                "version": imported.golden_set_version,
                "named": ", ".join(imported.missing_named),
            },
        )
    if imported.warnings:
        messages.info(request, " ".join(imported.warnings))
