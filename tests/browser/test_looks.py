"""How every page looks to axe, on a phone, from the keyboard, and in both themes; as each role."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.template.loader import render_to_string
from playwright.sync_api import Page, expect

from reviews.actions.evaluations import close_evaluation
from reviews.models import Choice, Evaluation
from tests.browser.conftest import Watch
from tests.browser.evaluations import open_evaluation
from tests.browser.golden_sets import pages_of_admin
from tests.factories import ROWS, make_evaluation, make_model_version, make_vote

ANSWER = """An answer with **weight**, `code` and [a link](https://example.org/a/rather/long/address).

1. First
2. Second

| size | chest in centimetres | waist in centimetres | hip in centimetres |
|---|--:|--:|--:|
| medium | 96 | 82 | 98 |

```python
refund = order.total - sum(item.price for item in order.items if item.returned)  # a line that is rather long
```

> Quoted, from a_word_without_any_place_to_break_it_that_is_wider_than_the_narrowest_of_telephones_anyone_owns
"""
ROLES = ["nobody", "reviewer", "lead", "admin"]
Step = Callable[[Page], None]


@dataclass
class World:
    voting: Evaluation
    ended: Evaluation
    closed: Evaluation
    generating: Evaluation
    people: dict[str, User | None]
    bad_file: Path

    def pages(self, role: str) -> Iterator[tuple[str, Step]]:
        """Name of the page, and how this role comes there."""
        yield from getattr(self, f"_pages_of_{role}")()
        if role != "nobody":
            yield "home", at("/")
            yield "password change", at("/accounts/password/")
            yield "password changed", at("/accounts/password/done/")
            yield "404", at("/nowhere/")

    def _pages_of_nobody(self) -> Iterator[tuple[str, Step]]:
        yield "login", at("/accounts/login/")
        yield "login refused", self._refused
        yield "500", self._broken

    def _pages_of_reviewer(self) -> Iterator[tuple[str, Step]]:
        yield "voting", at(f"/evaluations/{self.voting.pk}/vote/")
        yield "done", at(f"/evaluations/{self.ended.pk}/vote/")
        yield "403", at("/evaluations/")
        yield "closed", self._closed_under_hands

    def _pages_of_lead(self) -> Iterator[tuple[str, Step]]:
        comparison = self.voting.comparisons.all()[0]
        version = self.voting.golden_set_version
        yield "evaluations", at("/evaluations/")
        yield "start", at("/evaluations/new/")
        yield "start refused", self._start_refused
        yield "progress", at(self.generating.get_absolute_url())
        yield "dashboard", at(self.voting.get_absolute_url())
        yield "dashboard, closed", at(self.closed.get_absolute_url())
        yield "comparisons", at(f"{self.voting.get_absolute_url()}comparisons/")
        yield "comparisons, none", at(f"{self.voting.get_absolute_url()}comparisons/?q=nothing")
        yield "comparison", at(comparison.get_absolute_url())
        yield "models", at("/models/")
        yield "model version", at(self.voting.candidate.get_absolute_url())
        yield "golden sets", at("/golden-sets/")
        yield "golden set", at(version.golden_set.get_absolute_url())
        yield "golden set version", at(version.get_absolute_url())
        yield "403", at("/golden-sets/upload/")

    def _pages_of_admin(self) -> Iterator[tuple[str, Step]]:
        version = self.voting.golden_set_version
        yield "models", at("/models/")
        yield "model version", at(self.voting.candidate.get_absolute_url())
        yield "golden sets", at("/golden-sets/")
        yield "golden set", at(version.golden_set.get_absolute_url())
        yield "upload", at("/golden-sets/upload/")
        yield "upload refused", self._upload_refused
        admin = self.people["admin"]
        assert admin is not None
        yield from ((name, at(address)) for name, address in pages_of_admin(admin))

    @staticmethod
    def _refused(page: Page) -> None:
        page.goto("/accounts/login/")
        page.get_by_label("Username").fill("nobody")
        page.get_by_label("Password").fill("wrong")
        page.get_by_role("button", name="Log in").click()
        expect(page.locator(".errorlist")).to_be_visible()

    @staticmethod
    def _broken(page: Page) -> None:
        page.route(
            "**/broken/",
            lambda route: route.fulfill(
                status=200, body=render_to_string("500.html"), content_type="text/html"
            ),
        )
        page.goto("/broken/")

    def _closed_under_hands(self, page: Page) -> None:
        evaluation = open_evaluation(1)
        page.goto(f"/evaluations/{evaluation.pk}/vote/")
        close_evaluation(evaluation=evaluation, by=None)
        page.keyboard.press("ArrowLeft")
        expect(page.get_by_role("heading", name="This evaluation is closed")).to_be_visible()

    @staticmethod
    def _start_refused(page: Page) -> None:
        page.goto("/evaluations/new/")
        page.get_by_role("button", name="Start", exact=True).click()
        expect(page.locator(".errorlist").first).to_be_visible()

    def _upload_refused(self, page: Page) -> None:
        page.goto("/golden-sets/upload/")
        page.get_by_label("File").set_input_files(self.bad_file)
        page.get_by_role("combobox", name="Golden set").fill("not a name")
        page.get_by_role("button", name="Check the file").click()
        expect(page.locator(".errorlist")).to_be_visible()


def at(address: str) -> Step:
    def go(page: Page) -> None:
        page.goto(address)

    return go


@pytest.fixture
def world(
    admin_user: User, lead: User, reviewer: User, second_reviewer: User, tmp_path: Path, watch: Watch
) -> World:
    """Evaluations in every state, with votes of every kind, and rows of every length."""
    watch.allowed += ["status of 403", "status of 404", "status of 422"]
    rows: list[dict[str, Any]] = [
        *ROWS,
        {
            "id": "a-rather-long-id-that-someone-generated-0123456789abcdef0123456789abcdef",
            "messages": [
                {"role": "system", "content": "Be brief."},
                {"role": "user", "content": "Hi"},
                {"role": "assistant", "content": ANSWER},
                {"role": "user", "content": "And in *medium*? " * 20},
            ],
            "tags": ["sizing", "an-intent-with-a-name-that-nobody-would-want-to-read-twice"],
            "reference": ANSWER,
            "metadata": {"source": "tickets", "address": "https://example.org/" + "x" * 120},
        },
    ]  # fmt: skip
    candidate = make_model_version(
        "aurora-support",
        version="ft-2026-05-with-a-long-name",
        system_prompt="You answer for Aurora.\n\n" + "x" * 200,
        intended_use="Customer support in English and Spanish.",
        changelog="Less tokens.",
        limitations=["Does not know the price of shipping to islands."],
        training_data_sha256="ab" * 32,
    )
    voting = open_evaluation(
        rows,
        name="Spring check of the answers to customers",
        candidate=candidate,
        text_of=lambda side, key: f"{side} on {key}\n\n{ANSWER}",
        votes_per_comparison=2,
        guidelines="- Is it *true*?\n- Is it kind?",
        started_by=lead,
    )
    ended, closed = (open_evaluation(3, name=name, started_by=lead) for name in ("Ended", "Closed"))
    generating = make_evaluation(3, name="Under way", opened=False, started_by=lead)
    choices = [choice for choice in Choice.values for _ in range(2)]
    for comparison, choice in zip(voting.comparisons.all()[1:], choices, strict=False):
        make_vote(comparison, second_reviewer, choice)
    for evaluation in (ended, closed):
        for comparison in evaluation.comparisons.all():
            make_vote(comparison, reviewer, "candidate")
    bad_file = tmp_path / "bad.jsonl"
    bad_file.write_text('{"id": "one", "prompt": "Hello?"}\n{"id": "two"}\n{"id": \n', "utf-8")
    return World(
        voting=voting,
        ended=ended,
        closed=close_evaluation(evaluation=closed, by=lead),
        generating=generating,
        people={"nobody": None, "reviewer": reviewer, "lead": lead, "admin": admin_user},
        bad_file=bad_file,
    )


@pytest.mark.parametrize("role", ROLES)
def test_axe_finds_nothing_on_any_page_in_either_theme(
    page_for: Callable[..., Page], axe: Callable[..., None], world: World, role: str
) -> None:
    page = page_for(world.people[role])
    for name, go in world.pages(role):
        go(page)
        expect(page.locator("h1").first, name).to_be_visible()
        open_everything(page)
        for scheme in ("dark", "light"):
            page.emulate_media(color_scheme=scheme)
            axe(page)


def open_everything(page: Page) -> None:
    page.locator("main details").evaluate_all("all => all.forEach(details => { details.open = true })")


# a box of its own may scroll, or cut off what it holds; nothing else may reach over the edge
OVER_THE_EDGE = """
() => {
  const fits = (box) => !box.width || !box.height || box.right <= innerWidth + 1;
  const holds = (node) => getComputedStyle(node).overflowX !== "visible" && fits(node.getBoundingClientRect());
  const held = (node) => node.parentElement && (holds(node.parentElement) || held(node.parentElement));
  return [...document.querySelectorAll("body *")]
    .filter((node) => !fits(node.getBoundingClientRect()) && !held(node))
    .map((node) => node.outerHTML.slice(0, 160));
}
"""


@pytest.mark.parametrize("role", ROLES)
def test_no_page_scrolls_sideways_on_a_phone(page_for: Callable[..., Page], world: World, role: str) -> None:
    page = page_for(world.people[role], width=390, height=844, has_touch=True, is_mobile=True)
    for name, go in world.pages(role):
        go(page)
        expect(page.locator("h1").first, name).to_be_visible()
        if page.locator(".menu").count():
            page.locator(".menu > summary").click()
            expect(page.locator(".menu-nav").get_by_role("link", name="Home")).to_be_visible()
        open_everything(page)
        width, edges = page.evaluate("document.documentElement.scrollWidth"), page.evaluate(OVER_THE_EDGE)
        assert (width, edges) == (390, []), name


def test_ballot_is_in_reach_on_a_phone_however_long_the_answers_are(
    page_for: Callable[..., Page], world: World, reviewer: User
) -> None:
    page = page_for(reviewer, width=390, height=664, has_touch=True, is_mobile=True)
    page.goto(f"/evaluations/{world.voting.pk}/vote/")
    assert page.evaluate("document.documentElement.scrollHeight") > 2 * 664

    for place in ("top", "bottom"):
        page.evaluate("place => scrollTo(0, place === 'top' ? 0 : document.body.scrollHeight)", place)
        for button in page.locator(".ballot button:visible").all():
            expect(button).to_be_in_viewport(ratio=1)
            box = button.bounding_box()
            assert box is not None
            # what is not the vote itself is a little smaller, and still easy to hit (WCAG 2.5.8 asks for 24)
            least = 44 if "choice" in (button.get_attribute("class") or "") else 40
            assert min(box["width"], box["height"]) >= least
    page.locator('.ballot button[value="tie"]').tap()

    expect(page.get_by_role("progressbar")).to_have_attribute("value", "1")


FOCUSED = """
() => {
  const node = document.activeElement;
  if (node === document.body) return null;
  const style = getComputedStyle(node), box = node.getBoundingClientRect();
  return {
    what: node.outerHTML.slice(0, 120),
    seen: style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2 && box.width > 0 && box.bottom > 0
      && box.top < innerHeight,
    stop: node.tagName + (node.id || node.name || "") + node.textContent.trim(),
  };
}
"""


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("dark", [False, True])
def test_every_stop_of_the_tab_key_is_seen(
    page_for: Callable[..., Page], world: World, role: str, dark: bool
) -> None:
    addresses = {
        "nobody": ["/accounts/login/"],
        "reviewer": ["/", f"/evaluations/{world.voting.pk}/vote/"],
        "lead": ["/evaluations/new/", world.voting.get_absolute_url()],
        "admin": ["/golden-sets/upload/"],
    }
    page = page_for(world.people[role], dark=dark)
    for address in addresses[role]:
        page.goto(address)
        stops = []
        for _ in range(60):
            page.keyboard.press("Tab")
            focused = page.evaluate(FOCUSED)
            if focused is None:
                break
            assert focused["seen"], (address, focused["what"])
            stops.append(focused["stop"])
        assert len(stops) >= 2, address
        if role != "nobody":  # there the first field has the focus already
            assert "Skip to content" in stops[0]


def test_theme_that_was_chosen_stays_on_the_next_page_and_auto_follows_the_system(
    page_for: Callable[..., Page], lead: User
) -> None:
    page = page_for(lead)
    page.goto("/")
    light = background(page)

    choose_theme(page, "Dark")
    dark = background(page)
    assert dark != light
    page.reload()
    assert background(page) == dark
    page.goto("/models/")
    assert background(page) == dark
    page.locator(".menu > summary").click()
    expect(page.get_by_role("button", name="Dark")).to_have_attribute("aria-pressed", "true")

    page.reload()
    choose_theme(page, "Auto")
    assert background(page) == light
    page.emulate_media(color_scheme="dark")
    assert background(page) == dark
    choose_theme(page, "Light")
    assert background(page) == light
    page.reload()
    assert background(page) == light


def background(page: Page) -> str:
    return str(page.evaluate("getComputedStyle(document.body).backgroundColor"))


def choose_theme(page: Page, name: str) -> None:
    if not page.locator(".menu[open]").count():
        page.locator(".menu > summary").click()
    page.get_by_role("button", name=name, exact=True).click()


def test_theme_can_be_chosen_before_logging_in(page: Page) -> None:
    page.goto("/accounts/login/")
    light = background(page)

    page.get_by_role("button", name="Dark", exact=True).click()
    page.reload()

    assert background(page) != light


def test_page_without_javascript_follows_the_system_and_shows_no_switch(
    page_for: Callable[..., Page], lead: User
) -> None:
    light, dark = page_for(lead, javascript=False), page_for(lead, javascript=False, dark=True)
    for page in (light, dark):
        page.goto("/")
        page.locator(".menu > summary").click()
        expect(page.get_by_role("button", name="Log out")).to_be_visible()
        expect(page.locator(".theme-switch")).to_be_hidden()

    assert light.screenshot() != dark.screenshot()
