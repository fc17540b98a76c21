"""The comparisons behind a figure, and one of them with all that is known of it."""

from __future__ import annotations

from django.contrib.auth.decorators import permission_required
from django.core.paginator import Page, Paginator
from django.http import HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.text import slugify
from django.views.decorators.http import require_GET

from evalsite.requests import HttpRequest
from reviews import access
from reviews.exchange.comparisons_csv import csv_lines
from reviews.forms import ComparisonFilter, FlagForm
from reviews.models import Evaluation
from reviews.queries import adjudications
from reviews.queries import comparisons as queries
from reviews.queries.judgements import given_on, skips_of, taken_back, votes_on
from reviews.queries.voting import split_conversation, weave
from reviews.views.flags import flag_context

PAGE = 25


@require_GET
@permission_required("reviews.view_evaluation", raise_exception=True)
def comparisons(request: HttpRequest, pk: int) -> HttpResponse:
    evaluation = access.watched_evaluation(pk)
    form = ComparisonFilter(request.GET, evaluation)
    wanted = form.wanted()
    if "" in request.GET.values():  # of a form; an address to hand on says only what is asked for
        return redirect(f"{request.path}?{wanted.as_query()}")
    page, is_more = page_of(evaluation, wanted, request.GET.get("page"))
    given = given_on(page.object_list)
    context = {
        "evaluation": evaluation,
        "page": page,
        "rows": [(comparison, given.get(comparison.pk)) for comparison in page],
        "is_more": is_more,
        "form": form,
        "wanted": wanted,
        "query": wanted.as_query(),
    }
    return render(request, "reviews/comparisons.html", context)


def page_of(evaluation: Evaluation, wanted: queries.Wanted, number: str | None) -> tuple[Page, bool]:
    """A page of the list, and whether more was found by its text than the list goes on to.

    Keys first, then the rows of one page: to skip 100,000 rows with their texts would read them all.
    """
    if wanted.q:
        keys = queries.found_by_text(evaluation, wanted)
        page: Page = Paginator(keys[: queries.MOST_FOUND], PAGE).get_page(number)
    else:
        keys = []
        page = Paginator(queries.narrowed(evaluation, wanted).values_list("pk", flat=True), PAGE).get_page(
            number
        )
    shown = queries.comparisons(evaluation).in_bulk(list(page.object_list))
    page.object_list = [shown[key] for key in page.object_list]
    return page, len(keys) > queries.MOST_FOUND


@require_GET
@permission_required("reviews.view_comparison", raise_exception=True)
def comparisons_csv(request: HttpRequest, pk: int) -> StreamingHttpResponse:
    """All of the list as it is narrowed, for a spreadsheet."""
    evaluation = access.watched_evaluation(pk)
    wanted = ComparisonFilter(request.GET, evaluation).wanted()
    found = queries.narrowed(evaluation, wanted)
    answer = StreamingHttpResponse(csv_lines(evaluation, found), content_type="text/csv; charset=utf-8")
    name = slugify(evaluation.name) or f"evaluation-{evaluation.pk}"
    answer["Content-Disposition"] = f'attachment; filename="{name}-comparisons.csv"'
    return answer


@require_GET
@permission_required("reviews.view_comparison", raise_exception=True)
def comparison(request: HttpRequest, pk: int) -> HttpResponse:
    found = access.watched_comparison(pk)
    # what may be chosen takes queries over all comparisons; an address that asks for nothing needs none of them
    wanted = ComparisonFilter(request.GET, found.evaluation).wanted() if request.GET else queries.Wanted()
    before, after = queries.neighbours(found.evaluation, found, wanted)
    shared, replayed = split_conversation(found.example.messages)
    context = {
        "comparison": found,
        "evaluation": found.evaluation,
        "conversation": shared,
        "sides": [
            (side, version, response, weave(response.earlier_answers, replayed))
            for side, version, response in (
                ("candidate", found.evaluation.candidate, found.candidate_response),
                ("baseline", found.evaluation.baseline, found.baseline_response),
            )
        ],
        "votes": votes_on(found),
        "taken_back": taken_back(found),
        "skips": skips_of(found),
        "before": before,
        "after": after,
        "wanted": wanted,
        "query": wanted.as_query(),
        "settled": adjudications.adjudication_of(found),
        "may_settle": adjudications.adjudicates(found.evaluation)
        and adjudications.disputed(found.evaluation).filter(pk=pk).exists(),
    }
    action = reverse("flag_comparison", args=[found.pk])
    context |= flag_context(FlagForm(), found.example, action, access.signed_in(request))
    return render(request, "reviews/comparison.html", context)
