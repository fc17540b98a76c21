"""Uploading a golden set with errors: what to mend is said line by line, and nothing is stored unasked."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Page, expect

from models_registry.models import Example, GoldenSetVersion
from tests.browser.conftest import Watch

LINES = [
    '{"id": "refund-1", "prompt": "Where is my refund?", "tags": ["refunds"], "lang": "en"}',
    '{"id": "no-question", "tags": ["refunds"]}',
    '{"id": "talla-1", "prompt": "¿Qué talla necesito?", "tags": ["sizing"], "lang": "es"}',
    '{"id": "broken", "prompt": ',
    '{"id": "talla-1", "prompt": "¿Y otra vez?"}',
    '{"id": "tags-1", "prompt": "Hello?", "tags": "greeting"}',
]
# line: what is wrong, how to mend it
PROBLEMS = {
    "2": ('"messages" is missing', 'give a list such as [{"role": "user"'),
    "4": ("JSON", ""),
    "5": ("talla-1", ""),
    "6": ('"tags" is a string', 'give a list such as ["greeting"]'),
}


@pytest.fixture
def upload(page_for: Callable[..., Page], admin_user: User, tmp_path: Path, watch: Watch) -> Page:
    """The upload page, after a file with four bad rows was sent."""
    watch.allowed.append("status of 422")
    page = page_for(admin_user)
    page.goto("/golden-sets/upload/")
    page.get_by_label("File").set_input_files(write(tmp_path, LINES))
    page.get_by_role("combobox", name="Golden set").fill("support")
    page.get_by_label("Description").fill("From the tickets of May.")
    page.get_by_role("button", name="Check and store").click()
    expect(page.get_by_role("alert")).to_contain_text("Nothing was stored.")
    return page


def write(folder: Path, lines: list[str]) -> Path:
    file = folder / "support.jsonl"
    file.write_text("\n".join(lines) + "\n", "utf-8")
    return file


def test_every_bad_row_is_listed_with_its_line_and_what_to_do(upload: Page) -> None:
    expect(upload.get_by_role("alert")).to_contain_text("The file has 4 errors. 2 rows are good.")
    rows = upload.get_by_role("region", name="What to mend").locator("tbody tr")

    assert rows.get_by_role("rowheader").all_inner_texts() == list(PROBLEMS)
    for row, (message, fix) in zip(rows.all(), PROBLEMS.values(), strict=True):
        expect(row.locator("td").first).to_contain_text(message)
        expect(row.locator("td").last).to_contain_text(fix)
        assert row.locator("td").last.inner_text().strip()


def test_nothing_is_stored_and_what_was_typed_stays(upload: Page) -> None:
    expect(upload.get_by_role("combobox", name="Golden set")).to_have_value("support")
    expect(upload.get_by_label("Description")).to_have_value("From the tickets of May.")
    assert not GoldenSetVersion.objects.exists()
    assert not Example.objects.exists()

    upload.goto("/golden-sets/")
    expect(upload.get_by_text("No golden set yet")).to_be_visible()


def test_ticking_skip_the_bad_rows_stores_the_good_ones(upload: Page, tmp_path: Path) -> None:
    upload.get_by_label("File").set_input_files(tmp_path / "support.jsonl")
    upload.get_by_label("Skip the bad rows").check()

    upload.get_by_role("button", name="Check and store").click()

    upload.wait_for_url("**/golden-sets/support/1/")
    expect(upload.get_by_role("status")).to_contain_text("2 examples")
    assert list(Example.objects.order_by("position").values_list("key", flat=True)) == ["refund-1", "talla-1"]
    expect(upload.get_by_text("¿Qué talla necesito?").first).to_be_visible()


def test_mended_file_is_stored_whole(upload: Page, tmp_path: Path) -> None:
    mended = [LINES[0], LINES[2]]
    upload.get_by_label("File").set_input_files(write(tmp_path, mended))

    upload.get_by_role("button", name="Check and store").click()

    upload.wait_for_url("**/golden-sets/support/1/")
    assert Example.objects.count() == len(mended)
