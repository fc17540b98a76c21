"""What goes by batch: how far it is, the move between batch and live, and the pages of batch jobs."""

from __future__ import annotations

import html
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from models_registry.models import BatchJob
from reviews.models import Evaluation
from reviews.queries.generation import generation_progress
from tests.factories import make_endpoint, make_model_version
from tests.reviews.test_generation_pages import act, responses, run_of, started

pytestmark = pytest.mark.django_db

ClientFor = Callable[..., Client]


@pytest.fixture
def client(client_for: ClientFor, lead: User) -> Client:
    return client_for(lead)


@pytest.fixture
def evaluation(lead: User) -> Evaluation:
    return started(by=lead)


def test_batches_say_how_far_they_are(client: Client, lead: User) -> None:
    evaluation = started(by=lead, batch=True)
    job = BatchJob.objects.create(
        model_version=evaluation.candidate,
        run=run_of(evaluation),
        state="in_progress",
        requests=4,
        completed=1,
    )
    responses(evaluation).update(batch_job=job)
    candidate = generation_progress(evaluation).models[0]
    assert (candidate.in_batch, candidate.in_flight, candidate.seconds_left) == (4, 4, None)
    text = client.get(evaluation.get_absolute_url()).text
    assert "batch of 4: in progress" in text
    assert "the batch takes up to a day" in text


def test_lead_moves_what_waits_from_a_batch_to_live_and_back(client: Client, lead: User) -> None:
    endpoint = make_endpoint(has_batches=True)
    evaluation = started(by=lead, batch=True, candidate=make_model_version(endpoint=endpoint))
    assert "Ask for the rest live" in client.get(evaluation.get_absolute_url()).text

    text = act(client, "path", evaluation, path="live")
    assert "What waits is asked live from now on" in text
    assert "Ask for the rest by batch" in text
    assert not run_of(evaluation).batch

    assert "What waits goes by batch from now on." in act(client, "path", evaluation, path="batch")
    assert run_of(evaluation).batch


def test_batches_under_way_are_still_shown_after_the_move_to_live(client: Client, lead: User) -> None:
    evaluation = started(
        by=lead, batch=True, candidate=make_model_version(endpoint=make_endpoint(has_batches=True))
    )
    BatchJob.objects.create(
        model_version=evaluation.candidate, run=run_of(evaluation), state="in_progress", requests=4
    )
    assert "batch of 4: in progress" in act(client, "path", evaluation, path="live")


def test_batch_jobs_have_a_page_with_dates_errors_and_money(client: Client, lead: User) -> None:
    evaluation = started(by=lead, batch=True)
    other = started(by=lead, name="Other", batch=True)
    sent = timezone.localtime().replace(microsecond=0) - timedelta(hours=2)
    fields: dict[str, Any] = {"model_version": evaluation.candidate, "run": run_of(evaluation)}
    BatchJob.objects.create(
        **fields,
        state="done",
        provider_id="batch_first",
        requests=4,
        completed=3,
        failed=1,
        answered=3,
        spent=Decimal("1.25"),
        line_error="The prompt is too long for the model.",
        submitted_at=sent,
        ended_at=sent + timedelta(hours=1),
    )
    BatchJob.objects.create(
        **fields,
        state="in_progress",
        provider_id="batch_second",
        requests=1200,
        message="The endpoint answered 503.",
        submitted_at=sent,
        expires_at=sent + timedelta(days=1),
        next_poll_at=timezone.now(),
    )
    elsewhere = fields | {"run": run_of(other)}
    BatchJob.objects.create(**elsewhere, provider_id="batch_elsewhere", spent=Decimal("0.75"), answered=1)

    where = reverse("evaluation_batches", args=[evaluation.pk])
    assert where in client.get(evaluation.get_absolute_url()).text
    page = html.unescape(client.get(where).text)
    for said in (
        "batch_first",
        "batch_second",
        "1,200",
        "The prompt is too long for the model.",
        "The endpoint answered 503.",
        "Trying again at",
        "$1.25",
        (sent + timedelta(days=1)).isoformat(),
    ):
        assert said in page
    assert "batch_elsewhere" not in page

    of_version = reverse("model_version_batches", args=[evaluation.candidate_id])
    assert of_version in client.get(evaluation.candidate.get_absolute_url()).text
    page = client.get(of_version).text
    assert "batch_first" in page
    assert "batch_elsewhere" in page
    assert "$2.00" in page


def test_a_batch_that_nothing_wants_any_more_says_so(client: Client, lead: User) -> None:
    evaluation = started(
        by=lead, batch=True, candidate=make_model_version(endpoint=make_endpoint(has_batches=True))
    )
    fields: dict[str, Any] = {"model_version": evaluation.candidate, "run": run_of(evaluation)}
    BatchJob.objects.create(**fields, state="in_progress", provider_id="batch_1", requests=4)
    where = reverse("evaluation_batches", args=[evaluation.pk])
    assert "being cancelled" not in client.get(where).text
    act(client, "path", evaluation, path="live")
    assert "being cancelled" in client.get(where).text


def test_page_of_batch_jobs_says_where_to_choose_a_batch_when_there_is_none(
    client: Client, evaluation: Evaluation
) -> None:
    for where in (
        reverse("evaluation_batches", args=[evaluation.pk]),
        reverse("model_version_batches", args=[evaluation.candidate_id]),
    ):
        assert "No batch yet" in client.get(where).text
    assert "/batches/" not in client.get(evaluation.candidate.get_absolute_url()).text


def test_batch_is_offered_while_something_is_left_for_it_and_says_what_stays_live(
    client: Client, lead: User
) -> None:
    evaluation = started(by=lead, candidate=make_model_version(endpoint=make_endpoint(has_batches=True)))
    text = client.get(evaluation.get_absolute_url()).text
    assert "Ask for the rest by batch" in text
    assert f"{evaluation.baseline} is asked live in any case" in text
    assert f"{evaluation.candidate} is asked live in any case" not in text

    responses(evaluation).update(status="done", done_at=timezone.now())
    assert "Ask for the rest by batch" not in client.get(evaluation.get_absolute_url()).text


def test_no_batch_is_offered_or_taken_where_no_endpoint_has_one(
    client: Client, evaluation: Evaluation
) -> None:
    assert 'id="path-' not in client.get(evaluation.get_absolute_url()).text
    assert "Neither model's endpoint has a Batch API" in act(client, "path", evaluation, path="batch")
    assert not run_of(evaluation).batch
