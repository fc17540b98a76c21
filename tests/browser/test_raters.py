"""The raters' page and a disagreement to settle, as a lead reads them."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Page, expect

from reviews.models import Adjudication, Evaluation
from reviews.queries import raters as queries
from reviews.queries.adjudications import candidate_on_left, to_settle
from tests.factories import freeze, make_evaluation, make_rows, make_vote

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def evaluation(reviewer: User, second_reviewer: User) -> Evaluation:
    """Of two intents; on three examples the two reviewers disagree."""
    found = make_evaluation(make_rows(12), votes_per_comparison=2)
    freeze(found, adjudicates=True)
    for comparison in found.comparisons.all():
        make_vote(comparison, reviewer, "candidate")
        make_vote(comparison, second_reviewer, "baseline" if comparison.position < 3 else "candidate")
    return found


@pytest.mark.parametrize("width", [1440, 390])
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_pages_are_accessible_and_no_wider_than_their_screen(
    evaluation: Evaluation,
    lead: User,
    page_for: Callable[..., Page],
    axe: Callable[[Page], None],
    width: int,
    dark: bool,
) -> None:
    page = page_for(lead, width=width, dark=dark)
    waiting = to_settle(evaluation)[0]
    for address in (
        f"/evaluations/{evaluation.pk}/raters/",
        f"/comparisons/{waiting.pk}/settle/",
        f"/comparisons/{waiting.pk}/",
    ):
        page.goto(address)
        axe(page)
        assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_figures_of_many_votes_come_to_the_page(
    evaluation: Evaluation, lead: User, page_for: Callable[..., Page], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queries, "FEW", 1)
    page = page_for(lead)
    page.goto(f"/evaluations/{evaluation.pk}/raters/")
    expect(page.get_by_role("heading", name="Do reviewers agree?")).to_be_visible()
    expect(page.get_by_role("heading", name="What reviewers disagree on")).to_be_visible()


def test_lead_settles_by_the_keys_of_a_vote(
    evaluation: Evaluation, lead: User, page_for: Callable[..., Page]
) -> None:
    page = page_for(lead)
    page.goto(f"/evaluations/{evaluation.pk}/raters/")
    page.get_by_role("link", name="Settle it").first.click()
    expect(page.get_by_text("3 to settle")).to_be_visible()
    page.keyboard.press("ArrowLeft")
    expect(page.get_by_text("2 to settle")).to_be_visible()
    settled = Adjudication.objects.select_related("comparison__evaluation").get()
    left = candidate_on_left(settled.comparison)
    assert settled.choice == ("candidate" if left else "baseline")
    expect(page.get_by_text("is settled for the")).to_be_visible()
