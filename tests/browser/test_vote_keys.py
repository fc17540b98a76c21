"""Every key of the voting page, each beside the button that does the same; and what an evaluation asks to be given."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Page, expect

from reviews.models import Assignment, SkippedTurn, Vote, VoteRevision
from tests.browser.evaluations import open_evaluation, votes_of
from tests.browser.test_voting import choice, expect_counted, key_of_pair, posts, settled, side_of

Open = Callable[..., Page]


@pytest.fixture
def opened(page_for: Callable[..., Page], reviewer: User) -> Open:
    """`opened(reason_rule="always")`: a reviewer before the first of three pairs of such an evaluation."""

    def make(page_options: dict[str, Any] | None = None, **fields: Any) -> Page:
        evaluation = open_evaluation(3, **fields)
        page = page_for(reviewer, **(page_options or {}))
        page.goto(f"/evaluations/{evaluation.pk}/vote/")
        expect_counted(page, 0)
        return page

    return make


def newest(reviewer: User) -> Vote:
    return Vote.objects.filter(assignment__reviewer=reviewer).order_by("-cast_at", "-pk")[0]


@pytest.mark.parametrize(
    ("press", "strength"), [("ArrowLeft", "slightly"), ("Shift+ArrowLeft", "clearly"), ("ArrowDown", "")]
)
def test_shift_says_clearly(opened: Open, reviewer: User, press: str, strength: str) -> None:
    page = opened()
    said = {"slightly": "left, slightly", "clearly": "left, clearly", "": "tie"}[strength]
    left = "candidate" if side_of(page, "candidate") == "left" else "baseline"

    page.keyboard.press(press)

    expect(page.get_by_role("status").filter(has_text=f"Counted: {said}")).to_be_visible()
    assert (newest(reviewer).choice, newest(reviewer).strength) == ("tie" if not strength else left, strength)


@pytest.mark.parametrize("javascript", [True, False])
def test_button_says_clearly(opened: Open, reviewer: User, javascript: bool) -> None:
    page = opened({"javascript": javascript})
    right = "candidate" if side_of(page, "candidate") == "right" else "baseline"

    page.get_by_role("button", name="Right, clearly").click()

    expect_counted(page, 1)
    assert (newest(reviewer).choice, newest(reviewer).strength) == (right, "clearly")


def test_evaluation_that_asks_for_no_strength_has_four_buttons(opened: Open, reviewer: User) -> None:
    page = opened(asks_strength=False)
    expect(page.locator(".ballot-choices button")).to_have_count(4)

    page.keyboard.press("Shift+ArrowLeft")
    page.keyboard.press("ArrowLeft")

    expect_counted(page, 1)
    assert newest(reviewer).strength == ""


def test_numbers_give_reasons_and_c_a_comment(opened: Open, reviewer: User) -> None:
    page = opened(reasons=["accuracy", "tone", "Too sure of itself"])

    for key in ("1", "2", "3", "2"):
        page.keyboard.press(key)
    page.keyboard.press("c")
    expect(page.get_by_role("textbox", name="Comment")).to_be_focused()
    # keys are letters in here
    page.keyboard.type("Wrong date, s1")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("Escape")
    expect(page.locator("#pair")).to_be_focused()
    assert not votes_of(reviewer)
    page.keyboard.press("ArrowUp")

    expect_counted(page, 1)
    vote = newest(reviewer)
    assert (vote.choice, vote.reasons) == ("both_bad", ["accuracy", "Too sure of itself"])
    assert vote.comment == "Wrong date, s1"
    # none of it is carried over to the next pair
    expect(page.locator(".chip :checked")).to_have_count(0)


def test_reason_that_is_needed_is_asked_for_before_and_told_after(opened: Open, reviewer: User) -> None:
    page = opened(reason_rule="always")
    expect(page.get_by_text("At least one, before you vote")).to_be_visible()
    sent = posts(page)

    page.keyboard.press("ArrowDown")

    expect(page.get_by_role("alert")).to_contain_text("at least one reason")
    assert not sent
    page.keyboard.press("4")
    page.keyboard.press("ArrowDown")
    expect_counted(page, 1)
    expect(page.get_by_role("alert")).to_be_empty()
    assert newest(reviewer).reasons == ["policy"]


def test_reason_that_is_needed_can_be_chosen_on_a_phone(
    page_for: Callable[..., Page], reviewer: User
) -> None:
    """Its question is longer than the one that may be left alone, and hid every reason."""
    evaluation = open_evaluation(2, reason_rule="always", comment_rule="always")
    page = page_for(reviewer, width=390, height=844, has_touch=True, is_mobile=True)
    page.goto(f"/evaluations/{evaluation.pk}/vote/")
    expect(page.locator(".chip").first).to_be_in_viewport(ratio=1)
    page.locator(".chip").first.tap()
    expect(page.get_by_label("Accuracy")).to_be_checked()


def test_comment_that_both_bad_needs_is_opened_for_it(opened: Open, reviewer: User) -> None:
    page = opened(comment_rule="both_bad")
    expect(page.get_by_text("needed for “both bad”")).to_be_visible()

    page.keyboard.press("ArrowUp")
    expect(page.get_by_role("textbox", name="Comment")).to_be_focused()
    expect(page.get_by_role("alert")).to_contain_text("comment first")
    page.keyboard.type("Both invent a date.")
    page.keyboard.press("Escape")
    page.keyboard.press("ArrowUp")
    expect_counted(page, 1)
    assert newest(reviewer).comment == "Both invent a date."

    page.keyboard.press("ArrowDown")
    expect_counted(page, 2)


def test_reason_that_is_missing_is_told_without_javascript(opened: Open, reviewer: User, watch: Any) -> None:
    watch.allowed.append("status of 422")
    page = opened({"javascript": False}, reason_rule="always")

    choice(page, "tie").click()
    expect(page.get_by_role("alert")).to_contain_text("at least one reason")
    page.get_by_label("Tone").check()
    choice(page, "tie").click()

    expect_counted(page, 1)
    assert newest(reviewer).reasons == ["tone"]


# --- second thoughts ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("by", ["key", "button"])
def test_z_takes_the_last_vote_back_and_the_next_one_counts(opened: Open, reviewer: User, by: str) -> None:
    page = opened()
    first = key_of_pair(page)
    expect(page.get_by_role("button", name="Undo")).to_have_count(0)
    page.keyboard.press("1")
    page.keyboard.press("ArrowDown")
    expect_counted(page, 1)
    second = key_of_pair(page)

    if by == "key":
        page.keyboard.press("z")
    else:
        page.get_by_role("button", name="Undo").click()

    expect_counted(page, 0)
    expect(page.get_by_text("Your earlier choice is marked")).to_be_visible()
    assert key_of_pair(page) == first
    expect(choice(page, "tie")).to_have_attribute("aria-pressed", "true")
    expect(page.get_by_label("Accuracy")).to_be_checked()
    assert not votes_of(reviewer)
    assert [revision.why for revision in VoteRevision.objects.all()] == ["undone"]

    page.keyboard.press("ArrowUp")
    expect_counted(page, 1)
    assert key_of_pair(page) == second
    assert votes_of(reviewer) == ["both_bad"]


def test_vote_is_taken_back_after_a_reload_and_from_the_last_page(opened: Open, reviewer: User) -> None:
    page = opened()
    for number in range(3):
        expect_counted(page, number)
        page.keyboard.press("ArrowDown")
    expect(page.get_by_role("heading", name="That was the last one")).to_be_visible()
    settled(page)

    page.keyboard.press("z")
    expect_counted(page, 2)
    expect(choice(page, "tie")).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("ArrowUp")
    expect(page.get_by_role("heading", name="That was the last one")).to_be_visible()

    page.reload()
    page.keyboard.press("z")
    expect_counted(page, 2)
    expect(choice(page, "both_bad")).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("ArrowDown")
    expect(page.get_by_role("heading", name="That was the last one")).to_be_visible()
    assert votes_of(reviewer) == ["tie", "tie", "tie"]


def test_undo_works_without_javascript(opened: Open, reviewer: User) -> None:
    page = opened({"javascript": False})
    choice(page, "tie").click()
    expect_counted(page, 1)

    page.get_by_role("button", name="Undo").click()

    expect_counted(page, 0)
    expect(choice(page, "tie")).to_have_attribute("aria-pressed", "true")
    assert not votes_of(reviewer)


@pytest.mark.parametrize("javascript", [True, False])
def test_s_skips_with_a_reason(opened: Open, reviewer: User, javascript: bool) -> None:
    page = opened({"javascript": javascript})
    pair = key_of_pair(page)
    if javascript:
        page.keyboard.press("s")
        expect(page.get_by_label("I don't know enough about this")).to_be_focused()
        # the arrows choose a reason, and judge nothing
        page.keyboard.press("ArrowDown")
    else:
        page.get_by_role("button", name="Skip").click()
        page.get_by_label("I don't read this language well enough").check()
    dialog = page.get_by_role("dialog", name="Skip this pair")
    dialog.get_by_label("Note").fill("Legalese.")
    dialog.get_by_role("button", name="Skip").click()

    expect_counted(page, 0, 2)
    assert key_of_pair(page) != pair
    skipped = SkippedTurn.objects.get(reviewer=reviewer)
    assert (skipped.reason, skipped.note) == ("language", "Legalese.")
    assert Assignment.objects.get(comparison=skipped.comparison).reviewer is None
    assert not votes_of(reviewer)


def test_escape_leaves_the_skip_dialog_and_the_pair_as_it_was(opened: Open, reviewer: User) -> None:
    page = opened()
    pair = key_of_pair(page)
    page.keyboard.press("s")
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)

    page.keyboard.press("ArrowDown")

    expect_counted(page, 1)
    assert key_of_pair(page) != pair
    assert not SkippedTurn.objects.exists()


def test_question_mark_shows_the_keys_and_letters_can_be_switched_off(opened: Open) -> None:
    page = opened()
    page.keyboard.press("?")
    dialog = page.get_by_role("dialog", name="Keys")
    expect(dialog).to_be_visible()
    # no key acts behind it
    page.keyboard.press("ArrowDown")
    dialog.get_by_label("Letters and numbers are keys").uncheck()
    dialog.get_by_role("button", name="Close").click()
    expect(dialog).to_have_count(0)

    for key in ("s", "1", "c", "d"):
        page.keyboard.press(key)
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(page.locator(".chip :checked")).to_have_count(0)
    expect_counted(page, 0)
    page.reload()
    page.keyboard.press("s")
    expect(page.get_by_role("dialog")).to_have_count(0)
    page.keyboard.press("?")
    expect(dialog).to_be_visible()


SWIPE = """
([from, to]) => {
  const at = document.querySelector(".answers");
  const touch = (x) => new Touch({ identifier: 1, target: at, clientX: x, clientY: 300 });
  const send = (name, x, touches) =>
    at.dispatchEvent(new TouchEvent(name, { bubbles: true, touches, changedTouches: [touch(x)] }));
  send("touchstart", from, [touch(from)]);
  send("touchend", to, []);
}
"""


def test_swipe_votes_for_whoever_switched_it_on(opened: Open, reviewer: User) -> None:
    page = opened({"width": 390, "height": 844, "has_touch": True, "is_mobile": True})
    left = "candidate" if side_of(page, "candidate") == "left" else "baseline"
    page.evaluate(SWIPE, [300, 60])
    page.get_by_role("button", name="Keys").tap()
    page.get_by_label("A swipe to the left or right votes").check()
    page.keyboard.press("Escape")
    assert not votes_of(reviewer)

    page.evaluate(SWIPE, [300, 250])  # a scroll that went astray
    page.evaluate(SWIPE, [300, 60])

    expect_counted(page, 1)
    assert votes_of(reviewer) == [left]
