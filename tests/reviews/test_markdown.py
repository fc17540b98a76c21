"""Markdown from models does nothing but look like text."""

from __future__ import annotations

import re
import time
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reviews.markdown import ATTRIBUTES, LANGUAGES, MOST_HIGHLIGHTED, TAGS, render


class Reader(HTMLParser):
    """Every tag with its attributes, as a browser would see them."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def assert_harmless(html: str) -> None:
    for tag, attributes in Reader(html).found:
        assert tag in TAGS
        assert set(attributes) <= ATTRIBUTES.get(tag, set()) | {"rel"}
        href = attributes.get("href")
        if href is not None:
            # a browser drops these characters, and takes what has no scheme for a page of ours
            scheme = re.match(r"[\x00- ]*([a-z][a-z0-9+.-]*):", re.sub(r"[\t\r\n]", "", href), re.IGNORECASE)
            assert scheme is None or scheme[1].lower() in {"http", "https", "mailto"}


HOSTILE = {
    "script": "<script>alert(1)</script>",
    "script in a block": "Hello\n\n<script\n>alert(1)</script\n>\n",
    "event handler": '<img src=x onerror="alert(1)"> <b onmouseover=alert(1)>x</b>',
    "svg": "<svg/onload=alert(1)><math><mtext></mtext></math></svg>",
    "frame": '<iframe src="https://example.com"></iframe><object data="x"></object><embed src=x>',
    "style": '<style>body{display:none}</style><div style="position:fixed">x</div>',
    "form": '<form action="/assignments/1/vote/" method=post><button name=choice value=left>Go</button></form>',
    "meta": '<meta http-equiv="refresh" content="0;url=https://example.com"><base href="https://example.com/">',
    "javascript link": "[x](javascript:alert(1))",
    "javascript link in brackets": "[x](<javascript:alert(1)>) <javascript:alert(1)>",
    "javascript link in capitals": "[x](JaVaScRiPt:alert(1))",
    "javascript link by entity": "[x](&#106;avascript:alert(1)) [y](java&Tab;script:alert(1))",
    "javascript link by reference": "[x][1]\n\n[1]: javascript:alert(1)",
    "javascript link with a control in it": "[x](java\u202escript:alert(1)) [y](java\x01script:alert(1))",
    "javascript link split by a control entity": "[x](java&#x202e;script:alert(1))",
    "data link": "[x](data:text/html;base64,PHNjcmlwdD4=) [y](data:image/png;base64,AAAA)",
    "other schemes": "[x](vbscript:x) [y](file:///etc/passwd) [z](tel:1) [w](blob:x)",
    "remote image": "![x](https://example.com/pixel.png) ![y][1]\n\n[1]: https://example.com/two.png",
    "linked image": "[![x](https://example.com/pixel.png)](https://example.com)",
    "attribute breakout": '[x](https://example.com/"onmouseover="alert(1)) [y](https://example.com "a\\"b")',
    "code breakout": "```python\n</code></pre><script>alert(1)</script>\n```",
    "language breakout": '```"><script>alert(1)</script>\nx\n```',
    "table breakout": "|a|\n|:-|\n|<img src=x onerror=alert(1)>|",
    "comment": "<!-- x --><![CDATA[<script>alert(1)</script>]]><?php echo 1 ?>",
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_hostile_text_does_nothing(text: str) -> None:
    assert_harmless(render(text))


@given(
    st.lists(
        st.sampled_from(
            [
                *HOSTILE.values(),
                "`",
                "```",
                "\n",
                "\n\n",
                "> ",
                "- ",
                "|",
                "|-|\n",
                "[",
                "](",
                ")",
                "*",
                "<",
                "&#",
                "\\",
                '"',
            ]
        ),
        max_size=12,
    ).map("".join)
)
def test_hostile_pieces_do_nothing_in_any_order(text: str) -> None:
    assert_harmless(render(text))


def test_raw_html_is_shown_as_what_was_written() -> None:
    assert render("<b>bold</b> & <script>") == "<p>&lt;b&gt;bold&lt;/b&gt; &amp; &lt;script&gt;</p>\n"


def test_image_is_a_link_to_press_not_something_to_load() -> None:
    html = render("![a map](https://example.com/map.png)")
    assert "<img" not in html
    assert '<a href="https://example.com/map.png"' in html


def test_links_tell_where_they_come_from_to_nobody() -> None:
    html = render("[shop](https://example.com/a?b=c&d=e) and <mailto:help@aurora.example>")
    assert html.count('rel="noopener noreferrer nofollow"') == 2
    assert 'href="https://example.com/a?b=c&amp;d=e"' in html
    assert "https://example.com" in render("https://example.com")
    assert "<a" not in render("https://example.com")


@pytest.mark.parametrize("point", [*range(0x202A, 0x202F), *range(0x2066, 0x206A)])
def test_direction_controls_are_removed_however_they_are_written(point: int) -> None:
    """They can make a text read differently from what it says."""
    control = chr(point)
    for text in (
        f"pay {control}100{control}",
        f"pay &#{point};100",
        f"pay &#x{point:x};100",
        f"```python\nx = '{control}'\n```",
        f'[x](https://example.com "a&#{point};b")',
    ):
        assert control not in render(text)


def test_right_to_left_text_itself_stays() -> None:
    assert "שלום مرحبا" in render("שלום مرحبا")


def test_known_language_is_coloured_and_unknown_one_is_plain() -> None:
    assert '<span class="' in render("```python\nx = 1\n```")
    assert '<span class="' in render("```Python\nx = 1\n```")
    for language in ("klingon", "", "python-nosuch", "../../etc"):
        assert render(f"```{language}\nx < 1\n```") == "<pre><code>x &lt; 1\n</code></pre>\n"


@pytest.mark.parametrize("language", sorted(LANGUAGES))
def test_every_language_that_is_named_has_a_lexer(language: str) -> None:
    assert "<pre><code>" in render(f"```{language}\nx = 1\n```")


def test_long_code_is_shown_whole_without_colours() -> None:
    html = render("```python\n" + "x = 1\n" * (MOST_HIGHLIGHTED // 6 + 1) + "```")
    assert "<span" not in html
    assert html.count("x = 1") == MOST_HIGHLIGHTED // 6 + 1


def test_table_cells_are_aligned_without_a_style() -> None:
    html = render("|a|b|c|d|\n|:-|-:|:-:|-|\n|1|2|3|4|")
    for cell in ("th", "td"):
        assert f'<{cell} align="left">' in html
        assert f'<{cell} align="right">' in html
        assert f'<{cell} align="center">' in html
    assert "style" not in html
    assert "style=&quot;text-align:left&quot;" not in render('<th style="text-align:left">')


def test_what_people_write_looks_as_meant() -> None:
    html = render("# Title\n\n1. one\n2. **two**\n\n- ~~old~~ `code`\n\n> said\n\nline one\nline two\n\n***")
    for part in (
        "<h1>Title</h1>",
        "<li>one</li>",
        "<strong>two</strong>",
        "<s>old</s> <code>code</code>",
        "<blockquote>",
        "line one<br>\nline two",
        "<hr>",
    ):
        assert part in html
    assert render("") == ""


@pytest.mark.parametrize("levels", [3, 10, 14])
def test_nested_text_is_not_left_out(levels: int) -> None:
    nested = "".join("  " * level + "- item\n" for level in range(levels))
    assert "the end" in render(nested + "  " * levels + "the end")
    assert "the end" in render("> " * levels + "the end")


SIZE = 60_000
UNITS = (
    *("> ", "*", "a**b", "[", "[a](", "`", "<", "- ", "&"),
    *("![", "_a ", "*_", "](", "<a ", "\\", "[a]: b\n", "1. ", "<!--"),
)
PATHOLOGICAL = {unit: (unit * SIZE)[:SIZE] for unit in UNITS} | {
    "growing backticks": "".join("`" * number + "a" for number in range(1, 345)),
    "balanced brackets": "[" * 30000 + "a" + "]" * 30000,
    "balanced stars": "*" * 30000 + "a" + "*" * 30000,
    "table of many cells": "|a" * 4000 + "|\n" + "|-" * 4000 + "|\n" + "a\n" * 22000,
    "nested list": "\n".join(" " * number + "- a" for number in range(340)),
    "slow lexer": "```autoit\n" + "\n " * 30000 + "\n```",
    "slow lexer of systemd": "```systemd\n" + '"' * SIZE + "\n```",
    "slow code": "```c\n" + "\n " * 30000 + "\n```",
    "slow code in pieces": ("```swift\n" + "\\\n" * 1000 + "\n```\n") * 30,
}


@pytest.mark.parametrize("text", PATHOLOGICAL.values(), ids=PATHOLOGICAL)
def test_sixty_kilobytes_of_the_worst_take_seconds_at_most(text: str) -> None:
    started = time.process_time()
    assert_harmless(render(text))
    assert time.process_time() - started < 8


@pytest.mark.parametrize(
    "language", ["c", "swift", "java", "typescript", "yaml", "markdown", "python", "ruby"]
)
def test_most_code_that_is_coloured_takes_seconds_at_most(language: str) -> None:
    for unit in ("\n ", "\\\n", "a ", "a.", "&", 'r"', "("):
        started = time.process_time()
        render(f"```{language}\n{(unit * MOST_HIGHLIGHTED)[: MOST_HIGHLIGHTED - 1]}\n```")
        assert time.process_time() - started < 8
