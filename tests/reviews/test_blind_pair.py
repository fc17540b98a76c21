"""What a reviewer is given of a turn: texts and sides, and of replayed conversations each model's own part."""

from __future__ import annotations

from dataclasses import fields

import pytest

from models_registry.models import Response
from reviews.models import Assignment, Evaluation
from reviews.queries.voting import BlindPair, Message, Side, blind_pair, split_conversation, weave
from tests.factories import make_evaluation, make_golden_set_version

CONVERSATION = [
    {"role": "system", "content": "Be brief."},
    {"role": "user", "content": "Hi"},
    {"role": "assistant", "content": "Hello!"},
    {"role": "user", "content": "Where is it?"},
]
REPLAYED = [{"role": "user", "content": "Write a poem."}, {"role": "user", "content": "Now shorter."}]


def turn(evaluation: Evaluation, *, candidate_on_left: bool) -> Assignment:
    found: Assignment = evaluation.assignments.filter(candidate_on_left=candidate_on_left)[0]
    return found


def evaluation_on(messages: list[dict[str, str]]) -> Evaluation:
    rows = [
        {"id": name, "messages": messages, "reference": "In transit.", "lang": "en"}
        if name == "a"
        else {"id": name, "messages": [*messages[:-1], {"role": "user", "content": "Where is it now?"}]}
        for name in ("a", "b")
    ]
    return make_evaluation(make_golden_set_version(rows), votes_per_comparison=2)


@pytest.mark.django_db
@pytest.mark.parametrize("candidate_on_left", [True, False])
def test_sides_follow_the_side_order(candidate_on_left: bool) -> None:
    evaluation = evaluation_on(CONVERSATION)
    assignment = turn(evaluation, candidate_on_left=candidate_on_left)
    comparison = assignment.comparison
    Response.objects.filter(pk=comparison.candidate_response_id).update(text="New text")
    Response.objects.filter(pk=comparison.baseline_response_id).update(text="Old text")
    assignment = Assignment.objects.get(pk=assignment.pk)
    pair = blind_pair(assignment)
    sides = ["New text", "Old text"] if candidate_on_left else ["Old text", "New text"]
    assert [pair.left.text, pair.right.text] == sides
    assert pair.ticket == assignment.ticket
    assert (pair.lang, pair.reference) == ("en", "In transit.")
    assert pair.conversation == [Message(turn["role"], turn["content"]) for turn in CONVERSATION]
    assert pair.left.earlier == pair.right.earlier == []


@pytest.mark.django_db
@pytest.mark.parametrize("candidate_on_left", [True, False])
def test_replayed_conversation_shows_each_models_own_answers_on_its_side(candidate_on_left: bool) -> None:
    evaluation = evaluation_on(REPLAYED)
    assignment = turn(evaluation, candidate_on_left=candidate_on_left)
    comparison = assignment.comparison
    Response.objects.filter(pk=comparison.candidate_response_id).update(
        text="Rose.", earlier_answers=["Roses are red."]
    )
    Response.objects.filter(pk=comparison.baseline_response_id).update(
        text="Sky.", earlier_answers=["The sky is wide."]
    )
    pair = blind_pair(Assignment.objects.get(pk=assignment.pk))
    shorter = Message("user", "Now shorter.")
    candidate = Side("Rose.", [Message("assistant", "Roses are red."), shorter])
    baseline = Side("Sky.", [Message("assistant", "The sky is wide."), shorter])
    assert pair.conversation == [Message("user", "Write a poem.")]
    assert [pair.left, pair.right] == ([candidate, baseline] if candidate_on_left else [baseline, candidate])


def test_pair_has_no_field_that_could_name_a_model() -> None:
    assert {field.name for field in fields(BlindPair)} == {
        "ticket",
        "lang",
        "conversation",
        "reference",
        "left",
        "right",
    }
    assert {field.name for field in fields(Side)} == {"text", "earlier", "html"}


def test_conversation_that_takes_turns_is_shared_whole() -> None:
    shared, replayed = split_conversation(CONVERSATION)
    assert len(shared) == 4
    assert replayed == []


def test_conversation_splits_where_a_model_answers_for_itself() -> None:
    shared, replayed = split_conversation(
        [{"role": "system", "content": "Be brief."}, *REPLAYED, {"role": "user", "content": "In Spanish."}]
    )
    assert [message.content for message in shared] == ["Be brief.", "Write a poem."]
    assert [message.content for message in replayed] == ["Now shorter.", "In Spanish."]


def test_weave_puts_each_answer_before_the_turn_it_led_to() -> None:
    turns = [Message("user", "two"), Message("user", "three")]
    assert [message.content for message in weave(["one!", "two!"], turns)] == ["one!", "two", "two!", "three"]
    # an answer that is missing leaves the turns as they are
    assert [message.content for message in weave(["one!"], turns)] == ["one!", "two", "three"]
    assert weave([], []) == []
