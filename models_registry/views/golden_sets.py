from __future__ import annotations

from itertools import zip_longest

from django.contrib.auth.decorators import permission_required
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe

from models_registry import queries
from models_registry.forms import ExampleFilterForm
from models_registry.forms.golden_set_versions import CompareForm
from models_registry.golden_files import write
from models_registry.models import GoldenSet
from models_registry.models.golden_set import UNTAGGED
from models_registry.queries.drafts import draft_counts, newest_version
from models_registry.views.preflight import stored

EXAMPLES_A_PAGE = 25
EXPORTS = [("jsonl", "JSON Lines"), ("csv", "CSV"), ("parquet", "Parquet"), ("openai_chat", "OpenAI chat")]
# what a version can be exported as: ending and content type of the file
FILE_TYPES = {
    "jsonl": ("jsonl", "application/jsonl"),
    "csv": ("csv", "text/csv; charset=utf-8"),
    "parquet": ("parquet", "application/vnd.apache.parquet"),
    "openai_chat": ("openai-chat.jsonl", "application/jsonl"),
}


@require_safe
@permission_required("models_registry.view_goldenset", raise_exception=True)
def golden_sets(request: HttpRequest) -> HttpResponse:
    may_upload = request.user.has_perm("models_registry.add_goldensetversion")
    context = {
        "golden_sets": queries.golden_sets(),
        "unfinished": queries.unfinished_uploads().count() if may_upload else 0,
    }
    return render(request, "models_registry/golden_sets.html", context)


@require_safe
@permission_required("models_registry.view_goldenset", raise_exception=True)
def golden_set(request: HttpRequest, name: str) -> HttpResponse:
    found = get_object_or_404(GoldenSet.objects.select_related("created_by"), name=name)
    versions = list(queries.golden_set_versions(found))
    context = {
        "golden_set": found,
        # each with the one before it
        "versions": list(zip_longest(versions, versions[1:])),
        "form": CompareForm({}, versions=versions),
        "draft": draft_counts(found),
    }
    return render(request, "models_registry/golden_set.html", context)


@require_safe
@permission_required("models_registry.view_goldenset", raise_exception=True)
def golden_set_version(request: HttpRequest, name: str, number: int) -> HttpResponse:
    version = get_object_or_404(
        queries.sealed_versions().select_related("created_by", "retired_by"),
        golden_set__name=name,
        number=number,
    )
    tags = queries.tag_counts(version)
    languages = queries.language_counts(version)
    form = ExampleFilterForm(request.GET, tags=tags, languages=[language.lang for language in languages])
    chosen = form.chosen()
    examples = queries.examples_of(version, **chosen)
    context = {
        "version": version,
        "preflight": stored(version),
        "tags": tags,
        "languages": languages,
        "exports": EXPORTS,
        "intents": sum(tag.name != UNTAGGED for tag in tags),
        "languages_named": sum(bool(language.lang) for language in languages),
        "form": form,
        "chosen": chosen,
        "is_filtered": any(value not in ("", None) for value in chosen.values()) or chosen["lang"] == "",
        "page_obj": Paginator(examples, EXAMPLES_A_PAGE).get_page(request.GET.get("page")),
        "is_newest": version == newest_version(version.golden_set),
    }
    return render(request, "models_registry/golden_set_version.html", context)


@require_safe
@permission_required("models_registry.view_goldenset", raise_exception=True)
def golden_set_export(request: HttpRequest, name: str, number: int, format: str) -> StreamingHttpResponse:
    version = get_object_or_404(queries.sealed_versions(), golden_set__name=name, number=number)
    if format not in FILE_TYPES:
        raise Http404
    ending, content_type = FILE_TYPES[format]
    # what OpenAI's chat format can't tell (an example without a reference, say) is left out of it
    pieces = write(queries.rows_of(version), format, leave_out=lambda problem: None)
    headers = {"Content-Disposition": f'attachment; filename="{name}-v{number}.{ending}"'}
    return StreamingHttpResponse(pieces, content_type=content_type, headers=headers)
