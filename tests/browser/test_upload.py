"""Uploading a golden set: what to mend is said line by line, and nothing is stored unasked."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
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
# as a spreadsheet in Spanish writes it: semicolons, Windows' line ends, columns and cells in its own words
SPREADSHEET = """Nº;Pregunta del cliente;Motivo;Respuesta modelo;Canal
1;¿Dónde está mi pedido?;envíos;"Mira en ""Mis pedidos""; allí está.";chat
2;Quiero devolver un abrigo.;devoluciones;;correo
3;¿Qué talla necesito?;tallas;;chat
""".replace("\n", "\r\n")


class Upload:
    """The pages of an upload, as someone goes through them."""

    def __init__(self, page: Page, folder: Path) -> None:
        self.page, self.folder = page, folder

    def write(self, content: str, filename: str = "support.jsonl") -> Path:
        file = self.folder / filename
        file.write_bytes(content.encode())
        return file

    def begin(self, file: Path, description: str = "") -> None:
        self.page.goto("/golden-sets/upload/")
        self.page.get_by_label("File").set_input_files(file)
        self.page.get_by_role("combobox", name="Golden set").fill("support")
        self.page.get_by_label("What is new in this version").fill("The first rows.")
        if description:
            self.page.get_by_text("Description and token limits").click()
            self.page.get_by_label("Description of the set").fill(description)
        self.check()

    def check(self) -> None:
        self.page.get_by_role("button", name="Check the file").click()
        self.page.wait_for_url(re.compile(r"/golden-sets/uploads/\d+/(columns/)?$"))

    def store(self, examples: int) -> None:
        self.page.get_by_role("button", name=f"Store {examples} examples").click()
        self.page.wait_for_url("**/golden-sets/support/1/")
        expect(self.page.get_by_role("status")).to_contain_text(f"{examples} examples")

    def problems(self) -> dict[str, list[str]]:
        rows = self.page.get_by_role("table", name="What to mend").locator("tbody tr")
        return {
            row.get_by_role("rowheader").inner_text(): row.locator("td").all_inner_texts()
            for row in rows.all()
        }


def joined(lines: Sequence[str]) -> str:
    return "\n".join(lines) + "\n"


def stored_keys() -> list[str]:
    return list(Example.objects.order_by("position").values_list("key", flat=True))


@pytest.fixture(params=[True, False], ids=["htmx", "plain"])
def upload(
    page_for: Callable[..., Page], admin_user: User, tmp_path: Path, request: pytest.FixtureRequest
) -> Upload:
    """An admin about to upload; with JavaScript, and once without."""
    return Upload(page_for(admin_user, javascript=request.param), tmp_path)


@pytest.fixture
def bad(upload: Upload) -> Upload:
    """A file with four bad rows is checked."""
    upload.begin(upload.write(joined(LINES)), description="From the tickets of May.")
    expect(upload.page.get_by_role("alert")).to_contain_text("4 rows can't be used as they are.")
    return upload


def test_every_bad_row_is_listed_with_its_line_and_what_to_do(bad: Upload) -> None:
    expect(bad.page.get_by_role("alert")).to_contain_text("2 rows are good.")
    listed = bad.problems()

    assert list(listed) == list(PROBLEMS)
    for line, (message, fix) in PROBLEMS.items():
        assert message in listed[line][0]
        assert fix in listed[line][1]
        assert listed[line][1].strip()


def test_nothing_is_stored_and_the_file_waits(bad: Upload) -> None:
    address = bad.page.url
    assert not GoldenSetVersion.objects.exists()
    assert not Example.objects.exists()

    bad.page.goto("/golden-sets/")
    expect(bad.page.get_by_text("No golden set yet")).to_be_visible()
    bad.page.goto("/golden-sets/upload/")
    bad.page.get_by_role("link", name="support.jsonl").click()
    expect(bad.page).to_have_url(address)


def test_file_stays_chosen_while_another_field_is_mended(
    page_for: Callable[..., Page], admin_user: User, tmp_path: Path, watch: Watch
) -> None:
    watch.allowed.append("status of 422")
    upload = Upload(page_for(admin_user), tmp_path)
    page = upload.page
    page.goto("/golden-sets/upload/")
    page.get_by_label("File").set_input_files(upload.write(joined([LINES[0], LINES[2]])))
    page.get_by_role("combobox", name="Golden set").fill("not a name")
    page.get_by_role("button", name="Check the file").click()
    expect(page.locator(".errorlist")).to_contain_text("such as support-2026")

    page.get_by_role("combobox", name="Golden set").fill("support")
    upload.check()

    expect(page.get_by_text("All 2 rows are good.")).to_be_visible()


def test_bad_rows_are_not_skipped_unasked(bad: Upload, watch: Watch) -> None:
    address = bad.page.url
    bad.page.get_by_role("button", name="Store 2 examples").click()
    expect(bad.page.get_by_label("Skip the bad rows")).to_be_focused()
    expect(bad.page).to_have_url(address)

    watch.allowed.append("status of 422")
    bad.page.locator("form:has(#id_skip_invalid)").evaluate("form => { form.noValidate = true }")
    bad.page.get_by_role("button", name="Store 2 examples").click()
    expect(bad.page.locator(".errorlist")).to_contain_text("Skip the bad rows")
    assert not GoldenSetVersion.objects.exists()


def test_ticking_skip_the_bad_rows_stores_the_good_ones(bad: Upload) -> None:
    bad.page.get_by_label("Skip the bad rows").check()

    bad.store(2)

    assert stored_keys() == ["refund-1", "talla-1"]
    assert GoldenSetVersion.objects.get().changelog == "The first rows."
    expect(bad.page.get_by_text("¿Qué talla necesito?").first).to_be_visible()


def test_mended_file_needs_nothing_typed_again_and_is_stored_whole(bad: Upload) -> None:
    bad.page.get_by_role("link", name="Upload the mended file").click()
    expect(bad.page.get_by_role("combobox", name="Golden set")).to_have_value("support")
    expect(bad.page.get_by_label("What is new in this version")).to_have_value("The first rows.")
    expect(bad.page.get_by_label("Description of the set")).to_have_value("From the tickets of May.")
    bad.page.get_by_label("File").set_input_files(bad.write(joined([LINES[0], LINES[2]])))
    bad.check()

    expect(bad.page.get_by_text("All 2 rows are good.")).to_be_visible()
    bad.store(2)
    assert stored_keys() == ["refund-1", "talla-1"]
    assert GoldenSetVersion.objects.get().golden_set.description == "From the tickets of May."

    bad.page.goto("/golden-sets/upload/")
    expect(bad.page.get_by_label("File")).to_be_visible()
    expect(bad.page.get_by_text("Not stored yet")).to_have_count(0)


def test_discarded_file_is_gone(bad: Upload) -> None:
    bad.page.get_by_role("button", name="Discard").click()

    expect(bad.page.get_by_role("status")).to_contain_text("support.jsonl was discarded")
    bad.page.goto("/golden-sets/upload/")
    expect(bad.page.get_by_role("link", name="support.jsonl")).to_have_count(0)


def test_spreadsheet_with_columns_of_its_own_is_mapped_and_stored(upload: Upload) -> None:
    upload.begin(upload.write(SPREADSHEET, "preguntas.csv"))
    page = upload.page
    expect(page.get_by_role("heading", level=1)).to_have_text("Which column is which?")
    expect(page.get_by_role("table", name="The first rows")).to_contain_text("¿Qué talla necesito?")
    expect(page.get_by_label("The question").locator("option:checked")).to_have_text("Pregunta del cliente")
    for label, column in (("Its id", "Nº"), ("Intent", "Motivo"), ("A good answer", "Respuesta modelo")):
        page.get_by_label(label).select_option(column)
    page.get_by_role("button", name="Check the file").click()

    expect(page.get_by_text("All 3 rows are good.")).to_be_visible()
    upload.store(3)
    assert stored_keys() == ["1", "2", "3"]
    first = Example.objects.get(key="1")
    assert first.messages == [{"role": "user", "content": "¿Dónde está mi pedido?"}]
    assert first.reference == 'Mira en "Mis pedidos"; allí está.'
    assert first.metadata == {"Canal": "chat"}
    assert [tag.name for tag in first.tags.all()] == ["envíos"]


def test_personal_data_is_pointed_out_and_replaced(upload: Upload) -> None:
    mails = (
        '{"id": "mail-1", "prompt": "Write to ana@example.com, please.", "tags": ["billing"], "lang": "en"}'
    )
    upload.begin(upload.write(joined([mails, LINES[0]])))
    expect(upload.page.get_by_role("heading", name="Personal data")).to_be_visible()
    upload.page.get_by_label("e-mail (1)").check()

    upload.store(2)

    assert Example.objects.get(key="mail-1").messages[0]["content"] == "Write to [e-mail], please."
    assert "ana@" not in upload.page.content()
