"""Every page of the product, found by the table of URLs, so that none is forgotten: axe, and nothing over the edge.

The states of a page, and what one does on it, are tested where the page is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from django.contrib.auth.models import User
from django.test import Client
from playwright.sync_api import Page, expect

from reviews.actions.assignments import claim_next
from reviews.actions.votes import cast_vote
from reviews.models import Evaluation
from tests.browser.test_looks import OVER_THE_EDGE, open_everything
from tests.factories import make_evaluation, make_golden_set_version, make_vote
from tests.reviews.test_access import TABLE, path_of

ROLES = {"outsider": "no_role", "reviewer": "reviewer", "lead": "lead", "admin_user": "admin"}
WIDTHS = (1440, 390)


@pytest.fixture
def evaluation(reviewer: User, second_reviewer: User) -> Evaluation:
    """Voting is open, with votes of two people; its name is longer than any line of a phone."""
    evaluation = make_evaluation(
        make_golden_set_version(name="support"),
        name="An evaluation with a name that is longer than any telephone is wide",
    )
    turn = claim_next(evaluation=evaluation, reviewer=reviewer)
    assert turn is not None
    cast_vote(assignment=turn, reviewer=reviewer, choice="left")
    for comparison in evaluation.comparisons.all()[1:4]:
        make_vote(comparison, second_reviewer, "baseline")
    return evaluation


def pages_for(person: User, role: str, evaluation: Evaluation, client: Client) -> Iterator[str]:
    """Addresses of all that this role may open and is a page, not a file."""
    for name, row in TABLE.items():
        if row.method == "GET" and getattr(row, role) == 200:
            path = path_of(name, evaluation)
            answer = client.get(path)
            assert answer.status_code == 200, (name, person)
            if answer.headers["Content-Type"].startswith("text/html"):
                yield path


@pytest.mark.parametrize("person", ROLES)
def test_every_page_passes_axe_and_fits_in_both_languages_themes_and_widths(
    person: str,
    page_for: Callable[..., Page],
    axe: Callable[..., None],
    client_for: Callable[..., Client],
    evaluation: Evaluation,
    request: pytest.FixtureRequest,
) -> None:
    user = request.getfixturevalue(person)
    pages = list(pages_for(user, ROLES[person], evaluation, client_for(user)))
    assert len(pages) >= 2
    problems = []
    # each language meets each width, each theme one of them with axe: the whole has to be quick
    for locale, dark, axe_at in (("en-GB", False, 1440), ("es-ES", True, 390)):
        page = page_for(user, locale=locale, dark=dark)
        for path in pages:
            page.goto(path)
            expect(page.locator("html"), path).to_have_attribute("lang", locale[:2])
            expect(page.locator("h1").first, path).to_be_visible()
            open_everything(page)
            for width in WIDTHS:
                page.set_viewport_size({"width": width, "height": 900})
                reach = page.evaluate("document.documentElement.scrollWidth"), page.evaluate(OVER_THE_EDGE)
                if reach != (width, []):
                    problems.append(f"{path} at {width} px: {reach}")
                if width == axe_at:
                    try:
                        axe(page)
                    except AssertionError as found:
                        problems.append(str(found))
    assert not problems, "\n".join(problems)
