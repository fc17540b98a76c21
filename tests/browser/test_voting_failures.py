"""Voting when something goes wrong under one's hands: nothing is lost, and the reviewer is told."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.utils import timezone
from playwright.sync_api import Page, Route, expect

from reviews.actions.assignments import claim_next
from reviews.actions.evaluations import close_evaluation
from reviews.models import Assignment, VoteRevision
from tests.browser.conftest import Watch
from tests.browser.evaluations import open_evaluation, votes_of
from tests.browser.test_voting import VOTE_URL, choice, expect_counted, key_of_pair, settled, side_of
from tests.conftest import PASSWORD


@pytest.fixture
def voting(page_for: Callable[..., Page], reviewer: User) -> Page:
    """A reviewer before the first of three pairs."""
    evaluation = open_evaluation(3)
    page = page_for(reviewer)
    page.goto(f"/evaluations/{evaluation.pk}/vote/")
    expect_counted(page, 0)
    return page


def expect_back(page: Page, pair: str, value: str, told: str = "press again") -> None:
    """The pair is before its reviewer again, with what they chose."""
    expect(page.get_by_role("alert")).to_contain_text(told)
    assert key_of_pair(page) == pair
    expect(choice(page, value)).to_have_attribute("aria-pressed", "true")
    settled(page)


def test_vote_made_offline_is_kept_and_sent_when_the_connection_is_back(
    voting: Page, reviewer: User, watch: Watch
) -> None:
    watch.allowed += ["ERR_INTERNET_DISCONNECTED"]
    voting.context.set_offline(True)
    pair = key_of_pair(voting)

    voting.keyboard.press("2")
    voting.keyboard.press("ArrowDown")

    expect_back(voting, pair, "tie", "You are offline")
    expect(voting.get_by_label("Completeness")).to_be_checked()
    assert not votes_of(reviewer)

    voting.context.set_offline(False)
    expect_counted(voting, 1)
    expect(voting.get_by_role("alert")).to_be_empty()
    assert key_of_pair(voting) != pair
    assert votes_of(reviewer) == ["tie"]


def test_vote_that_was_not_sent_is_told_wherever_one_is_in_a_long_text(
    page_for: Callable[..., Page], reviewer: User, watch: Watch
) -> None:
    watch.allowed += ["ERR_INTERNET_DISCONNECTED"]
    evaluation = open_evaluation(3, text_of=lambda side, key: f"{side} on {key}\n\n" + "A long text. " * 800)
    page = page_for(reviewer, width=390, height=664)
    page.goto(f"/evaluations/{evaluation.pk}/vote/")
    expect_counted(page, 0)
    page.context.set_offline(True)
    page.keyboard.press("ArrowDown")
    expect(page.get_by_role("alert")).to_contain_text("You are offline")
    page.evaluate("scrollTo(0, document.body.scrollHeight / 2)")
    expect(page.get_by_role("button", name="Send again")).to_be_in_viewport(ratio=1)
    page.context.set_offline(False)
    expect_counted(page, 1)


def test_lease_that_runs_out_while_reading_costs_no_vote_where_nobody_took_the_pair(
    voting: Page, reviewer: User
) -> None:
    Assignment.objects.filter(reviewer=reviewer).update(lease_until=timezone.now() - timedelta(minutes=5))
    pair = key_of_pair(voting)
    voting.keyboard.press("ArrowDown")
    expect_counted(voting, 1)
    assert votes_of(reviewer) == ["tie"]
    assert key_of_pair(voting) != pair
    expect(voting.get_by_role("alert")).to_be_empty()


def test_end_of_one_evaluation_leads_on_to_the_next(page_for: Callable[..., Page], reviewer: User) -> None:
    first, second = open_evaluation(1, name="Short"), open_evaluation(3, name="Next one")
    page = page_for(reviewer)
    page.goto(f"/evaluations/{first.pk}/vote/")
    expect_counted(page, 0, 1)
    page.keyboard.press("ArrowDown")
    expect(page.get_by_role("heading", name="That was the last one")).to_be_visible()
    expect(page.get_by_text("Waiting for you, too: Next one, 3 pairs")).to_be_visible()
    page.get_by_role("link", name="Go on there").click()
    page.wait_for_url(f"**/evaluations/{second.pk}/vote/")
    expect_counted(page, 0)


def test_vote_made_offline_may_be_thought_over(voting: Page, reviewer: User, watch: Watch) -> None:
    watch.allowed += ["ERR_FAILED"]
    pair = key_of_pair(voting)
    voting.route(VOTE_URL, lambda route: route.abort(), times=1)
    voting.keyboard.press("ArrowLeft")
    expect_back(voting, pair, "left")

    wanted = "candidate" if side_of(voting, "candidate") == "right" else "baseline"
    voting.keyboard.press("ArrowRight")

    expect_counted(voting, 1)
    assert votes_of(reviewer) == [wanted]


def test_unsent_vote_outlives_a_reload(voting: Page, reviewer: User, watch: Watch) -> None:
    watch.allowed += ["ERR_FAILED"]
    voting.route(VOTE_URL, lambda route: route.abort())
    voting.keyboard.press("3")
    voting.keyboard.press("ArrowUp")
    expect(voting.get_by_role("alert")).to_contain_text("press again")
    voting.unroute(VOTE_URL)

    voting.reload()

    expect_counted(voting, 1)
    assert votes_of(reviewer) == ["both_bad"]
    assert Assignment.objects.get(reviewer=reviewer, voted=True).vote.reasons == ["tone"]


def test_vote_whose_answer_was_lost_counts_once_when_sent_again(
    voting: Page, reviewer: User, watch: Watch
) -> None:
    watch.allowed += ["ERR_CONNECTION_RESET"]
    pair = key_of_pair(voting)
    voting.route(VOTE_URL, arrive_and_break, times=1)
    voting.keyboard.press("ArrowDown")
    expect_back(voting, pair, "tie")
    assert votes_of(reviewer) == ["tie"]

    voting.get_by_role("button", name="Send again").click()

    expect_counted(voting, 1)
    assert votes_of(reviewer) == ["tie"]
    assert not VoteRevision.objects.exists()


def test_other_choice_after_a_lost_answer_is_the_one_that_counts(
    voting: Page, reviewer: User, watch: Watch
) -> None:
    """The first had arrived, which this page could not know: it is taken back, not left to stand."""
    watch.allowed += ["ERR_CONNECTION_RESET"]
    pair = key_of_pair(voting)
    voting.route(VOTE_URL, arrive_and_break, times=1)
    voting.keyboard.press("ArrowDown")
    expect_back(voting, pair, "tie")

    voting.keyboard.press("ArrowUp")

    expect_counted(voting, 1)
    assert votes_of(reviewer) == ["both_bad"]
    assert [revision.choice for revision in VoteRevision.objects.all()] == ["tie"]


def arrive_and_break(route: Route) -> None:
    route.fetch()
    route.abort("connectionreset")


def test_server_error_is_said_and_the_pair_comes_back(voting: Page, reviewer: User, watch: Watch) -> None:
    watch.allowed += ["status of 503"]
    pair = key_of_pair(voting)
    voting.route(VOTE_URL, lambda route: route.fulfill(status=503, body="busy"), times=1)

    voting.keyboard.press("ArrowUp")

    expect_back(voting, pair, "both_bad")
    voting.keyboard.press("ArrowUp")
    expect_counted(voting, 1)
    assert votes_of(reviewer) == ["both_bad"]


def test_vote_without_an_answer_in_time_can_be_pressed_again(
    page_for: Callable[..., Page], reviewer: User
) -> None:
    evaluation = open_evaluation(3)
    page = page_for(reviewer)
    page.add_init_script(
        "const wait = AbortSignal.timeout; let tries = 0;"
        "AbortSignal.timeout = (ms) => wait.call(AbortSignal, tries++ ? ms : ms / 50)"
    )
    page.goto(f"/evaluations/{evaluation.pk}/vote/")
    pair = key_of_pair(page)
    page.route(VOTE_URL, lambda route: None, times=1)

    page.keyboard.press("ArrowUp")

    expect_back(page, pair, "both_bad")
    page.keyboard.press("ArrowUp")
    expect_counted(page, 1)
    assert votes_of(reviewer) == ["both_bad"]


def test_session_that_ended_leads_through_the_login_page_and_the_vote_is_sent(
    voting: Page, reviewer: User
) -> None:
    address, pair = voting.url, key_of_pair(voting)
    Session.objects.all().delete()

    voting.keyboard.press("ArrowDown")

    voting.wait_for_url("**/accounts/login/**")
    assert not votes_of(reviewer)
    voting.get_by_label("Username").fill(reviewer.username)
    voting.get_by_label("Password").fill(PASSWORD)
    voting.get_by_role("button", name="Log in").click()
    voting.wait_for_url(address)
    expect_counted(voting, 1)
    assert votes_of(reviewer) == ["tie"]
    assert key_of_pair(voting) != pair
    # by the token of the new session
    voting.keyboard.press("ArrowUp")
    expect_counted(voting, 2)


@pytest.mark.parametrize("javascript", [True, False])
def test_evaluation_closed_under_ones_hands_says_that_the_vote_was_not_counted(
    page_for: Callable[..., Page], reviewer: User, javascript: bool, watch: Watch
) -> None:
    watch.allowed.append("status of 409")
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
    else:
        expect(page.get_by_role("heading", name="Closed lately")).to_be_visible()
    expect(page.get_by_text("You judged 1 pair, and your vote was counted.")).to_be_visible()
    # loaded again it still says so
    page.goto(f"/evaluations/{evaluation.pk}/vote/")
    expect(page.get_by_role("heading", name="This evaluation is closed")).to_be_visible()
    assert votes_of(reviewer) == ["tie"]


@pytest.mark.parametrize("javascript", [True, False])
def test_pair_that_went_to_someone_else_says_so_and_the_next_one_comes(
    page_for: Callable[..., Page], reviewer: User, second_reviewer: User, javascript: bool, watch: Watch
) -> None:
    watch.allowed.append("status of 409")
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


def test_pair_that_was_held_too_long_makes_way_for_the_next(
    page_for: Callable[..., Page], reviewer: User, second_reviewer: User
) -> None:
    """The vote counts; what the page showed after it belongs to someone else by now."""
    evaluation = open_evaluation(3)
    page = page_for(reviewer)
    page.goto(f"/evaluations/{evaluation.pk}/vote/")
    held = Assignment.objects.get(reviewer=reviewer, shown_at=None)
    Assignment.objects.filter(pk=held.pk).update(reviewer=second_reviewer)

    page.keyboard.press("ArrowDown")

    expect(page.get_by_role("alert")).to_contain_text("went to someone else meanwhile")
    expect_counted(page, 1)
    shown = Assignment.objects.get(reviewer=reviewer, voted=False, shown_at__isnull=False)
    expect(page.locator("#pair")).to_have_attribute("data-ticket", shown.ticket)
    assert shown.pk != held.pk
    assert votes_of(reviewer) == ["tie"]


def test_two_tabs_of_one_reviewer_count_each_pair_once(voting: Page, reviewer: User) -> None:
    other = voting.context.new_page()
    other.goto(voting.url)
    assert key_of_pair(other) == key_of_pair(voting)

    voting.keyboard.press("ArrowDown")
    expect_counted(voting, 1)
    other.keyboard.press("ArrowUp")
    expect_counted(other, 1)
    assert votes_of(reviewer) == ["tie"]
    assert key_of_pair(other) == key_of_pair(voting)

    other.keyboard.press("ArrowUp")
    expect_counted(other, 2)
    voting.keyboard.press("ArrowUp")
    expect_counted(voting, 2)
    assert votes_of(reviewer) == ["tie", "both_bad"]


def test_what_was_held_is_given_back_when_the_page_is_left(
    voting: Page, reviewer: User, eventually: Callable[..., None]
) -> None:
    assert Assignment.objects.filter(reviewer=reviewer, shown_at=None).count() == 1

    voting.get_by_role("link", name="Leave").click()
    voting.wait_for_url("**/")

    eventually(lambda: not Assignment.objects.filter(reviewer=reviewer, shown_at=None).exists())
    assert Assignment.objects.filter(reviewer=reviewer).count() == 1
