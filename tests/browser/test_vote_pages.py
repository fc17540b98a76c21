"""The pages around the vote: first visit, practice, My votes; each state heard and seen, and what it all weighs."""

from __future__ import annotations

import gzip
from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.utils import timezone
from playwright.sync_api import Page, Response, expect

from reviews.actions.evaluations import close_evaluation
from reviews.models import ReviewerProfile, Vote, VoteRevision
from reviews.practice import PAIRS, ROUND
from tests.browser.conftest import Watch
from tests.browser.evaluations import open_evaluation
from tests.browser.test_voting import choice, expect_counted, key_of_pair, settled
from tests.factories import make_rows

Axe = Callable[..., None]


def profile(reviewer: User) -> ReviewerProfile:
    return ReviewerProfile.objects.get(user=reviewer)


# --- a first visit -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("way", ["to its end", "by Escape"])
def test_tour_is_shown_once(
    page_for: Callable[..., Page],
    reviewer: User,
    axe: Axe,
    eventually: Callable[..., None],
    way: str,
) -> None:
    evaluation = open_evaluation(3)
    page = page_for(reviewer, tour=True)
    page.goto(f"/evaluations/{evaluation.pk}/vote/")
    tour = page.locator("#tour")
    expect(tour.get_by_role("heading", name="The answers")).to_be_focused()
    axe(page)
    # the keys of the vote are not those of the tour
    page.keyboard.press("ArrowRight")
    expect(tour.get_by_role("heading", name="Your vote")).to_be_focused()
    page.keyboard.press("ArrowLeft")
    if way == "by Escape":
        page.keyboard.press("Escape")
    else:
        for _ in range(3):
            tour.get_by_role("button", name="Next").click()
        expect(tour.get_by_role("link", name="Practise first")).to_be_visible()
        tour.get_by_role("button", name="Begin").click()

    expect(tour).to_be_hidden()
    expect(page.locator(".is-toured")).to_have_count(0)
    eventually(lambda: ReviewerProfile.objects.filter(user=reviewer, tour_seen_at__isnull=False).exists())
    page.keyboard.press("ArrowDown")
    expect_counted(page, 1)
    page.reload()
    expect(page.locator("#pair")).to_be_visible()
    expect(tour).to_have_count(0)


@pytest.mark.parametrize("javascript", [True, False])
def test_practice_answers_each_press_and_counts_nothing(
    page_for: Callable[..., Page], reviewer: User, javascript: bool
) -> None:
    open_evaluation(1)
    page = page_for(reviewer, javascript=javascript)
    page.goto("/")
    page.get_by_role("link", name="Practise on five pairs").click()

    for number, pair in enumerate(PAIRS["en"], start=1):
        expect(page.get_by_text(f"Pair {number} of {ROUND}", exact=False).last).to_be_visible()
        press = pair.choice if number % 2 else "tie"
        if javascript:
            keys = {"left": "ArrowLeft", "right": "ArrowRight", "tie": "ArrowDown", "both_bad": "ArrowUp"}
            page.keyboard.press(keys[press])
        else:
            choice(page, press).click()
        agrees = press == pair.choice
        said = "what we would say, too" if agrees else "would say something else"
        expect(page.get_by_role("heading", name=said)).to_be_visible()
        expect(page.get_by_text(pair.why)).to_be_visible()
        if number < ROUND:
            page.get_by_role("link", name="Next pair").press("Enter")
    expect(page.get_by_text("That was the practice round.")).to_be_visible()

    assert profile(reviewer).practised_at is not None
    assert not Vote.objects.exists()


def test_practice_is_in_the_language_of_the_pages(page_for: Callable[..., Page], reviewer: User) -> None:
    page = page_for(reviewer, locale="es-ES")

    page.goto("/practice/1/")

    expect(page.get_by_text(PAIRS["es"][0].question)).to_be_visible()
    expect(page.locator("#left-answer .prose")).to_have_attribute("lang", "es")


def test_practice_has_the_same_cases_in_both_languages() -> None:
    assert [pair.choice for pair in PAIRS["en"]] == [pair.choice for pair in PAIRS["es"]]
    assert {pair.choice for pair in PAIRS["en"]} == {"left", "right", "tie", "both_bad"}


# --- my votes ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("javascript", [True, False])
def test_vote_is_found_again_and_changed_while_voting_is_open(
    page_for: Callable[..., Page], reviewer: User, javascript: bool
) -> None:
    evaluation = open_evaluation(make_rows(3, tags=("refunds", "sizing")))
    page = page_for(reviewer, javascript=javascript)
    page.goto(f"/evaluations/{evaluation.pk}/vote/")
    first = key_of_pair(page)
    choice(page, "tie").click()
    expect_counted(page, 1)
    settled(page)
    choice(page, "both_bad").click()
    expect_counted(page, 2)

    page.goto("/")
    page.get_by_role("link", name="My votes").click()
    expect(page.locator(".my-votes li")).to_have_count(2)
    page.get_by_label("You said").select_option("tie")
    page.get_by_role("button", name="Show").click()
    expect(page.locator(".my-votes li")).to_have_count(1)
    page.get_by_role("link", name=first).click()
    expect(choice(page, "tie")).to_have_attribute("aria-pressed", "true")
    if javascript:
        page.keyboard.press("2")
        page.keyboard.press("ArrowUp")
    else:
        page.get_by_label("Completeness").check()
        choice(page, "both_bad").click()

    expect(page.get_by_text("What you said before stays on the record").first).to_be_visible()
    expect(page.get_by_text("changed once")).to_be_visible()
    changed = Vote.objects.get(number=2)
    assert (changed.choice, changed.reasons) == ("both_bad", ["completeness"])
    assert VoteRevision.objects.get().choice == "tie"


def test_votes_are_listed_by_intent(page_for: Callable[..., Page], reviewer: User) -> None:
    evaluation = open_evaluation(make_rows(2, tags=("refunds", "sizing")))
    page = page_for(reviewer)
    page.goto(f"/evaluations/{evaluation.pk}/vote/")
    for number in range(2):
        expect_counted(page, number, 2)
        page.keyboard.press("ArrowDown")
    page.get_by_role("link", name="My votes").click()

    page.get_by_label("Intent").select_option("sizing")
    page.get_by_role("button", name="Show").click()

    expect(page.locator(".my-votes li")).to_have_count(1)
    expect(page.locator(".my-votes .tag", has_text="sizing")).to_be_visible()
    page.get_by_label("You said").select_option("both_bad")
    page.get_by_role("button", name="Show").click()
    expect(page.get_by_text("No vote of yours is like that")).to_be_visible()


# --- each state, heard and seen ----------------------------------------------------------------------------


@pytest.mark.parametrize("width", [1440, 390])
def test_axe_finds_nothing_in_any_state_in_either_theme(
    page_for: Callable[..., Page], reviewer: User, axe: Axe, watch: Watch, width: int
) -> None:
    watch.allowed += ["ERR_FAILED", "status of 409"]
    page = page_for(reviewer, width=width)
    rows = [{**row, "reference": "In *five* days."} for row in make_rows(4)]
    evaluation = open_evaluation(
        rows, guidelines="True first.", reason_rule="both_bad", comment_rule="both_bad"
    )

    def check() -> None:
        for scheme in ("dark", "light"):
            page.emulate_media(color_scheme=scheme)
            axe(page)

    page.goto(f"/evaluations/{evaluation.pk}/vote/")
    for key in ("g", "d", "r", "l"):
        page.keyboard.press(key)
        check()
    page.keyboard.press("ArrowUp")  # a reason is missing
    expect(page.get_by_role("alert")).not_to_be_empty()
    check()
    for key in ("s", "f", "?"):
        page.keyboard.press(key)
        expect(page.get_by_role("dialog")).to_be_visible()
        check()
        page.keyboard.press("Escape")
    page.route("**/vote/", lambda route: route.abort(), times=1)
    page.keyboard.press("1")
    page.keyboard.press("Shift+ArrowLeft")
    expect(page.get_by_role("button", name="Send again")).to_be_visible()
    check()
    page.get_by_role("button", name="Send again").click()
    for number in range(1, 4):
        expect_counted(page, number, 4)
        if number == 1:
            page.keyboard.press("z")
            expect_counted(page, 0, 4)
            check()
            page.keyboard.press("ArrowDown")
            expect_counted(page, 1, 4)
        page.keyboard.press("ArrowDown")
    expect(page.get_by_role("heading", name="That was the last one")).to_be_visible()
    check()
    page.get_by_role("link", name="My votes").click()
    check()
    page.locator(".my-votes a").first.click()
    check()
    page.goto("/practice/2/")
    check()
    page.keyboard.press("ArrowDown")
    expect(page.get_by_role("link", name="Next pair")).to_be_visible()
    check()
    close_evaluation(evaluation=evaluation, by=None)
    page.goto(f"/evaluations/{evaluation.pk}/my-votes/")
    check()
    page.locator(".my-votes a").first.click()
    expect(page.get_by_text("it stays as it is")).to_be_visible()
    check()


def test_vote_is_heard_and_the_new_pair_has_the_focus(page_for: Callable[..., Page], reviewer: User) -> None:
    evaluation = open_evaluation(3)
    page = page_for(reviewer)
    page.goto(f"/evaluations/{evaluation.pk}/vote/")

    page.keyboard.press("Shift+ArrowRight")

    expect(page.locator("#pair")).to_be_focused()
    expect(page.get_by_role("region", name="Pair to judge")).to_have_count(1)
    expect(page.locator("#vote-said[role=status]")).to_have_text("Counted: right, clearly")


def test_targets_are_large_enough(page_for: Callable[..., Page], reviewer: User) -> None:
    evaluation = open_evaluation(3, guidelines="True first.")
    for width in (1440, 390):
        page = page_for(reviewer, width=width)
        page.goto(f"/evaluations/{evaluation.pk}/vote/")
        sizes = page.locator("#voting :is(button, a, summary, .chip):visible").evaluate_all(
            "all => all.map(node => [node.textContent.trim(), node.offsetWidth, node.offsetHeight])"
        )
        assert len(sizes) > 15
        assert [size for size in sizes if min(size[1:]) < 24] == []


def test_first_page_weighs_less_than_150_kb(
    page_for: Callable[..., Page], reviewer: User, capsys: pytest.CaptureFixture[str]
) -> None:
    """As it goes over the wire, fonts and the pair after this one included.

    The page is measured as it came; static files come compressed from WhiteNoise, which the test's server has not.
    """
    evaluation = open_evaluation(3, text_of=lambda side, key: f"{side} on {key}. " * 60)
    page = page_for(reviewer)
    answers: list[Response] = []
    page.on("response", lambda answer: answers.append(answer))
    page.goto(f"/evaluations/{evaluation.pk}/vote/", wait_until="networkidle")

    sizes = {
        answer.url.rpartition("/")[2]: min(len(answer.body()), len(gzip.compress(answer.body(), 6)))
        for answer in answers
        if "/static/" in answer.url
    }
    whole = next(answer for answer in answers if answer.url == page.url)
    assert whole.header_value("content-encoding") == "gzip"
    sizes["page"] = whole.request.sizes()["responseBodySize"]
    assert any(name.endswith(".woff2") for name in sizes)
    with capsys.disabled():
        print(f"\nfirst page: {sum(sizes.values()) / 1024:.0f} KB in {len(sizes)} files")  # noqa: T201
    assert sum(sizes.values()) < 150 * 1024


def test_tour_that_was_seen_stays_seen_from_the_first_time(reviewer: User) -> None:
    from reviews.actions.reviewers import tour_seen

    first, second = timezone.now(), timezone.now()
    tour_seen(reviewer=reviewer, at=first)
    tour_seen(reviewer=reviewer, at=second)

    assert profile(reviewer).tour_seen_at == first
