"""Markdown from models, made safe to show. Pure: no Django.

Raw HTML is text, images are left out (a remote one would tell its server who is reading), links are http(s) or
mailto, and the result is cleaned once more by an allow-list. Invisible direction controls are removed: they can make
a text read differently from what it says.
"""

from __future__ import annotations

import re

import nh3
from markdown_it import MarkdownIt
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import get_lexer_by_name
from pygments.util import ClassNotFound

# Bidirectional embeddings, overrides and isolates (Unicode TR36, "Trojan Source").
DIRECTION_CONTROLS = re.compile("[\u202a-\u202e\u2066-\u2069]")

TAGS = {
    "a", "blockquote", "br", "code", "del", "div", "em", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "li", "ol", "p",
    "pre", "s", "span", "strong", "table", "tbody", "td", "th", "thead", "tr", "ul",
}  # fmt: skip
# markdown-it aligns cells by a style, which our CSP drops
ALIGNED = re.compile(r'(<t[hd]) style="text-align:(left|center|right)"')

ATTRIBUTES = {
    "td": {"align"},
    "th": {"align"},
    "a": {"href", "title"},
    "ol": {"start"},
    "span": {"class"},
    "pre": {"class"},
    "div": {"class"},
}


def _highlighted(code: str, language: str, _attributes: str) -> str:
    try:
        lexer = get_lexer_by_name(language)
    except ClassNotFound:
        return ""  # the caller escapes it as plain text
    return highlight(code, lexer, HtmlFormatter(nowrap=True))


_renderer = (
    MarkdownIt("commonmark", {"html": False, "linkify": False, "breaks": True, "highlight": _highlighted})
    .enable(["table", "strikethrough"])
    .disable(["image"])
)


def render(text: str) -> str:
    """HTML of a Markdown text, safe to put into a page."""
    html = ALIGNED.sub(r'\1 align="\2"', _renderer.render(DIRECTION_CONTROLS.sub("", text)))
    return nh3.clean(
        html,
        tags=TAGS,
        attributes=ATTRIBUTES,
        url_schemes={"http", "https", "mailto"},
        link_rel="noopener noreferrer nofollow",
    )
