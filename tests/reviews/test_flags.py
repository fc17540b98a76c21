"""A reviewer says that an example itself is wrong: the pair, its lease and its secret stay as they are."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from models_registry.models import ExampleFlag
from reviews.actions.votes import cast_vote
from reviews.models import Assignment, Evaluation, Vote
from tests.factories import make_evaluation

pytestmark = pytest.mark.django_db

ClientFor = Callable[..., Client]
HTMX = {"HX-Request": "true"}
GIVEN = {"kind": "ambiguous", "note": "Which order?"}


@pytest.fixture
def evaluation(db: None) -> Evaluation:
    return make_evaluation(3)


@pytest.fixture
def client(client_for: ClientFor, reviewer: User, evaluation: Evaluation) -> Client:
    """A reviewer who looks at their first pair."""
    client = client_for(reviewer)
    assert client.get(reverse("vote", args=[evaluation.pk])).status_code == 200
    return client


@pytest.fixture
def turn(client: Client, reviewer: User) -> Assignment:
    return Assignment.objects.get(reviewer=reviewer, voted=False, shown_at__isnull=False)


def flag_of(turn: Assignment) -> str:
    return reverse("flag_example", args=[turn.ticket])


def flags() -> list[tuple[Any, ...]]:
    return list(ExampleFlag.objects.values_list("example_id", "kind", "note", "created_by__username"))


def test_flag_is_about_the_example_of_the_turn(client: Client, turn: Assignment, reviewer: User) -> None:
    page = client.post(flag_of(turn), GIVEN, follow=True)
    assert page.redirect_chain == [(reverse("vote", args=[turn.evaluation_id]), 302)]
    assert "Thank you. It is on the list" in page.text
    assert "the prompt is ambiguous" in page.text
    assert flags() == [(turn.comparison.example_id, "ambiguous", "Which order?", reviewer.username)]


def test_with_htmx_only_the_flag_comes_back(client: Client, turn: Assignment) -> None:
    answer = client.post(flag_of(turn), GIVEN, headers=HTMX)
    assert answer.status_code == 200
    assert answer.text.lstrip().startswith('<div id="flag"')
    assert "Thank you, noted." in answer.text
    assert 'class="ballot"' not in answer.text
    assert "HX-Request" in answer.headers["Vary"]


@pytest.mark.parametrize("headers", [{}, HTMX], ids=["no JavaScript", "htmx"])
def test_turn_and_lease_stay_as_they_are(client: Client, turn: Assignment, headers: dict[str, str]) -> None:
    before = Assignment.objects.values().get(pk=turn.pk)
    client.post(flag_of(turn), GIVEN, headers=headers)
    client.post(flag_of(turn), {"kind": "left"}, headers=HTMX)
    assert Assignment.objects.values().get(pk=turn.pk) == before
    assert not Vote.objects.exists()


def test_second_click_finds_the_flag(client: Client, turn: Assignment) -> None:
    for headers in ({}, HTMX, {}):
        client.post(flag_of(turn), GIVEN, headers=headers)
    assert len(flags()) == 1


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"note": "Hm"}, "Choose what is wrong."),
        ({"kind": "candidate", "note": "Hm"}, "is not one of the available choices"),
        ({"kind": "other", "note": ""}, "Say what is wrong with it."),
        ({"kind": "tag", "note": "x" * 2001}, "at most 2000 characters"),
    ],
)
@pytest.mark.parametrize("headers", [{}, HTMX], ids=["no JavaScript", "htmx"])
def test_flag_that_says_nothing_keeps_what_was_typed(
    given: dict[str, str], said: str, headers: dict[str, str], client: Client, turn: Assignment
) -> None:
    answer = client.post(flag_of(turn), given, headers=headers)
    assert answer.status_code == 422
    assert said in answer.text
    assert given["note"] in answer.text
    assert ('class="ballot"' in answer.text) == (not headers)
    assert flags() == []


def test_other_peoples_turns_and_free_ones_can_not_be_flagged(
    client: Client, turn: Assignment, client_for: ClientFor, second_reviewer: User
) -> None:
    free = Assignment.objects.filter(reviewer=None)[0]
    assert client.post(flag_of(free), GIVEN).status_code == 404
    assert client_for(second_reviewer).post(flag_of(turn), GIVEN).status_code == 404
    Assignment.objects.filter(pk=turn.pk).update(reviewer=second_reviewer)
    assert client.post(flag_of(turn), GIVEN, headers=HTMX).status_code == 404
    assert flags() == []


def test_note_arrives_though_the_vote_or_the_end_came_first(
    client: Client, turn: Assignment, reviewer: User
) -> None:
    cast_vote(assignment=turn, reviewer=reviewer, choice="tie")
    assert client.post(flag_of(turn), GIVEN).status_code == 302
    Evaluation.objects.filter(pk=turn.evaluation_id).update(closed_at=timezone.now())
    page = client.post(flag_of(turn), {"kind": "tag"}, follow=True)
    assert page.redirect_chain == [("/", 302)]
    assert "Choose" in client.post(flag_of(turn), {}, follow=True).text
    assert len(flags()) == 2


def test_pair_shows_only_ones_own_flags(
    client: Client, turn: Assignment, second_reviewer: User, reviewer: User
) -> None:
    page = reverse("vote", args=[turn.evaluation_id])
    ExampleFlag.objects.create(
        example=turn.comparison.example, kind="reference", note="Secret", created_by=second_reviewer
    )
    assert "You flagged this example" not in client.get(page).text
    assert "Secret" not in client.get(page).text
    client.post(flag_of(turn), GIVEN)
    assert "You flagged this example" in client.get(page).text


# --- from the comparison -----------------------------------------------------------------------------------


@pytest.mark.parametrize("role", ["lead", "admin_user"])
def test_lead_and_admin_flag_from_the_comparison(
    role: str, evaluation: Evaluation, client_for: ClientFor, request: pytest.FixtureRequest
) -> None:
    person = request.getfixturevalue(role)
    client = client_for(person)
    comparison = evaluation.comparisons.all()[0]
    path = reverse("flag_comparison", args=[comparison.pk])
    assert path in client.get(comparison.get_absolute_url()).text
    page = client.post(path, GIVEN, follow=True)
    assert "Thank you. It is on the list" in page.text
    assert flags() == [(comparison.example_id, "ambiguous", "Which order?", person.username)]
    answer = client.post(path, {"kind": "other"}, headers=HTMX)
    assert answer.status_code == 422
    assert path in answer.text


def test_reviewer_can_not_flag_from_a_comparison(client: Client, turn: Assignment) -> None:
    path = reverse("flag_comparison", args=[turn.comparison_id])
    assert client.post(path, GIVEN).status_code == 403
    assert flags() == []
