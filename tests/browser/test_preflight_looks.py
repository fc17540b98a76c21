"""How a preflight report looks to axe, in both themes and on a phone, with all that is folded open."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Page, expect

from models_registry.golden_files import Row
from models_registry.preflight import preflight
from tests.browser.test_looks import OVER_THE_EDGE, open_everything
from tests.factories import make_golden_set_version

LANGUAGES = ["en", "es", "fr", "de", "pt", "it", "nl", "pl"]


@pytest.fixture
def address() -> str:
    """Of a version with every warning, many intents, many languages and names without a place to break."""
    texts = [
        "Write to maria@example.com, please.",
        "word " * 9000,
        "¿Dónde está el paquete que pedí la semana pasada y que todavía no ha llegado a mi casa?",
        *["Where is the parcel that I ordered a week ago and that was to come yesterday?"] * 2,
        *[f"Question {number}?" for number in range(19)],
    ]
    rows = [
        Row(
            line=line,
            key=f"row-{line}" + "x" * (190 if line == 1 else 0),
            messages=({"role": "user", "content": text},),
            tags=(f"intent-{line}" + "y" * (80 if line == 2 else 0),) if line > 1 else (),
            reference="",
            lang="en" if line < 6 else LANGUAGES[line % len(LANGUAGES)],
            metadata={},
        )
        for line, text in enumerate(texts, start=1)
    ]
    version = make_golden_set_version(
        [{"id": row.key, "messages": list(row.messages), "tags": row.tags, "lang": row.lang} for row in rows],
        preflight=preflight(rows).as_json(),
        changelog="All that is new.",
    )
    return version.get_absolute_url()


def test_axe_finds_nothing_in_a_report_in_either_theme(
    page_for: Callable[..., Page], axe: Callable[..., None], lead: User, address: str
) -> None:
    page = page_for(lead)
    page.goto(address)
    expect(page.get_by_role("heading", name="Near-duplicates")).to_be_visible()
    open_everything(page)
    for scheme in ("dark", "light"):
        page.emulate_media(color_scheme=scheme)
        axe(page)


def test_report_scrolls_in_its_own_regions_on_a_phone(
    page_for: Callable[..., Page], lead: User, address: str
) -> None:
    page = page_for(lead, width=390, height=844, has_touch=True, is_mobile=True)
    page.goto(address)
    expect(page.get_by_role("heading", name="Coverage")).to_be_visible()
    open_everything(page)
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    assert page.evaluate(OVER_THE_EDGE) == []
    heat = page.get_by_role("region", name="Examples per intent and language")
    assert heat.evaluate("region => region.scrollWidth > region.clientWidth")
