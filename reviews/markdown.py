"""Markdown from models, made safe to show. Pure: no Django.

Raw HTML is text, images are left out (a remote one would tell its server who is reading), links are http(s) or
mailto, and the result is cleaned once more by an allow-list. Invisible direction controls are removed: they can make
a text read differently from what it says.
"""

from __future__ import annotations

import hashlib
import re
from functools import cache, lru_cache
from importlib.metadata import version
from pathlib import Path

import nh3
from markdown_it import MarkdownIt
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import get_lexer_by_name

from reviews.mathematics import keep_mathematics

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


# A model names the language and writes the code, and some of the 500 lexers take minutes over a page of the wrong
# characters: so only these are asked, and only about so much code in one text.
LANGUAGES = {
    "bash", "c", "c#", "c++", "console", "cpp", "cs", "csharp", "css", "diff", "dockerfile", "go", "golang", "html",
    "http", "ini", "java", "javascript", "js", "json", "jsx", "kotlin", "lua", "markdown", "matlab", "md", "php", "py",
    "python", "python3", "r", "rb", "ruby", "rust", "scala", "sh", "shell", "sql", "swift", "toml", "ts", "typescript",
    "xml", "yaml", "yml",
}  # fmt: skip
MOST_HIGHLIGHTED = 5000


def _highlighted(code: str, language: str, _attributes: str) -> str:
    if language.lower() not in LANGUAGES:
        return ""  # the caller escapes it as plain text
    return highlight(code, get_lexer_by_name(language), HtmlFormatter(nowrap=True))


_renderer = (
    # what is nested deeper than the limit is left out; a list takes two levels
    MarkdownIt("commonmark", {"html": False, "breaks": True, "maxNesting": 30, "highlight": _highlighted})
    .enable(["table", "strikethrough"])
    .disable(["image"])
    .use(keep_mathematics)
)


def render(text: str) -> str:
    """HTML of a Markdown text, safe to put into a page."""
    tokens = _renderer.parse(DIRECTION_CONTROLS.sub("", text))
    fences = [token for token in tokens if token.type == "fence"]
    if sum(len(fence.content) for fence in fences) > MOST_HIGHLIGHTED:
        for fence in fences:
            fence.info = ""  # the language
    html = ALIGNED.sub(r'\1 align="\2"', _renderer.renderer.render(tokens, _renderer.options, {}))
    # once more, for those that were written as entities
    html = DIRECTION_CONTROLS.sub("", html)
    return nh3.clean(
        html,
        tags=TAGS,
        attributes=ATTRIBUTES,
        url_schemes={"http", "https", "mailto"},
        link_rel="noopener noreferrer nofollow",
    )


# a question or guidelines are shown again and again; long texts are kept by nobody but the database
LONGEST_KEPT = 4000


def shown(text: str) -> str:
    """`render`, as a page shows it."""
    return _shown_again(text) if len(text) <= LONGEST_KEPT else _shown(text)


def _shown(text: str) -> str:
    # tables and code may scroll sideways, so they must be reachable from the keyboard
    return render(text).replace("<table>", '<table tabindex="0">').replace("<pre>", '<pre tabindex="0">')


_shown_again = lru_cache(maxsize=1024)(_shown)


@cache
def renderer() -> str:
    """Names what makes HTML of a text: this file and the libraries it calls. Other HTML than its own is made anew."""
    made_by = [f"{name} {version(name)}" for name in ("markdown-it-py", "nh3", "pygments")]
    return hashlib.sha256(Path(__file__).read_bytes() + " ".join(made_by).encode()).hexdigest()[:32]
