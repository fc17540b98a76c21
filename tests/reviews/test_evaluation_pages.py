"""The lead's pages: starting an evaluation and watching it until voting opens."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from models_registry.models import ModelVersion, Response
from reviews.models import Assignment, Evaluation
from tests.factories import make_evaluation, make_golden_set_version, make_model_version

pytestmark = pytest.mark.django_db

ClientFor = Callable[..., Client]
HTMX = {"HX-Request": "true"}
NEW = "/evaluations/new/"


@pytest.fixture
def client(client_for: ClientFor, lead: User) -> Client:
    return client_for(lead)


# --- starting one ------------------------------------------------------------------------------------------


@pytest.fixture
def versions(db: None) -> tuple[ModelVersion, ModelVersion]:
    return (
        make_model_version("aurora-ft", version="ft-2", served_name="aurora-ft-2.1"),
        make_model_version("aurora-large", version="2026", served_name="big-one"),
    )


@pytest.fixture
def fields(versions: tuple[ModelVersion, ModelVersion]) -> dict[str, Any]:
    return {
        "name": "Support, November",
        "candidate": versions[0].pk,
        "baseline": versions[1].pk,
        "golden_set_version": make_golden_set_version().pk,
        "votes_per_comparison": 2,
        "guidelines": "Be fair.",
    }


def test_form_starts_an_evaluation_and_leads_to_its_plan(
    client: Client, fields: dict[str, Any], lead: User, versions: tuple[ModelVersion, ModelVersion]
) -> None:
    response = client.post(NEW, fields)
    evaluation = Evaluation.objects.get()
    assert response.status_code == 302
    assert response.headers["Location"] == reverse("plan", args=[evaluation.pk])
    assert (evaluation.name, evaluation.guidelines) == ("Support, November", "Be fair.")
    assert (evaluation.candidate, evaluation.baseline) == versions
    assert (evaluation.votes_per_comparison, evaluation.started_by) == (2, lead)
    assert evaluation.comparisons.count() == 5
    assert Response.objects.filter(status="pending").count() == 10
    assert "Started. While the models answer" in client.get(response.headers["Location"]).text


def test_candidate_against_itself_is_422(client: Client, fields: dict[str, Any]) -> None:
    response = client.post(NEW, fields | {"baseline": fields["candidate"]})
    assert response.status_code == 422
    assert "can&#x27;t be compared with itself" in response.text
    assert 'value="Support, November"' in response.text
    assert not Evaluation.objects.exists()


@pytest.mark.parametrize(
    "name",
    [
        "ft-2 in November",
        "November (ft-2)",
        "Support: FT-2, again",
        "“2026”",
        "aurora-large replaced",
        "Aurora-FT",
        "Is big-one better?",
        "aurora-ft-2.1",
    ],
)
def test_name_that_tells_the_models_is_422(client: Client, fields: dict[str, Any], name: str) -> None:
    response = client.post(NEW, fields | {"name": name})
    assert response.status_code == 422
    assert "tells reviewers which model is judged" in response.text
    assert not Evaluation.objects.exists()


@pytest.mark.parametrize("name", ["Draft-2 of the policy", "Support, 12026 prompts", "Aurora Commerce"])
def test_name_that_only_resembles_a_version_is_fine(
    client: Client, fields: dict[str, Any], name: str
) -> None:
    assert client.post(NEW, fields | {"name": name}).status_code == 302


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"name": ""}, "This field is required."),
        ({"name": "taken"}, "already exists"),
        ({"candidate": ""}, "This field is required."),
        ({"candidate": "987654"}, "Select a valid choice."),
        ({"golden_set_version": "987654"}, "This version was retired, or was never stored"),
        ({"votes_per_comparison": "0"}, "greater than or equal to 1"),
        ({"votes_per_comparison": "101"}, "less than or equal to 100"),
        ({"votes_per_comparison": "two"}, "Enter a whole number."),
    ],
)
def test_form_errors_are_told(
    client: Client, fields: dict[str, Any], change: dict[str, str], said: str
) -> None:
    make_evaluation(1, name="taken")
    response = client.post(NEW, fields | change)
    assert response.status_code == 422
    assert said in response.text
    assert Evaluation.objects.count() == 1


def test_form_offers_what_can_be_asked_and_is_whole(client: Client, fields: dict[str, Any]) -> None:
    """Not versions whose answers were recorded elsewhere, nor a golden set that is still being stored."""
    recorded = make_model_version("gpt-4", version="recorded")
    ModelVersion.objects.filter(pk=recorded.pk).update(endpoint=None)
    unsealed = make_golden_set_version(1, sealed=False)
    form = client.get(NEW).context["form"]
    assert recorded not in form.fields["candidate"].queryset
    assert unsealed not in form.fields["golden_set_version"].queryset
    assert client.post(NEW, fields | {"candidate": recorded.pk}).status_code == 422
    assert client.post(NEW, fields | {"golden_set_version": unsealed.pk}).status_code == 422


def test_empty_post_is_422(client: Client) -> None:
    assert client.post(NEW).status_code == 422


# --- while responses come ----------------------------------------------------------------------------------


def set_responses(evaluation: Evaluation, **fields: Any) -> None:
    done = {"done_at": timezone.now()} if fields.get("status") == "done" else {}
    Response.objects.filter(model_version__in=[evaluation.candidate, evaluation.baseline]).update(
        **fields, **done
    )


def test_progress_page_refreshes_itself_by_its_fragment(client: Client) -> None:
    evaluation = make_evaluation(3, opened=False)
    path = evaluation.get_absolute_url()
    page = client.get(path)
    assert page.text.startswith("<!doctype html>")
    assert f'hx-get="{path}"' in page.text
    assert "0 of 6 responses" in page.text
    fragment = client.get(path, headers=HTMX)
    assert fragment.text.lstrip().startswith('<section id="progress"')
    assert "<html" not in fragment.text
    for response in (page, fragment):
        assert "HX-Request" in response.headers["Vary"]
        assert "no-store" in response.headers["Cache-Control"]


def test_voting_is_opened_by_the_lead_when_responses_are_in(client: Client) -> None:
    evaluation = make_evaluation(3, opened=False, votes_per_comparison=2)
    path, open_path = evaluation.get_absolute_url(), reverse("evaluation_open", args=[evaluation.pk])
    assert open_path not in client.get(path).text
    early = client.post(open_path, follow=True)
    assert "still wait for their responses" in early.text
    set_responses(evaluation, status="done", text="An answer")
    Response.objects.filter(model_version=evaluation.baseline).update(text="Another")
    page = client.get(path)
    assert open_path in page.text
    assert "hx-get" not in page.text.partition('id="progress"')[2].partition(">")[0]
    opened = client.post(open_path, follow=True)
    assert "Voting is open." in opened.text
    assert Assignment.objects.count() == 6


def test_failed_responses_are_retried_or_left_out(client: Client) -> None:
    evaluation = make_evaluation(3, opened=False)
    set_responses(evaluation, status="done", text="An answer")
    Response.objects.filter(model_version=evaluation.baseline).update(text="Another")
    failed = evaluation.comparisons.get(position=1).candidate_response
    Response.objects.filter(pk=failed.pk).update(status="failed", done_at=None, last_error="401: <wrong> key")
    open_path = reverse("evaluation_open", args=[evaluation.pk])
    retry_path = reverse("evaluation_retry", args=[evaluation.pk])
    page = client.get(evaluation.get_absolute_url())
    assert "401: &lt;wrong&gt; key" in page.text
    assert "Retry 1 failed response" in page.text
    assert "1 comparison has a response that failed" in client.post(open_path, follow=True).text
    assert "Voting is open." in client.post(open_path, {"leave_out_failed": "on"}, follow=True).text
    assert (
        "1 comparison was left out because a response failed."
        in client.get(evaluation.get_absolute_url()).text
    )
    # what was left out is not paid for any more
    assert "Voting was opened without these responses" in client.post(retry_path, follow=True).text
    assert Response.objects.get(pk=failed.pk).status == "failed"


def test_failed_responses_are_asked_for_again(client: Client) -> None:
    evaluation = make_evaluation(1, opened=False)
    Response.objects.filter(model_version=evaluation.candidate).update(
        status="failed", last_error="401: wrong key"
    )
    retried = client.post(reverse("evaluation_retry", args=[evaluation.pk]), follow=True)
    assert "Asking again for 1 response." in retried.text
    assert not Response.objects.filter(status="failed").exists()


def test_lists_show_every_evaluation_by_how_far_it_is(client: Client) -> None:
    assert "No evaluation yet" in client.get(reverse("evaluations")).text
    assert "No evaluation yet" in client.get(reverse("home")).text
    generating = make_evaluation(2, opened=False, name="still generating")
    voting = make_evaluation(2, name="being voted on")
    text = client.get(reverse("evaluations")).text
    assert re.search(r"0 / 4 <span[^>]*>responses", text)
    assert re.search(r"0 / 2 <span[^>]*>votes", text)
    home = client.get(reverse("home")).text
    for evaluation in (generating, voting):
        assert evaluation.get_absolute_url() in home


# --- what reviewers are asked ------------------------------------------------------------------------------------


def test_lead_chooses_what_reviewers_are_asked(client_for: Any, lead: User) -> None:
    given = {
        **fields_to_start(),
        "known_reasons": ["accuracy", "policy"],
        "own_reasons": " Return policy, Empathy,, Empathy ",
        "reason_rule": "both_bad",
        "comment_rule": "always",
        "open_to": "invited",
        "largest_share": "45",
        "check_percent": "12",
    }
    answer = client_for(lead).post(reverse("evaluation_new"), given)
    assert answer.status_code == 302, answer.text
    evaluation = Evaluation.objects.get()
    assert evaluation.reasons == ["accuracy", "policy", "Return policy", "Empathy"]
    assert (evaluation.reason_rule, evaluation.comment_rule) == ("both_bad", "always")
    assert (evaluation.open_to, evaluation.largest_share, evaluation.check_percent) == ("invited", 45, 12)
    assert not evaluation.asks_strength  # a box that is not ticked


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"own_reasons": "a, b, c, d, e, f, g, h, i, j"}, "There are 10 reasons; choose at most 9"),
        ({"own_reasons": "x" * 41}, "does not fit on a button"),
        ({"largest_share": "101"}, "less than or equal to 100"),
        ({"check_percent": "31"}, "less than or equal to 30"),
        ({"reason_rule": "always"}, "There is no reason to choose from"),
    ],
)
def test_what_reviewers_can_not_be_asked_is_said(
    client_for: Any, lead: User, given: dict[str, str], said: str
) -> None:
    answer = client_for(lead).post(reverse("evaluation_new"), fields_to_start() | given)
    assert answer.status_code == 422
    assert said in answer.text
    assert 'class="more voting-settings" open' in answer.text
    assert not Evaluation.objects.exists()


def test_share_and_checks_that_are_left_out_are_the_usual_ones(
    client_for: Callable[..., Any], lead: User
) -> None:
    answer = client_for(lead).post(reverse("evaluation_new"), fields_to_start())
    assert answer.status_code == 302, answer.text
    evaluation = Evaluation.objects.get()
    assert (evaluation.largest_share, evaluation.check_percent) == (60, 0)


def fields_to_start() -> dict[str, Any]:
    return {
        "name": "Support",
        "candidate": make_model_version().pk,
        "baseline": make_model_version().pk,
        "golden_set_version": make_golden_set_version().pk,
        "votes_per_comparison": "1",
        "reason_rule": "optional",
        "comment_rule": "optional",
        "open_to": "everyone",
    }
