"""A lead reads the verdict, looks behind a figure, and sees it change when the decisive votes are cast."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Page, expect

from reviews.actions.assignments import claim_next
from reviews.actions.plans import set_plan
from reviews.actions.votes import cast_vote
from reviews.models import Evaluation
from tests.browser.evaluations import open_evaluation, started
from tests.factories import make_rows

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

EXAMPLES = 60


def vote(evaluation: Evaluation, reviewer: User, times: int) -> None:
    """For the candidate, whichever side it stands on."""
    for _ in range(times):
        turn = claim_next(evaluation=evaluation, reviewer=reviewer)
        assert turn is not None
        cast_vote(assignment=turn, reviewer=reviewer, choice="left" if turn.candidate_on_left else "right")


def test_verdict_changes_before_the_eyes_of_a_lead(
    page_for: Callable[..., Page], lead: User, reviewer: User
) -> None:
    evaluation = open_evaluation(make_rows(EXAMPLES, ("refunds", "sizing")))
    vote(evaluation, reviewer, 40)
    page = page_for(lead)
    page.goto(evaluation.get_absolute_url())
    verdict = page.locator(".verdict-name")
    expect(verdict).to_have_text("Hold")
    expect(page.locator(".verdict-reasons")).to_contain_text("40 examples count so far")

    # behind a tag are its comparisons, and a colleague can open the link
    page.get_by_role("link", name="refunds", exact=True).first.click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("omparisons")
    assert "intent=refunds" in page.url
    page.go_back()

    vote(evaluation, reviewer, 15)
    expect(verdict).to_have_text("Promote")  # without a reload


def test_plan_tells_what_it_takes_while_it_is_filled_in(
    page_for: Callable[..., Page], watch: Any, lead: User, unopened: Evaluation
) -> None:
    watch.allowed.append("status of 422")
    page = page_for(lead)
    page.goto(f"/evaluations/{unopened.pk}/plan/")
    outlook = page.locator("#outlook")
    expect(outlook).to_contain_text("60 examples, 60 votes")
    page.get_by_label("refunds", exact=True).check()
    expect(outlook).to_contain_text("refunds is guarded with 30 examples; 168 are needed")
    expect(page.get_by_label("Share of refunds, percent")).to_be_hidden()
    page.get_by_label("typed in").check()
    page.get_by_label("Share of refunds, percent").fill("80")
    page.get_by_label("Share of sizing, percent").fill("30")
    page.get_by_role("button", name="Keep the plan").click()
    expect(page.locator(".errorlist").first).to_contain_text("110.0 %")
    page.get_by_label("Share of sizing, percent").fill("20")
    page.get_by_role("button", name="Keep the plan").click()
    expect(page.locator(".plan-line")).to_contain_text("refunds")
    unopened.plan.refresh_from_db()
    assert unopened.plan.shares == {"refunds": 0.8, "sizing": 0.2}
    assert unopened.plan.guarded == ["refunds"]


@pytest.fixture
def unopened(transactional_db: None) -> Evaluation:
    evaluation = started(make_rows(EXAMPLES, ("refunds", "sizing")))
    set_plan(evaluation=evaluation, by=None)
    return evaluation
