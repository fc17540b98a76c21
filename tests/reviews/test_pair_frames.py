"""A pair that is put together from its frame is the pair that the templates draw."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from django.template.loader import render_to_string
from django.test import RequestFactory
from django.urls import reverse
from django.utils import translation
from django.utils.safestring import mark_safe

from reviews.forms import FlagForm
from reviews.queries.voting import BlindPair, Message, SaidBefore, Side
from reviews.views.flags import blank_form
from reviews.views.pair_frames import framed, is_plain

ASKED = [
    Message("system", "Be brief."),
    Message("user", "Where is **it**? <b>&amp;</b>"),
    Message("assistant", "Which one?\n\n- 1\n- 2"),
    Message("user", "The `last`.\u202e"),
]
USUAL = BlindPair(
    ticket="AbC-_0123456789x",
    lang="en",
    conversation=ASKED[1:2],
    reference="",
    left=Side("Look\u202e <script>alert(1)</script> & **wait**.", [], mark_safe("<p>Look &amp; wait.</p>")),
    right=Side("| a |\n|---|\n| b |\n\n```python\nprint(1)\n```", []),
)
PAIRS = {
    "usual": USUAL,
    "a conversation": replace(USUAL, lang="es", conversation=ASKED, reference="Ask.\n\n1. *First*\n2. then"),
    "no language": replace(USUAL, lang="", reference="<i>none</i>"),
    "an empty answer": replace(USUAL, left=Side(" \n", []), right=Side("", [])),
    "answers of their own": replace(
        USUAL,
        left=Side("Done.", [Message("assistant", "Mine, *left*."), ASKED[3]]),
        right=Side("Done, too.", [Message("assistant", "Mine, right."), ASKED[3]]),
    ),
}
SETTINGS: dict[str, dict[str, Any]] = {
    "as usual": {
        "guidelines": "",
        "asks_strength": True,
        "reasons": ["accuracy", "tone"],
        "reason_rule": "optional",
        "comment_rule": "optional",
    },
    "a lead's own": {
        "guidelines": "Prefer **short** answers. <b>",
        "asks_strength": False,
        "reasons": ["accuracy", "Our own <reason>"],
        "reason_rule": "always",
        "comment_rule": "both_bad",
    },
    "no reasons": {
        "guidelines": "Would you send it?",
        "asks_strength": True,
        "reasons": [],
        "reason_rule": "both_bad",
        "comment_rule": "always",
    },
}


def context_of(pair: BlindPair, settings: dict[str, Any]) -> dict[str, Any]:
    return settings | {
        "evaluation_id": 7,
        "evaluation_name": "November",
        "is_open": True,
        "pair": pair,
        "earlier": None,
        "flag_form": blank_form(translation.get_language() or ""),
        "flag_action": reverse("flag_example", args=[pair.ticket]),
        "flags": [],
        "notice": "",
    }


@pytest.mark.parametrize("language", ["en", "es"])
@pytest.mark.parametrize("settings", SETTINGS.values(), ids=SETTINGS)
@pytest.mark.parametrize("pair", PAIRS.values(), ids=PAIRS)
def test_pair_from_its_frame_is_as_the_templates_draw_it(
    rf: RequestFactory,
    pair: BlindPair,
    settings: dict[str, Any],
    language: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    request = rf.get("/")
    # a token is masked anew each time
    monkeypatch.setattr("reviews.views.pair_frames.get_token", lambda _request: "token")
    with translation.override(language):
        context = context_of(pair, settings)
        assert is_plain(context)
        by_templates = render_to_string(
            "reviews/_pair.html",
            context | {"csrf_token": "token", "progress": {"voted": 1234, "total": 56789}},
        )
        for _first_and_again in range(2):
            assert framed(request, context, voted=1234, total=56789) == by_templates


def test_frame_keeps_nothing_of_a_pair_before(rf: RequestFactory) -> None:
    other = replace(
        USUAL, ticket="ZZZZZZZZZZZZZZZZ", conversation=[Message("user", "Else?")], left=USUAL.right
    )
    settings = SETTINGS["as usual"]
    framed(rf.get("/"), context_of(USUAL, settings), voted=1, total=2)
    drawn = framed(rf.get("/"), context_of(other, settings), voted=3, total=4)
    assert USUAL.ticket not in drawn
    assert "Where is" not in drawn
    assert "Look" not in drawn


@pytest.mark.parametrize(
    "own",
    [
        {"pair": None},
        {"earlier": SaidBefore("left", "clearly", [], "")},
        {"flags": ["a flag"]},
        {"undo": USUAL.ticket},
        {"flag_form": FlagForm({"kind": ""})},
    ],
    ids=lambda own: next(iter(own)),
)
def test_pair_that_is_unlike_the_others_is_left_to_the_templates(own: dict[str, Any]) -> None:
    assert not is_plain(context_of(USUAL, SETTINGS["as usual"]) | own)
