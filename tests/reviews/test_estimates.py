"""What an evaluation would cost: counted offline, and shown before anything is asked."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from models_registry.generation.messages import request_messages
from models_registry.models import GoldenSetVersion, ModelVersion, Response
from models_registry.preflight import tokens
from reviews.models import Evaluation
from reviews.queries import estimates
from reviews.queries.estimates import Estimate, estimate
from tests.factories import (
    make_endpoint,
    make_golden_set_version,
    make_model_version,
    make_response,
    make_rows,
)

pytestmark = pytest.mark.django_db

ClientFor = Callable[..., Client]
NEW = "/evaluations/new/"


def estimated(golden_set: GoldenSetVersion, candidate: ModelVersion, **given: Any) -> Estimate:
    return estimate(
        candidate=candidate, baseline=make_model_version(), golden_set_version=golden_set, **given
    )


def test_input_tokens_are_exact_where_the_name_tells_the_vocabulary() -> None:
    version = make_model_version(served_name="gpt-4o-mini", system_prompt="Be kind.")
    golden_set = make_golden_set_version()
    found = estimated(golden_set, version)
    expected = sum(
        3 + sum(4 + tokens.count(message["content"], "o200k_base") for message in messages)
        for messages in (request_messages("Be kind.", e.messages) for e in golden_set.examples.all())
    )
    candidate, baseline = found.models
    assert (candidate.input_tokens, candidate.encoding, candidate.is_exact) == (expected, "o200k_base", True)
    assert (baseline.is_known, baseline.is_exact) == (False, False)
    assert (candidate.requests, candidate.responses, candidate.reused) == (5, 5, 0)


def test_output_tokens_are_the_mean_of_earlier_ones_or_the_most_or_assumed() -> None:
    golden_set, before = make_golden_set_version(), make_golden_set_version(2)
    earlier = make_model_version(parameters={"max_tokens": 900})
    for example, output in zip(before.examples.all(), (100, 200), strict=True):
        make_response(earlier, example, output_tokens=output, latency_seconds=2.0)
    capped = make_model_version(parameters={"max_completion_tokens": 800})
    plain = make_model_version()
    sides = [estimated(golden_set, version).models[0] for version in (earlier, capped, plain)]
    assert [(side.output_source, side.output_each) for side in sides] == [
        ("earlier", 150),
        ("max_tokens", 800),
        ("assumed", 300),
    ]
    assert [side.output_tokens for side in sides] == [750, 4000, 1500]
    assert [side.seconds_are_assumed for side in sides] == [False, True, True]


def test_what_is_answered_already_is_reused_and_says_what_it_saves() -> None:
    golden_set = make_golden_set_version()
    version = make_model_version()
    for example in golden_set.examples.all()[:3]:
        make_response(version, example, cost=Decimal("0.02"))
    side = estimated(golden_set, version).models[0]
    assert (side.reused, side.requests, side.saved) == (3, 2, Decimal("0.06"))


def test_money_is_tokens_by_price_and_half_of_it_by_batch() -> None:
    version = make_model_version(
        endpoint=make_endpoint(has_batches=True), input_price=Decimal(2), output_price=Decimal(10)
    )
    side = estimated(make_golden_set_version(), version).models[0]
    assert side.dollars == (2 * Decimal(side.input_tokens) + 10 * Decimal(side.output_tokens)) / 1_000_000
    assert side.batch_dollars == side.dollars / 2


def test_conversation_that_is_replayed_takes_a_request_a_turn_and_no_batch() -> None:
    turns = [{"role": "user", "content": "Hello?"}, {"role": "user", "content": "Where is my parcel?"}]
    golden_set = make_golden_set_version([{"id": "one", "messages": turns}])
    side = estimated(golden_set, make_model_version(served_name="gpt-4o")).models[0]
    first, second = (tokens.count(turn["content"]) for turn in turns)
    assert side.requests == 2
    assert side.input_tokens == (3 + 4 + first) + (3 + 4 + first + 4 + 300 + 4 + second)
    assert not side.is_exact
    assert side.batch_dollars == side.dollars


def test_time_is_what_the_limits_ask_for() -> None:
    golden_set = make_golden_set_version(20)
    slow = make_model_version(endpoint=make_endpoint(requests_per_minute=2))
    few = make_model_version(endpoint=make_endpoint(max_concurrency=2))
    assert estimated(golden_set, slow).models[0].seconds == 600
    assert estimated(golden_set, few).models[0].seconds == 50
    # a limit that both share holds them up one after the other
    both = estimate(
        candidate=slow, baseline=make_model_version(endpoint=slow.endpoint), golden_set_version=golden_set
    )
    assert both.seconds == 1200


def test_version_without_an_endpoint_is_asked_for_nothing() -> None:
    golden_set = make_golden_set_version(3)
    version = make_model_version()
    ModelVersion.objects.filter(pk=version.pk).update(endpoint=None)
    version.refresh_from_db()
    side = estimated(golden_set, version).models[0]
    assert (side.is_asked, side.requests) == (False, 0)
    assert (side.dollars, side.seconds) == (Decimal(0), 0.0)


def test_large_golden_set_is_sampled_and_extrapolated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(estimates, "SAMPLE", 40)
    golden_set = make_golden_set_version(400)
    version = make_model_version(served_name="gpt-4o")
    for example in golden_set.examples.all()[:200]:
        make_response(version, example, output_tokens=10)
    found = estimated(golden_set, version)
    side = found.models[0]
    assert found.sampled == 40
    assert side.requests + side.reused == 400
    assert 80 < side.reused < 320
    assert not side.is_exact
    assert found == estimate(
        candidate=version, baseline=found.models[1].model_version, golden_set_version=golden_set
    )


def test_queries_do_not_grow_with_examples(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(estimates, "SAMPLE", 40)
    counted = []
    for number in (41, 400):
        golden_set, version = make_golden_set_version(number), make_model_version()
        with CaptureQueriesContext(connection) as queries:
            estimated(golden_set, version)
        counted.append(len([q for q in queries if "INSERT" not in q["sql"]]))
    assert counted[0] == counted[1]


# --- on the form ---------------------------------------------------------------------------------------------


@pytest.fixture
def client(client_for: ClientFor, lead: User) -> Client:
    return client_for(lead)


@pytest.fixture
def fields() -> dict[str, Any]:
    return {
        "candidate": make_model_version(endpoint=make_endpoint(has_batches=True)).pk,
        "baseline": make_model_version(endpoint=make_endpoint(has_batches=True)).pk,
        "golden_set_version": make_golden_set_version(make_rows(3)).pk,
        "votes_per_comparison": 1,
    }


def test_estimate_is_shown_before_there_is_a_name_and_starts_nothing(
    client: Client, fields: dict[str, Any]
) -> None:
    page = client.post(NEW, fields | {"estimate": "1", "budget": "100"})
    assert page.status_code == 200
    assert page.text.startswith("<!doctype html>")
    assert "What it costs" in page.text
    assert "This field is required" not in page.text
    assert 'value="100"' in page.text
    assert not Evaluation.objects.exists()
    assert not Response.objects.exists()


def test_estimate_is_a_fragment_for_htmx(client: Client, fields: dict[str, Any]) -> None:
    page = client.post(NEW, fields | {"estimate": "1"}, headers={"HX-Request": "true"})
    assert page.text.lstrip().startswith('<div id="estimate"')
    assert "HX-Request" in page.headers["Vary"]


def test_estimate_of_nothing_says_what_to_choose(client: Client) -> None:
    page = client.post(NEW, {"estimate": "1"})
    assert page.status_code == 422
    assert "Choose two versions and a golden set version first" in page.text


def test_estimate_above_the_budget_warns(client: Client, fields: dict[str, Any]) -> None:
    ModelVersion.objects.update(output_price=Decimal(100_000))
    page = client.post(NEW, fields | {"estimate": "1", "budget": "1.50"})
    assert "more than the budget of $1.50" in page.text


def test_budget_and_batch_start_with_the_evaluation(client: Client, fields: dict[str, Any]) -> None:
    client.post(NEW, fields | {"name": "Cheap", "budget": "2.50", "batch": "on"})
    run = Evaluation.objects.get().run
    assert run is not None
    assert (run.budget, run.batch) == (Decimal("2.50"), True)


def test_batch_is_refused_where_an_endpoint_has_none(client: Client, fields: dict[str, Any]) -> None:
    without = make_model_version("plain", version="1")
    page = client.post(NEW, fields | {"name": "Cheap", "baseline": without.pk, "batch": "on"})
    assert page.status_code == 422
    assert "The endpoint of plain 1 has no Batch API" in page.text
    assert not Evaluation.objects.exists()


@pytest.mark.parametrize("budget", ["0", "-1", "much", "nan"])
def test_budget_that_is_none_is_refused(client: Client, fields: dict[str, Any], budget: str) -> None:
    page = client.post(NEW, fields | {"name": "Cheap", "budget": budget})
    assert page.status_code == 422
    assert not Evaluation.objects.exists()
