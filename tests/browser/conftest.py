"""A real Chromium on the live server. A console error, a CSP violation or a request to elsewhere fails the test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.conf import settings
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone
from playwright.sync_api import BrowserContext, Page, expect

from reviews.actions.reviewers import tour_seen
from tests import services
from tests.browser.waiting import WAIT_SECONDS

LAUNCH_SECONDS = 180
expect.set_options(timeout=WAIT_SECONDS * 1000)
# a container has no sandbox and no GPU; nothing here may talk to anyone but the live server
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
# a violation under a policy that only reports, or one that a script swallowed, would not be in the console
REPORT_VIOLATIONS = """
document.addEventListener("securitypolicyviolation", (event) =>
  console.error(`CSP violation: ${event.effectiveDirective} ${event.blockedURI} ${event.sourceFile}`));
"""


@pytest.fixture(scope="session")
def browser_type_launch_args() -> dict[str, Any]:
    return {"executable_path": services.chromium(), "args": FLAGS, "timeout": LAUNCH_SECONDS * 1000}


@dataclass
class Watch:
    """What went wrong in the browsers of a test; `allowed` are pieces of text a test expects."""

    live_url: str
    problems: list[str] = field(default_factory=list)
    allowed: list[str] = field(default_factory=list)

    def over(self, context: BrowserContext) -> None:
        context.on("console", lambda message: self._said(message.type, message.text))
        context.on("weberror", lambda error: self.note(f"exception: {error.error}"))
        context.on("request", lambda request: self._went_to(request.url))

    def _said(self, kind: str, text: str) -> None:
        if kind == "error":
            self.note(f"console: {text}")

    def _went_to(self, url: str) -> None:
        if not url.startswith((f"{self.live_url}/", "data:", "blob:", "about:")):
            self.note(f"request to elsewhere: {url}")

    def note(self, problem: str) -> None:
        if not any(text in problem for text in self.allowed):
            self.problems.append(problem)


@pytest.fixture
def watch(live_url: str) -> Iterator[Watch]:
    """`watch.allowed.append("status of 403")` before a test opens what it may not see."""
    watching = Watch(live_url)
    yield watching
    assert not watching.problems, "\n".join(["the browser complained:", *watching.problems])


@pytest.fixture
def page_for(
    watch: Watch, live_url: str, new_context: Callable[..., BrowserContext], client_for: Callable[..., Client]
) -> Iterator[Callable[..., Page]]:
    """`page_for(user)`: a page in a browser of its own where this user is logged in; None: nobody is.

    `javascript=False`, `width=390`, `dark=True` change the browser; `tour=True`: it is their first visit. Addresses
    may be relative: `page.goto("/")`.
    """
    contexts: list[BrowserContext] = []

    def make(
        user: User | None = None,
        *,
        javascript: bool = True,
        width: int = 1440,
        height: int = 900,
        dark: bool = False,
        tour: bool = False,
        **options: Any,
    ) -> Page:
        context = new_context(
            base_url=live_url,
            java_script_enabled=javascript,
            viewport={"width": width, "height": height},
            color_scheme="dark" if dark else "light",
            reduced_motion="reduce",
            **options,
        )
        contexts.append(context)
        context.set_default_timeout(WAIT_SECONDS * 1000)
        if javascript:
            context.add_init_script(REPORT_VIOLATIONS)
        if user is not None:
            if not tour:
                tour_seen(reviewer=user, at=timezone.now())
            session = client_for(user).cookies[settings.SESSION_COOKIE_NAME].value
            context.add_cookies([{"name": settings.SESSION_COOKIE_NAME, "value": session, "url": live_url}])
        watch.over(context)
        return context.new_page()

    yield make
    # before the database is flushed: an open page that polls would read a table that is being emptied
    for context in contexts:
        context.close()


@pytest.fixture
def page(page_for: Callable[..., Page]) -> Page:
    """A browser in which nobody is logged in."""
    return page_for(None)


@pytest.fixture
def axe() -> Callable[..., None]:
    """`axe(page)`: fails with what axe finds wrong for people who use assistive technology."""
    checker = Axe()

    def check(page: Page, **options: Any) -> None:
        results = checker.run(page, **options)
        assert results.violations_count == 0, f"{page.url}\n{results.generate_report()}"

    return check
