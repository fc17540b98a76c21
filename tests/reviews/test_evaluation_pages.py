"""The lead's pages: starting an evaluation, watching it, and the rows behind its figures."""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from models_registry.models import GoldenSetVersion, ModelVersion, Response
from reviews.actions.evaluations import close_evaluation
from reviews.models import Assignment, Comparison, Evaluation
from tests.factories import make_evaluation, make_golden_set_version, make_model_version, make_rows, make_vote

pytestmark = pytest.mark.django_db

ClientFor = Callable[..., Client]
HTMX = {"HX-Request": "true"}
NEW = "/evaluations/new/"


@pytest.fixture
def client(client_for: ClientFor, lead: User) -> Client:
    return client_for(lead)


# --- starting one ------------------------------------------------------------------------------------------


@pytest.fixture
def versions(db: None) -> tuple[ModelVersion, ModelVersion]:
    return (
        make_model_version("aurora-ft", version="ft-2", served_name="aurora-ft-2.1"),
        make_model_version("aurora-large", version="2026", served_name="big-one"),
    )


@pytest.fixture
def fields(versions: tuple[ModelVersion, ModelVersion]) -> dict[str, Any]:
    return {
        "name": "Support, November",
        "candidate": versions[0].pk,
        "baseline": versions[1].pk,
        "golden_set_version": make_golden_set_version().pk,
        "votes_per_comparison": 2,
        "guidelines": "Be fair.",
    }


def test_form_starts_an_evaluation_and_leads_to_it(
    client: Client, fields: dict[str, Any], lead: User, versions: tuple[ModelVersion, ModelVersion]
) -> None:
    response = client.post(NEW, fields)
    evaluation = Evaluation.objects.get()
    assert response.status_code == 302
    assert response.headers["Location"] == evaluation.get_absolute_url()
    assert (evaluation.name, evaluation.guidelines) == ("Support, November", "Be fair.")
    assert (evaluation.candidate, evaluation.baseline) == versions
    assert (evaluation.votes_per_comparison, evaluation.started_by) == (2, lead)
    assert evaluation.comparisons.count() == 5
    assert Response.objects.filter(status="pending").count() == 10
    assert "Started. Both models are being asked now." in client.get(response.headers["Location"]).text


def test_candidate_against_itself_is_422(client: Client, fields: dict[str, Any]) -> None:
    response = client.post(NEW, fields | {"baseline": fields["candidate"]})
    assert response.status_code == 422
    assert "can&#x27;t be compared with itself" in response.text
    assert 'value="Support, November"' in response.text
    assert not Evaluation.objects.exists()


@pytest.mark.parametrize(
    "name",
    [
        "ft-2 in November",
        "November (ft-2)",
        "Support: FT-2, again",
        "“2026”",
        "aurora-large replaced",
        "Aurora-FT",
        "Is big-one better?",
        "aurora-ft-2.1",
    ],
)
def test_name_that_tells_the_models_is_422(client: Client, fields: dict[str, Any], name: str) -> None:
    response = client.post(NEW, fields | {"name": name})
    assert response.status_code == 422
    assert "tells reviewers which model is judged" in response.text
    assert not Evaluation.objects.exists()


@pytest.mark.parametrize("name", ["Draft-2 of the policy", "Support, 12026 prompts", "Aurora Commerce"])
def test_name_that_only_resembles_a_version_is_fine(
    client: Client, fields: dict[str, Any], name: str
) -> None:
    assert client.post(NEW, fields | {"name": name}).status_code == 302


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"name": ""}, "This field is required."),
        ({"name": "taken"}, "already exists"),
        ({"candidate": ""}, "This field is required."),
        ({"candidate": "987654"}, "Select a valid choice."),
        ({"golden_set_version": "987654"}, "Select a valid choice."),
        ({"votes_per_comparison": "0"}, "greater than or equal to 1"),
        ({"votes_per_comparison": "101"}, "less than or equal to 100"),
        ({"votes_per_comparison": "two"}, "Enter a whole number."),
    ],
)
def test_form_errors_are_told(
    client: Client, fields: dict[str, Any], change: dict[str, str], said: str
) -> None:
    make_evaluation(1, name="taken")
    response = client.post(NEW, fields | change)
    assert response.status_code == 422
    assert said in response.text
    assert Evaluation.objects.count() == 1


def test_form_offers_what_can_be_asked_and_is_whole(client: Client, fields: dict[str, Any]) -> None:
    """Not versions whose answers were recorded elsewhere, nor a golden set that is still being stored."""
    recorded = make_model_version("gpt-4", version="recorded")
    ModelVersion.objects.filter(pk=recorded.pk).update(endpoint=None)
    unsealed = make_golden_set_version(1, sealed=False)
    form = client.get(NEW).context["form"]
    assert recorded not in form.fields["candidate"].queryset
    assert unsealed not in form.fields["golden_set_version"].queryset
    assert client.post(NEW, fields | {"candidate": recorded.pk}).status_code == 422
    assert client.post(NEW, fields | {"golden_set_version": unsealed.pk}).status_code == 422


def test_empty_post_is_422(client: Client) -> None:
    assert client.post(NEW).status_code == 422


# --- while responses come ----------------------------------------------------------------------------------


def set_responses(evaluation: Evaluation, **fields: Any) -> None:
    done = {"done_at": timezone.now()} if fields.get("status") == "done" else {}
    Response.objects.filter(model_version__in=[evaluation.candidate, evaluation.baseline]).update(
        **fields, **done
    )


def test_progress_page_refreshes_itself_by_its_fragment(client: Client) -> None:
    evaluation = make_evaluation(3, opened=False)
    path = evaluation.get_absolute_url()
    page = client.get(path)
    assert page.text.startswith("<!doctype html>")
    assert f'hx-get="{path}"' in page.text
    assert "0 of 6 responses" in page.text
    fragment = client.get(path, headers=HTMX)
    assert fragment.text.lstrip().startswith('<section id="progress"')
    assert "<html" not in fragment.text
    for response in (page, fragment):
        assert "HX-Request" in response.headers["Vary"]
        assert "no-store" in response.headers["Cache-Control"]


def test_voting_is_opened_by_the_lead_when_responses_are_in(client: Client) -> None:
    evaluation = make_evaluation(3, opened=False, votes_per_comparison=2)
    path, open_path = evaluation.get_absolute_url(), reverse("evaluation_open", args=[evaluation.pk])
    assert open_path not in client.get(path).text
    early = client.post(open_path, follow=True)
    assert "still wait for their responses" in early.text
    set_responses(evaluation, status="done", text="An answer")
    Response.objects.filter(model_version=evaluation.baseline).update(text="Another")
    page = client.get(path)
    assert open_path in page.text
    assert "hx-get" not in page.text.partition('id="progress"')[2].partition(">")[0]
    opened = client.post(open_path, follow=True)
    assert "Voting is open." in opened.text
    assert Assignment.objects.count() == 6


def test_failed_responses_are_retried_or_left_out(client: Client) -> None:
    evaluation = make_evaluation(3, opened=False)
    set_responses(evaluation, status="done", text="An answer")
    Response.objects.filter(model_version=evaluation.baseline).update(text="Another")
    failed = evaluation.comparisons.get(position=1).candidate_response
    Response.objects.filter(pk=failed.pk).update(status="failed", done_at=None, last_error="401: <wrong> key")
    open_path = reverse("evaluation_open", args=[evaluation.pk])
    page = client.get(evaluation.get_absolute_url())
    assert "401: &lt;wrong&gt; key" in page.text
    assert "Retry 1 failed response" in page.text
    assert "1 comparison has a response that failed" in client.post(open_path, follow=True).text
    assert "Voting is open." in client.post(open_path, {"leave_out_failed": "on"}, follow=True).text
    assert (
        "1 comparison was left out because a response failed."
        in client.get(evaluation.get_absolute_url()).text
    )
    retried = client.post(reverse("evaluation_retry", args=[evaluation.pk]), follow=True)
    assert "Asking again for 1 response." in retried.text


def test_lists_show_every_evaluation_by_how_far_it_is(client: Client) -> None:
    assert "No evaluation yet" in client.get(reverse("evaluations")).text
    assert "No evaluation yet" in client.get(reverse("home")).text
    generating = make_evaluation(2, opened=False, name="still generating")
    voting = make_evaluation(2, name="being voted on")
    text = client.get(reverse("evaluations")).text
    assert "0 / 4 responses" in text
    assert "0 / 2 votes" in text
    home = client.get(reverse("home")).text
    for evaluation in (generating, voting):
        assert evaluation.get_absolute_url() in home


# --- the dashboard -----------------------------------------------------------------------------------------


ROWS: list[dict[str, Any]] = [
    {"id": "a", "prompt": "Where is my refund?", "tags": ["refunds & co", "billing"]},
    {"id": "b", "prompt": "Charged twice.", "tags": ["refunds & co"]},
    {"id": "c", "prompt": "Which size?", "tags": ["größe/talla?"]},
    {"id": "d", "prompt": "<script>alert(1)</script>"},
]


@pytest.fixture
def voted(reviewer: User) -> Evaluation:
    evaluation = make_evaluation(ROWS)
    for position, choice in enumerate(["candidate", "baseline", "candidate"]):
        make_vote(evaluation.comparisons.get(position=position), reviewer, choice)
    return evaluation


def test_dashboard_shows_the_figures_of_the_query(client: Client, voted: Evaluation) -> None:
    text = html.unescape(client.get(voted.get_absolute_url()).text).replace("\N{NO-BREAK SPACE}", " ")
    assert "The candidate’s win rate is <strong>66.7 %</strong> over 3 examples" in text
    assert "valid however often you look" in text
    assert str(voted.candidate) in text
    assert voted.golden_set_version.sha256 in text
    for tag in ("refunds & co", "billing", "größe/talla?", "untagged"):
        assert tag in text
    assert "<script>alert" not in text


def test_dashboard_is_a_whole_page_or_its_fragment(client: Client, voted: Evaluation) -> None:
    page = client.get(voted.get_absolute_url())
    assert page.text.startswith("<!doctype html>")
    fragment = client.get(voted.get_absolute_url(), headers=HTMX)
    assert fragment.text.lstrip().startswith('<div id="dashboard"')
    assert "<html" not in fragment.text
    for response in (page, fragment):
        assert "HX-Request" in response.headers["Vary"]
        assert "no-store" in response.headers["Cache-Control"]


def refresh_path(text: str) -> str:
    found = re.search(r'id="dashboard" hx-get="([^"]+)"', text)
    assert found is not None
    return html.unescape(found[1])


def test_refresh_is_204_until_something_changed(client: Client, voted: Evaluation, reviewer: User) -> None:
    path = refresh_path(client.get(voted.get_absolute_url()).text)
    unchanged = client.get(path, headers=HTMX)
    assert (unchanged.status_code, unchanged.content) == (204, b"")
    # without HX it is a page like any other
    assert client.get(path).status_code == 200

    make_vote(voted.comparisons.get(position=3), reviewer, "tie")
    changed = client.get(path, headers=HTMX)
    assert changed.status_code == 200
    path = refresh_path(changed.text)
    assert client.get(path, headers=HTMX).status_code == 204

    close_evaluation(evaluation=voted, by=None)
    closed = client.get(path, headers=HTMX)
    assert closed.status_code == 200
    assert "hx-get" not in closed.text
    assert "voting is closed, so this is read once" in closed.text


def test_dashboard_without_votes_says_so(client: Client) -> None:
    text = client.get(make_evaluation(2).get_absolute_url()).text
    assert "No votes yet." in text


def test_lead_closes_voting_for_good(client: Client, voted: Evaluation) -> None:
    path = reverse("evaluation_close", args=[voted.pk])
    assert path in client.get(voted.get_absolute_url()).text
    closed = client.post(path, follow=True)
    assert "Closed. The votes that are in stay" in closed.text
    assert path not in closed.text
    never_opened = make_evaluation(1, opened=False)
    said = client.post(reverse("evaluation_close", args=[never_opened.pk]), follow=True).text
    assert "Voting was never opened" in said


def test_closed_dashboard_colours_by_the_fixed_interval_and_an_open_one_by_the_anytime_valid(
    client: Client, make_user: Callable[..., User]
) -> None:
    """Twelve wins of fourteen: shown in one look, not yet shown to someone who looks all the time."""
    evaluation = make_evaluation(make_rows(14))
    person = make_user("voter", "Reviewer")
    for position in range(14):
        choice = "baseline" if position in {3, 9} else "candidate"
        make_vote(evaluation.comparisons.get(position=position), person, choice)
    watched = client.get(evaluation.get_absolute_url())
    assert watched.context["overall"].shown == ""
    close_evaluation(evaluation=evaluation, by=None)
    closed = client.get(evaluation.get_absolute_url())
    assert closed.context["overall"].shown == "better"


def test_dashboard_queries_do_not_grow_with_votes(client: Client, make_user: Callable[..., User]) -> None:
    people = [make_user(f"voter{number}", "Reviewer") for number in range(3)]

    def queries(examples: int, voters: int) -> int:
        evaluation = make_evaluation(examples, votes_per_comparison=3)
        for comparison in evaluation.comparisons.all():
            for person in people[:voters]:
                make_vote(comparison, person, "tie")
        client.get(evaluation.get_absolute_url())
        with CaptureQueriesContext(connection) as captured:
            client.get(evaluation.get_absolute_url())
        return len(captured)

    assert queries(2, 1) == queries(30, 3)


# --- the rows behind a figure ------------------------------------------------------------------------------


def keys(client: Client, evaluation: Evaluation, **query: str) -> list[str]:
    response = client.get(reverse("comparisons", args=[evaluation.pk]), query)
    assert response.status_code == 200
    return [comparison.example.key for comparison in response.context["page"]]


def test_every_figure_leads_to_its_rows(client: Client, voted: Evaluation) -> None:
    behind = reverse("comparisons", args=[voted.pk])
    text = client.get(voted.get_absolute_url()).text
    links = {html.unescape(link) for link in re.findall(r'(?:xlink:)?href="([^"]+)"', text)}
    found = {
        link: [row.example.key for row in client.get(link).context["page"]]
        for link in links
        if link.startswith(behind)
    }
    by_tag = {
        "refunds": ["a", "b"],
        "billing": ["a"],
        "gr": ["c"],
        "untagged": ["d"],
    }
    for tag, wanted in by_tag.items():
        assert any(link.startswith(f"{behind}?tag={tag}") and rows == wanted for link, rows in found.items())
    assert found[f"{behind}?outcome=won"] == ["a", "c"]
    assert found[f"{behind}?outcome=lost"] == ["b"]
    assert found[behind] == ["a", "b", "c", "d"]


def test_comparisons_are_filtered_by_all_three_at_once(client: Client, voted: Evaluation) -> None:
    assert keys(client, voted) == ["a", "b", "c", "d"]
    assert keys(client, voted, tag="refunds & co") == ["a", "b"]
    assert keys(client, voted, tag="refunds & co", outcome="won") == ["a"]
    assert keys(client, voted, tag="refunds & co", outcome="won", q="twice") == []
    assert keys(client, voted, q="TWICE") == ["b"]
    assert keys(client, voted, outcome="waiting") == ["d"]
    page = client.get(reverse("comparisons", args=[voted.pk]), {"q": "nothing like it"})
    assert "No comparison matches" in page.text


@pytest.mark.parametrize(
    "query",
    [
        {"tag": "no such tag"},
        {"outcome": "no such outcome"},
        {"page": "99"},
        {"page": "x"},
        {"q": "a\0"},
        {"q": "x" * 300},
    ],
)
def test_filter_that_can_not_be_is_as_good_as_absent(
    client: Client, voted: Evaluation, query: dict[str, str]
) -> None:
    assert len(keys(client, voted, **query)) == 4


def test_comparisons_are_paginated_and_keep_the_filter(client: Client) -> None:
    evaluation = make_evaluation(60)
    page = client.get(reverse("comparisons", args=[evaluation.pk]), {"tag": "refunds"})
    assert "Page 1 of 2" in page.text
    assert "tag=refunds&amp;page=2" in page.text or "page=2&amp;tag=refunds" in page.text
    assert len(keys(client, evaluation, tag="refunds", page="2")) == 5


def test_comparison_page_shows_both_models_and_every_vote(
    client: Client, reviewer: User, second_reviewer: User
) -> None:
    evaluation = make_evaluation(ROWS[3:], votes_per_comparison=2)
    comparison = evaluation.comparisons.get()
    make_vote(comparison, reviewer, "candidate", seconds=4.2)
    make_vote(comparison, second_reviewer, "both_bad", seconds=None)
    Response.objects.filter(pk=comparison.candidate_response_id).update(
        text="**Yes**", cost=Decimal("0.000112"), latency_seconds=0.84, finish_reason="length"
    )
    text = client.get(comparison.get_absolute_url()).text
    for part in (
        str(evaluation.candidate),
        str(evaluation.baseline),
        "<strong>Yes</strong>",
        "&lt;script&gt;alert(1)&lt;/script&gt;",
        "untagged",
        "$0.000112",
        "0.84\N{NO-BREAK SPACE}s",
        "4.20\N{NO-BREAK SPACE}s",
        "length",
        "rosa",
        "ruben",
        "both bad",
    ):
        assert part in text
    assert "<script>alert" not in text


def test_comparison_without_votes_says_why(client: Client) -> None:
    evaluation = make_evaluation(2)
    first, second = evaluation.comparisons.all()
    Comparison.objects.filter(pk=first.pk).update(identical=True)
    Response.objects.filter(pk=second.candidate_response_id).update(status="failed", last_error="500: broken")
    assert "a tie that nobody needs to vote on" in client.get(first.get_absolute_url()).text
    text = client.get(second.get_absolute_url()).text
    assert "No response:" in text
    assert "500: broken" in text
    assert "None yet." in text


def test_pages_have_no_inline_style_or_script(client: Client, voted: Evaluation) -> None:
    assert GoldenSetVersion.objects.exists()
    for path in (
        reverse("home"),
        reverse("evaluations"),
        NEW,
        voted.get_absolute_url(),
        make_evaluation(1, opened=False).get_absolute_url(),
        reverse("comparisons", args=[voted.pk]),
        voted.comparisons.get(position=3).get_absolute_url(),
    ):
        text = client.get(path).text
        assert "style=" not in text
        assert "<style" not in text
        assert "<script>" not in text
        assert " onclick" not in text
