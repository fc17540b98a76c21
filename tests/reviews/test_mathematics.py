"""Formulas come through Markdown as they were written, and money stays money."""

from __future__ import annotations

import time
from html import unescape

import pytest

from reviews.markdown import render

FORMULAS = {
    "underscores": r"$x_1 + y_2$",
    "stars": "$a*b*c$",
    "backslashes": r"$\frac{-b \pm \sqrt{b^2 - 4ac}}{2a}$",
    "escaped dollar": r"$\$5 + x_1$",
    "less and greater": "$a_1 < b_1 > c$",
    "parentheses": r"\(a_1 * b_1 * c\)",
    "one letter": r"\(n\)",
    "brackets": r"\[ x_1 \\ y_1 \]",
    "two dollars": "$$x_1 * y * z_1$$",
    "percent": r"$\%_1$",
}


@pytest.mark.parametrize("formula", FORMULAS.values(), ids=FORMULAS)
def test_formula_in_a_line_is_left_as_it_was_written(formula: str) -> None:
    html = render(f"Then *this* {formula} and `code`, and {formula} again.")

    assert unescape(html).count(f'<span class="math">{formula}</span>') == 2
    assert html.count("<em>") == 1
    assert "<code>code</code>" in html


@pytest.mark.parametrize(
    "block",
    ["$$\na_1\n- b_1\n= c\n\n+ d\n$$", "\\[\n\\begin{aligned}\nx_1 &= 2 \\\\\n* y\n\\end{aligned}\n\\]"],
    ids=["dollars", "brackets"],
)
def test_formula_in_lines_of_its_own_is_no_list_and_no_heading(block: str) -> None:
    html = unescape(render(f"Before:\n{block}\nafter"))

    assert f'<div class="math">{block}</div>' in html
    assert "<li>" not in html
    assert "<h" not in html
    assert "<p>after</p>" in html


def test_formula_in_an_item_of_a_list_stays_in_it() -> None:
    html = render("1. one\n\n   $$\n   x_1\n   $$\n2. two")

    assert html.count("<li>") == 2
    assert "$$\nx_1\n$$</div>" in html


@pytest.mark.parametrize(
    "text",
    [
        "It costs $5 and $10.",
        "Between $5-$10, or $5/$6.",
        "**$5** now, **$6** later",
        "a $ b $ c",
        r"\$5 and 6\$",
        r"Dear \[Customer name\], see \(below\)",
        "`$x_1$`",
        "```\n$$\nx_1\n$$\n```",
        "    $$\n    x_1\n    $$",
    ],
)
def test_money_escapes_and_code_are_no_formulas(text: str) -> None:
    assert "math" not in render(text)


def test_tags_in_a_formula_are_text() -> None:
    html = render("$<img src=x onerror=alert(1)>$\n\n$$\n<script>alert(1)</script>\n$$")

    assert "<img" not in html
    assert "<script" not in html
    assert html.count("&lt;") == 3


@pytest.mark.parametrize(
    "text", ["$a" * 10_000, "\\(" * 10_000, "$$\n" * 5000, "\\[\n" * 5000, "> $$\n" * 5000]
)
def test_signs_that_nothing_closes_take_no_time(text: str) -> None:
    start = time.process_time()
    render(text)
    assert time.process_time() - start < 5
