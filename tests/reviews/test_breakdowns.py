"""Win rates by reason and by intent and language: against small cases counted by hand."""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from reviews.actions.evaluations import close_evaluation
from reviews.models import Comparison, Evaluation
from reviews.queries.breakdowns import intent_by_language, win_rate_by_reason
from reviews.stats.win_rate import win_rate
from tests.factories import make_evaluation, make_vote

pytestmark = pytest.mark.django_db
ClientFor = Callable[..., Client]


def rows(number: int, tag: str, lang: str) -> list[dict[str, Any]]:
    return [
        {"id": f"{tag}-{lang}-{index}", "prompt": f"{tag} {lang} {index}?", "tags": [tag], "lang": lang}
        for index in range(number)
    ]


@pytest.fixture
def two(reviewer: User, second_reviewer: User) -> list[User]:
    return [reviewer, second_reviewer]


# --- reasons -----------------------------------------------------------------------------------------------


def test_reason_counts_an_example_once_by_the_votes_that_name_it(two: list[User]) -> None:
    evaluation = make_evaluation(rows(3, "refunds", "en"), votes_per_comparison=2)
    first, second, third = evaluation.comparisons.order_by("position")
    make_vote(first, two[0], "candidate", reasons=["tone", "policy"])
    make_vote(first, two[1], "baseline", reasons=["tone"])
    make_vote(second, two[0], "candidate", reasons=["tone"])
    make_vote(second, two[1], "both_bad", reasons=["policy"])
    make_vote(third, two[0], "tie", reasons=[])
    make_vote(third, two[1], "baseline", reasons=["a lead's own word"])
    close_evaluation(evaluation=evaluation, by=None)
    evaluation.refresh_from_db()
    found = win_rate_by_reason(evaluation)
    # tone: (1+0)/2 and 1; policy: 1 and 1/2; each by example, most votes first
    assert {reason: part.estimate.win_rate for reason, part in found.items()} == {
        "tone": 0.75,
        "policy": 0.75,
        "a lead's own word": 0.0,
    }
    assert next(iter(found)) == "tone"
    tally = found["tone"].row.tally
    assert (tally.examples, tally.votes, tally.wins, tally.losses) == (2, 3, 2, 1)
    assert found["tone"].estimate.interval == win_rate([0.5, 1.0]).interval
    assert all(part.insufficient and part.estimate.shown == "" for part in found.values())


def test_reasons_of_an_open_evaluation_are_of_the_complete_beginning(two: list[User]) -> None:
    evaluation = make_evaluation(rows(3, "refunds", "en"), votes_per_comparison=2)
    first, second, third = evaluation.comparisons.order_by("position")
    for comparison in (first, third):
        for person in two:
            make_vote(comparison, person, "candidate", reasons=["tone"])
    make_vote(second, two[0], "baseline", reasons=["tone"])
    tone = win_rate_by_reason(evaluation)["tone"]
    assert (tone.estimate.examples, tone.estimate.win_rate) == (1, 1.0)
    assert tone.examples == 3
    make_vote(second, two[1], "baseline", reasons=[])
    tone = win_rate_by_reason(evaluation)["tone"]
    assert tone.estimate.examples == 3
    assert tone.estimate.win_rate == pytest.approx(2 / 3)


def test_no_reason_is_no_row(two: list[User]) -> None:
    evaluation = make_evaluation(2)
    make_vote(evaluation.comparisons.earliest("position"), two[0], "tie", reasons=[])
    assert win_rate_by_reason(evaluation) == {}


def test_votes_of_another_evaluation_give_no_reason_here(two: list[User]) -> None:
    here, elsewhere = make_evaluation(1), make_evaluation(1)
    make_vote(elsewhere.comparisons.get(), two[0], "tie", reasons=["tone"])
    assert win_rate_by_reason(here) == {}


# --- intent by language ------------------------------------------------------------------------------------


@pytest.fixture
def mapped(reviewer: User) -> Evaluation:
    """Refunds: 24 English, all won; 20 Spanish, all lost but two. Sizing: 5 Spanish, won. Hello: two, no language."""
    evaluation = make_evaluation(
        [
            *rows(24, "refunds", "en"),
            *rows(20, "refunds", "es-MX"),
            *rows(5, "sizing", "es"),
            {"id": "hello", "prompt": "Hello?"},
            {"id": "same", "prompt": "Same?"},
        ]
    )
    lost = {f"refunds-es-MX-{index}" for index in range(18)}
    for comparison in evaluation.comparisons.select_related("example"):
        if comparison.example.key == "same":
            Comparison.objects.filter(pk=comparison.pk).update(identical=True)
        make_vote(comparison, reviewer, "baseline" if comparison.example.key in lost else "candidate")
    close_evaluation(evaluation=evaluation, by=None)
    evaluation.refresh_from_db()
    return evaluation


def test_cells_are_those_counted_by_hand(mapped: Evaluation) -> None:
    heat = intent_by_language(mapped)
    assert heat.languages == ["es", "en", ""]
    assert [line.intent for line in heat.lines] == ["refunds", "sizing", "untagged"]
    refunds, sizing, untagged = (
        [None if cell is None else (cell.examples, cell.estimate.win_rate) for cell in line.cells]
        for line in heat.lines
    )
    assert refunds == [(20, 0.1), (24, 1.0), None]
    assert sizing == [(5, 1.0), None, None]
    assert untagged == [None, None, (2, 0.75)]
    assert heat.lines[0].total.estimate.win_rate == pytest.approx(26 / 44)
    by_language = [None if cell is None else cell.estimate.win_rate for cell in heat.total.cells]
    assert by_language == [pytest.approx(7 / 25), 1.0, 0.75]
    assert heat.total.total.estimate.win_rate == pytest.approx(32.5 / 51)
    assert heat.left_out == 0


def test_few_examples_are_insufficient_whatever_their_interval_says(mapped: Evaluation) -> None:
    refunds, sizing, _untagged = intent_by_language(mapped).lines
    spanish, english = refunds.cells[0], refunds.cells[1]
    assert spanish is not None
    assert english is not None
    assert (spanish.estimate.shown, english.estimate.shown) == ("worse", "better")
    five = sizing.cells[0]
    assert five is not None
    assert five.insufficient
    assert five.estimate.shown == ""


def test_one_language_is_no_map(reviewer: User) -> None:
    assert not intent_by_language(make_evaluation(rows(3, "refunds", "en"))).is_a_map


def test_too_many_intents_and_languages_are_left_out_but_in_the_sums(
    mapped: Evaluation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("reviews.queries.breakdowns.MOST_INTENTS", 1)
    monkeypatch.setattr("reviews.queries.breakdowns.MOST_LANGUAGES", 1)
    heat = intent_by_language(mapped)
    assert (heat.languages, [line.intent for line in heat.lines], heat.left_out) == (["es"], ["refunds"], 4)
    assert heat.lines[0].total.examples == 44
    assert heat.total.total.examples == 51


# --- the page ----------------------------------------------------------------------------------------------


def test_each_cell_leads_to_its_comparisons(mapped: Evaluation, client_for: ClientFor, lead: User) -> None:
    client = client_for(lead)
    path, behind = (reverse(name, args=[mapped.pk]) for name in ("breakdowns", "comparisons"))
    text = client.get(path).text
    links = {html.unescape(link) for link in re.findall(r'href="([^"]+)"', text)}
    found = {
        link: client.get(link).context["page"].paginator.count for link in links if link.startswith(behind)
    }
    assert found == {
        behind: 51,
        f"{behind}?intent=refunds": 44,
        f"{behind}?intent=sizing": 5,
        f"{behind}?intent=untagged": 2,
        f"{behind}?intent=refunds&lang=es": 20,
        f"{behind}?intent=refunds&lang=en": 24,
        f"{behind}?intent=sizing&lang=es": 5,
        f"{behind}?intent=untagged&lang=-": 2,
        f"{behind}?lang=es": 25,
        f"{behind}?lang=en": 24,
        f"{behind}?lang=-": 2,
    }
    assert "insufficient" in text
    assert "No vote gives a reason yet." in text


def test_dashboard_loads_it_after_itself_and_links_to_it(
    mapped: Evaluation, client_for: ClientFor, lead: User
) -> None:
    client = client_for(lead)
    path = reverse("breakdowns", args=[mapped.pk])
    dashboard = client.get(mapped.get_absolute_url()).text
    assert f'hx-get="{path}" hx-trigger="load"' in dashboard
    assert f'href="{path}"' in dashboard
    fragment = client.get(path, headers={"HX-Request": "true"}).text
    assert fragment.lstrip().startswith("<section")
    assert "<html" not in fragment
    assert client.get(path).text.startswith("<!doctype html>")


def test_reason_of_the_plot_leads_to_its_comparisons(
    client_for: ClientFor, lead: User, two: list[User]
) -> None:
    evaluation = make_evaluation(2)
    make_vote(evaluation.comparisons.earliest("position"), two[0], "tie", reasons=["tone", "not offered"])
    text = client_for(lead).get(reverse("breakdowns", args=[evaluation.pk])).text
    assert f'<a href="{reverse("comparisons", args=[evaluation.pk])}?reason=tone">Tone</a>' in text
    assert "not offered" in text
    assert "reason=not" not in text


def test_queries_do_not_grow(client_for: ClientFor, lead: User, two: list[User]) -> None:
    def queries(examples: int) -> int:
        evaluation = make_evaluation(rows(examples, "refunds", "en") + rows(examples, "sizing", "es"))
        for comparison in evaluation.comparisons.all():
            make_vote(comparison, two[0], "tie", reasons=["tone"])
        client = client_for(lead)
        path = reverse("breakdowns", args=[evaluation.pk])
        client.get(path)
        with CaptureQueriesContext(connection) as captured:
            client.get(path)
        return len(captured)

    assert queries(1) == queries(12)
