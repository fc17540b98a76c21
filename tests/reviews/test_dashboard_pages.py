"""The dashboard, and the rows behind its figures."""

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

from models_registry.models import GoldenSetVersion, Response
from reviews.actions.evaluations import close_evaluation
from reviews.models import Comparison, Evaluation
from reviews.queries import figures
from tests.factories import make_evaluation, make_rows, make_vote

pytestmark = pytest.mark.django_db

ClientFor = Callable[..., Client]
HTMX = {"HX-Request": "true"}
NEW = "/evaluations/new/"


@pytest.fixture
def client(client_for: ClientFor, lead: User) -> Client:
    return client_for(lead)


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


def test_refresh_is_204_until_something_changed(
    client: Client, voted: Evaluation, reviewer: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(figures, "FRESH_SECONDS", 0)
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
    assert watched.context["overall"].estimate.shown == ""
    close_evaluation(evaluation=evaluation, by=None)
    closed = client.get(evaluation.get_absolute_url())
    assert closed.context["overall"].estimate.shown == "better"


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
    assert found[f"{behind}?outcome=wins"] == ["a", "c"]
    assert found[f"{behind}?outcome=losses"] == ["b"]
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
