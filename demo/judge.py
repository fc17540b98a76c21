"""The story's judge: it sees the quality of an answer with some noise, and has a weakness for length and first place.

Whatever the template says, it finds the story's answers in what it is asked, so that a lead may change it. The same
question always gets the same verdict.
"""

from __future__ import annotations

import json
import math
import random
from dataclasses import dataclass

from demo import story

SERVED = "aurora-judge"
NOISE = 0.4
FIRST_PLACE = 0.12
LENGTH = 0.25
# as far apart as the story's people have to see two answers
APART = 0.45

REASONS = {
    "better": (
        "It answers all of the question on {intent} and gives the next step.",
        "Its facts on {intent} are closer to what the shop promises, and it says what to do now.",
        "It is clearer on {intent}, in the customer's own language and tone.",
    ),
    "tie": (
        "Both settle the question on {intent} in about the same way.",
        "One is clearer, the other more complete; on {intent} neither matters more.",
    ),
    "both_bad": (
        "Neither could be sent: both leave the customer without a correct answer on {intent}.",
        "Both miss what matters on {intent}.",
    ),
}


@dataclass(frozen=True)
class Found:
    """One of the story's answers, where it stands in a prompt."""

    at: int
    served_name: str
    key: str
    answer: story.Answer


def verdict(asked: str) -> str:
    """One JSON object, as the prompt asks for."""
    pair = _pair(asked)
    if pair is None:
        return _said("tie", "I know neither of these answers, so I can't tell them apart.")
    first, second = pair
    names = sorted((first.served_name, second.served_name))
    dice = random.Random(f"{first.key}:{names}")  # noqa: S311 - a story, told the same way each time
    seen = dice.gauss(0, NOISE) * (1 if first.served_name == names[0] else -1)
    length = math.tanh((len(first.answer.text) - len(second.answer.text)) / 400)
    apart = first.answer.quality - second.answer.quality + seen + FIRST_PLACE + LENGTH * length
    intent = next(prompt.intent for prompt in story.prompts() if prompt.key == first.key) or "this"
    if abs(apart) >= APART:
        return _said("first" if apart > 0 else "second", dice.choice(REASONS["better"]).format(intent=intent))
    kind = "both_bad" if first.answer.quality + second.answer.quality < 5 else "tie"
    return _said(kind, dice.choice(REASONS[kind]).format(intent=intent))


def _said(choice: str, why: str) -> str:
    return json.dumps({"verdict": choice, "rationale": why})


def _pair(asked: str) -> tuple[Found, Found] | None:
    """The two answers to one prompt of the story that stand in a text, in their order."""
    found = [
        Found(at, served_name, key, answer)
        for served_name in story.SERVED.values()
        for key, answer in story.answers(served_name).items()
        if (at := asked.find(answer.text.strip())) >= 0
    ]
    by_key: dict[str, list[Found]] = {}
    for one in found:
        by_key.setdefault(one.key, []).append(one)
    # two versions may have given one text to a prompt; it stands where it stands, once
    pairs = [{one.at: one for one in some} for some in by_key.values()]
    places = next((some for some in pairs if len(some) == 2), None)
    if places is None:
        return None
    first, second = (places[at] for at in sorted(places))
    return first, second
