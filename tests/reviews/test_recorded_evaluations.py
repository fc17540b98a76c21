"""A version whose responses were recorded elsewhere is evaluated like any other, once they are all there."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.test import Client

from models_registry.actions.recorded_responses import import_responses
from models_registry.generation.generate import generate_next
from models_registry.models import GoldenSetVersion, ModelVersion, Response
from reviews.actions.assignments import claim_next
from reviews.actions.evaluations import close_evaluation, open_voting, start_evaluation
from reviews.actions.votes import cast_vote
from reviews.models import Evaluation, Vote
from reviews.queries.win_rates import win_rates
from tests.chat_endpoint import ChatEndpoint
from tests.factories import make_endpoint, make_golden_set_version, make_model_version

pytestmark = pytest.mark.django_db

ClientFor = Callable[..., Client]
NEW = "/evaluations/new/"


@pytest.fixture
def twelve() -> GoldenSetVersion:
    return make_golden_set_version(12, name="support")


def recorded(version: GoldenSetVersion, name: str, answered: int = 12) -> ModelVersion:
    rows = [
        {"id": example.key, "text": f"{name} on {example.position}", "latency_seconds": 0.5}
        for example in version.examples.all()[:answered]
    ]
    imported = import_responses(
        model_version=(name, "1"),
        golden_set_version=version,
        stream="\n".join(map(json.dumps, rows)).encode(),
        filename="answers.jsonl",
        by=None,
    )
    assert imported.model_version is not None
    return imported.model_version


def start(version: GoldenSetVersion, candidate: ModelVersion, baseline: ModelVersion) -> Evaluation:
    return start_evaluation(
        name="Support, November",
        candidate=candidate,
        baseline=baseline,
        golden_set_version=version,
        votes_per_comparison=1,
        by=None,
    )


def vote_on_all(evaluation: Evaluation, reviewer: User, winner: ModelVersion) -> None:
    """Whoever reads the texts can tell; the reviewer of this test does."""
    while turn := claim_next(evaluation=evaluation, reviewer=reviewer):
        better_is_candidate = winner == evaluation.candidate
        choice = "left" if better_is_candidate == turn.candidate_on_left else "right"
        cast_vote(assignment=turn, reviewer=reviewer, choice=choice)


def test_recorded_against_recorded_goes_from_file_to_figures(
    twelve: GoldenSetVersion, reviewer: User
) -> None:
    candidate, baseline = recorded(twelve, "shadow"), recorded(twelve, "current")
    evaluation = start(twelve, candidate, baseline)
    assert set(Response.objects.values_list("status", flat=True)) == {"done"}
    open_voting(evaluation=evaluation, by=None)
    vote_on_all(evaluation, reviewer, winner=candidate)
    close_evaluation(evaluation=evaluation, by=None)
    assert Vote.objects.count() == 12
    assert win_rates(evaluation).overall.tally.wins == 12


def test_recorded_against_live_asks_the_live_one_only(
    twelve: GoldenSetVersion, reviewer: User, chat_endpoint: ChatEndpoint
) -> None:
    endpoint = make_endpoint(chat_endpoint.base_url)
    live, candidate = make_model_version(endpoint=endpoint), recorded(twelve, "shadow")
    evaluation = start(twelve, candidate, live)
    while generate_next(endpoint.pk):
        pass
    assert len(chat_endpoint.requests) == 12
    open_voting(evaluation=evaluation, by=None)
    vote_on_all(evaluation, reviewer, winner=live)
    assert win_rates(evaluation).overall.tally.losses == 12


@pytest.mark.parametrize("side", ["candidate", "baseline"])
def test_missing_responses_refuse_the_start_and_are_named(twelve: GoldenSetVersion, side: str) -> None:
    partly, other = recorded(twelve, "shadow", answered=7), make_model_version()
    pair = (partly, other) if side == "candidate" else (other, partly)
    with pytest.raises(ValidationError) as caught:
        start(twelve, *pair)
    assert caught.value.message_dict == {
        side: [
            "shadow 1 has no response for 5 of 12 examples, such as row-0007, row-0008, row-0009; "
            "upload them or choose another golden set version."
        ]
    }
    assert not Evaluation.objects.exists()
    assert not Response.objects.exclude(status="done").exists()


def test_response_that_waits_in_vain_is_missing_too(twelve: GoldenSetVersion) -> None:
    partly = recorded(twelve, "shadow", answered=11)
    example = twelve.examples.get(position=11)
    Response.objects.create(model_version=partly, example=example, request_sha256="0" * 64)
    with pytest.raises(ValidationError, match="for 1 of 12 examples"):
        start(twelve, partly, make_model_version())


def test_golden_set_that_holds_the_same_prompts_may_be_used(twelve: GoldenSetVersion) -> None:
    candidate, baseline = recorded(twelve, "shadow"), recorded(twelve, "current")
    fewer = make_golden_set_version(9, name="fewer")
    assert start(fewer, candidate, baseline).comparisons.count() == 9


def test_form_offers_recorded_versions_and_says_what_is_missing(
    twelve: GoldenSetVersion, client_for: ClientFor, lead: User
) -> None:
    client, partly, whole = client_for(lead), recorded(twelve, "shadow", 7), recorded(twelve, "current")
    fields = {
        "name": "Support, November",
        "candidate": partly.pk,
        "baseline": whole.pk,
        "golden_set_version": twelve.pk,
        "votes_per_comparison": 1,
    }
    assert re.search(rf'<option value="{whole.pk}"[^>]*>current 1</option>', client.get(NEW).text)
    refused = client.post(NEW, fields)
    assert refused.status_code == 422
    assert "shadow 1 has no response for 5 of 12 examples" in refused.text
    assert refused.context["form"].errors["candidate"]
    recorded(twelve, "shadow")
    assert client.post(NEW, fields).status_code == 302
    assert Evaluation.objects.get().comparisons.count() == 12
