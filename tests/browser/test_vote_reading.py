"""How a pair is read: together or each by itself, raw, with differences, beside a guide, on a phone; and how fast."""

from __future__ import annotations

from collections.abc import Callable
from operator import sub as subtract

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Page, expect

from tests.browser.evaluations import open_evaluation, votes_of
from tests.browser.test_voting import expect_counted, settled
from tests.browser.waiting import until

PARAGRAPH = "Refunds are paid back to the card you used, within five working days. " * 4
LONG = "\n\n".join(f"{number}. {PARAGRAPH}" for number in range(70))
SHORT = "\n\n".join(f"{number}. {PARAGRAPH}" for number in range(25))
ROWS = [
    {
        "id": f"row-{number}",
        "prompt": f"Question {number}?",
        "tags": ["refunds"],
        "reference": "In *five* days.",
    }
    for number in range(3)
]


def a_pair(
    page_for: Callable[..., Page], reviewer: User, candidate: str, baseline: str, **options: object
) -> Page:
    texts = {"candidate": candidate, "baseline": baseline}
    evaluation = open_evaluation(ROWS, text_of=lambda side, _key: texts[side], guidelines="True first.")
    page = page_for(reviewer, **options)
    page.goto(f"/evaluations/{evaluation.pk}/vote/")
    return page


def tops(page: Page) -> list[float]:
    """Where the two texts begin on the screen, the longer first."""
    found: list[float] = page.evaluate(
        """() => [...document.querySelectorAll(".answer-body")]
        .sort((a, b) => b.offsetHeight - a.offsetHeight).map((body) => body.getBoundingClientRect().top)"""
    )
    return found


def bottoms(page: Page) -> list[float]:
    found: list[float] = page.evaluate(
        """() => [...document.querySelectorAll(".answer-body")].map((body) => body.getBoundingClientRect().bottom)"""
    )
    return found


@pytest.mark.parametrize("motion", ["no-preference", "reduce"])
def test_both_answers_end_together_in_one_scroll(
    page_for: Callable[..., Page], reviewer: User, motion: str
) -> None:
    page = a_pair(page_for, reviewer, LONG, SHORT)
    page.emulate_media(reduced_motion="reduce" if motion == "reduce" else "no-preference")
    expect(page.get_by_role("button", name="Scroll together")).to_have_attribute("aria-pressed", "true")
    longer, shorter = tops(page)
    assert longer == shorter

    page.evaluate("scrollTo(0, document.documentElement.scrollHeight / 2)")
    # the shorter one has gone some of its way; where motion is reduced it stands still once its end was reached
    until(page, lambda: tops(page)[0] < tops(page)[1] - 200)

    page.evaluate("scrollTo(0, document.documentElement.scrollHeight)")
    until(page, lambda: abs(subtract(*bottoms(page))) < 3)


def test_l_lets_each_answer_scroll_by_itself(page_for: Callable[..., Page], reviewer: User) -> None:
    page = a_pair(page_for, reviewer, LONG, SHORT)

    page.keyboard.press("l")

    boxes = page.locator(".answer-body")
    expect(page.get_by_role("button", name="Scroll together")).to_have_attribute("aria-pressed", "false")
    boxes.first.evaluate("box => box.scrollTo(0, 700)")
    assert boxes.evaluate_all("all => all.map(box => box.scrollTop)") == [700, 0]
    # by the keyboard, too
    page.get_by_role("group", name="Right").focus()
    page.keyboard.press("PageDown")
    until(page, lambda: boxes.last.evaluate("box => box.scrollTop") > 0)
    # the arrows vote as ever, and what was chosen stays
    page.keyboard.press("ArrowDown")
    expect_counted(page, 1)
    page.reload()
    expect(page.get_by_role("button", name="Scroll together")).to_have_attribute("aria-pressed", "false")


def test_r_shows_what_was_written(page_for: Callable[..., Page], reviewer: User) -> None:
    page = a_pair(page_for, reviewer, "A **bold** word \u202eevil", "# Title")
    expect(page.locator("strong", has_text="bold")).to_be_visible()

    page.keyboard.press("r")

    expect(page.get_by_text("A **bold** word [U+202E]evil")).to_be_visible()
    expect(page.get_by_text("# Title")).to_be_visible()
    expect(page.locator("strong", has_text="bold")).to_be_hidden()
    page.keyboard.press("ArrowDown")
    expect_counted(page, 1)
    expect(page.get_by_text("# Title")).to_be_visible()
    page.keyboard.press("r")
    expect(page.locator("strong", has_text="bold")).to_be_visible()


# those that are seen: what is hidden, or went with the last pair, has no place on the screen
MARKED = """() => [...(CSS.highlights.get("differs") ?? [])]
  .filter((range) => range.getClientRects().length).map((range) => [
  range.startContainer.parentElement.closest(".answer").id.split("-")[0], range.toString()])"""


def marked(page: Page, words: int) -> dict[str, list[str]]:
    expect(page.locator("#differences-said")).not_to_be_empty()
    until(page, lambda: len(page.evaluate(MARKED)) == words)
    found: list[tuple[str, str]] = page.evaluate(MARKED)
    return {side: [text for where, text in found if where == side] for side in ("left", "right")}


def test_d_marks_the_words_that_differ_and_nothing_else(
    page_for: Callable[..., Page], reviewer: User
) -> None:
    page = a_pair(
        page_for,
        reviewer,
        "Your refund of **€42** was sent on 3 May, to your card.",
        "Your refund of **€42** was sent on 5 May, to your bank account.",
    )
    assert page.evaluate(MARKED) == []
    markup = page.locator(".answers").inner_html()

    page.keyboard.press("d")

    found = marked(page, 4)
    assert sorted(found.values()) == [["3", "card"], ["5", "bank account"]]
    assert page.locator(".answers").inner_html() == markup
    # in raw text as well, and on the next pair
    page.keyboard.press("r")
    assert sorted(marked(page, 4).values()) == [["3", "card"], ["5", "bank account"]]
    page.keyboard.press("ArrowDown")
    expect_counted(page, 1)
    marked(page, 4)
    page.keyboard.press("d")
    expect(page.locator("#differences-said")).to_be_empty()
    assert page.evaluate(MARKED) == []


def test_differences_of_long_answers_and_of_one_without_spaces(
    page_for: Callable[..., Page], reviewer: User
) -> None:
    page = a_pair(page_for, reviewer, LONG + "\n\n返金は五日以内です", LONG + "\n\n返金は三日以内です")

    page.keyboard.press("d")

    expect(page.locator("#differences-said")).not_to_be_empty()
    found: list[tuple[str, str]] = page.evaluate(MARKED)
    assert {text[0] for _side, text in found} == {"五", "三"}


def test_guide_stands_beside_the_answers_until_g_puts_it_away(
    page_for: Callable[..., Page], reviewer: User
) -> None:
    page = a_pair(page_for, reviewer, "One", "Other")
    guide = page.get_by_role("complementary", name="Guide")
    expect(guide.get_by_text("True first.")).to_be_visible()
    expect(guide.get_by_text("In five days.")).to_be_visible()

    page.keyboard.press("g")
    expect(guide).to_be_hidden()
    page.keyboard.press("ArrowDown")
    expect_counted(page, 1)
    expect(guide).to_be_hidden()

    page.keyboard.press("g")
    expect(guide.get_by_text("True first.")).to_be_visible()


def test_guide_can_be_opened_without_javascript(page_for: Callable[..., Page], reviewer: User) -> None:
    page = a_pair(page_for, reviewer, "One", "Other", javascript=False)
    expect(page.locator(".vote-tools")).to_be_hidden()

    page.get_by_text("How to judge", exact=True).click()

    expect(page.get_by_text("True first.")).to_be_visible()


def test_switch_on_a_phone_goes_to_each_answer_where_it_was_left(
    page_for: Callable[..., Page], reviewer: User
) -> None:
    page = a_pair(page_for, reviewer, LONG, SHORT, width=390, height=844, has_touch=True, is_mobile=True)
    switch = page.get_by_role("navigation", name="Answers")
    left, right = switch.get_by_role("link", name="Left"), switch.get_by_role("link", name="Right")
    expect(left).to_have_attribute("aria-current", "true")
    page.evaluate("scrollTo(0, 1200)")

    press = "link => link.click()"  # a tap of the test's would scroll first
    right.evaluate(press)
    expect(right).to_have_attribute("aria-current", "true")
    expect(page.get_by_role("heading", name="Right")).to_be_in_viewport()
    expect(switch).to_be_in_viewport()
    left.evaluate(press)

    expect(left).to_have_attribute("aria-current", "true")
    assert page.evaluate("scrollY") == 1200


def test_last_turn_of_a_conversation_is_marked_as_the_one_to_judge(
    page_for: Callable[..., Page], reviewer: User
) -> None:
    turns = [("user", "Hello"), ("assistant", "Hi!"), ("user", "It is broken.")]
    messages = [{"role": role, "content": text} for role, text in turns]
    evaluation = open_evaluation([{"id": "chat", "messages": messages}])
    page = page_for(reviewer)
    page.goto(f"/evaluations/{evaluation.pk}/vote/")

    expect(page.locator(".turn-judged")).to_have_count(1)
    expect(page.locator(".turn-judged")).to_contain_text("It is broken.")
    expect(page.locator(".turn-judged")).to_contain_text("answered below")


@pytest.mark.parametrize("kind", ["short", "20 KB"])
def test_both_sides_read_alike_whatever_their_formatting(
    page_for: Callable[..., Page], reviewer: User, kind: str
) -> None:
    """Headings shout no louder, and lines are as long on both sides."""
    plain = "A plain line of text.\n\n" * (2 if kind == "short" else 900)
    page = a_pair(page_for, reviewer, f"# Title\n\n{plain}", f"- {plain}")
    sizes = page.evaluate(
        """() => [...document.querySelectorAll(".answer-body > .prose")].map((box) => {
        const { width } = box.getBoundingClientRect(), style = getComputedStyle(box);
        return [width, style.fontSize, style.lineHeight]; })"""
    )
    assert sizes[0] == sizes[1]
    heading = page.locator(".answer-body h1").evaluate("node => parseFloat(getComputedStyle(node).fontSize)")
    assert heading <= 1.1 * float(sizes[0][1].removesuffix("px"))


# --- fast --------------------------------------------------------------------------------------------------

WATCH_PAINTS = """
window.paints = [];
new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) if (entry.name === "keydown") window.paints.push(entry.duration);
}).observe({ type: "event", durationThreshold: 16, buffered: true });
document.addEventListener("keydown", (event) => {
  const pressed = event.timeStamp;
  requestAnimationFrame(() => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => window.paints.push(performance.now() - pressed);
    port2.postMessage(null); // arrives after the frame was painted
  });
}, true);
"""


@pytest.mark.parametrize("size", ["short", "20 KB"])
def test_next_pair_is_painted_before_its_vote_arrives(
    page_for: Callable[..., Page], reviewer: User, size: str, capsys: pytest.CaptureFixture[str]
) -> None:
    text = "Short." if size == "short" else LONG
    texts = {"candidate": text, "baseline": text + " Yes."}
    evaluation = open_evaluation(8, text_of=lambda side, _key: texts[side])
    page = page_for(reviewer)
    page.goto(f"/evaluations/{evaluation.pk}/vote/")
    page.evaluate(WATCH_PAINTS)

    for number in range(6):
        settled(page)
        page.keyboard.press("ArrowDown")
        expect_counted(page, number + 1, 8)

    paints = sorted(page.evaluate("window.paints"))
    with capsys.disabled():
        median = paints[len(paints) // 2]
        print(f"\n{size}: next pair painted {median:.0f} ms after the key, at most {paints[-1]:.0f} ms")  # noqa: T201 - measured for whoever reads on
    # 50 ms is what is promised and measured on a quiet machine; a test's machine is not one
    assert paints[len(paints) // 2] < 250
    assert len(votes_of(reviewer)) == 6


def test_next_pair_is_there_while_the_server_still_thinks(
    page_for: Callable[..., Page], reviewer: User
) -> None:
    page = a_pair(page_for, reviewer, "One", "Other")
    page.route("**/assignments/*/vote/", lambda route: None)
    ticket = page.locator("#pair").get_attribute("data-ticket")

    page.keyboard.press("ArrowDown")

    expect(page.locator("#pair")).not_to_have_attribute("data-ticket", ticket or "")
    expect(page.locator("#pair")).to_be_focused()
