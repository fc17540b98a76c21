"""Mathematics in Markdown, left as it was written. Pure: no Django.

Models write TeX between $…$, $$…$$, \\(…\\) and \\[…\\]. Markdown would take its underscores and stars for emphasis and
its backslashes away, and what is left could be read by nobody. So it stays as it is, delimiters and all, in a box of
its own. What a dollar sign opens is told from money as Pandoc does.
"""

from __future__ import annotations

import re

from markdown_it import MarkdownIt
from markdown_it.common.utils import escapeHtml
from markdown_it.renderer import RendererProtocol
from markdown_it.rules_block import StateBlock
from markdown_it.rules_inline import StateInline
from markdown_it.token import Token
from markdown_it.utils import EnvType, OptionsDict

# $5 and $10 are money: a dollar sign opens before anything but a space, and closes after anything but a space where
# no digit follows
DOLLARS = re.compile(r"\$\$(?!\$).+?\$\$|\$(?![\s$])(?:\\.|[^$\\])*?(?<!\s)\$(?!\d)", re.DOTALL)
BRACKETS = re.compile(r"\\\(.+?\\\)|\\\[.+?\\\]", re.DOTALL)
# \[Customer name\] is a bracket that was escaped; a formula has more than words, or is a letter or two
NOT_WORDS = re.compile(r"[\\\\^_=+<>/*|~]|\A\s*\w{1,2}\s*\Z")
BLOCKS = {"$$": "$$", r"\[": r"\]"}
# longer than any formula; a text full of opening signs must not be searched to its end for each of them
LONGEST = 2000


def keep_mathematics(markdown: MarkdownIt) -> None:
    """A plugin for markdown-it: formulas in a line, and those that stand in lines of their own."""
    markdown.inline.ruler.before("escape", "mathematics", _in_a_line)
    markdown.block.ruler.before(
        "fence", "mathematics", _in_lines, {"alt": ["paragraph", "reference", "blockquote", "list"]}
    )
    # what a line of text may hold ends where one of these begins
    markdown.inline.add_terminator_char("$")
    markdown.add_render_rule("mathematics", _rendered)


def _in_a_line(state: StateInline, silent: bool) -> bool:
    opening = state.src[state.pos]
    if opening not in "$\\":
        return False
    pattern = DOLLARS if opening == "$" else BRACKETS
    found = pattern.match(state.src, state.pos, min(state.posMax, state.pos + LONGEST))
    if found is None or (opening == "\\" and not NOT_WORDS.search(found[0][2:-2])):
        return False
    if not silent:
        state.push("mathematics", "span", 0).content = found[0]
    state.pos = found.end()
    return True


def _in_lines(state: StateBlock, first: int, last: int, silent: bool) -> bool:
    opening = _line(state, first)
    closing = BLOCKS.get(opening[:2])
    if closing is None or state.is_code_block(first):
        return False
    for number in range(first, min(last, first + LONGEST // 20)):
        line = opening[2:] if number == first else _line(state, number)
        if not line.endswith(closing):
            continue
        if not silent:
            token = state.push("mathematics", "div", 0)
            token.content = state.getLines(first, number + 1, state.blkIndent, False).strip()
            token.block, token.map = True, [first, number + 1]
            state.line = number + 1
        return True
    return False


def _line(state: StateBlock, number: int) -> str:
    return state.src[state.bMarks[number] + state.tShift[number] : state.eMarks[number]].rstrip()


def _rendered(
    _self: RendererProtocol, tokens: list[Token], index: int, _options: OptionsDict, _env: EnvType
) -> str:
    token = tokens[index]
    return f'<{token.tag} class="math">{escapeHtml(token.content)}</{token.tag}>' + "\n" * token.block
