"""An evaluation while its responses are asked for: the figures a lead watches, and the buttons beside them."""

from __future__ import annotations

import html
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from models_registry.models import EndpointUse, Fault, GenerationRun, Response
from reviews.actions.evaluations import start_evaluation
from reviews.models import Evaluation
from reviews.queries.generation import faults, generation_progress, newest_faults
from reviews.queries.progress import evaluation_summaries, work_for_lead
from tests.factories import make_evaluation, make_golden_set_version, make_model_version

pytestmark = pytest.mark.django_db

ClientFor = Callable[..., Client]
State = GenerationRun.State


@pytest.fixture
def client(client_for: ClientFor, lead: User) -> Client:
    return client_for(lead)


@pytest.fixture
def evaluation(lead: User) -> Evaluation:
    return started(by=lead)


def started(rows: int = 4, *, name: str = "Support", by: User | None = None, **given: Any) -> Evaluation:
    wanted: dict[str, Any] = {
        "candidate": given.pop("candidate", None) or make_model_version(),
        "baseline": make_model_version(),
        "golden_set_version": given.pop("golden_set_version", None) or make_golden_set_version(rows),
    }
    return start_evaluation(name=name, votes_per_comparison=1, by=by, **wanted, **given)


def run_of(evaluation: Evaluation) -> GenerationRun:
    return GenerationRun.objects.get(pk=evaluation.run_id or 0)


def responses(evaluation: Evaluation, side: str = "candidate") -> Any:
    return Response.objects.filter(pk__in=evaluation.comparisons.values(f"{side}_response"))


def answer(evaluation: Evaluation, number: int, *, seconds_ago: float = 0, **fields: Any) -> None:
    pks = responses(evaluation).filter(status="pending").values_list("pk", flat=True)[:number]
    done = {"status": "done", "done_at": timezone.now() - timedelta(seconds=seconds_ago)}
    Response.objects.filter(pk__in=list(pks)).update(**(done | fields))


def act(client: Client, what: str, evaluation: Evaluation, **given: str) -> str:
    page = client.post(reverse(f"evaluation_{what}", args=[evaluation.pk]), given, follow=True)
    return html.unescape(page.text)


def set_run(evaluation: Evaluation, **fields: Any) -> None:
    GenerationRun.objects.filter(pk=run_of(evaluation).pk).update(**fields)
    evaluation.refresh_from_db()


# --- figures -------------------------------------------------------------------------------------------------


def test_rate_is_of_the_last_minute_and_tells_the_time_left() -> None:
    evaluation = started(40)
    set_run(evaluation, changed_at=timezone.now() - timedelta(minutes=10))
    answer(evaluation, 10, seconds_ago=120)
    answer(evaluation, 15, seconds_ago=20)
    candidate, baseline = generation_progress(evaluation).models
    assert candidate.per_minute == pytest.approx(15, rel=0.01)
    assert candidate.seconds_left == pytest.approx(60, rel=0.01)  # 15 are left
    assert (baseline.per_minute, baseline.seconds_left) == (0, None)


def test_rate_of_a_run_that_just_began_is_not_watered_down() -> None:
    evaluation = started(40)
    set_run(evaluation, changed_at=timezone.now() - timedelta(seconds=10))
    answer(evaluation, 5)
    assert generation_progress(evaluation).models[0].per_minute == pytest.approx(30, rel=0.05)


def test_answers_of_another_run_are_reused_and_not_paid_here(evaluation: Evaluation) -> None:
    answer(evaluation, 2, cost=Decimal("0.25"))
    again = started(
        name="Again",
        candidate=evaluation.candidate,
        golden_set_version=evaluation.golden_set_version,
    )
    candidate = generation_progress(again).models[0]
    assert (candidate.done, candidate.reused, candidate.cost) == (2, 2, Decimal(0))
    assert generation_progress(evaluation).models[0].cost == Decimal("0.50")


def test_requests_that_were_lost_with_a_worker_are_counted(client: Client, evaluation: Evaluation) -> None:
    responses(evaluation).update(lost_attempts=2)
    assert generation_progress(evaluation).lost == 8
    assert "perhaps paid twice" in client.get(evaluation.get_absolute_url()).text


def test_responses_that_another_standing_evaluation_asked_for_are_told(
    client: Client, evaluation: Evaluation, lead: User
) -> None:
    later = started(
        name="Later",
        candidate=evaluation.candidate,
        golden_set_version=evaluation.golden_set_version,
    )
    assert generation_progress(evaluation).held == 0
    act(client, "pause", later)
    assert generation_progress(evaluation).held == 4
    assert "asked for by another evaluation" in client.get(evaluation.get_absolute_url()).text


def test_queries_do_not_grow_with_responses_or_faults() -> None:
    counted = []
    for number in (3, 60):
        evaluation = started(number, name=f"of {number}")
        answer(evaluation, number // 2)
        log(evaluation, number)
        with CaptureQueriesContext(connection) as queries:
            generation_progress(evaluation)
            newest_faults(evaluation)
        counted.append(len(queries))
    assert counted[0] == counted[1]


# --- faults --------------------------------------------------------------------------------------------------


def log(evaluation: Evaluation, number: int, **fields: Any) -> None:
    response = responses(evaluation).first()
    Fault.objects.bulk_create(
        Fault(
            **{
                "response": response,
                "model_version": response.model_version,
                "kind": "throttled",
                "message": f"429: <slow> down {index}",
                "attempt": 1,
            }
            | fields
        )
        for index in range(number)
    )


def test_faults_are_counted_by_kind_and_the_newest_are_listed(client: Client, evaluation: Evaluation) -> None:
    log(evaluation, 60)
    log(evaluation, 2, kind="timeout", next_try_at=timezone.now())
    progress = generation_progress(evaluation)
    assert progress.fault_counts == [("asked to slow down", 60), ("no answer in time", 2)]
    assert len(newest_faults(evaluation)) == 50
    text = client.get(evaluation.get_absolute_url()).text
    assert "60 × asked to slow down, 2 × no answer in time" in text
    assert "429: &lt;slow&gt; down 59" in text
    assert "down 11" not in text
    part = client.get(
        evaluation.get_absolute_url(), headers={"HX-Request": "true", "HX-Target": "faults"}
    ).text
    assert part.lstrip().startswith('<div id="faults"')


def test_faults_of_other_evaluations_and_from_before_are_left_out(evaluation: Evaluation) -> None:
    other = started(
        name="Other", candidate=evaluation.candidate, golden_set_version=make_golden_set_version()
    )
    log(other, 3)
    assert not faults(evaluation).exists()
    assert faults(other).count() == 3
    Fault.objects.update(at=other.started_at - timedelta(days=1))
    assert not faults(other).exists()


def test_fault_that_stopped_a_version_is_said_once_with_a_way_on(
    client: Client, evaluation: Evaluation
) -> None:
    responses(evaluation).update(status="failed", last_error="401: the key is <wrong>")
    text = client.get(evaluation.get_absolute_url()).text
    assert text.count("401: the key is &lt;wrong&gt;") == 1
    assert "4 responses failed:" in text
    assert "Retry 4 failed responses" in text
    assert "Asking again for 4 responses." in act(client, "retry", evaluation)
    assert responses(evaluation).filter(status="pending").count() == 4


def test_endpoint_that_is_down_is_named_with_its_next_try(client: Client, evaluation: Evaluation) -> None:
    now = timezone.now()
    EndpointUse.objects.create(
        endpoint_id=evaluation.candidate.endpoint_id or 0,
        down_since=now - timedelta(minutes=5),
        paused_until=now + timedelta(seconds=30),
        down_message="Connection <refused>",
    )
    text = client.get(evaluation.get_absolute_url()).text
    assert f"{evaluation.candidate.endpoint} has not answered since" in text
    assert "Trying again at" in text
    assert "Connection &lt;refused&gt;" in text
    # what stands still asks nothing of it
    act(client, "pause", evaluation)
    assert "has not answered since" not in client.get(evaluation.get_absolute_url()).text
    act(client, "resume", evaluation)
    # who has no more to ask of it need not know
    responses(evaluation).update(status="done", done_at=now)
    evaluation.refresh_from_db()
    assert not generation_progress(evaluation).troubles


def test_endpoint_that_asked_for_a_pause_is_named(client: Client, evaluation: Evaluation) -> None:
    EndpointUse.objects.create(
        endpoint_id=evaluation.baseline.endpoint_id or 0, paused_until=timezone.now() + timedelta(seconds=30)
    )
    assert "asked for a pause until" in client.get(evaluation.get_absolute_url()).text


# --- pause, resume, cancel -------------------------------------------------------------------------------------


def test_lead_pauses_and_resumes(client: Client, evaluation: Evaluation, lead: User) -> None:
    User.objects.filter(pk=lead.pk).update(first_name="Lena")
    text = act(client, "pause", evaluation)
    assert "Paused by Lena" in text
    assert "every 1s" not in text
    assert run_of(evaluation).state == State.PAUSED
    text = act(client, "resume", evaluation)
    assert "Resumed." in text
    assert "Paused by" not in text
    assert "every 1s" in text


def test_page_goes_on_refreshing_while_what_is_under_way_comes_in(
    client: Client, evaluation: Evaluation
) -> None:
    responses(evaluation).update(lease_until=timezone.now() + timedelta(minutes=1))
    text = act(client, "pause", evaluation)
    assert "What is under way is still stored." in text
    assert "every 1s" in text


def test_cancelled_evaluation_can_be_left_or_resumed(client: Client, evaluation: Evaluation) -> None:
    text = act(client, "cancel", evaluation)
    assert "Cancelled by" in text
    assert reverse("evaluation_cancel", args=[evaluation.pk]) not in text
    assert "Cancelled" in client.get(reverse("evaluations")).text
    assert evaluation.name not in client.get(reverse("home")).text
    assert "Resumed." in act(client, "resume", evaluation)


def test_evaluation_whose_budget_is_spent_goes_on_with_a_higher_one(client: Client, lead: User) -> None:
    evaluation = started(by=lead, budget=Decimal(5))
    set_run(evaluation, state=State.SPENT, spent=Decimal("5.02"))
    text = html.unescape(client.get(evaluation.get_absolute_url()).text)
    assert "Stopped: the budget of $5.00 is spent." in text
    assert "5.02 dollars are spent already" in act(client, "resume", evaluation, budget="4")
    assert "a higher one, or with none" in act(client, "resume", evaluation)
    assert "Enter a number." in act(client, "resume", evaluation, budget="much")
    assert run_of(evaluation).state == State.SPENT
    assert "Resumed." in act(client, "resume", evaluation, budget="9.50")
    run = run_of(evaluation)
    assert (run.state, run.budget) == (State.RUNNING, Decimal("9.50"))
    set_run(evaluation, state=State.SPENT, spent=Decimal("9.60"))
    assert "Resumed." in act(client, "resume", evaluation, budget="")
    assert run_of(evaluation).budget is None


def test_resuming_what_was_paused_keeps_its_budget(client: Client, lead: User) -> None:
    evaluation = started(by=lead, budget=Decimal(5))
    act(client, "pause", evaluation)
    act(client, "resume", evaluation)
    assert run_of(evaluation).budget == Decimal(5)


@pytest.mark.parametrize("what", ["pause", "resume", "cancel", "path"])
def test_there_is_nothing_to_stop_once_voting_is_open_or_without_a_run(client: Client, what: str) -> None:
    assert "Voting was opened" in act(client, what, make_evaluation(1))
    assert "asks for nothing" in act(client, what, make_evaluation(1, opened=False))


def test_buttons_are_for_who_may_change_an_evaluation(
    client_for: ClientFor, evaluation: Evaluation, make_user: Callable[..., User]
) -> None:
    from django.contrib.auth.models import Permission

    person = make_user("watcher")
    person.user_permissions.add(Permission.objects.get(codename="view_evaluation"))
    text = client_for(person).get(evaluation.get_absolute_url()).text
    assert reverse("evaluation_pause", args=[evaluation.pk]) not in text


@pytest.mark.parametrize(
    ("state", "waits"), [("paused", True), ("spent", True), ("cancelled", False), ("running", False)]
)
def test_lists_show_the_state_of_a_run(evaluation: Evaluation, state: str, waits: bool) -> None:
    set_run(evaluation, state=state)
    (summary,) = evaluation_summaries()
    assert summary.stage == ("generating" if state == "running" else state)
    assert bool(work_for_lead()["waiting"]) == waits
    # complete is complete, however it came about
    for side in ("candidate", "baseline"):
        responses(evaluation, side).update(status="done", done_at=timezone.now())
    (summary,) = evaluation_summaries()
    assert summary.stage == "ready"
    assert generation_progress(evaluation).stage == "ready"
