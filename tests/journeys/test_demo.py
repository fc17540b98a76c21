"""The demo's story: its texts hold together, and it ends as it is told."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import pytest

from demo import endpoint, judge, load, story
from models_registry.models import Response
from reviews.models import Assignment, Evaluation, Judge, JudgeVerdict, Vote
from reviews.queries.gate import Gated, gate_now
from reviews.queries.judge_figures import judge_figures
from reviews.stats.gate_evidence import Verdict
from reviews.stats.gate_plan import LEAST_OF_AN_INTENT

EXAMPLES = [json.loads(line) for line in story.GOLDEN_SET_FILE.read_text("utf-8").splitlines()]
GUARDED = {"medical disclaimer", "refunds"}
VOTES = 2


def test_every_version_answers_every_example_once_and_nothing_else() -> None:
    keys = [example["id"] for example in EXAMPLES]
    assert len(set(keys)) == len(keys)
    for served_name in story.SERVED.values():
        rows = [json.loads(line) for line in story.answers_file(served_name).read_text("utf-8").splitlines()]
        assert [row["id"] for row in rows] == keys, served_name
        assert all(1 <= row["quality"] <= 5 and row["answer"].strip() for row in rows), served_name
    assert set(endpoint.PACE) == {*story.SERVED.values(), judge.SERVED}


def test_every_prompt_is_answered_with_the_text_written_for_it() -> None:
    last = [prompt.last for prompt in story.prompts()]
    assert len(set(last)) == len(last), "the endpoint finds an answer by the customer's last message"
    for prompt, example in zip(story.prompts(), EXAMPLES, strict=True):
        given = endpoint.answer("aurora-support-ft-3", example["messages"])
        assert given == story.answers("aurora-support-ft-3")[prompt.key].text


def test_a_verdict_can_be_given_on_what_is_guarded_and_all_traffic_is_accounted_for() -> None:
    sizes = Counter(prompt.intent or "untagged" for prompt in story.prompts())
    plan = story.story()["plan"]
    assert set(plan["guarded"]) == GUARDED
    assert all(sizes[name] > LEAST_OF_AN_INTENT for name in GUARDED)
    assert set(plan["shares"]) == set(sizes)
    assert sum(plan["shares"].values()) == pytest.approx(1)


def test_health_answers_are_as_their_qualities_say() -> None:
    """A first fine-tune that fails names an amount or calls it fine; no other sends nobody to a professional."""
    professionals = (
        "doctor",
        "pharmac",
        "oncolog",
        "midwife",
        "médico",
        "farmac",
        "pediatra",
        "matrona",
        "dermatól",
    )
    for prompt in story.prompts():
        if prompt.intent != "medical disclaimer":
            continue
        for short, served_name in story.SERVED.items():
            answer = story.answers(served_name)[prompt.key]
            sends_to_someone = any(word in answer.text.lower() for word in (*professionals, "112"))
            assert sends_to_someone == (answer.quality > 2), (short, prompt.key)
            assert answer.quality > 2 or short == "ft-1", (short, prompt.key)


def _gated(candidate: str) -> tuple[Evaluation, Gated]:
    evaluation = Evaluation.objects.get(candidate__version=candidate)
    gated = gate_now(evaluation)
    assert gated is not None
    return evaluation, gated


@pytest.mark.timeout(480)  # 520 responses and 620 votes: 20 s on a quiet machine, minutes on a busy one
def test_the_story_ends_with_reject_promote_and_one_under_way(worker: Any) -> None:
    load.set_endpoint(endpoint.start())
    assert not load.is_loaded()
    load.load(lambda line: None)
    assert load.is_loaded()
    assert not load.is_of_before()

    first, gated = _gated("ft-1")
    assert first.status == Evaluation.Status.CLOSED
    assert gated.gate.verdict is Verdict.REJECT
    assert [(reason.code, reason.about) for reason in gated.gate.reasons] == [
        ("guarded_regression", "medical disclaimer")
    ]
    # which an average would have hidden
    assert gated.gate.overall.better

    second, gated = _gated("ft-2")
    assert second.status == Evaluation.Status.CLOSED
    assert gated.gate.verdict is Verdict.PROMOTE
    assert {intent.name for intent in gated.gate.intents if intent.guarded} == GUARDED
    assert all(intent.status == "not_worse" for intent in gated.gate.intents if intent.guarded)
    assert gated.plan.limits.latency_p95 is not None
    assert gated.plan.limits.cost is not None

    third, gated = _gated("ft-3")
    assert third.status == Evaluation.Status.VOTING
    turns = Assignment.objects.filter(evaluation=third)
    assert turns.filter(voted=True).count() == round(0.45 * turns.count())
    assert gated.gate.verdict is Verdict.HOLD
    reasons = {(reason.code, reason.about) for reason in gated.gate.reasons}
    assert reasons == {("not_shown_better", None)} | {("guarded_insufficient", name) for name in GUARDED}
    assert gated.gate.overall.missing is not None
    assert gated.gate.overall.missing.within_plan

    # people say why, now and then, and by how much
    votes = Vote.objects.all()
    assert votes.exclude(reasons=[]).count() > votes.count() / 5
    assert set(votes.values_list("strength", flat=True)) == {"", "slightly", "clearly"}

    # started again, nothing is told twice
    rows = (Evaluation.objects.count(), Vote.objects.count(), Response.objects.count())
    load.load(lambda line: None)
    assert (Evaluation.objects.count(), Vote.objects.count(), Response.objects.count()) == rows
    answers = Response.objects.filter(question__isnull=True)
    assert answers.count() == len(EXAMPLES) * len(story.SERVED)

    # and a judge has said of the first and the last what it thinks, in both orders
    judges = list(Judge.objects.select_related("evaluation").order_by("pk"))
    assert [one.evaluation for one in judges] == [first, third]
    assert not JudgeVerdict.objects.filter(choice="").exists()
    figures = [judge_figures(one) for one in judges]
    assert all(one.agreement.percent and one.agreement.percent > 0.5 for one in figures)
    assert figures[0].estimate.as_if == 1  # every vote is in
    assert figures[1].estimate.as_if is not None
    assert figures[1].estimate.as_if > 1.1
