"""Draw the pair that follows a vote from what is the same for every pair, and what is its own.

A pair is drawn by templates once for each look it can have (settings of its evaluation, language, who speaks in its
conversation), with a mark in the place of everything that is its own. From then on its texts are put between what
stands around the marks: drawing the ballot and the dialogs again took longer than the vote itself. What is unlike the
others (a judgement that was taken back, a flag, an error in a form) is drawn by the templates as ever, and a test holds
that both ways give the same.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, fields
from functools import lru_cache
from itertools import count
from typing import Any

from django.http import HttpRequest
from django.middleware.csrf import get_token
from django.template.loader import get_template
from django.urls import reverse
from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import get_language

from reviews import markdown
from reviews.queries.voting import BlindPair, Message, Side
from reviews.templatetags.voting import as_written
from reviews.views.flags import blank_form

TEMPLATE = "reviews/_pair.html"
# of one mark: letters and digits, which no filter changes; nobody can write them into guidelines, as they are random
SECRET = secrets.token_hex(12)
MARK = re.compile(rf"m{SECRET}x\d+y")
FRAMES = 256


@dataclass(frozen=True)
class Settings:
    """What an evaluation says of all of its pairs; as the templates call it."""

    guidelines: str
    asks_strength: bool
    reasons: tuple[str, ...]
    reason_rule: str
    comment_rule: str


@dataclass(frozen=True)
class Look:
    """What a pair can differ in beyond its texts: who speaks, in which language, and what is empty."""

    lang: str
    conversation: tuple[str, ...]
    has_reference: bool
    earlier: tuple[tuple[str, ...], tuple[str, ...]]
    is_empty: tuple[bool, bool]


@dataclass
class _Frame:
    """What stands around the marks, and which text comes after each piece of it but the last."""

    around: list[str] = field(default_factory=list)
    places: list[int] = field(default_factory=list)


def is_plain(context: dict[str, Any]) -> bool:
    """Whether nothing is to be said of this pair that isn't said of every other."""
    own = (
        context["earlier"],
        context["flags"],
        context.get("undo"),
        getattr(context["flag_form"], "errors", None),
    )
    return context["pair"] is not None and not any(own)


def framed(request: HttpRequest, context: dict[str, Any], *, voted: int, total: int) -> SafeString:
    """The section of a plain pair, as `reviews/_pair.html` draws it."""
    pair: BlindPair = context["pair"]
    settings = Settings(
        guidelines=context["guidelines"],
        asks_strength=context["asks_strength"],
        reasons=tuple(context["reasons"]),
        reason_rule=context["reason_rule"],
        comment_rule=context["comment_rule"],
    )
    frame = _frame(settings, _look(pair), get_language() or "")
    values = list(_values(pair, get_token(request), voted, total))
    pieces = [frame.around[0]]
    for place, piece in zip(frame.places, frame.around[1:], strict=True):
        pieces += (values[place], piece)
    return mark_safe("".join(pieces))  # noqa: S308 - of templates, escaped texts and cleaned HTML


def _look(pair: BlindPair) -> Look:
    return Look(
        lang=pair.lang,
        conversation=_speakers(pair.conversation),
        has_reference=bool(pair.reference),
        earlier=(_speakers(pair.left.earlier), _speakers(pair.right.earlier)),
        is_empty=(not pair.left.text.strip(), not pair.right.text.strip()),
    )


def _speakers(messages: Iterable[Message]) -> tuple[str, ...]:
    return tuple(message.role for message in messages)


def _values(pair: BlindPair, token: str, voted: int, total: int) -> Iterable[str]:
    """In the order in which `_marked` makes the marks: first those that stand as they are, then rendered ones."""
    yield from (escape(pair.ticket), token, str(voted), str(total))
    for side in (pair.left, pair.right):
        yield escape(as_written(side.text))
        yield side.html or markdown.shown(side.text)
    for message in (*pair.conversation, *pair.left.earlier, *pair.right.earlier):
        yield markdown.shown(message.content)
    yield markdown.shown(pair.reference) if pair.reference else ""


@lru_cache(maxsize=FRAMES)
def _frame(settings: Settings, look: Look, _language: str) -> _Frame:
    """Drawn once for each look."""
    mark = _marks()
    ticket, token, voted, total = mark(), mark(), mark(), mark()
    sides = []
    for is_empty, speakers in zip(look.is_empty, look.earlier, strict=True):
        text, html = mark(), mark()
        sides.append((Side("" if is_empty else text, [], mark_safe(html)), speakers))  # noqa: S308 - a mark
    conversation = [Message(role, mark()) for role in look.conversation]
    left, right = (
        Side(side.text, [Message(role, mark()) for role in speakers], side.html) for side, speakers in sides
    )
    reference = mark()
    context = {each.name: getattr(settings, each.name) for each in fields(Settings)} | {
        "pair": BlindPair(
            ticket, look.lang, conversation, reference if look.has_reference else "", left, right
        ),
        "progress": {"voted": voted, "total": total},
        "csrf_token": token,
        "is_open": True,
        "flag_form": blank_form(_language),
        "flag_action": reverse("flag_example", args=[ticket]),
        "flags": [],
        "earlier": None,
        "notice": "",
    }
    return _cut(get_template(TEMPLATE).render(context))


def _marks() -> Callable[[], str]:
    numbers = count()
    return lambda: f"m{SECRET}x{next(numbers)}y"


def _cut(drawn: str) -> _Frame:
    """What was drawn, cut at its marks; a mark that was rendered as Markdown goes with what that made around it."""
    around, inside = markdown.shown("mark").split("mark")
    rendered = re.compile(f"(?:{re.escape(around)})({MARK.pattern})(?:{re.escape(inside)})|({MARK.pattern})")
    frame, end = _Frame(), 0
    for found in rendered.finditer(drawn):
        frame.around.append(drawn[end : found.start()])
        frame.places.append(int((found[1] or found[2]).rpartition("x")[2][:-1]))
        end = found.end()
    frame.around.append(drawn[end:])
    return frame
