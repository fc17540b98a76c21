"""The leak report before voting opens: how it looks, and that it comes by itself and asks for its tick."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.utils import timezone
from playwright.sync_api import Page, expect

from models_registry.models import Response
from reviews.models import Evaluation
from reviews.scanning import scan_evaluation
from tests.browser.test_looks import OVER_THE_EDGE
from tests.factories import make_evaluation, make_model_version

NAME = "aurora-ft-with-a-name-that-is-rather-long-for-a-telephone-of-any-width"


@pytest.fixture
def evaluation(transactional_db: None) -> Evaluation:
    """All responses in, and not scanned yet; with a leak of every level."""
    evaluation = make_evaluation(40, opened=False, candidate=make_model_version(NAME))
    for number, comparison in enumerate(evaluation.comparisons.order_by("position")):
        candidate = f"- Your parcel {number} is on its way.\n- **Look** at the page of your order.\n"
        baseline = "It is on its way."
        if number == 3:
            candidate += f"I am {NAME}."
        if number == 4:
            baseline = "As an AI language model trained by OpenAI, I can’t see that."
        if number > 34:
            baseline = ""
        for pk, text in (
            (comparison.candidate_response_id, candidate),
            (comparison.baseline_response_id, baseline),
        ):
            Response.objects.filter(pk=pk).update(status="done", done_at=timezone.now(), text=text)
    return evaluation


def test_report_comes_by_itself_and_serious_leaks_want_a_tick(
    page_for: Callable[..., Page], lead: User, evaluation: Evaluation
) -> None:
    page = page_for(lead)
    page.goto(evaluation.get_absolute_url())
    expect(page.get_by_text("are being scanned")).to_be_visible()
    scan_evaluation(evaluation.pk)
    expect(page.get_by_text("A reader could guess the side in")).to_be_visible()
    page.get_by_role("button", name="Open voting").click()
    expect(page.get_by_text("give away which side is whose")).to_be_visible()
    page.get_by_label("Open voting anyway").check()
    page.get_by_role("button", name="Open voting").click()
    expect(page.get_by_text("Voting is open.")).to_be_visible()
    expect(page.get_by_text("Opened in spite of it by lena")).to_be_visible()


def test_finding_leads_to_its_comparisons(
    page_for: Callable[..., Page], lead: User, evaluation: Evaluation
) -> None:
    scan_evaluation(evaluation.pk)
    page = page_for(lead)
    page.goto(evaluation.get_absolute_url())
    finding = page.get_by_role("listitem").filter(has_text="Names one of the two models")
    finding.get_by_role("link", name="1 comparison").click()
    expect(page.get_by_label("Leak")).to_have_value("names_itself")
    expect(page.locator(".comparison-row")).to_have_count(1)


@pytest.mark.parametrize("width", [1440, 390])
def test_axe_finds_nothing_in_a_report_and_nothing_reaches_over_the_edge(
    page_for: Callable[..., Page],
    axe: Callable[..., None],
    lead: User,
    evaluation: Evaluation,
    width: int,
) -> None:
    scan_evaluation(evaluation.pk)
    page = page_for(lead, width=width)
    for address in (evaluation.get_absolute_url(), f"{evaluation.get_absolute_url()}comparisons/?leak=lists"):
        page.goto(address)
        for scheme in ("dark", "light"):
            page.emulate_media(color_scheme=scheme)
            axe(page)
        edges = page.evaluate(OVER_THE_EDGE)
        assert edges == []
