"""The demo's judge: it finds the story's answers in a prompt, whatever the template, and says the same each time."""

from __future__ import annotations

import json
from statistics import mean

from demo import endpoint, judge, story
from reviews.verdicts import DEFAULT_TEMPLATE, filled, read_verdict

PROMPTS = story.prompts()


def asked(key: str, first: str, second: str, template: str = DEFAULT_TEMPLATE) -> str:
    texts = {"conversation": key, "reference": "", "guidelines": ""}
    return endpoint.answer(
        judge.SERVED,
        [
            {
                "role": "user",
                "content": filled(
                    template,
                    texts
                    | {
                        "first": story.answers(story.SERVED[first])[key].text,
                        "second": story.answers(story.SERVED[second])[key].text,
                    },
                ),
            }
        ],
    )


def test_every_answer_of_the_judge_is_a_verdict_and_always_the_same() -> None:
    for prompt in PROMPTS:
        said = asked(prompt.key, "ft-1", "large")
        assert read_verdict(said)
        assert said == asked(prompt.key, "ft-1", "large")


def test_the_judge_follows_quality_with_mistakes_of_its_own() -> None:
    """Where the story's answers differ by a point or more it is right nearly always, and not quite."""
    right = []
    for prompt in PROMPTS:
        candidate, baseline = (story.answers(story.SERVED[short])[prompt.key] for short in ("ft-1", "large"))
        if abs(candidate.quality - baseline.quality) >= 1:
            better = "first" if candidate.quality > baseline.quality else "second"
            right.append(read_verdict(asked(prompt.key, "ft-1", "large")).verdict == better)
    assert len(right) >= 10
    assert 0.7 < mean(right) <= 1


def test_the_judge_reads_another_template_and_owns_up_to_what_it_does_not_know() -> None:
    key = PROMPTS[0].key
    other = 'A: {first}\nB: {second}\n{conversation} {"verdict", "rationale"}'
    assert json.loads(asked(key, "ft-2", "large", other)) == json.loads(asked(key, "ft-2", "large"))
    assert read_verdict(judge.verdict("Is one better than the other?")).verdict == "tie"
