"""What a reviewer may know: texts and sides, never a model's name."""

from __future__ import annotations

from dataclasses import dataclass

from django.contrib.auth.models import User

from models_registry.models import Example, ExampleFlag
from reviews.models import Assignment


@dataclass(frozen=True)
class Message:
    role: str
    content: str


@dataclass(frozen=True)
class Side:
    """One response as it is shown. `earlier` is what led up to it where the model's own answers differ by side."""

    text: str
    earlier: list[Message]


@dataclass(frozen=True)
class BlindPair:
    assignment_id: int
    lang: str
    conversation: list[Message]
    reference: str
    left: Side
    right: Side


def blind_pair(assignment: Assignment) -> BlindPair:
    """The pair of an assignment whose comparison, example and responses are loaded."""
    comparison = assignment.comparison
    candidate, baseline = comparison.candidate_response, comparison.baseline_response
    left, right = (candidate, baseline) if assignment.candidate_on_left else (baseline, candidate)
    shared, replayed = split_conversation(comparison.example.messages)
    return BlindPair(
        assignment_id=assignment.pk,
        lang=comparison.example.lang,
        conversation=shared,
        reference=comparison.example.reference,
        left=Side(left.text, weave(left.earlier_answers, replayed)),
        right=Side(right.text, weave(right.earlier_answers, replayed)),
    )


def split_conversation(messages: list[dict[str, str]]) -> tuple[list[Message], list[Message]]:
    """The part both sides share, and the user turns that each model came to by an answer of its own.

    A system message of the example is an instruction to the model; reviewers see it as part of the conversation.
    """
    turns = [Message(message["role"], message["content"]) for message in messages]
    for index in range(1, len(turns)):
        if turns[index - 1].role == "user" and turns[index].role == "user":
            return turns[:index], turns[index:]
    return turns, []


def weave(answers: list[str], replayed: list[Message]) -> list[Message]:
    """A model's own earlier answers, each followed by the user turn it led to."""
    woven: list[Message] = []
    remaining = list(answers)
    for turn in replayed:
        if turn.role == "user" and remaining:
            woven.append(Message("assistant", remaining.pop(0)))
        woven.append(turn)
    return woven


def flagged_by(person: User, example: Example) -> list[ExampleFlag]:
    """What this person found wrong with the example and nobody settled yet."""
    return list(ExampleFlag.objects.filter(example=example, created_by=person, settled_at=None))
