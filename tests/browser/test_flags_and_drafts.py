"""Flagging an example beside its pair, and the pages of a draft, in a real browser."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Locator, Page, expect

from models_registry.actions.drafts import add_example, edit_example, retire_example
from models_registry.actions.flags import flag_example
from models_registry.models import ExampleFlag, GoldenSetVersion
from models_registry.queries.drafts import example_in_draft
from tests.browser.conftest import Watch
from tests.browser.evaluations import open_evaluation, votes_of
from tests.factories import make_golden_set_version

LONG = "a-rather-long-id-that-someone-generated-0123456789abcdef0123456789abcdef"
ROWS: list[dict[str, Any]] = [
    {"id": "refund-1", "prompt": "Where is my refund?", "tags": ["refunds"], "reference": "In 5 days."},
    {"id": LONG, "prompt": f"{'x' * 200} too?", "tags": ["sizing"], "metadata": {"address": "y" * 200}},
    {"id": "hello-1", "prompt": "Hello?"},
]


@pytest.fixture
def flagging(page_for: Callable[..., Page], reviewer: User) -> Page:
    """A reviewer with the flag's form open over the first of three pairs."""
    evaluation = open_evaluation(3)
    page = page_for(reviewer)
    page.goto(f"/evaluations/{evaluation.pk}/vote/")
    page.keyboard.press("f")
    expect(the_dialog(page)).to_be_visible()
    return page


def the_dialog(page: Page) -> Locator:
    return page.get_by_role("dialog", name="Something is wrong with this example")


def test_arrow_keys_in_the_flags_form_do_not_vote(flagging: Page, reviewer: User) -> None:
    the_dialog(flagging).get_by_label("The prompt is ambiguous").check()
    the_dialog(flagging).get_by_label("Note").fill("Which one?")
    for place in ("The prompt is ambiguous", "Note"):
        for key in ("ArrowLeft", "ArrowDown", "ArrowRight", "ArrowUp"):
            the_dialog(flagging).get_by_label(place).press(key)
    the_dialog(flagging).get_by_role("button", name="Send").press("ArrowLeft")
    assert votes_of(reviewer) == []
    expect(the_dialog(flagging).get_by_label("Note")).to_have_value("Which one?")


def test_flag_leaves_the_pair_as_it_is_and_the_keys_vote_again(flagging: Page, reviewer: User) -> None:
    answers = flagging.locator(".answers").inner_html()
    the_dialog(flagging).get_by_label("The prompt is ambiguous").check()
    the_dialog(flagging).get_by_label("Note").fill("Which one?")
    the_dialog(flagging).get_by_role("button", name="Send").click()

    expect(flagging.locator("#vote-said")).to_have_text("Thank you, noted.")
    expect(flagging.get_by_role("dialog")).to_have_count(0)
    assert flagging.locator(".answers").inner_html() == answers
    assert ExampleFlag.objects.get().note == "Which one?"
    flagging.keyboard.press("ArrowDown")
    expect(flagging.get_by_text("Counted: tie")).to_be_visible()
    assert votes_of(reviewer) == ["tie"]


def test_flag_that_did_not_arrive_keeps_its_note(flagging: Page, watch: Watch) -> None:
    watch.allowed += ["Failed to load resource", "htmx:afterRequest", "htmx:sendError"]
    flagging.route("**/assignments/*/flag/", lambda route: route.abort())
    the_dialog(flagging).get_by_label("Something else").check()
    the_dialog(flagging).get_by_label("Note").fill("Which one?")
    the_dialog(flagging).get_by_role("button", name="Send").click()

    expect(flagging.get_by_text("your note is still here")).to_be_visible()
    expect(the_dialog(flagging).get_by_label("Note")).to_have_value("Which one?")
    flagging.unroute("**/assignments/*/flag/")
    the_dialog(flagging).get_by_role("button", name="Send").click()
    expect(flagging.locator("#vote-said")).to_have_text("Thank you, noted.")


# --- the draft ---------------------------------------------------------------------------------------------


@pytest.fixture
def version(transactional_db: None, admin_user: User, reviewer: User) -> GoldenSetVersion:
    """A draft with a change of every kind, one of them a conflict, and a to-do list."""
    older = make_golden_set_version([*ROWS, {"id": "gone-1", "prompt": "Gone?"}], name="support")
    given: dict[str, Any] = {"golden_set": older.golden_set, "by": admin_user}
    edit_example(key="gone-1", raw={"prompt": "Gone soon?"}, note="Soon", **given)
    version = make_golden_set_version(ROWS, name="support")
    edit_example(key="refund-1", raw={**ROWS[0], "reference": "In 3 days.", "lang": "en"}, **given)
    retire_example(key=LONG, **given)
    add_example(raw={"id": "new-1", "user_turns": ["Write a poem.", "Shorter."], "tags": ["poems"]}, **given)
    for kind in ("ambiguous", "other"):
        flag_example(example=version.examples.all()[1], kind=kind, note="z" * 90, by=reviewer)
    return version


TOO_WIDE = """() => document.documentElement.scrollWidth > 390 ? [...document.querySelectorAll("main *")]
  .filter((node) => node.getBoundingClientRect().right > 391).map((node) => node.outerHTML.slice(0, 160)) : []"""
PATHS = ["", "?q=refund", "add/", "edit/?key=new-1", f"edit/?key={LONG}"]


def test_axe_finds_nothing_on_a_drafts_pages(
    page_for: Callable[..., Page], axe: Callable[..., None], version: GoldenSetVersion, admin_user: User
) -> None:
    page = page_for(admin_user)
    for path in PATHS:
        page.goto(f"/golden-sets/support/draft/{path}")
        page.locator("main details").evaluate_all("all => all.forEach(details => { details.open = true })")
        for scheme in ("dark", "light"):
            page.emulate_media(color_scheme=scheme)
            axe(page)


def test_no_page_of_a_draft_scrolls_sideways_on_a_phone(
    page_for: Callable[..., Page], version: GoldenSetVersion, admin_user: User
) -> None:
    page = page_for(admin_user, width=390, height=844, has_touch=True, is_mobile=True)
    for path in PATHS:
        page.goto(f"/golden-sets/support/draft/{path}")
        page.locator("main details").evaluate_all("all => all.forEach(details => { details.open = true })")
        wide = page.evaluate(TOO_WIDE)
        assert (page.evaluate("document.documentElement.scrollWidth"), wide) == (390, []), path


@pytest.mark.parametrize("javascript", [True, False])
def test_example_with_two_turns_is_added_and_enter_saves_it(
    page_for: Callable[..., Page], version: GoldenSetVersion, admin_user: User, javascript: bool
) -> None:
    page = page_for(admin_user, javascript=javascript)
    page.goto("/golden-sets/support/draft/add/")
    page.get_by_label("User").fill("Is it waterproof?")
    page.get_by_role("button", name="Add a turn").click()
    expect(page.get_by_label("User, turn 1")).to_have_value("Is it waterproof?")
    page.get_by_label("User, turn 3").fill("And warm?")
    page.get_by_label("Id", exact=True).fill("jacket-1")
    page.get_by_label("Id", exact=True).press("Enter")

    expect(page.get_by_text("jacket-1 is in the draft.")).to_be_visible()
    row = example_in_draft(version.golden_set, "jacket-1").row
    assert row is not None
    assert [message["content"] for message in row.messages] == ["Is it waterproof?", "And warm?"]
