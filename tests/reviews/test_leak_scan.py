"""The leak scan of an evaluation: when it is due, what it stores, what the lead sees, and what opening asks for."""

from __future__ import annotations

import html
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from models_registry.models import Response
from reviews.actions.evaluations import open_voting, retry_failed
from reviews.actions.leaks import scan_again
from reviews.actions.not_possible import NotPossible
from reviews.models import Evaluation
from reviews.queries.leaks import due_scans, leak_pairs, leak_report, own_words
from reviews.scanning import scan_evaluation
from reviews.tasks import wake_scans
from tests.factories import make_evaluation, make_model_version

pytestmark = pytest.mark.django_db

ClientFor = Callable[..., Client]
PAIRS = 24
SERIOUS = "Hello, I am aurora-ft. Your parcel is on its way."


def plain(number: int, side: int) -> str:
    """Texts of which neither side's are longer."""
    return "The parcel is on its way to you. " * (1 + (number + side) % 2)


def evaluation_with(
    text: Callable[[int, int], str] = plain, rows: Any = PAIRS, answer: dict[str, Any] | None = None
) -> Evaluation:
    """All responses in: `text(number, side)`, side 0 is the candidate's."""
    evaluation = make_evaluation(rows, opened=False, candidate=make_model_version("aurora-ft"))
    for number, comparison in enumerate(evaluation.comparisons.order_by("position")):
        for side, pk in enumerate((comparison.candidate_response_id, comparison.baseline_response_id)):
            Response.objects.filter(pk=pk).update(
                status="done", done_at=timezone.now(), text=text(number, side), **(answer or {})
            )
    return evaluation


def scanned(evaluation: Evaluation) -> Evaluation:
    scan_evaluation(evaluation.pk)
    evaluation.refresh_from_db()
    return evaluation


def stored(evaluation: Evaluation) -> dict[str, Any]:
    assert isinstance(evaluation.leak_report, dict)
    return evaluation.leak_report


def take_up_what_is_due() -> None:
    for pk in due_scans().values_list("pk", flat=True):
        scan_evaluation(pk)


def serious() -> Evaluation:
    return scanned(evaluation_with(lambda number, side: plain(number, side) if side or number else SERIOUS))


# --- when ----------------------------------------------------------------------------------------------------------


def test_scan_is_due_once_when_all_responses_are_in() -> None:
    evaluation = evaluation_with()
    one = Response.objects.filter(pk=evaluation.comparisons.all()[3].baseline_response_id)
    one.update(status="pending", done_at=None)
    assert not due_scans().exists()
    one.update(status="failed")
    assert due_scans().get() == evaluation
    scanned(evaluation)
    assert stored(evaluation)["pairs"] == PAIRS - 1
    assert not due_scans().exists()


@pytest.mark.parametrize("given", [{"opened_at": timezone.now()}, {"imported_from": "elsewhere"}])
def test_scan_is_not_due_where_nobody_is_to_open_voting(given: dict[str, Any]) -> None:
    evaluation = evaluation_with()
    Evaluation.objects.filter(pk=evaluation.pk).update(**given)
    assert not due_scans().exists()


def test_evaluation_without_a_ready_pair_is_not_scanned() -> None:
    evaluation = make_evaluation(3, opened=False)
    Response.objects.filter(model_version=evaluation.candidate).update(status="failed")
    assert not due_scans().exists()


def test_one_worker_scans_and_one_that_died_is_followed() -> None:
    evaluation = evaluation_with()
    Evaluation.objects.filter(pk=evaluation.pk).update(leak_scan_until=timezone.now() + timedelta(minutes=1))
    assert scanned(evaluation).leak_report is None
    Evaluation.objects.filter(pk=evaluation.pk).update(leak_scan_until=timezone.now() - timedelta(seconds=1))
    assert scanned(evaluation).leak_report
    assert evaluation.leak_scan_until is None


@pytest.mark.django_db(transaction=True)
def test_worker_takes_up_what_is_due(worker: Any, eventually: Callable[..., None]) -> None:
    evaluation = evaluation_with()
    wake_scans.delay()
    eventually(lambda: Evaluation.objects.get(pk=evaluation.pk).leak_report)


def test_report_is_forgotten_where_responses_are_asked_for_again() -> None:
    evaluation = evaluation_with()
    other = make_evaluation(
        [{"id": "other", "prompt": "Else?"}], candidate=evaluation.candidate, opened=False
    )
    Evaluation.objects.filter(pk=other.pk).update(leak_report={"pairs": 0})
    Response.objects.filter(pk=evaluation.comparisons.all()[0].candidate_response_id).update(
        status="failed", done_at=None
    )
    scanned(evaluation)
    assert retry_failed(evaluation=evaluation, by=None) == 1
    for each in (evaluation, other):
        each.refresh_from_db()
        assert each.leak_report is None
    assert not due_scans().filter(pk=evaluation.pk).exists()


def test_report_knows_when_its_responses_are_others_now() -> None:
    evaluation = serious()
    report = leak_report(evaluation)
    assert report is not None
    assert report.is_current
    Response.objects.filter(pk=evaluation.comparisons.all()[0].candidate_response_id).update(
        text="The parcel is here.", done_at=timezone.now() + timedelta(seconds=5)
    )
    again = leak_report(evaluation)
    assert again is not None
    assert not again.is_current
    assert open_voting(evaluation=evaluation, by=None).opened_at  # an old report asks for nothing


def test_scan_again_makes_a_new_report(lead: User) -> None:
    evaluation = serious()
    Response.objects.filter(pk=evaluation.comparisons.all()[0].candidate_response_id).update(
        text="The parcel is here.", done_at=timezone.now()
    )
    scan_again(evaluation=evaluation, by=lead)
    scan_again(evaluation=evaluation, by=lead)
    take_up_what_is_due()
    evaluation.refresh_from_db()
    assert stored(evaluation)["is_serious"] is False


def test_report_of_an_open_evaluation_stays(lead: User) -> None:
    evaluation = serious()
    Evaluation.objects.filter(pk=evaluation.pk).update(opened_at=timezone.now())
    scan_again(evaluation=evaluation, by=lead)
    evaluation.refresh_from_db()
    assert stored(evaluation)["is_serious"]


# --- what ----------------------------------------------------------------------------------------------------------


def test_pairs_say_what_is_amiss_with_their_answers() -> None:
    spanish = "El paquete salió ayer de nuestro almacén y llegará mañana por la tarde a su casa."
    english = "The parcel left our house yesterday and will be with you tomorrow afternoon."
    rows = [
        {"id": "declared", "prompt": "Where is it?", "lang": "en-GB"},
        {"id": "told", "prompt": "¿Dónde está el paquete que pedí la semana pasada para mi madre?"},
        {"id": "unknown", "prompt": "A-100-X?"},
    ]
    evaluation = evaluation_with(
        lambda _number, side: english if side else spanish, rows, {"finish_reason": "max_tokens"}
    )
    found = {
        evaluation.comparisons.get(pk=pair.key).example.key: (
            pair.candidate.other_language,
            pair.baseline.other_language,
        )
        for pair in leak_pairs(evaluation)
    }
    assert found == {"declared": (True, False), "told": (False, True), "unknown": (False, False)}
    assert all(pair.candidate.cut_short for pair in leak_pairs(evaluation))


def test_earlier_answers_of_a_replayed_conversation_are_scanned() -> None:
    evaluation = evaluation_with(answer={"earlier_answers": ["I am aurora-ft."]})
    report = leak_report(scanned(evaluation))
    assert report is not None
    assert [finding.code for finding in report.findings][:1] == ["names_itself"]


def test_models_are_known_by_every_name_they_have() -> None:
    evaluation = evaluation_with(answer={"reported_model": "okapi-7"})
    version = evaluation.candidate
    assert {"aurora-ft", version.served_name, version.version, "okapi-7"} <= set(own_words(evaluation))


def test_scan_reads_the_pairs_in_the_same_queries_however_many() -> None:
    few, many = evaluation_with(rows=20), evaluation_with(rows=60)
    counts = []
    for evaluation in (few, many):
        with CaptureQueriesContext(
            connection,
        ) as queries:
            scan_evaluation(evaluation.pk)
        counts.append(len(queries))
    assert counts[0] == counts[1]


# --- the page ------------------------------------------------------------------------------------------------------


def page_of(client: Client, evaluation: Evaluation, **headers: str) -> str:
    return html.unescape(client.get(evaluation.get_absolute_url(), headers=headers).text)


def test_page_waits_for_the_scan_and_lets_a_lead_open_meanwhile(client_for: ClientFor, lead: User) -> None:
    evaluation = evaluation_with()
    client = client_for(lead)
    page = page_of(client, evaluation)
    assert "are being scanned" in page
    assert "Open voting" in page
    part = {"HX-Request": "true", "HX-Target": "leaks"}
    assert 'hx-trigger="every 2s"' in page_of(client, evaluation, **part)
    scanned(evaluation)
    done = page_of(client, evaluation, **part)
    assert "every 2s" not in done
    assert "No response names a model" in done
    assert "<html" not in done


def test_page_says_how_well_the_side_is_guessed_and_links_every_finding(
    client_for: ClientFor, lead: User
) -> None:
    evaluation = scanned(
        evaluation_with(lambda number, side: "Yes. " * (40 + number if side else 4 + number % 3))
    )
    client = client_for(lead)
    page = page_of(client, evaluation)
    assert "A reader could guess the side in 100 of 100 pairs, mostly by length." in page
    assert "The candidate’s response is the longer one in 0 pairs, the baseline’s in 24." in page
    behind = f"{reverse('comparisons', args=[evaluation.pk])}?leak=length"
    assert behind in page
    listed = client.get(behind).text
    assert listed.count("/comparisons/") >= PAIRS
    assert f"{PAIRS} comparisons" in listed
    assert f"{PAIRS} comparisons" in client.get(behind.replace("length", "nothing")).text


def test_comparisons_behind_a_finding_are_only_those(client_for: ClientFor, lead: User) -> None:
    evaluation = serious()
    listed = client_for(lead).get(f"{reverse('comparisons', args=[evaluation.pk])}?leak=names_itself")
    assert "1 comparison" in listed.text
    assert list(listed.context["page"]) == [evaluation.comparisons.order_by("position")[0]]


def test_page_offers_another_scan_where_responses_changed(client_for: ClientFor, lead: User) -> None:
    evaluation = serious()
    Response.objects.filter(model_version=evaluation.candidate).update(
        done_at=timezone.now() + timedelta(seconds=5), text="The parcel is on its way."
    )
    client = client_for(lead)
    assert "Scan again" in page_of(client, evaluation)
    said = client.post(reverse("evaluation_scan", args=[evaluation.pk]), follow=True).text
    assert "being scanned again" in said
    take_up_what_is_due()
    assert "Scan again" not in page_of(client, evaluation)


# --- opening -------------------------------------------------------------------------------------------------------


def test_serious_leak_wants_a_tick_and_keeps_who_gave_it(client_for: ClientFor, lead: User) -> None:
    evaluation = serious()
    client = client_for(lead)
    assert "Open voting anyway" in page_of(client, evaluation)
    path = reverse("evaluation_open", args=[evaluation.pk])
    refused = html.unescape(client.post(path, follow=True).text)
    assert "give away which side is whose" in refused
    evaluation.refresh_from_db()
    assert evaluation.opened_at is None
    assert "Voting is open." in client.post(path, {"in_spite_of_leaks": "on"}, follow=True).text
    evaluation.refresh_from_db()
    assert stored(evaluation)["accepted"]["by"] == "lena"
    assert "Opened in spite of it by lena" in page_of(client, evaluation)


def test_warning_wants_no_tick() -> None:
    evaluation = scanned(
        evaluation_with(
            lambda number, side: "ChatGPT says so." if not side and not number else plain(number, side)
        )
    )
    assert [finding["level"] for finding in stored(evaluation)["findings"]] == ["warning"]
    opened = open_voting(evaluation=evaluation, by=None)
    assert opened.opened_at
    assert "accepted" not in stored(opened)


def test_scan_that_is_still_to_come_does_not_block() -> None:
    evaluation = evaluation_with(lambda number, side: f"I am aurora-ft {number} {side}")
    assert open_voting(evaluation=evaluation, by=None).opened_at


def test_open_voting_says_what_to_do() -> None:
    with pytest.raises(NotPossible, match="tick"):
        open_voting(evaluation=serious(), by=None)
