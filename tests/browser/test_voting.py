"""Voting in a real browser: with JavaScript and without, and when something goes wrong under one's hands."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Locator, Page, Request, Route, expect

from tests.browser.evaluations import MARKS, open_evaluation, votes_of

VOTE_URL = "**/assignments/*/vote/"
# what htmx writes into the console beside the browser's own line
SAID_BY_HTMX = ["htmx:afterRequest", "htmx:sendError", "htmx:timeout"]

SECOND_PRESS = """(how) => new MutationObserver((_changes, watching) => {
  if (!document.querySelector("#pair[data-settling]")) return;
  watching.disconnect();
  if (how === "key") document.body.dispatchEvent(new KeyboardEvent("keydown", { key: "ArrowLeft", bubbles: true }));
  else document.querySelector('.ballot button[value="left"]').click();
  document.documentElement.dataset.pressedAgain = "";
}).observe(document.body, { attributes: true, childList: true, subtree: true })"""


def key_of_pair(page: Page) -> str:
    return page.locator(".vote-context .turn-user .prose").inner_text()


def side_of(page: Page, model: str) -> str:
    """Where this model's text is to be read: left or right."""
    left = page.locator(".answer-body > .prose").first.inner_text()
    return "left" if left.startswith(MARKS[model]) else "right"


def choice(page: Page, value: str) -> Locator:
    """The button; of two for a side, the one that says slightly."""
    return page.locator(f'.ballot button[value="{value}"]:not([data-strength="clearly"])')


def expect_counted(page: Page, votes: int, total: int = 3) -> None:
    expect(page.get_by_role("progressbar")).to_have_attribute("aria-label", f"{votes} of {total} votes")
    settled(page)


def settled(page: Page) -> None:
    """The pair may be judged: just after it is shown, a press is taken for a second one on the pair before."""
    expect(page.locator("#pair:not([data-settling])")).to_have_count(1)


def posts(page: Page) -> list[str]:
    """Grows with the votes that this page sends."""
    sent: list[str] = []

    def note(request: Request) -> None:
        if request.method == "POST":
            sent.append(request.url)

    page.on("request", note)
    return sent


@pytest.fixture
def voting(page_for: Callable[..., Page], reviewer: User) -> Page:
    """A reviewer before the first of three pairs."""
    evaluation = open_evaluation(3)
    page = page_for(reviewer)
    page.goto(f"/evaluations/{evaluation.pk}/vote/")
    expect_counted(page, 0)
    return page


# --- as it should go ---------------------------------------------------------------------------------------


def test_buttons_vote_without_javascript(page_for: Callable[..., Page], reviewer: User) -> None:
    open_evaluation(5, name="Plain")
    page = page_for(reviewer, javascript=False)
    expected, seen = [], []

    page.goto("/")
    page.locator("a.btn", has_text="Vote").click()
    presses = ["left", "right", "Tie", "Both bad", "left"]
    for number, press in enumerate(presses):
        expect_counted(page, number, 5)
        seen.append(key_of_pair(page))
        if press in ("left", "right"):
            expected.append("candidate" if side_of(page, "candidate") == press else "baseline")
            name = f"{press.title()}, slightly"
        else:
            expected.append(press.lower().replace(" ", "_"))
            name = press
        with page.expect_request(lambda request: request.method == "GET") as shown:
            page.get_by_role("button", name=name).click()
        came_from = shown.value.redirected_from
        assert came_from is not None
        assert came_from.method == "POST"

    expect(page.get_by_role("heading", name="That was the last one")).to_be_visible()
    page.reload()
    expect(page.get_by_text("You gave 5 votes")).to_be_visible()
    assert len(set(seen)) == 5
    assert votes_of(reviewer) == expected
    assert {"tie", "both_bad"} < set(expected)


def test_each_arrow_key_and_each_button_casts_what_it_says(
    page_for: Callable[..., Page], reviewer: User
) -> None:
    evaluation = open_evaluation(8)
    page = page_for(reviewer)
    expected = []
    page.goto(f"/evaluations/{evaluation.pk}/vote/")

    keys = {"ArrowLeft": "left", "ArrowRight": "right", "ArrowDown": "tie", "ArrowUp": "both_bad"}
    for number, (key, value) in enumerate([*keys.items(), *keys.items()]):
        expect_counted(page, number, 8)
        candidate = side_of(page, "candidate")
        expected.append({candidate: "candidate", "tie": "tie", "both_bad": "both_bad"}.get(value, "baseline"))
        if number < 4:
            page.keyboard.press(key)
        else:
            choice(page, value).click()

    expect(page.get_by_role("heading", name="That was the last one")).to_be_visible()
    assert votes_of(reviewer) == expected


def test_key_wins_over_the_button_that_has_the_focus(voting: Page, reviewer: User) -> None:
    choice(voting, "both_bad").focus()

    voting.keyboard.press("ArrowDown")

    expect_counted(voting, 1)
    assert votes_of(reviewer) == ["tie"]


def test_button_that_has_the_focus_is_pressed_by_enter_and_by_space(voting: Page, reviewer: User) -> None:
    choice(voting, "tie").focus()
    voting.keyboard.press("Enter")
    expect_counted(voting, 1)

    choice(voting, "both_bad").focus()
    voting.keyboard.press("Space")
    expect_counted(voting, 2)

    assert votes_of(reviewer) == ["tie", "both_bad"]


def test_focus_moves_to_the_new_pair_at_the_top_of_the_page(
    page_for: Callable[..., Page], reviewer: User
) -> None:
    evaluation = open_evaluation(3, text_of=lambda side, key: f"{MARKS[side]} {key}\n\n" + "Long.\n\n" * 60)
    page = page_for(reviewer)
    page.goto(f"/evaluations/{evaluation.pk}/vote/")
    page.mouse.wheel(0, 600)
    expect(page.locator(".vote-top")).not_to_be_in_viewport()

    page.keyboard.press("ArrowDown")

    expect_counted(page, 1)
    expect(page.locator("#pair")).to_be_focused()
    expect(page.locator("#pair")).to_have_css(
        "outline-style", "none"
    )  # a frame around all of it tells nothing
    assert page.evaluate("window.scrollY") == 0
    page.keyboard.press("Tab")
    expect(page.locator("#pair :focus")).to_have_count(1)


# --- keys that are no votes --------------------------------------------------------------------------------


def test_held_key_casts_one_vote(voting: Page, reviewer: User) -> None:
    sent = posts(voting)

    for _ in range(5):
        voting.keyboard.down("ArrowLeft")
    expect_counted(voting, 1)
    for _ in range(5):
        voting.keyboard.down("ArrowLeft")
    voting.keyboard.up("ArrowLeft")

    expect_counted(voting, 1)
    assert len(sent) == 1
    assert len(votes_of(reviewer)) == 1


@pytest.mark.parametrize("press", ["key", "button"])
def test_second_press_meant_for_the_pair_before_does_not_judge_the_next(
    voting: Page, reviewer: User, press: str
) -> None:
    # as the second of two quick presses would come, at the very moment the next pair is there
    voting.evaluate(SECOND_PRESS, press)
    voting.keyboard.press("ArrowLeft")
    voting.wait_for_selector("html[data-pressed-again]")
    expect_counted(voting, 1)
    assert len(votes_of(reviewer)) == 1
    voting.keyboard.press("ArrowRight")
    expect_counted(voting, 2)


def test_vote_pressed_while_the_one_before_is_on_its_way_waits_for_it(voting: Page, reviewer: User) -> None:
    sent = posts(voting)
    held: list[Route] = []
    voting.route(VOTE_URL, lambda route: held.append(route), times=1)

    voting.keyboard.press("ArrowDown")
    settled(voting)
    voting.keyboard.press("ArrowUp")
    expect(choice(voting, "both_bad")).to_have_class("choice is-chosen")
    # what is pressed beside it is no second opinion
    voting.keyboard.press("ArrowLeft")
    choice(voting, "right").click()
    assert len(sent) == 1
    held[0].continue_()

    expect_counted(voting, 2)
    assert len(sent) == 2
    assert votes_of(reviewer) == ["tie", "both_bad"]


@pytest.mark.parametrize("field", ["<input>", "<textarea></textarea>", "<select><option>1<option>2</select>"])
def test_key_pressed_in_a_field_is_no_vote(voting: Page, reviewer: User, field: str) -> None:
    sent = posts(voting)
    voting.evaluate("field => document.querySelector('main').insertAdjacentHTML('afterbegin', field)", field)
    voting.locator("main > :is(input, textarea, select)").focus()

    for key in ("ArrowLeft", "ArrowRight", "ArrowDown", "ArrowUp"):
        voting.keyboard.press(key)

    assert not sent
    assert not votes_of(reviewer)


def test_arrow_with_another_key_held_or_in_the_open_menu_is_no_vote(voting: Page, reviewer: User) -> None:
    sent = posts(voting)

    for modifier in ("Control", "Meta", "Shift"):
        voting.keyboard.press(f"{modifier}+ArrowDown")
    voting.locator(".menu > summary").click()
    voting.keyboard.press("ArrowDown")
    assert not sent

    voting.keyboard.press("Escape")
    expect(voting.locator(".menu-panel")).to_be_hidden()
    voting.keyboard.press("ArrowDown")
    expect_counted(voting, 1)
    assert votes_of(reviewer) == ["tie"]
