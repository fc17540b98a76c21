"""Who may open what: every URL, by role."""

from __future__ import annotations

import html
from collections.abc import Callable
from typing import Any, NamedTuple
from urllib.parse import quote

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.test import Client, RequestFactory
from django.urls import URLPattern, reverse

import models_registry.urls
import reviews.urls
from models_registry.actions.flags import flag_example
from models_registry.actions.uploads import receive_upload
from reviews import access
from reviews.actions.assignments import claim_next
from reviews.actions.invitations import invite
from reviews.actions.votes import cast_vote
from reviews.models import Evaluation, Vote
from tests.factories import (
    make_evaluation,
    make_golden_set_version,
    make_judge,
    make_model_version,
    make_response,
)

pytestmark = pytest.mark.django_db

ClientFor = Callable[..., Client]
LOGIN = 302


class Row(NamedTuple):
    """What a URL answers to someone without a role, a reviewer, a lead and an admin; to an outsider the login."""

    method: str
    no_role: int
    reviewer: int
    lead: int
    admin: int


WATCHED = Row("GET", 403, 403, 200, 200)
DONE_BY_LEADS = Row("POST", 403, 403, 302, 302)
TABLE = {
    "home": Row("GET", 200, 200, 200, 200),
    "evaluations": WATCHED,
    "evaluation_new": WATCHED,
    "evaluation": WATCHED,
    "evaluation_open": DONE_BY_LEADS,
    "evaluation_close": DONE_BY_LEADS,
    "evaluation_retry": DONE_BY_LEADS,
    "evaluation_pause": DONE_BY_LEADS,
    "evaluation_resume": DONE_BY_LEADS,
    "evaluation_cancel": DONE_BY_LEADS,
    "evaluation_path": DONE_BY_LEADS,
    "evaluation_batches": WATCHED,
    "plan": WATCHED,
    "evaluation_serving": WATCHED,
    "extend_plan": DONE_BY_LEADS,
    "evaluation_scan": DONE_BY_LEADS,
    "evaluation_reviewers": WATCHED,
    "raters": WATCHED,
    "needs_ground_truth": DONE_BY_LEADS,
    "settle": Row("GET", 403, 403, 404, 404),  # its plan asks for no adjudication
    "invite": Row("POST", 403, 403, 422, 422),
    "who_votes": DONE_BY_LEADS,
    "release_turns": DONE_BY_LEADS,
    "withdraw_invitation": Row("POST", 403, 403, 302, 404),  # the lead has taken it back already
    "offer_again": DONE_BY_LEADS,
    "judges": WATCHED,
    "start_judge": Row("POST", 403, 403, 422, 422),
    "retry_judge": DONE_BY_LEADS,
    "stop_judge": DONE_BY_LEADS,
    "resume_judge": DONE_BY_LEADS,
    "profile": Row("GET", 200, 200, 200, 200),
    "practice": Row("GET", 403, 200, 403, 403),
    "practise": Row("GET", 403, 200, 403, 403),
    "practise_vote": Row("POST", 403, 200, 403, 403),
    "tour_seen": Row("POST", 403, 204, 403, 403),
    "comparisons": WATCHED,
    "comparisons_csv": WATCHED,
    "breakdowns": WATCHED,
    "golden_set_board": WATCHED,
    "comparison": WATCHED,
    "vote": Row("GET", 403, 200, 403, 403),
    "cast_vote": Row("POST", 403, 302, 403, 403),
    "flag_example": Row("POST", 403, 302, 403, 403),
    "undo_vote": Row("POST", 403, 302, 403, 403),
    "skip_turn": Row("POST", 403, 302, 403, 403),
    "release_held": Row("POST", 403, 204, 403, 403),
    "my_votes": Row("GET", 403, 200, 403, 403),
    "my_vote": Row("GET", 403, 200, 403, 403),
    "change_vote": Row("POST", 403, 302, 403, 403),
    "flag_comparison": DONE_BY_LEADS,
    "golden_sets": WATCHED,
    "golden_set": WATCHED,
    "golden_set_version": WATCHED,
    "golden_set_export": WATCHED,
    "golden_set_compare": WATCHED,
    "golden_set_version_retire": Row("GET", 403, 403, 403, 200),
    "golden_set_version_restore": Row("POST", 403, 403, 403, 302),
    "golden_set_upload": Row("GET", 403, 403, 403, 200),
    "upload": Row("GET", 403, 403, 403, 200),
    "upload_columns": Row("GET", 403, 403, 403, 200),
    "upload_options": Row("POST", 403, 403, 403, 302),
    "upload_store": Row("POST", 403, 403, 403, 302),
    "upload_discard": Row("POST", 403, 403, 403, 302),
    "golden_set_draft": WATCHED,
    "golden_set_draft_add": Row("GET", 403, 403, 403, 200),
    "golden_set_draft_edit": Row("GET", 403, 403, 403, 200),
    "golden_set_draft_retire": Row("POST", 403, 403, 403, 302),
    "golden_set_draft_undo": Row("POST", 403, 403, 403, 302),
    "golden_set_draft_keep": Row("POST", 403, 403, 403, 302),
    "flag_settle": Row("POST", 403, 403, 403, 302),
    "endpoint_test": Row("GET", 403, 403, 403, 200),
    "models": WATCHED,
    "responses_upload": Row("GET", 403, 403, 403, 200),
    "model_version": WATCHED,
    "model_version_batches": WATCHED,
}
OTHER_METHOD = {  # what they answer to it
    "settle": 404,
    "plan": 302,
    "profile": 302,
    "evaluation_new": 422,
    "golden_set_version_retire": 422,
    "golden_set_upload": 422,
    "upload_columns": 422,
    "golden_set_draft": 422,
    "golden_set_draft_add": 422,
    "golden_set_draft_edit": 422,
    "endpoint_test": 422,
    "responses_upload": 422,
}
CHECKED: dict[str, Any] = {"filename": "rows.jsonl", "pieces": [b'{"id": "one", "prompt": "Hello?"}']}
# a CSV whose columns have names of their own waits until they are chosen
UPLOADS: dict[str, dict[str, Any]] = {
    "upload_columns": {"filename": "rows.csv", "pieces": [b'Pregunta del cliente;Motivo\n"Hola";saludo\n']}
}
GIVEN = {
    "cast_vote": {"choice": "tie"},
    "change_vote": {"choice": "tie"},
    "skip_turn": {"reason": "other"},
    "practise_vote": {"choice": "tie"},
    "who_votes": {"open_to": "everyone", "largest_share": "60", "check_percent": "10"},
    "flag_example": {"kind": "tag"},
    "flag_comparison": {"kind": "tag"},
}


@pytest.fixture
def evaluation(db: None) -> Evaluation:
    return make_evaluation(make_golden_set_version(name="support"))


def path_of(name: str, evaluation: Evaluation) -> str:
    arguments: dict[str, list[object]] = {
        **{
            name: [evaluation.comparisons.get(position=0).pk]
            for name in ("comparison", "flag_comparison", "settle", "needs_ground_truth")
        },
        **{
            name: [evaluation.assignments.get(position=0).ticket]
            for name in ("cast_vote", "flag_example", "undo_vote", "skip_turn", "my_vote", "change_vote")
        },
        "golden_set": ["support"],
        "golden_set_board": ["support"],
        "golden_set_version": ["support", 1],
        "golden_set_export": ["support", 1, "jsonl"],
        "golden_set_compare": ["support"],
        "golden_set_version_retire": ["support", 1],
        "golden_set_version_restore": ["support", 1],
        "model_version": [evaluation.candidate_id],
        "model_version_batches": [evaluation.candidate_id],
        "endpoint_test": [evaluation.candidate.endpoint_id],
    }
    if name.startswith("golden_set_draft") and name != "golden_set_draft_edit":
        return reverse(name, args=["support"])
    if name == "golden_set_draft_edit":
        return reverse(name, args=["support"], query={"key": "refund-1"})
    if name in {"retry_judge", "stop_judge", "resume_judge"}:
        return reverse(name, args=[make_judge(evaluation).pk])
    if name == "flag_settle":
        example = evaluation.comparisons.get(position=0).example
        flag = flag_example(example=example, kind="tag", note="", by=User.objects.create(username="fay"))
        return reverse(name, args=["support", flag.pk])
    if name == "withdraw_invitation":
        invite(evaluation=evaluation, reviewers=[User.objects.get_or_create(username="ines")[0]], by=None)
        return reverse(name, args=[evaluation.pk, evaluation.invitations.get().pk])
    if name == "release_turns":
        return reverse(name, args=[evaluation.pk, User.objects.get_or_create(username="ines")[0].pk])
    if name == "offer_again":
        return reverse(name, args=[evaluation.pk, evaluation.comparisons.get(position=0).pk])
    if name.startswith("upload"):
        return reverse(name, args=[receive_upload(**UPLOADS.get(name, CHECKED), name="support", by=None).pk])
    plain = {"home", "evaluations", "evaluation_new", "golden_sets", "golden_set_upload", "models"}
    if name in {"practise", "practise_vote"}:
        return reverse(name, args=[1])
    plain |= {"responses_upload", "profile", "practice", "tour_seen"}
    return reverse(name, args=[] if name in plain else arguments.get(name, [evaluation.pk]))


def answer(client: Client, method: str, path: str) -> int:
    return client.generic(method, path).status_code


def test_every_url_has_a_row() -> None:
    patterns = [*reviews.urls.urlpatterns, *models_registry.urls.urlpatterns]
    assert all(isinstance(pattern, URLPattern) for pattern in patterns)
    assert {pattern.name for pattern in patterns} == set(TABLE)


@pytest.mark.parametrize("name", TABLE)
def test_url_answers_by_role(
    name: str,
    evaluation: Evaluation,
    client_for: ClientFor,
    outsider: User,
    reviewer: User,
    lead: User,
    admin_user: User,
) -> None:
    row, path = TABLE[name], path_of(name, evaluation)
    given = GIVEN.get(name, {})
    turn = claim_next(evaluation=evaluation, reviewer=reviewer)
    if name in {"my_vote", "change_vote", "undo_vote"}:
        assert turn is not None
        cast_vote(assignment=turn, reviewer=reviewer, choice="left")
    for person, expected in (
        (outsider, row.no_role),
        (reviewer, row.reviewer),
        (lead, row.lead),
        (admin_user, row.admin),
    ):
        client = client_for(person)
        response = client.get(path) if row.method == "GET" else client.post(path, given)
        assert response.status_code == expected, person


@pytest.mark.parametrize("name", TABLE)
def test_url_sends_an_outsider_to_the_login_page_and_back(
    name: str, evaluation: Evaluation, client_for: ClientFor
) -> None:
    path = path_of(name, evaluation)
    response = client_for(None).generic(TABLE[name].method, path)
    assert response.status_code == LOGIN
    assert response.headers["Location"] == f"{reverse('login')}?next={quote(path)}"


@pytest.mark.parametrize("name", TABLE)
def test_url_answers_to_its_own_method_only(
    name: str, evaluation: Evaluation, client_for: ClientFor, admin_user: User, reviewer: User
) -> None:
    client = client_for(reviewer if TABLE[name].admin == 403 else admin_user)
    path = path_of(name, evaluation)
    other = "POST" if TABLE[name].method == "GET" else "GET"
    assert answer(client, other, path) == OTHER_METHOD.get(name, 405)
    assert answer(client, "DELETE", path) == 405


@pytest.mark.parametrize("role", ["reviewer", "outsider"])
def test_what_may_not_be_opened_is_not_done_either(
    role: str, evaluation: Evaluation, client_for: ClientFor, request: pytest.FixtureRequest
) -> None:
    client = client_for(request.getfixturevalue(role))
    assert client.post(reverse("evaluation_close", args=[evaluation.pk])).status_code == 403
    fields = {
        "name": "Sneaked in",
        "candidate": make_model_version().pk,
        "baseline": make_model_version().pk,
        "golden_set_version": evaluation.golden_set_version_id,
        "votes_per_comparison": 1,
    }
    assert client.post(reverse("evaluation_new"), fields).status_code == 403
    evaluation.refresh_from_db()
    assert evaluation.closed_at is None
    assert Evaluation.objects.count() == 1


@pytest.mark.parametrize("roles", [("Lead",), ("Admin",), ("Reviewer", "Lead"), ("Reviewer", "Admin")])
def test_who_may_open_dashboards_can_not_vote(
    roles: tuple[str, ...], evaluation: Evaluation, client_for: ClientFor, make_user: Callable[..., User]
) -> None:
    """Even a reviewer who became a lead in the middle of a pair."""
    person = make_user("both", *roles)
    turn = claim_next(evaluation=evaluation, reviewer=person)
    assert turn is not None
    response = client_for(person).post(reverse("cast_vote", args=[turn.ticket]), {"choice": "left"})
    assert response.status_code == 403
    assert not Vote.objects.exists()


LEAD_SEES = "You can open dashboards, so you can't vote blind."
NO_ROLE_SEES = "Only reviewers vote. Ask an admin to add you to the group Reviewer."


@pytest.mark.parametrize(("role", "said"), [("lead", LEAD_SEES), ("outsider", NO_ROLE_SEES)])
def test_refusal_to_vote_says_why(
    role: str, said: str, rf: RequestFactory, request: pytest.FixtureRequest
) -> None:
    voting = rf.get("/")
    voting.user = request.getfixturevalue(role)
    with pytest.raises(PermissionDenied, match=said):
        access.reviewer(voting)


@pytest.mark.parametrize(("role", "said"), [("lead", LEAD_SEES), ("outsider", NO_ROLE_SEES)])
def test_page_that_refuses_to_vote_says_why(
    role: str, said: str, evaluation: Evaluation, client_for: ClientFor, request: pytest.FixtureRequest
) -> None:
    page = client_for(request.getfixturevalue(role)).get(reverse("vote", args=[evaluation.pk]))
    assert page.status_code == 403
    assert said in html.unescape(page.text)


def test_superuser_sees_everything_and_votes_on_nothing(
    evaluation: Evaluation, client_for: ClientFor
) -> None:
    client = client_for(User.objects.create_superuser("root"))
    assert client.get(evaluation.get_absolute_url()).status_code == 200
    assert client.get(reverse("vote", args=[evaluation.pk])).status_code == 403


# --- people are the admin's --------------------------------------------------------------------------------


@pytest.mark.parametrize("role", ["lead", "reviewer", "outsider"])
def test_only_an_admin_manages_people(
    role: str, client_for: ClientFor, request: pytest.FixtureRequest, admin_user: User
) -> None:
    person = request.getfixturevalue(role)
    client = client_for(person)
    for path in (
        "/admin/",
        "/admin/auth/user/",
        "/admin/auth/user/add/",
        f"/admin/auth/user/{person.pk}/change/",
    ):
        response = client.get(path)
        assert response.status_code == 302
        assert response.headers["Location"].startswith("/admin/login/")
    fields = {"username": "new", "password1": "long enough 1", "password2": "long enough 1"}
    client.post("/admin/auth/user/add/", fields)
    assert not User.objects.filter(username="new").exists()
    assert client_for(admin_user).get("/admin/auth/user/").status_code == 200


def test_lead_who_may_enter_the_admin_site_still_sees_no_people(client_for: ClientFor, lead: User) -> None:
    User.objects.filter(pk=lead.pk).update(is_staff=True)
    client = client_for(lead)
    assert client.get("/admin/").status_code == 200
    assert client.get("/admin/auth/user/").status_code == 403
    assert client.get("/admin/auth/group/").status_code == 403


def test_admin_can_not_make_themselves_a_superuser(client_for: ClientFor, admin_user: User) -> None:
    page = client_for(admin_user).get(f"/admin/auth/user/{admin_user.pk}/change/")
    assert page.status_code == 200
    client_for(admin_user).post(
        f"/admin/auth/user/{admin_user.pk}/change/",
        {"username": admin_user.username, "is_active": "on", "is_staff": "on", "is_superuser": "on"},
    )
    admin_user.refresh_from_db()
    assert not admin_user.is_superuser


def test_votes_and_evaluations_are_not_edited_in_the_admin_site(
    client_for: ClientFor, admin_user: User
) -> None:
    """The admin site has no page for them, so no way round the actions."""
    client = client_for(admin_user)
    for name in ("evaluation", "comparison", "assignment", "vote"):
        assert client.get(f"/admin/reviews/{name}/").status_code == 404


# --- what is not there -------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["evaluation", "comparisons", "comparison", "model_version"])
def test_what_is_not_there_is_404(name: str, client_for: ClientFor, lead: User) -> None:
    assert client_for(lead).get(reverse(name, args=["987654"])).status_code == 404


def test_reviewer_finds_only_what_is_open(client_for: ClientFor, reviewer: User) -> None:
    """An evaluation that is generating, closed or not there all answer the same."""
    client = client_for(reviewer)
    generating = make_evaluation(1, opened=False)
    make_response(make_model_version(), generating.golden_set_version.examples.get())
    closed = make_evaluation(1)
    Evaluation.objects.filter(pk=closed.pk).update(closed_at=closed.opened_at)
    for pk in (generating.pk, closed.pk, 987654):
        assert client.get(reverse("vote", args=[pk])).status_code == 404
    assert client.post(reverse("cast_vote", args=["987654"]), {"choice": "left"}).status_code == 404
