"""The whole chain in real browsers: upload, generation, two reviewers at once, the dashboard, the end of voting."""

from __future__ import annotations

import json
import re
import threading
from collections import Counter, defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

from django.contrib.auth.models import User
from playwright.sync_api import Page, expect

from tests.chat_endpoint import ChatEndpoint, Request
from tests.conftest import PASSWORD
from tests.factories import make_endpoint, make_model_version

EXAMPLES: list[dict[str, Any]] = [
    {"id": "refund-1", "prompt": "Where is my refund?", "tags": ["refunds"], "lang": "en"},
    {"id": "refund-2", "prompt": "I was charged twice.", "tags": ["refunds", "billing"], "lang": "en"},
    {"id": "reembolso-1", "prompt": "¿Cuándo recibo mi reembolso?", "tags": ["refunds"], "lang": "es"},
    {"id": "billing-1", "prompt": "Can I have an invoice?", "tags": ["billing"], "lang": "en"},
    {"id": "factura-1", "prompt": "¿Puedo pagar en cuotas?", "tags": ["billing"], "lang": "es"},
    {"id": "size-1", "prompt": "Is the coat true to size?", "tags": ["sizing"], "lang": "en"},
    {"id": "talla-1", "prompt": "¿Qué talla necesito?", "tags": ["sizing"], "lang": "es"},
    {"id": "talla-2", "prompt": "Mido un metro ochenta.", "tags": ["sizing"], "lang": "es"},
    {"id": "rash-1", "prompt": "The cream gave me a rash.", "tags": ["medical disclaimer"], "lang": "en"},
    {"id": "crema-1", "prompt": "¿Sirve para el eccema?", "tags": ["medical disclaimer"], "lang": "es"},
    {"id": "thanks-1", "prompt": "Thank you!", "tags": ["small talk"], "lang": "en"},
    {"id": "hello-1", "prompt": "Hello?"},
]
KEY_OF = {example["prompt"]: example["id"] for example in EXAMPLES}
SAME_TEXT = "thanks-1"  # both models answer alike: a tie without a vote
TO_VOTE_ON = len(EXAMPLES) - 1
VOTES = 2
MARKS = {"candidate": "Warmly:", "baseline": "Curtly:"}
SCREEN = {"ArrowLeft": "left", "ArrowRight": "right", "ArrowDown": "tie", "ArrowUp": "both bad"}
# over the eleven pairs the two agree, differ and contradict each other
KEYS = {
    "rosa": ["ArrowLeft", "ArrowRight", "ArrowDown", "ArrowUp", "ArrowLeft"],
    "ruben": ["ArrowRight", "ArrowRight", "ArrowUp", "ArrowLeft", "ArrowDown", "ArrowRight"],
}
ANSWERED_AT_FIRST = 10


class Valve:
    """Lets the first calls through and holds back the others, so that a half-full progress bar can be seen."""

    def __init__(self, most: int) -> None:
        self._open = threading.Event()
        self._left = threading.Semaphore(most)

    def wait(self) -> None:
        if not self._left.acquire(blocking=False):
            self._open.wait(60)

    def release(self) -> None:
        self._open.set()


def answer_by_model(valve: Valve) -> Callable[[Request], str]:
    def answer(request: Request) -> str:
        valve.wait()
        if KEY_OF[request.last_message] == SAME_TEXT:
            return "You are welcome."
        side = {"served-new": "candidate", "served-old": "baseline"}[request.body["model"]]
        return f"{MARKS[side]} about **{request.last_message}**"

    return answer


def upload_golden_set(page: Page, file: Path) -> None:
    page.goto("/golden-sets/")
    page.get_by_role("link", name="Upload a golden set").first.click()
    page.get_by_label("File").set_input_files(file)
    page.get_by_label("Golden set", exact=False).fill("support-2026")
    page.get_by_role("button", name="Check the file").click()
    page.get_by_role("button", name=f"Store {len(EXAMPLES)} examples").click()
    page.wait_for_url("**/golden-sets/support-2026/1/")
    expect(page.get_by_role("status")).to_contain_text(f"{len(EXAMPLES)} examples")


def log_in(page: Page, user: User) -> None:
    page.goto("/")
    page.get_by_label("Username").fill(user.username)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Hello")


def start_evaluation(page: Page, name: str) -> None:
    page.get_by_role("link", name="Start an evaluation").first.click()
    page.get_by_label("Name").fill(name)
    page.get_by_label("Candidate").select_option("aurora new")
    page.get_by_label("Baseline").select_option("aurora old")
    page.get_by_label("Golden set version").select_option("support-2026 v1")
    page.get_by_label("Votes per comparison").fill(str(VOTES))
    page.get_by_label("Guidelines").fill("Which answer would *you* send?")
    page.get_by_role("button", name="Start", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("The plan")
    page.get_by_role("button", name="Keep the plan").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text(name)


def watch_responses_come(page: Page, valve: Valve) -> None:
    total = 2 * len(EXAMPLES)
    bar = page.get_by_role("progressbar")
    expect(bar).to_have_attribute("value", str(ANSWERED_AT_FIRST))
    expect(page.get_by_role("button", name="Open voting")).to_have_count(0)
    valve.release()
    expect(bar).to_have_attribute("value", str(total))
    expect(bar).to_have_attribute("max", str(total))


class Ballot:
    """A reviewer at the keyboard, who notes what stood where and what was pressed."""

    def __init__(self, page: Page, name: str) -> None:
        self.page, self.name, self.keys = page, name, KEYS[name]
        self.choices: dict[str, str] = {}  # example: in truth
        self.pressed: dict[str, str] = {}  # example: as it was seen

    def enter(self, evaluation: str) -> None:
        self.page.goto("/")
        self.page.get_by_role("link", name=re.compile(rf"Vote ?: {evaluation}")).click()

    @property
    def key(self) -> str:
        return KEY_OF[self.page.locator(".vote-context .turn-user .prose").inner_text().strip()]

    def press(self) -> None:
        """Press without waiting for what comes of it."""
        left, right = (text.strip() for text in self.page.locator(".answer-body > .prose").all_inner_texts())
        on_left = "candidate" if left.startswith(MARKS["candidate"]) else "baseline"
        on_right = "candidate" if right.startswith(MARKS["candidate"]) else "baseline"
        assert {on_left, on_right} == set(MARKS)
        key = self.keys[len(self.choices) % len(self.keys)]
        truth = {"left": on_left, "right": on_right}.get(SCREEN[key], SCREEN[key])
        self.choices[self.key] = truth
        self.pressed[self.key] = SCREEN[key]
        expect(self.page.locator("[data-settling]")).to_have_count(0)
        self.page.keyboard.press(key)

    def wait_for_next(self) -> None:
        counted = f"{len(self.choices)} of {TO_VOTE_ON} votes"
        last = f"You gave {len(self.choices)} votes"
        expect(self.page.get_by_text(last if len(self.choices) == TO_VOTE_ON else counted)).to_be_visible()


def expected_figures(ballots: list[Ballot]) -> dict[str, list[int]]:
    """Wins, ties, both bad and losses of every tag as the votes were given; "" is overall."""
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for example in EXAMPLES:
        for name in ["", *example.get("tags", ["untagged"])]:
            counts[name].update(
                ballot.choices[example["id"]] for ballot in ballots if example["id"] in ballot.choices
            )
    order = ("candidate", "tie", "both bad", "baseline")
    return {name: [count[choice] for choice in order] for name, count in counts.items()}


def expected_win_rate(ballots: list[Ballot], intent: str = "") -> float:
    """The mean over examples of the mean of their votes; the same text on both sides is a tie."""
    worth = {"candidate": 1.0, "baseline": 0.0, "tie": 0.5, "both bad": 0.5}
    scores = []
    for example in EXAMPLES:
        if intent and intent != example.get("tags", ["untagged"])[0]:  # it counts under its primary intent
            continue
        votes = [
            worth[ballot.choices[example["id"]]] for ballot in ballots if example["id"] in ballot.choices
        ]
        scores.append(sum(votes) / len(votes) if votes else 0.5)
    return sum(scores) / len(scores)


def stat(page: Page, label: str) -> str:
    return page.locator(".stat", has=page.get_by_text(label, exact=True)).first.locator("dd").inner_text()


def tags_on(dashboard: Page) -> dict[str, list[int]]:
    return {
        row.get_by_role("rowheader").inner_text(): [
            int(cell) for cell in row.locator("td.num").all_inner_texts()
        ]
        for row in dashboard.locator(".outcome-table tbody tr").all()
    }


def expect_figures(dashboard: Page, ballots: list[Ballot]) -> None:
    """What the dashboard shows once its count of votes has come is exactly what was voted."""
    cast = sum(len(ballot.choices) for ballot in ballots)
    expect(dashboard.locator(".stat").first).to_contain_text(f"{cast}of {VOTES * TO_VOTE_ON}")
    expected = expected_figures(ballots)
    assert [int(stat(dashboard, label)) for label in ("Wins", "Ties", "Both bad", "Losses")] == expected.pop(
        ""
    )
    assert stat(dashboard, "Same text").startswith("1")
    assert tags_on(dashboard) == expected
    if cast == VOTES * TO_VOTE_ON:
        rate = f"{100 * expected_win_rate(ballots):.1f}\N{NO-BREAK SPACE}%"
        expect(dashboard.locator(".forest .is-overall td.num").nth(1)).to_have_text(rate)
        rates = {
            row.get_by_role("rowheader").locator("a").inner_text(): row.locator("td.num").nth(1).inner_text()
            for row in dashboard.locator(".forest tbody tr:not(.is-overall)").all()
        }
        shown = {name: float(rate.removesuffix("\N{NO-BREAK SPACE}%")) for name, rate in rates.items()}
        assert set(shown) == set(expected)
        for name, percent in shown.items():
            assert abs(percent - 100 * expected_win_rate(ballots, name)) <= 0.05 + 1e-9, name


def expect_rows_behind(dashboard: Page, tag: str, ballots: list[Ballot]) -> None:
    dashboard.locator(".outcome-table").get_by_role("link", name=tag, exact=True).click()
    listed = dashboard.locator(".comparison-row")
    bearing = {example["id"] for example in EXAMPLES if tag in example.get("tags", ["untagged"])}
    expect(listed).to_have_count(len(bearing))  # the click does not wait for the page it leads to
    assert set(listed.locator(".row-note > :first-child").all_inner_texts()) == bearing
    for key in sorted(bearing):
        listed.filter(has_text=key).locator(".row-title").click()
        expect(dashboard.get_by_role("heading", level=1)).to_have_text(key)
        expect(dashboard.locator("table.data tbody tr")).to_have_count(len(ballots))
        answers = dashboard.locator(".answer > .prose")
        assert [text.split()[0] for text in answers.all_inner_texts()] == list(MARKS.values())
        votes = {
            row.get_by_role("rowheader").inner_text().split()[-1]: [
                text.removesuffix(" slightly") for text in row.locator("td").all_inner_texts()[:2]
            ]
            for row in dashboard.locator("table.data tbody tr").all()
        }
        assert votes == {ballot.name: [ballot.choices[key], ballot.pressed[key]] for ballot in ballots}
        dashboard.go_back()


def test_what_two_reviewers_vote_by_keyboard_is_what_the_dashboard_shows(
    page_for: Callable[..., Page],
    admin_user: User,
    lead: User,
    reviewer: User,
    second_reviewer: User,
    worker: Any,
    chat_endpoint: ChatEndpoint,
    tmp_path: Path,
) -> None:
    valve = Valve(ANSWERED_AT_FIRST)
    chat_endpoint.answer = answer_by_model(valve)
    endpoint = make_endpoint(chat_endpoint.base_url)
    for version in ("new", "old"):
        make_model_version("aurora", endpoint=endpoint, version=version, served_name=f"served-{version}")
    file = tmp_path / "support.jsonl"
    file.write_text("\n".join(json.dumps(example, ensure_ascii=False) for example in EXAMPLES), "utf-8")

    upload_golden_set(page_for(admin_user), file)

    dashboard = page_for(None)
    log_in(dashboard, lead)
    start_evaluation(dashboard, "Spring check")
    watch_responses_come(dashboard, valve)
    dashboard.get_by_role("button", name="Open voting").click()
    expect_figures(dashboard, [])
    dashboard.evaluate("window.loadedOnce = true")

    ballots = [Ballot(page_for(user), user.username) for user in (reviewer, second_reviewer)]
    for ballot in ballots:
        ballot.enter("Spring check")
    for turn in range(TO_VOTE_ON):
        for ballot in ballots:
            ballot.press()
        for ballot in ballots:
            ballot.wait_for_next()
        if turn == TO_VOTE_ON // 2:
            expect_figures(dashboard, ballots)
    for ballot in ballots:
        expect(ballot.page.get_by_role("heading", name="That was the last one")).to_be_visible()
        assert set(ballot.choices) == set(KEY_OF.values()) - {SAME_TEXT}

    expect_figures(dashboard, ballots)
    assert dashboard.evaluate("window.loadedOnce"), "the page was loaded again instead of refreshing itself"
    address = dashboard.url
    expect_rows_behind(dashboard, "refunds", ballots)
    dashboard.goto(address)
    expect_rows_behind(dashboard, "untagged", ballots)

    dashboard.goto(address)
    dashboard.get_by_role("button", name="Close voting").click()
    expect(dashboard.get_by_role("heading", level=1)).to_contain_text("Closed")
    expect_figures(dashboard, ballots)
    for ballot in ballots:
        ballot.page.get_by_role("main").get_by_role("link", name="Home").click()
        expect(ballot.page.get_by_text("Nothing is waiting for you.")).to_be_visible()
        expect(ballot.page.get_by_text("your votes were counted")).to_be_visible()
        expect(ballot.page.get_by_role("link", name=re.compile("^Vote ?: Spring check"))).to_have_count(0)
