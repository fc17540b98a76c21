"""Waiting for what Playwright's own `expect` can't see."""

from __future__ import annotations

import time
from collections.abc import Callable

from playwright.sync_api import Page

WAIT_SECONDS = 60  # for what a quiet machine does at once


def until(page: Page, condition: Callable[[], object]) -> None:
    """Return when it is true; the page goes on meanwhile."""
    deadline = time.monotonic() + WAIT_SECONDS
    while not condition():
        assert time.monotonic() < deadline, f"still not so after {WAIT_SECONDS} seconds"
        page.wait_for_timeout(20)
