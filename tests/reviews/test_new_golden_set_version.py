"""What a new version, and a retired one, of a golden set mean for evaluations."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.test import Client
from django.urls import reverse

from models_registry.actions.golden_set_versions import restore_golden_set_version, retire_golden_set_version
from models_registry.models import GoldenSetVersion, Response
from reviews.actions.assignments import claim_next
from reviews.actions.evaluations import close_evaluation, open_voting, start_evaluation
from reviews.actions.votes import cast_vote
from reviews.forms import EvaluationForm
from reviews.models import Evaluation, Vote
from tests.factories import make_evaluation, make_golden_set_version, make_model_version, make_vote

pytestmark = pytest.mark.django_db

ClientFor = Callable[..., Client]
BEFORE: list[dict[str, Any]] = [
    {"id": "same", "prompt": "Hello?", "tags": ["greeting"]},
    {"id": "tags", "prompt": "Where is it?", "tags": ["refunds"]},
    {"id": "reference", "prompt": "How long?", "reference": "30 days"},
    {"id": "prompt", "prompt": "Where is my refund?"},
    {"id": "gone", "prompt": "Old one"},
]
AFTER: list[dict[str, Any]] = [
    {"id": "new", "prompt": "New one"},
    {"id": "prompt", "prompt": "Where is my full refund?"},
    {"id": "reference", "prompt": "How long?", "reference": "14 days"},
    {"id": "tags", "prompt": "Where is it?", "tags": ["delivery", "refunds"]},
    {"id": "same", "prompt": "Hello?", "tags": ["greeting"]},
]


def start(version: GoldenSetVersion, like: Evaluation | None = None) -> Evaluation:
    return start_evaluation(
        name=f"Support, version {version.number}",
        candidate=like.candidate if like else make_model_version(),
        baseline=like.baseline if like else make_model_version(),
        golden_set_version=version,
        votes_per_comparison=1,
        by=None,
    )


def test_only_prompts_that_are_new_or_changed_are_asked_for(reviewer: User) -> None:
    first = make_evaluation(make_golden_set_version(BEFORE, name="support"))
    for comparison in first.comparisons.all():
        make_vote(comparison, reviewer, "tie")
    answered = set(Response.objects.values_list("pk", "text"))

    second = start(make_golden_set_version(AFTER, name="support"), like=first)

    asked = Response.objects.filter(status="pending")
    assert set(Response.objects.exclude(status="pending").values_list("pk", "text")) == answered
    assert sorted(asked.values_list("example__key", flat=True)) == ["new", "new", "prompt", "prompt"]
    for comparison in second.comparisons.select_related("example"):
        reused = comparison.example.key in {"same", "tags", "reference"}
        assert (comparison.candidate_response.pk in dict(answered)) is reused
        assert (comparison.baseline_response.pk in dict(answered)) is reused
    assert second.comparisons.count() == len(AFTER)
    assert Vote.objects.filter(assignment__evaluation=first).count() == len(BEFORE)
    assert not Vote.objects.filter(assignment__evaluation=second).exists()


def test_version_with_the_same_prompts_asks_nothing_and_is_ready_at_once(reviewer: User) -> None:
    first = make_evaluation(make_golden_set_version(BEFORE, name="support"))
    rows = [{**row, "tags": ["other"]} for row in BEFORE]
    second = start(make_golden_set_version(rows, name="support"), like=first)
    assert not Response.objects.filter(status="pending").exists()
    open_voting(evaluation=second, by=None)
    assert claim_next(evaluation=second, reviewer=reviewer) is not None


# --- retired -----------------------------------------------------------------------------------------------


def test_retired_version_is_not_offered(lead: User) -> None:
    version, other = make_golden_set_version(), make_golden_set_version()
    retire_golden_set_version(version=version, reason="Old", by=None)
    form = EvaluationForm({"golden_set_version": version.pk})
    assert list(form.fields["golden_set_version"].queryset) == [other]  # type: ignore[attr-defined]
    assert "choose another one of the list" in form.errors["golden_set_version"][0]
    restore_golden_set_version(version=version, by=None)
    assert "golden_set_version" not in EvaluationForm({"golden_set_version": version.pk}).errors


def test_evaluation_does_not_start_on_a_retired_version() -> None:
    read_before = make_golden_set_version(name="support")
    retire_golden_set_version(
        version=GoldenSetVersion.objects.get(), reason="Its references are wrong", by=None
    )
    with pytest.raises(ValidationError, match=r"Its references are wrong.+ choose another version"):
        start(read_before)
    assert not Evaluation.objects.exists()
    assert not Response.objects.exists()


def test_page_says_why_a_retired_version_can_not_be_used(client_for: ClientFor, lead: User) -> None:
    version = make_golden_set_version()
    retire_golden_set_version(version=version, reason="Old", by=None)
    fields = {
        "name": "Support",
        "candidate": make_model_version().pk,
        "baseline": make_model_version().pk,
        "golden_set_version": version.pk,
        "votes_per_comparison": 1,
    }
    page = client_for(lead).post(reverse("evaluation_new"), fields)
    assert page.status_code == 422
    assert "This version was retired" in page.text


def test_evaluations_of_a_version_go_on_when_it_is_retired(reviewer: User) -> None:
    evaluation = make_evaluation(make_golden_set_version(1))
    retire_golden_set_version(version=evaluation.golden_set_version, reason="Old", by=None)
    turn = claim_next(evaluation=evaluation, reviewer=reviewer)
    assert turn is not None
    cast_vote(assignment=turn, reviewer=reviewer, choice="tie")
    assert close_evaluation(evaluation=evaluation, by=None).closed_at
    assert Vote.objects.count() == 1


def test_evaluation_that_waits_for_responses_opens_after_the_retirement() -> None:
    evaluation = make_evaluation(make_golden_set_version(1), opened=False)
    retire_golden_set_version(version=evaluation.golden_set_version, reason="Old", by=None)
    Response.objects.update(status="done", done_at=evaluation.started_at, text="An answer")
    Response.objects.filter(pk=evaluation.comparisons.get().baseline_response_id).update(text="Another")
    assert open_voting(evaluation=evaluation, by=None).opened_at
