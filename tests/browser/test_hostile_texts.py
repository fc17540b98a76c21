"""What a model or a file says is text: it runs nothing, asks for nothing, and stays inside its box."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Dialog, Page, expect

from models_registry.models import ModelVersion
from reviews.models import Evaluation
from tests.browser.conftest import Watch
from tests.browser.evaluations import open_evaluation
from tests.factories import make_endpoint, make_model_version, make_vote

ELSEWHERE = "http://elsewhere.invalid"
# each kind of trouble, and a piece of it that has to be readable
HOSTILE = {
    "script": ("<script>alert(1)</script>", "<script>alert(1)</script>"),
    "onerror": ("<img src=x onerror=alert(1)>", "<img src=x onerror=alert(1)>"),
    "svg": (f'<svg onload="fetch(\'{ELSEWHERE}\')"><script>alert(1)</script></svg>', "<svg onload="),
    "closing tags": ("</div></article></section></main></body></html><h1>mine</h1>", "<h1>mine</h1>"),
    "comment": ("<!-- --!><img src=x onerror=alert(1)> -->", "<!--"),
    "style": ("<style>body { display: none }</style>", "display: none"),
    "style attribute": ('<p style="position:fixed;inset:0">cover</p>', "position:fixed"),
    "frame": (f'<iframe src="{ELSEWHERE}/frame" srcdoc="<script>alert(1)</script>"></iframe>', "<iframe"),
    "base": (f'<base href="{ELSEWHERE}/">', "<base"),
    "refresh": (f'<meta http-equiv="refresh" content="0;url={ELSEWHERE}/refresh">', "<meta"),
    "form": (f'<form action="{ELSEWHERE}/form"><button name=choice value=left autofocus>ok</button></form>', "<form"),
    "details": ("<details open ontoggle=alert(1)><summary>x</summary></details>", "ontoggle"),
    "link tag": (f'<link rel="stylesheet" href="{ELSEWHERE}/style.css">', "<link"),
    "htmx": ('<div id="pair" hx-get="/accounts/logout/" hx-trigger="load">swap</div>', "hx-get"),
    "key press": ('<input accesskey="x" onfocus=alert(1) autofocus>', "accesskey"),
    "javascript link": ("[press](javascript:alert(1))", "javascript:alert(1)"),
    "encoded link": ("[press](&#106;avascript&colon;alert(1))", "press"),
    "data link": ("[press](data:text/html;base64,PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg==)", "press"),
    "vbscript link": ("[press](vbscript:msgbox)", "press"),
    "automatic link": ("<javascript:alert(1)>", "javascript:alert(1)"),
    "remote image": (f"![a picture]({ELSEWHERE}/pixel.png)", "a picture"),
    "referenced image": (f"![other picture][pixel]\n\n[pixel]: {ELSEWHERE}/pixel2.png", "other picture"),
    "image in a link": (f"[![third picture]({ELSEWHERE}/pixel3.png)]({ELSEWHERE}/page)", "third picture"),
    "title": ('[press](https://a.invalid "\\"onmouseover=alert(1) x=\\"")', "press"),
    "language": ('```"><img/src=x/onerror=alert(1)>\nin a fence\n```', "in a fence"),
    "code": ("```html\n<script>alert('in code')</script>\n```", "<script>alert('in code')</script>"),
    "table": ("| a |\n|:-:|\n| <script>alert(1)</script> in a cell |", "in a cell"),
    "turned around": ("safe \u202egnp.exe\u202c text \u2066isolated\u2069", "safe gnp.exe text isolated"),
    "template": ("{{ request.user }} {% debug %} ${alert(1)}", "{% debug %}"),
    "long word": ("W" * 3000, "WWWW"),
}  # fmt: skip
TEXT = "\n\n".join(text for text, _readable in HOSTILE.values())
TAG = '"><img src=x onerror=alert(1)> & <b>tag</b>'
ROWS: list[dict[str, Any]] = [
    {
        "id": f"<script>alert({number})</script>",
        "messages": [
            {"role": "system", "content": f"{number} {TEXT}"},
            {"role": "user", "content": TEXT},
            {"role": "assistant", "content": TEXT},
            {"role": "user", "content": TEXT},
        ],
        "tags": [TAG],
        "reference": TEXT,
        "lang": '"><script>alert(1)</script>',
        "metadata": {"<script>alert(1)</script>": TEXT},
    }
    for number in range(2)
]
# nothing in a text may become one of these, nor bear a handler or an address that runs
ALIVE = """
(boxes) => boxes.flatMap((box) => [...box.querySelectorAll("*")].filter((node) =>
  /^(script|img|svg|math|style|link|meta|base|iframe|object|embed|form|input|button|select|textarea|video|audio)$/i
    .test(node.tagName)
  || node.id || node.hasAttribute("style")
  || (node.hasAttribute("tabindex") && !/^(pre|table)$/i.test(node.tagName))  // ours: they scroll sideways
  || [...node.attributes].some((a) => /^(on|hx-|data-)/i.test(a.name)
      || (/^(href|src|action|formaction|srcset|poster)$/i.test(a.name) && !/^(https?:|mailto:)/i.test(a.value)))
).map((node) => node.outerHTML.slice(0, 200)))
"""


@pytest.fixture
def hostile(lead: User) -> Evaluation:
    endpoint = make_endpoint(name="<script>alert(1)</script>", base_url="http://127.0.0.1:9/<script>")
    versions: list[ModelVersion] = [
        make_model_version(
            f"<img src=x onerror=alert('{side}')>",
            endpoint=endpoint,
            version="</title><script>alert(1)</script>",
            served_name="<svg onload=alert(1)>",
            system_prompt=TEXT,
            intended_use=TEXT,
            changelog=TEXT,
            limitations=[TEXT],
            parameters={"stop": "<script>alert(1)</script>"},
        )
        for side in ("candidate", "baseline")
    ]
    return open_evaluation(
        ROWS,
        candidate=versions[0],
        baseline=versions[1],
        text_of=lambda side, _key: f"{side}\n\n{TEXT}",
        name="</title><script>alert(1)</script> & so on",
        guidelines=TEXT,
        started_by=lead,
    )


@pytest.fixture
def quiet_page(page_for: Callable[..., Page], watch: Watch) -> Callable[[User], Page]:
    """A page that fails the test by opening a dialog, as any does by a violation or by going elsewhere."""

    def make(user: User) -> Page:
        page = page_for(user)

        def dismiss(dialog: Dialog) -> None:
            watch.note(f"dialog: {dialog.message}")
            dialog.dismiss()

        page.on("dialog", dismiss)
        page.on("popup", lambda popup: watch.note(f"window: {popup.url}"))
        return page

    return make


def open_everything(page: Page) -> None:
    page.locator("main details").evaluate_all("all => all.forEach(details => { details.open = true })")


def expect_harmless(page: Page) -> None:
    """The texts are all there to be read, nothing of them is alive, and the page around them stands."""
    boxes = page.locator(".prose, .plain")
    assert boxes.evaluate_all(ALIVE) == []
    expect(page.locator("body")).to_be_visible()
    expect(page.locator("h1")).to_have_count(1 + page.locator(".prose h1").count())
    expect(page.locator(".site-header")).to_be_visible()


def test_hostile_texts_do_nothing_on_the_voting_page(
    quiet_page: Callable[[User], Page], hostile: Evaluation, reviewer: User
) -> None:
    page = quiet_page(reviewer)

    page.goto(f"/evaluations/{hostile.pk}/vote/")
    open_everything(page)

    expect_harmless(page)
    for answer in page.locator(".answer-body > .prose").all():
        shown = answer.inner_text()
        for kind, (_text, readable) in HOSTILE.items():
            assert readable in shown, kind
    rels = page.locator(".prose a").evaluate_all("links => links.map(link => link.rel)")
    assert set(rels) == {"noopener noreferrer nofollow"}
    expect(page.locator("#pair")).to_have_count(1)
    expect(page.locator(".ballot")).to_have_count(1)

    # what comes by a swap is no more alive than what came with the page
    page.keyboard.press("ArrowDown")
    expect(page.locator("#pair")).to_be_focused()
    expect_harmless(page)


def test_hostile_texts_do_nothing_where_the_truth_is_shown(
    quiet_page: Callable[[User], Page], hostile: Evaluation, lead: User, reviewer: User
) -> None:
    comparison = hostile.comparisons.all()[0]
    make_vote(comparison, reviewer, "baseline")
    version = hostile.golden_set_version
    page = quiet_page(lead)

    addresses = [
        "/",
        "/evaluations/",
        hostile.get_absolute_url(),
        f"{hostile.get_absolute_url()}comparisons/",
        comparison.get_absolute_url(),
        "/models/",
        hostile.candidate.get_absolute_url(),
        version.golden_set.get_absolute_url(),
        version.get_absolute_url(),
    ]
    for address in addresses:
        page.goto(address)
        open_everything(page)
        expect_harmless(page)

    page.goto(comparison.get_absolute_url())
    for answer in page.locator(".answer > .prose").all():
        shown = answer.inner_text()
        for kind, (_text, readable) in HOSTILE.items():
            assert readable in shown, kind


def test_hostile_tag_leads_to_its_comparisons(
    quiet_page: Callable[[User], Page], hostile: Evaluation, lead: User, reviewer: User
) -> None:
    make_vote(hostile.comparisons.all()[0], reviewer, "candidate")
    page = quiet_page(lead)
    page.goto(hostile.get_absolute_url())

    page.locator(".outcome-table").get_by_role("link", name=TAG, exact=True).click()

    expect(page.locator(".comparison-row")).to_have_count(len(ROWS))
    expect(page.get_by_label("Intent tag")).to_have_value(TAG)
    expect(page.locator(".comparison-row .row-note").first).to_contain_text("<script>alert(")


def test_link_in_a_text_goes_where_it_says_without_telling_from_where(
    quiet_page: Callable[[User], Page], reviewer: User
) -> None:
    evaluation = open_evaluation(
        1, text_of=lambda side, _key: f"{side}: [help](https://help.invalid/page?a=1&b=2) and <b>bold</b>"
    )
    page = quiet_page(reviewer)
    page.goto(f"/evaluations/{evaluation.pk}/vote/")

    link = page.get_by_role("link", name="help").first
    expect(link).to_have_attribute("href", "https://help.invalid/page?a=1&b=2")
    expect(link).to_have_attribute("rel", "noopener noreferrer nofollow")
    expect(page.get_by_text("<b>bold</b>").first).to_be_visible()
