"""The comparisons behind a figure, and one of them with all that is known of it."""

from __future__ import annotations

from django.contrib.auth.decorators import permission_required
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_GET

from evalsite.requests import HttpRequest
from reviews import access
from reviews.forms import ComparisonFilter, FlagForm
from reviews.queries import comparisons as queries
from reviews.queries.leaks import leak_choices, with_leak
from reviews.queries.voting import split_conversation, weave
from reviews.views.flags import flag_context

PAGE = 25


@require_GET
@permission_required("reviews.view_evaluation", raise_exception=True)
def comparisons(request: HttpRequest, pk: int) -> HttpResponse:
    evaluation = access.watched_evaluation(pk)
    form = ComparisonFilter(request.GET, tags=queries.tags_of(evaluation), leaks=leak_choices(evaluation))
    form.is_valid()  # a filter that is none of the choices is as good as absent
    wanted = form.cleaned_data
    found = queries.comparisons(evaluation)
    found = queries.with_tag(found, wanted.get("tag", ""))
    found = queries.with_outcome(found, wanted.get("outcome", ""))
    found = with_leak(found, evaluation, wanted.get("leak", ""))
    found = queries.matching(found, wanted.get("q", ""))
    context = {
        "evaluation": evaluation,
        "page": Paginator(found, PAGE).get_page(request.GET.get("page")),
        "form": form,
        "is_filtered": any(wanted.values()),
    }
    return render(request, "reviews/comparisons.html", context)


@require_GET
@permission_required("reviews.view_comparison", raise_exception=True)
def comparison(request: HttpRequest, pk: int) -> HttpResponse:
    found = access.watched_comparison(pk)
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
        "votes": queries.votes_on(found),
    }
    action = reverse("flag_comparison", args=[found.pk])
    context |= flag_context(FlagForm(), found.example, action, access.signed_in(request))
    return render(request, "reviews/comparison.html", context)
