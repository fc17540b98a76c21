"""The browser fixtures themselves: a page loads, looks right to axe, and what goes wrong is seen."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Page, expect

from tests.browser.conftest import Watch
from tests.browser.waiting import until
from tests.conftest import PASSWORD


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("width", [1440, 390])
def test_login_page_has_no_violations(
    page_for: Callable[..., Page], axe: Callable[..., None], width: int, dark: bool
) -> None:
    page = page_for(None, width=width, dark=dark)

    page.goto("/accounts/login/")

    expect(page.locator("h1")).to_be_visible()
    axe(page)


@pytest.mark.parametrize("javascript", [True, False])
def test_lead_logs_in_by_form(page_for: Callable[..., Page], lead: User, javascript: bool) -> None:
    page = page_for(None, javascript=javascript)
    page.goto("/")

    page.get_by_label("Username").fill(lead.username)
    page.get_by_label("Password").fill(PASSWORD)
    page.keyboard.press("Enter")

    page.wait_for_url("**/")
    expect(page.get_by_role("navigation").first).to_be_visible()


def test_session_cookie_logs_in(page_for: Callable[..., Page], lead: User, axe: Callable[..., None]) -> None:
    page = page_for(lead)

    answer = page.goto("/")

    assert answer is not None
    assert answer.status == 200
    assert "/accounts/login/" not in page.url
    axe(page)


def test_violations_are_noticed(page_for: Callable[..., Page], watch: Watch) -> None:
    page = page_for(None)
    page.goto("/accounts/login/")

    page.evaluate("document.body.insertAdjacentHTML('beforeend', '<p style=\"color: red\">no</p>')")
    page.evaluate("setTimeout(() => { throw new Error('broken') })")
    page.evaluate("fetch('http://elsewhere.invalid/').catch(() => {})")

    noticed = ("CSP violation: style-src", "exception: ", "elsewhere.invalid")
    until(page, lambda: all(text in "\n".join(watch.problems) for text in noticed))
    watch.allowed.append("")  # what else is said of them, and when, is nobody's matter
    watch.problems.clear()
