"""Voting in a real browser: with JavaScript and without, and when something goes wrong under one's hands."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.utils import timezone
from playwright.sync_api import Locator, Page, Request, Route, expect

from reviews.actions.assignments import claim_next
from reviews.actions.evaluations import close_evaluation
from reviews.models import Assignment
from tests.browser.conftest import Watch
from tests.browser.evaluations import MARKS, open_evaluation, votes_of
from tests.conftest import PASSWORD

VOTE_URL = "**/assignments/*/vote/"
# what htmx writes into the console beside the browser's own line
SAID_BY_HTMX = ["htmx:afterRequest", "htmx:sendError", "htmx:timeout"]


def key_of_pair(page: Page) -> str:
    return page.locator(".vote-context .turn-user .prose").inner_text()


def side_of(page: Page, model: str) -> str:
    """Where this model's text is to be read: left or right."""
    left = page.locator(".answer > .prose").first.inner_text()
    return "left" if left.startswith(MARKS[model]) else "right"


def choice(page: Page, value: str) -> Locator:
    return page.locator(f'.ballot button[value="{value}"]')


def expect_counted(page: Page, votes: int, total: int = 3) -> None:
    expect(page.get_by_role("progressbar")).to_have_attribute("aria-label", f"{votes} of {total} votes")
    expect(page.locator("[data-settling]")).to_have_count(0)


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
            name = f"{press.title()} is better"
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
    page.wait_for_function("window.scrollY > 300")

    page.keyboard.press("ArrowDown")

    expect_counted(page, 1)
    expect(page.locator("#pair")).to_be_focused()
    expect(page.locator("#pair")).to_have_css(
        "outline-style", "none"
    )  # a frame around all of it tells nothing
    assert page.evaluate("window.scrollY") == 0
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Leave")).to_be_focused()


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
    voting.keyboard.press("ArrowLeft")
    voting.wait_for_selector("#pair[data-settling]")
    # as the second of two quick presses would come, at the very moment the next pair is there
    if press == "key":
        voting.keyboard.press("ArrowLeft")
    else:
        voting.locator(".ballot button[value=left]").dispatch_event("click")
    expect_counted(voting, 1)
    assert len(votes_of(reviewer)) == 1
    voting.keyboard.press("ArrowRight")
    expect_counted(voting, 2)


def test_keys_pressed_while_a_vote_is_on_its_way_are_not_sent(voting: Page, reviewer: User) -> None:
    sent = posts(voting)
    held: list[Route] = []
    voting.route(VOTE_URL, lambda route: held.append(route))

    voting.keyboard.press("ArrowDown")
    voting.wait_for_function("document.querySelector('.ballot').classList.contains('htmx-request')")
    voting.keyboard.press("ArrowUp")
    voting.keyboard.press("ArrowLeft")
    choice(voting, "right").click()
    for route in held:
        route.continue_()

    expect_counted(voting, 1)
    assert len(sent) == 1
    assert votes_of(reviewer) == ["tie"]


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


# --- when something goes wrong -----------------------------------------------------------------------------


def test_vote_that_could_not_be_sent_is_said_and_counts_once_when_pressed_again(
    voting: Page, reviewer: User, watch: Watch
) -> None:
    watch.allowed += ["ERR_INTERNET_DISCONNECTED", *SAID_BY_HTMX]
    voting.context.set_offline(True)
    pair = key_of_pair(voting)

    voting.keyboard.press("ArrowLeft")

    expect(voting.get_by_role("alert")).to_contain_text("press again")
    assert key_of_pair(voting) == pair
    expect(choice(voting, "left")).not_to_have_class("choice is-chosen")
    assert not votes_of(reviewer)

    voting.context.set_offline(False)
    wanted = "candidate" if side_of(voting, "candidate") == "right" else "baseline"
    voting.keyboard.press("ArrowRight")
    expect_counted(voting, 1)
    expect(voting.get_by_role("alert")).to_be_empty()
    assert key_of_pair(voting) != pair
    assert votes_of(reviewer) == [wanted]


def test_vote_whose_answer_was_lost_counts_once_when_pressed_again(
    voting: Page, reviewer: User, watch: Watch
) -> None:
    watch.allowed += ["ERR_CONNECTION_RESET", *SAID_BY_HTMX]

    def arrive_and_break(route: Route) -> None:
        route.fetch()
        route.abort("connectionreset")

    voting.route(VOTE_URL, arrive_and_break, times=1)
    voting.keyboard.press("ArrowDown")
    expect(voting.get_by_role("alert")).to_contain_text("press again")
    assert votes_of(reviewer) == ["tie"]

    voting.keyboard.press("ArrowDown")

    expect_counted(voting, 1)
    assert votes_of(reviewer) == ["tie"]


def test_server_error_is_said_and_the_pair_stays(voting: Page, reviewer: User, watch: Watch) -> None:
    watch.allowed += ["status of 503", "Response Status Error Code 503"]
    voting.route(VOTE_URL, lambda route: route.fulfill(status=503, body="busy"), times=1)

    voting.keyboard.press("ArrowUp")

    expect(voting.get_by_role("alert")).to_contain_text("press again")
    voting.keyboard.press("ArrowUp")
    expect_counted(voting, 1)
    assert votes_of(reviewer) == ["both_bad"]


def test_vote_without_an_answer_in_time_can_be_pressed_again(
    voting: Page, reviewer: User, watch: Watch
) -> None:
    watch.allowed += SAID_BY_HTMX
    expect(voting.locator(".ballot")).to_have_attribute("hx-request", '{"timeout":15000}')
    voting.locator(".ballot").evaluate("form => form.setAttribute('hx-request', '{\"timeout\":200}')")
    voting.route(VOTE_URL, lambda route: None, times=1)

    voting.keyboard.press("ArrowUp")

    expect(voting.get_by_role("alert")).to_contain_text("press again")
    voting.keyboard.press("ArrowUp")
    expect_counted(voting, 1)
    assert votes_of(reviewer) == ["both_bad"]


def test_session_that_ended_leads_through_the_login_page_back_to_the_pair(
    voting: Page, reviewer: User
) -> None:
    address, pair = voting.url, key_of_pair(voting)
    Session.objects.all().delete()

    voting.keyboard.press("ArrowDown")

    voting.wait_for_url("**/accounts/login/**")
    voting.get_by_label("Username").fill(reviewer.username)
    voting.get_by_label("Password").fill(PASSWORD)
    voting.get_by_role("button", name="Log in").click()
    voting.wait_for_url(address)
    assert key_of_pair(voting) == pair
    assert not votes_of(reviewer)
    voting.keyboard.press("ArrowDown")
    expect_counted(voting, 1)
    assert votes_of(reviewer) == ["tie"]


@pytest.mark.parametrize("javascript", [True, False])
def test_evaluation_closed_under_ones_hands_says_that_the_vote_was_not_counted(
    page_for: Callable[..., Page], reviewer: User, javascript: bool
) -> None:
    evaluation = open_evaluation(3)
    page = page_for(reviewer, javascript=javascript)
    page.goto(f"/evaluations/{evaluation.pk}/vote/")
    choice(page, "tie").click()
    expect_counted(page, 1)
    close_evaluation(evaluation=evaluation, by=None)

    choice(page, "left").click()

    expect(page.get_by_text("closed meanwhile, so this vote was not counted")).to_be_visible()
    if javascript:
        expect(page.get_by_role("heading", name="This evaluation is closed")).to_be_visible()
        expect(page.get_by_text("Your 1 vote counted")).to_be_visible()
    else:
        expect(page.get_by_text("Nothing to judge at the moment")).to_be_visible()
    assert votes_of(reviewer) == ["tie"]


@pytest.mark.parametrize("javascript", [True, False])
def test_pair_that_went_to_someone_else_says_so_and_the_next_one_comes(
    page_for: Callable[..., Page], reviewer: User, second_reviewer: User, javascript: bool
) -> None:
    evaluation = open_evaluation(2)
    page = page_for(reviewer, javascript=javascript)
    page.goto(f"/evaluations/{evaluation.pk}/vote/")
    pair = key_of_pair(page)
    Assignment.objects.filter(reviewer=reviewer).update(lease_until=timezone.now() - timedelta(seconds=1))
    claim_next(evaluation=evaluation, reviewer=second_reviewer)

    choice(page, "left").click()

    expect(page.get_by_text("it went to someone else, so this vote was not counted")).to_be_visible()
    expect_counted(page, 0, 1)
    assert key_of_pair(page) != pair
    assert not votes_of(reviewer)


def test_going_back_in_the_browser_shows_the_pair_that_is_next(
    page_for: Callable[..., Page], reviewer: User
) -> None:
    evaluation = open_evaluation(3)
    page = page_for(reviewer, javascript=False)
    page.goto(f"/evaluations/{evaluation.pk}/vote/")
    choice(page, "tie").click()
    expect_counted(page, 1)
    pair = key_of_pair(page)

    page.go_back()

    expect_counted(page, 1)
    assert key_of_pair(page) == pair
    choice(page, "both_bad").click()
    expect_counted(page, 2)
    assert votes_of(reviewer) == ["tie", "both_bad"]
