"""What a judge is asked, and how its answer is read: strictly, or not at all."""

from __future__ import annotations

import json

import pytest

from reviews.verdicts import (
    DEFAULT_TEMPLATE,
    TemplateProblem,
    Unreadable,
    Verdict,
    filled,
    read_verdict,
    template_problems,
    transcript,
)

GOOD = '{"verdict": "first", "rationale": "It names the period."}'
FIRST = Verdict("first", "It names the period.")
TEXTS = {"conversation": "C", "first": "F", "second": "S", "reference": "R", "guidelines": "G"}


@pytest.mark.parametrize(
    "text",
    [
        GOOD,
        f"\n  {GOOD}\n",
        f"```json\n{GOOD}\n```",
        f"```\n{GOOD}\n```",
        f"Here is my verdict:\n\n```json\n{GOOD}\n```\nI hope that helps.",
        f"<think>The second is longer, but\n{{}}</think>\n{GOOD}",
        '{"rationale": " It names the period. ", "verdict": "first", "confidence": 0.9}',
    ],
)
def test_a_verdict_is_one_json_object_by_itself_or_in_a_fence(text: str) -> None:
    assert read_verdict(text) == FIRST


@pytest.mark.parametrize("verdict", ["first", "second", "tie", "both_bad"])
def test_every_verdict_is_read(verdict: str) -> None:
    assert read_verdict(json.dumps({"verdict": verdict, "rationale": "So."})).verdict == verdict


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "It is empty."),
        ("The first answer is better.", "It is no JSON object."),
        (f"I think {GOOD}", "It is no JSON object."),
        (f"{GOOD}{GOOD}", "It is no JSON object."),
        (
            f"```json\n{GOOD}\n```\n```json\n{GOOD}\n```",
            "It holds 2 code blocks; one JSON object was asked for.",
        ),
        (f"[{GOOD}]", "It is JSON, but a list and no object."),
        ('"first"', "It is JSON, but a text and no object."),
        ("1", "It is JSON, but a single value and no object."),
        ('{"verdict": "first"}', 'The JSON object has no "rationale".'),
        ('{"rationale": "So."}', 'The JSON object has no "verdict".'),
        ('{"verdict": "first", "rationale": ""}', '"rationale" holds no text.'),
        ('{"verdict": "first", "rationale": 1}', '"rationale" holds no text.'),
        ('{"verdict": "first", "verdict": "second", "rationale": "So."}', 'has "verdict" twice.'),
        ('{"verdict": "First", "rationale": "So."}', '"verdict" is "First"; it is one of "first", "second"'),
        ('{"verdict": ["first"], "rationale": "So."}', '"verdict" is ["first"]; it is one of'),
        ('{"verdict": null, "rationale": "So."}', '"verdict" is null; it is one of'),
        ('{"verdict": "candidate", "rationale": "So."}', '"verdict" is "candidate"; it is one of'),
        ("[" * 100_000, "It is no JSON object."),
        ('{"verdict": ' + "9" * 5000, "It is no JSON object."),
    ],
)
def test_anything_else_is_no_verdict_and_says_why(text: str, why: str) -> None:
    with pytest.raises(Unreadable) as said:
        read_verdict(text)
    assert why in str(said.value)


def test_a_text_that_was_cut_off_says_so() -> None:
    with pytest.raises(Unreadable, match="limit of tokens"):
        read_verdict('{"verdict": "first", "rationale": "It', was_cut=True)
    assert read_verdict(GOOD, was_cut=True) == FIRST


def test_default_template_has_nothing_to_mend() -> None:
    assert template_problems(DEFAULT_TEMPLATE) == []


@pytest.mark.parametrize(
    ("template", "problems"),
    [
        (DEFAULT_TEMPLATE.replace("{first}", ""), [TemplateProblem("missing", "first")]),
        (
            DEFAULT_TEMPLATE.replace("{conversation}", "{convresation}"),
            [
                TemplateProblem("unknown", "convresation", nearest="conversation"),
                TemplateProblem("missing", "conversation"),
            ],
        ),
        (
            DEFAULT_TEMPLATE + "{model}{zzz}{model}",
            [TemplateProblem("unknown", "model"), TemplateProblem("unknown", "zzz")],
        ),
        ("{conversation} {first} {second}", [TemplateProblem("asks_for_nothing")]),
    ],
)
def test_template_says_what_is_to_be_mended(template: str, problems: list[TemplateProblem]) -> None:
    assert template_problems(template) == problems


def test_what_may_be_left_out_may_be_left_out() -> None:
    assert template_problems(DEFAULT_TEMPLATE.replace("{reference}", "").replace("{guidelines}", "")) == []


def test_placeholders_are_filled_once_so_an_answer_can_not_bring_in_the_other() -> None:
    texts = TEXTS | {"first": "{second} and {reference}", "reference": " "}
    assert filled("[{first}][{ second }][{reference}]", texts) == "[{second} and {reference}][S][(none)]"


def test_json_in_a_template_is_no_placeholder() -> None:
    assert filled('{"verdict": 1} {first}', TEXTS) == '{"verdict": 1} F'


def test_transcript_says_who_speaks() -> None:
    turns = [{"role": "user", "content": "¿Hola?"}, {"role": "assistant", "content": "Sí."}]
    assert transcript(turns) == "Customer: ¿Hola?\n\nAssistant: Sí."
