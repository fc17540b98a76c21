"""What a reviewer may know: texts and sides, never a model's name."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.contrib.auth.models import User
from django.db.models import Q, QuerySet
from django.utils.safestring import mark_safe

from models_registry.models import Example, ExampleFlag, Response
from reviews.blinding import CHOICES_ON_SCREEN, on_screen, truth
from reviews.models import Assignment, Evaluation, HiddenCheck, Vote, VoteRevision
from reviews.queries.hidden_checks import answered_checks, as_turn, check_of


@dataclass(frozen=True)
class Message:
    role: str
    content: str


@dataclass(frozen=True)
class Side:
    """One response as it is shown. `earlier` is what led up to it where the model's own answers differ by side.

    `html` is the text rendered, where that was done before.
    """

    text: str
    earlier: list[Message]
    html: str = ""


@dataclass(frozen=True)
class BlindPair:
    ticket: str
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
        ticket=assignment.ticket,
        lang=comparison.example.lang,
        conversation=shared,
        reference=comparison.example.reference,
        left=_side(left, replayed),
        right=_side(right, replayed),
    )


def _side(response: Response, replayed: list[Message]) -> Side:
    html = mark_safe(getattr(response, "html", ""))  # noqa: S308 - cleaned by an allow-list in reviews/markdown.py
    return Side(response.text, weave(response.earlier_answers, replayed), html)


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
    # asked together with the texts where they come from a page
    if not getattr(example, "was_flagged", True):
        return []
    return list(ExampleFlag.objects.filter(example=example, created_by=person, settled_at=None))


@dataclass(frozen=True)
class SaidBefore:
    """A judgement as its reviewer saw it: left, right, tie or both_bad."""

    choice: str
    strength: str
    reasons: list[str]
    comment: str


def earlier_judgement(assignment: Assignment) -> SaidBefore | None:
    """What the reviewer said of this turn before they took it back; None where they said nothing yet."""
    if not getattr(assignment, "was_taken_back", True):
        return None
    if check := check_of(assignment):
        return SaidBefore(check.answer, check.strength, check.reasons, check.comment)
    last = assignment.revisions.order_by("-number").first()
    return None if last is None else said_before(last, assignment)


def said_before(judgement: Vote | VoteRevision, assignment: Assignment) -> SaidBefore:
    return SaidBefore(
        choice=on_screen(judgement.choice, candidate_on_left=assignment.candidate_on_left),
        strength=judgement.strength,
        reasons=judgement.reasons,
        comment=judgement.comment,
    )


@dataclass(frozen=True)
class MyVote:
    """One line of a reviewer's own list: what was asked, and what they said of the answers."""

    ticket: str
    question: str
    lang: str
    intent: str
    said: SaidBefore
    cast_at: datetime
    changes: int


def my_votes(evaluation: Evaluation, reviewer: User) -> QuerySet[Vote]:
    """A reviewer's own votes of an evaluation, the newest first, with what `my_vote` reads."""
    return (
        Vote.objects.filter(assignment__evaluation=evaluation, assignment__reviewer=reviewer)
        .select_related("assignment__comparison__example")
        .order_by("-cast_at", "-pk")
    )


def like(votes: QuerySet[Vote], *, intent: str = "", choice: str = "") -> QuerySet[Vote]:
    """Those of an intent, and those that said this on the screen; an empty one asks for nothing."""
    if intent:
        votes = votes.filter(assignment__intent=intent)
    if choice in CHOICES_ON_SCREEN:
        votes = votes.filter(
            Q(assignment__candidate_on_left=True, choice=truth(choice, candidate_on_left=True))
            | Q(assignment__candidate_on_left=False, choice=truth(choice, candidate_on_left=False))
        )
    return votes


def my_vote(vote: Vote) -> MyVote:
    turn = vote.assignment
    example = turn.comparison.example
    asked = [message["content"] for message in example.messages if message["role"] == "user"]
    return MyVote(
        ticket=turn.ticket,
        question=asked[-1] if asked else "",
        lang=example.lang,
        intent=turn.intent,
        said=said_before(vote, turn),
        cast_at=vote.cast_at,
        changes=vote.number - 1,
    )


def ticket_of_last_vote(evaluation: Evaluation, reviewer: User) -> str:
    """Of the vote that a reviewer can take back; empty where there is none."""
    newest = my_votes(evaluation, reviewer).values_list("assignment__ticket", "cast_at").first()
    check = answered_checks(evaluation, reviewer).order_by("-answered_at").first()
    if check and check.answered_at and (newest is None or check.answered_at > newest[1]):
        return check.ticket
    return newest[0] if newest else ""


@dataclass(frozen=True)
class Said:
    """When a judgement was given, and where it is kept: a vote, or the answer to a hidden check."""

    at: datetime
    pk: int
    check: HiddenCheck | None = None


def all_i_said(evaluation: Evaluation, reviewer: User, *, intent: str = "", choice: str = "") -> list[Said]:
    """A reviewer's judgements like these, the newest first: on their own list, checks are votes like any other."""
    votes = like(my_votes(evaluation, reviewer), intent=intent, choice=choice)
    checks = answered_checks(evaluation, reviewer)
    if intent:
        checks = checks.filter(comparison__intent=intent)
    if choice in CHOICES_ON_SCREEN:
        checks = checks.filter(answer=choice)
    found = [Said(at, pk) for at, pk in votes.values_list("cast_at", "pk")]
    found += [Said(check.answered_at, check.pk, check) for check in checks if check.answered_at]
    return sorted(found, key=lambda said: said.at, reverse=True)


def shown_of(said: Iterable[Said]) -> list[MyVote]:
    said = list(said)
    votes = (
        Vote.objects.filter(pk__in={one.pk for one in said if one.check is None})
        .select_related("assignment__comparison__example")
        .in_bulk()
    )
    return [my_vote(votes[one.pk] if one.check is None else as_turn(one.check).vote) for one in said]


def intents_of(evaluation: Evaluation, reviewer: User) -> list[str]:
    """Of all that a reviewer judged."""
    votes = my_votes(evaluation, reviewer).order_by().values_list("assignment__intent", flat=True)
    checks = answered_checks(evaluation, reviewer).order_by().values_list("comparison__intent", flat=True)
    return sorted({*votes.distinct(), *checks.distinct()} - {""})
