"""Judges over real HTTP: asked once in each order, whatever happens, and read strictly."""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.utils import timezone

from models_registry.generation.generate import generate_next
from models_registry.models import EndpointUse, GenerationRun, ModelVersion, Response
from reviews import judging
from reviews.actions.judges import resume_judge, retry_verdicts, start_judge, stop_judge
from reviews.actions.not_possible import NotPossible
from reviews.models import Evaluation, Judge, JudgeVerdict, Vote
from reviews.queries.judges import judge_cost, judge_progress, unreadable_verdicts
from reviews.verdicts import DEFAULT_TEMPLATE
from tests.chat_endpoint import ChatEndpoint, Fault, Request
from tests.factories import (
    leave_out,
    make_endpoint,
    make_evaluation,
    make_model_version,
)

pytestmark = pytest.mark.django_db


def says(verdict: str, rationale: str = "It answers the question.") -> str:
    return json.dumps({"verdict": verdict, "rationale": rationale})


def prefers_the_candidate(evaluation: Evaluation) -> Callable[[Request], str]:
    """Whichever place it stands in; by the texts that the factory gives."""
    name = str(evaluation.candidate)

    def answer(request: Request) -> str:
        first = request.last_message.split("<first_answer>")[1].split("</first_answer>")[0]
        return says("first" if name in first else "second")

    return answer


@pytest.fixture
def version(chat_endpoint: ChatEndpoint) -> ModelVersion:
    endpoint = make_endpoint(chat_endpoint.base_url, timeout_seconds=5)
    return make_model_version(
        "aurora-judge", endpoint=endpoint, parameters={"temperature": 0, "max_tokens": 200}
    )


@pytest.fixture
def evaluation() -> Evaluation:
    return make_evaluation(3, guidelines="Be **right**.")


def start(evaluation: Evaluation, version: ModelVersion, **given: Any) -> Judge:
    return start_judge(
        evaluation=evaluation, model_version=version, **{"template": DEFAULT_TEMPLATE, "by": None} | given
    )


def work(version: ModelVersion, *, most: int = 50) -> None:
    """What workers would do: ask until nothing is due, and read what came."""
    for _ in range(most):
        Response.objects.update(next_try_at=None)
        EndpointUse.objects.update(paused_until=None)
        if not generate_next(version.endpoint_id or 0):
            break
    for judge_id in judging.judges_to_read().values_list("pk", flat=True):
        judging.read_verdicts(judge_id)


def test_a_judge_is_asked_about_every_comparison_in_both_orders(
    chat_endpoint: ChatEndpoint, version: ModelVersion, evaluation: Evaluation, lead: User
) -> None:
    chat_endpoint.answer = prefers_the_candidate(evaluation)
    judge = start(evaluation, version, by=lead)
    assert judge.run.state == GenerationRun.State.RUNNING
    work(version)

    verdicts = list(judge.verdicts.select_related("response"))
    assert sorted((one.comparison_id, one.candidate_first) for one in verdicts) == sorted(
        (pk, first) for pk in evaluation.comparisons.values_list("pk", flat=True) for first in (False, True)
    )
    # in truth, whichever place the candidate stood in
    assert {one.choice for one in verdicts} == {"candidate"}
    assert {one.rationale for one in verdicts} == {"It answers the question."}
    assert len(chat_endpoint.requests) == 6
    assert all(one.response.text == chat_endpoint.answer(request_of(one, chat_endpoint)) for one in verdicts)
    judge.run.refresh_from_db()
    assert judge.run.spent == sum((one.response.cost or 0 for one in verdicts), Decimal(0)) > 0
    progress = judge_progress(judge)
    assert (progress.read, progress.total, progress.stage, progress.moves) == (6, 6, "done", False)
    # apart from the votes
    assert not Vote.objects.exists()
    assert set(evaluation.comparisons.values_list("wins", "losses", "ties", "both_bad")) == {(0, 0, 0, 0)}


def request_of(verdict: JudgeVerdict, endpoint: ChatEndpoint) -> Request:
    asked = verdict.response.messages[0]["content"]
    return next(request for request in endpoint.requests if request.last_message == asked)


def test_a_judge_reads_texts_guidelines_and_reference_and_no_name(
    chat_endpoint: ChatEndpoint, version: ModelVersion
) -> None:
    rows = [
        {
            "id": "talla",
            "messages": [
                {"role": "system", "content": "Be brief."},
                {"role": "user", "content": "¿Qué talla?"},
                {"role": "assistant", "content": "¿De qué marca?"},
                {"role": "user", "content": "Aurora {second}"},
            ],
            "reference": "The guide's link.",
            "lang": "es",
        }
    ]
    evaluation = make_evaluation(rows, guidelines="Be **right**.")
    Response.objects.filter(model_version=evaluation.candidate).update(text="La M. {first}")
    Response.objects.filter(model_version=evaluation.baseline).update(text="La L.")
    start(evaluation, version)
    chat_endpoint.answer = lambda _: says("tie")
    work(version)
    one, other = (request.last_message for request in chat_endpoint.requests)
    assert "<first_answer>\nLa M. {first}\n</first_answer>\n\n<second_answer>\nLa L.\n</second_answer>" in one
    assert (
        "<first_answer>\nLa L.\n</first_answer>\n\n<second_answer>\nLa M. {first}\n</second_answer>" in other
    )
    for text in (one, other):
        assert "Customer: ¿Qué talla?\n\nAssistant: ¿De qué marca?\n\nCustomer: Aurora {second}" in text
        assert "<reference>\nThe guide's link.\n</reference>" in text
        assert "Be **right**." in text
        assert str(evaluation.candidate) not in text
        assert "candidate" not in text
        assert "baseline" not in text
    assert {request.body["max_tokens"] for request in chat_endpoint.requests} == {200}


def test_a_conversation_that_was_replayed_shows_each_sides_own_way(
    chat_endpoint: ChatEndpoint, version: ModelVersion
) -> None:
    turns = [{"role": "user", "content": "Refund?"}, {"role": "user", "content": "When?"}]
    evaluation = make_evaluation([{"id": "two", "messages": turns}])
    Response.objects.filter(model_version=evaluation.candidate).update(
        text="In 7 days.", earlier_answers=["Yes, of course."]
    )
    Response.objects.filter(model_version=evaluation.baseline).update(text="Soon.", earlier_answers=["No."])
    start(evaluation, version)
    chat_endpoint.answer = lambda _: says("first")
    work(version)
    asked = chat_endpoint.requests[0].last_message
    assert "<conversation>\nCustomer: Refund?\n</conversation>" in asked
    assert "Assistant: Yes, of course.\n\nCustomer: When?\n\nAssistant: In 7 days." in asked
    assert "Assistant: No.\n\nCustomer: When?\n\nAssistant: Soon." in asked
    # the answer is one question, however many turns the conversation has
    assert len(chat_endpoint.requests) == 2


def test_started_twice_is_the_same_as_once(
    chat_endpoint: ChatEndpoint, version: ModelVersion, evaluation: Evaluation
) -> None:
    chat_endpoint.answer = lambda _: says("tie")
    judge = start(evaluation, version)
    assert start(evaluation, version).pk == judge.pk
    work(version)
    assert start(evaluation, version).pk == judge.pk
    work(version)
    assert (Judge.objects.count(), JudgeVerdict.objects.count(), len(chat_endpoint.requests)) == (1, 6, 6)


def test_many_who_start_it_at_once_start_one(
    chat_endpoint: ChatEndpoint, in_threads: Callable[..., list[Any]]
) -> None:
    version = make_model_version("judge", endpoint=make_endpoint(chat_endpoint.base_url))
    evaluation = make_evaluation(4)
    found = in_threads(lambda _: start(evaluation, version).pk, range(4))
    assert len(set(found)) == 1
    assert JudgeVerdict.objects.count() == 8
    assert Response.objects.filter(model_version=version).count() == 8


def test_another_question_is_another_judge_and_the_same_one_elsewhere_costs_nothing(
    chat_endpoint: ChatEndpoint, version: ModelVersion, evaluation: Evaluation
) -> None:
    chat_endpoint.answer = lambda _: says("tie")
    judge = start(evaluation, version)
    work(version)
    other = start(evaluation, version, template=DEFAULT_TEMPLATE + "\nBe strict.")
    work(version)
    assert other.pk != judge.pk
    assert len(chat_endpoint.requests) == 12
    # what was asked word for word before, by another evaluation of the same answers, is there
    again = make_evaluation(
        0, candidate=evaluation.candidate, baseline=evaluation.baseline, guidelines="Be **right**."
    )
    for comparison in evaluation.comparisons.all():
        comparison.pk, comparison.evaluation = None, again
        comparison.save()
    free = start(again, version)
    work(version)
    assert (judge_progress(free).read, judge_progress(free).spent) == (6, Decimal(0))
    assert len(chat_endpoint.requests) == 12


def test_what_became_ready_since_is_asked_about_when_it_is_started_again(
    chat_endpoint: ChatEndpoint, version: ModelVersion
) -> None:
    chat_endpoint.answer = lambda _: says("tie")
    evaluation = make_evaluation(2, opened=False)
    with pytest.raises(NotPossible, match="start the judge when the first ones are in"):
        start(evaluation, version)
    assert not Judge.objects.exists()
    ready, waiting = evaluation.comparisons.order_by("position")
    for comparison, number in ((ready, 2), (waiting, 4)):
        for side in ("candidate_response", "baseline_response"):
            response = getattr(comparison, side)
            Response.objects.filter(pk=response.pk).update(status="done", text=side, done_at=timezone.now())
        assert start(evaluation, version).verdicts.count() == number


def test_what_nobody_votes_on_is_not_judged(version: ModelVersion) -> None:
    """Left out of the plan, or the same text twice."""
    evaluation = make_evaluation(4)
    out, same, marked, kept = evaluation.comparisons.order_by("position")
    leave_out(out)
    Response.objects.filter(pk__in=[same.candidate_response_id, same.baseline_response_id]).update(
        text="Yes. "
    )
    marked.identical = True
    marked.save()
    judge = start(evaluation, version)
    assert set(judge.verdicts.values_list("comparison", flat=True)) == {kept.pk}
    assert judge_cost(evaluation).requests == 2


def test_what_can_not_be_read_is_kept_shown_and_asked_again(
    chat_endpoint: ChatEndpoint, version: ModelVersion
) -> None:
    evaluation = make_evaluation(1)
    judge = start(evaluation, version)
    answers = iter(["I prefer the first one.", says("second"), says("tie")])
    chat_endpoint.answer = lambda _: next(answers)
    work(version)
    progress = judge_progress(judge)
    assert (progress.read, progress.unreadable, progress.stage) == (1, 1, "failed")
    (bad,) = unreadable_verdicts(judge, 10)
    assert (bad.text, bad.problem, bad.candidate_first) == (
        "I prefer the first one.",
        "It is no JSON object.",
        True,
    )
    assert not judge.verdicts.get(candidate_first=True).choice
    before = judge.verdicts.get(candidate_first=True).response

    assert retry_verdicts(judge=judge, by=None) == 1
    assert retry_verdicts(judge=judge, by=None) == 0
    work(version)

    verdict = judge.verdicts.get(candidate_first=True)
    assert (verdict.choice, verdict.again, verdict.problem) == ("tie", 1, "")
    # the answer that was none is not written over: it was paid for
    before.refresh_from_db()
    assert before.text == "I prefer the first one."
    assert len(chat_endpoint.requests) == 3
    assert chat_endpoint.requests[2].last_message == chat_endpoint.requests[0].last_message
    judge.run.refresh_from_db()
    assert judge.run.spent == sum(response.cost or 0 for response in Response.objects.filter(run=judge.run))


def test_faults_are_tried_again_and_what_is_refused_waits_for_a_retry(
    chat_endpoint: ChatEndpoint, version: ModelVersion
) -> None:
    evaluation = make_evaluation(1)
    chat_endpoint.answer = lambda _: says("tie")
    chat_endpoint.fail(503, Fault.rate_limit(), Fault.malformed())
    judge = start(evaluation, version)
    work(version)
    assert judge_progress(judge).read == 2

    other = start(evaluation, version, template=DEFAULT_TEMPLATE + "\nBe strict.")
    chat_endpoint.fail(401)
    work(version)
    progress = judge_progress(other)
    assert (progress.failed, progress.read, progress.to_retry) == (2, 0, 2)
    assert "Check the key" in progress.reasons[0].message
    assert retry_verdicts(judge=other, by=None) == 2
    work(version)
    assert judge_progress(other).read == 2


def test_a_stopped_judge_asks_nothing_until_it_is_resumed(
    chat_endpoint: ChatEndpoint, version: ModelVersion, evaluation: Evaluation, lead: User
) -> None:
    chat_endpoint.answer = lambda _: says("tie")
    judge = start(evaluation, version)
    work(version, most=2)
    assert stop_judge(judge=judge, by=lead)
    assert not stop_judge(judge=judge, by=lead)
    work(version)
    progress = judge_progress(Judge.objects.get(pk=judge.pk))
    assert (progress.read, progress.waiting, progress.stage, progress.moves) == (2, 4, "cancelled", False)
    # starting it a second time is no way round
    start(evaluation, version)
    work(version)
    assert len(chat_endpoint.requests) == 2
    assert resume_judge(judge=judge, by=lead)
    work(version)
    assert judge_progress(Judge.objects.get(pk=judge.pk)).read == 6


def test_a_judge_stops_at_its_budget(
    chat_endpoint: ChatEndpoint, version: ModelVersion, evaluation: Evaluation
) -> None:
    chat_endpoint.answer = lambda _: {
        "text": says("tie"),
        "usage": {"prompt_tokens": 1_000_000, "completion_tokens": 0},  # half a dollar
    }
    judge = start(evaluation, version, budget=Decimal(1))
    work(version)
    judge.run.refresh_from_db()
    assert (judge.run.state, judge.run.spent) == ("spent", Decimal(1))
    with pytest.raises(ValidationError, match="are spent already"):
        resume_judge(judge=judge, by=None, budget=Decimal(1))
    resume_judge(judge=judge, by=None, budget=Decimal(9))
    work(version)
    assert judge_progress(Judge.objects.get(pk=judge.pk)).read == 6


# --- what is refused -----------------------------------------------------------------------------------------


def refused(evaluation: Evaluation, version: ModelVersion, **given: Any) -> dict[str, list[str]]:
    with pytest.raises(ValidationError) as said:
        start(evaluation, version, **given)
    assert not Judge.objects.exists()
    return said.value.message_dict


@pytest.mark.parametrize("side", ["candidate", "baseline"])
def test_who_judges_itself_is_warned_of_and_allowed(side: str, evaluation: Evaluation) -> None:
    version = getattr(evaluation, side)
    (warning,) = refused(evaluation, version)["although_judged"]
    assert "models prefer their own answers" in warning
    assert start(evaluation, version, although_judged=True).verdicts.count() == 6


def test_template_says_the_fix(evaluation: Evaluation, version: ModelVersion) -> None:
    template = DEFAULT_TEMPLATE.replace("{first}", "{frist}").replace('"verdict"', "verdict") + "{model}"
    assert refused(evaluation, version, template=template)["template"] == [
        "There is no placeholder {frist}; did you mean {first}?",
        "There is no placeholder {model}; there are {conversation}, {first}, {second}, {reference}, {guidelines}.",
        "{first} is missing: put it where that text belongs.",
        'The template has to ask for one JSON object with "verdict" and "rationale", in double quotes: nothing else '
        "is read.",
    ]


def test_a_version_without_an_endpoint_can_not_judge(evaluation: Evaluation, version: ModelVersion) -> None:
    version.endpoint = None
    version.save()
    assert "has no endpoint" in refused(evaluation, version)["model_version"][0]


def test_a_version_that_judged_is_frozen_and_its_figures_are_of_its_answers_only(
    chat_endpoint: ChatEndpoint, version: ModelVersion, evaluation: Evaluation
) -> None:
    from models_registry.queries.model_versions import response_counts, served

    chat_endpoint.answer = lambda _: says("tie")
    start(evaluation, version)
    work(version)
    assert version.is_frozen
    assert response_counts(version) == {"pending": 0, "done": 0, "failed": 0}
    assert served(version).measured == 0
