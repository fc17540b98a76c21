"""The voting page: whole and as a fragment, and what a vote answers."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from models_registry.models import Response
from reviews.actions.assignments import claim_next
from reviews.actions.evaluations import close_evaluation
from reviews.models import Assignment, Evaluation, Vote
from reviews.rendering import render_slice
from tests.factories import make_evaluation, make_golden_set_version

pytestmark = pytest.mark.django_db

ClientFor = Callable[..., Client]
HTMX = {"HX-Request": "true"}


@pytest.fixture
def evaluation(db: None) -> Evaluation:
    return make_evaluation(3, guidelines="Prefer **short** answers.")


@pytest.fixture
def client(client_for: ClientFor, reviewer: User) -> Client:
    return client_for(reviewer)


@pytest.fixture
def turn(evaluation: Evaluation, reviewer: User) -> Assignment:
    turn = claim_next(evaluation=evaluation, reviewer=reviewer)
    assert turn is not None
    return turn


def vote_page(evaluation: Evaluation) -> str:
    return reverse("vote", args=[evaluation.pk])


def cast(client: Client, turn: Assignment, choice: str = "left", **options: Any) -> Any:
    return client.post(reverse("cast_vote", args=[turn.ticket]), {"choice": choice}, **options)


def test_page_is_whole_and_not_stored(client: Client, evaluation: Evaluation) -> None:
    page = client.get(vote_page(evaluation))
    assert page.status_code == 200
    assert page.text.startswith("<!doctype html>")
    shown, _template, following = page.text.partition("<template")
    assert shown.count('<section id="pair"') == following.count('<section id="pair"') == 1
    assert "no-store" in page.headers["Cache-Control"]
    assert "<strong>short</strong>" in page.text
    assert shown.count('name="choice"') == 6  # left and right: slightly, clearly


def test_page_claims_the_turn_that_it_shows(client: Client, evaluation: Evaluation, reviewer: User) -> None:
    page = client.get(vote_page(evaluation))
    turn = Assignment.objects.get(reviewer=reviewer, shown_at__isnull=False)
    assert f'action="{reverse("cast_vote", args=[turn.ticket])}"' in page.text
    # loaded again it is the same
    assert reverse("cast_vote", args=[turn.ticket]) in client.get(vote_page(evaluation)).text


def test_vote_with_htmx_answers_with_the_next_pair_alone(
    client: Client, evaluation: Evaluation, turn: Assignment, reviewer: User
) -> None:
    answer = cast(client, turn, headers=HTMX)
    assert answer.status_code == 200
    assert answer.text.lstrip().startswith('<section id="pair"')
    assert answer.text.rstrip().endswith("</section>")
    assert "<html" not in answer.text
    assert "HX-Request" in answer.headers["Vary"]
    assert "no-store" in answer.headers["Cache-Control"]
    following = Assignment.objects.get(reviewer=reviewer, voted=False, shown_at__isnull=False)
    assert following.position == 1
    assert reverse("cast_vote", args=[following.ticket]) in answer.text
    assert 'data-voted="1" data-total="3"' in answer.text


def test_vote_without_htmx_redirects_to_the_next_pair(
    client: Client, evaluation: Evaluation, turn: Assignment
) -> None:
    answer = cast(client, turn)
    assert answer.status_code == 302
    assert answer.headers["Location"] == vote_page(evaluation)
    assert "HX-Request" in answer.headers["Vary"]
    assert "no-store" in answer.headers["Cache-Control"]
    assert Vote.objects.count() == 1


@pytest.mark.parametrize("choice", ["left", "right", "tie", "both_bad"])
def test_every_choice_is_stored_in_truth(client: Client, turn: Assignment, choice: str) -> None:
    assert turn.candidate_on_left
    cast(client, turn, choice)
    truth = {"left": "candidate", "right": "baseline"}.get(choice, choice)
    assert Vote.objects.get().choice == truth


@pytest.mark.parametrize("choice", ["", "candidate", "baseline", "LEFT", "left ", "A"])
@pytest.mark.parametrize("headers", [HTMX, {}])
def test_bad_choice_is_400_and_counts_nothing(
    client: Client, turn: Assignment, choice: str, headers: dict[str, str]
) -> None:
    answer = cast(client, turn, choice, headers=headers)
    assert answer.status_code == 400
    assert answer.text == "Choose left, right, tie or both bad."
    assert not Vote.objects.exists()
    assert client.post(reverse("cast_vote", args=[turn.ticket])).status_code == 400


def test_second_click_goes_on_without_a_word(client: Client, turn: Assignment) -> None:
    cast(client, turn, "left", headers=HTMX)
    again = cast(client, turn, "right", headers=HTMX)
    assert again.status_code == 200
    assert "not counted" not in again.text
    assert Vote.objects.get().choice == "candidate"


def lose(turn: Assignment, to: User) -> None:
    Assignment.objects.filter(pk=turn.pk).update(lease_until=timezone.now() - timedelta(seconds=1))
    assert claim_next(evaluation=turn.evaluation, reviewer=to) == turn


def test_vote_on_a_pair_that_went_to_someone_else_says_so_and_goes_on(
    client: Client, evaluation: Evaluation, turn: Assignment, second_reviewer: User
) -> None:
    lose(turn, second_reviewer)
    fragment = cast(client, turn, headers=HTMX)
    assert fragment.status_code == 200
    assert "went to someone else, so this vote was not counted" in fragment.text
    assert 'class="ballot"' in fragment.text
    page = cast(client, turn, follow=True)
    assert page.redirect_chain == [(vote_page(evaluation), 302)]
    assert "went to someone else, so this vote was not counted" in page.text
    assert not Vote.objects.exists()


def test_nobody_votes_on_a_colleagues_turn(
    client_for: ClientFor, turn: Assignment, second_reviewer: User, reviewer: User
) -> None:
    answer = cast(client_for(second_reviewer), turn, headers=HTMX)
    assert "not counted" in answer.text
    turn.refresh_from_db()
    assert (turn.reviewer, turn.voted) == (reviewer, False)


def test_vote_after_closing_says_so(client: Client, evaluation: Evaluation, turn: Assignment) -> None:
    cast(client, turn)
    following = Assignment.objects.exclude(pk=turn.pk)[0]
    client.get(vote_page(evaluation))
    close_evaluation(evaluation=evaluation, by=None)
    fragment = cast(client, following, headers=HTMX)
    assert "This evaluation is closed" in fragment.text
    assert "was closed meanwhile, so this vote was not counted" in fragment.text
    assert "You judged 1 pair, and your vote was counted." in fragment.text
    page = cast(client, following, follow=True)
    assert page.redirect_chain == [(reverse("home"), 302)]
    assert "was closed meanwhile" in page.text
    assert Vote.objects.count() == 1


def test_vote_in_an_evaluation_that_never_opened_is_404(client: Client, turn: Assignment) -> None:
    waiting = make_evaluation(1, opened=False)
    comparison = waiting.comparisons.get()
    dealt = Assignment.objects.create(
        evaluation=waiting, comparison=comparison, position=0, slot=0, candidate_on_left=True
    )
    assert cast(client, dealt).status_code == 404


def test_last_vote_thanks(client: Client, evaluation: Evaluation) -> None:
    page = client.get(vote_page(evaluation))
    for turn in evaluation.assignments.all():
        page = cast(client, turn, headers=HTMX)
    assert "That was the last one" in page.text
    assert "You gave 3 votes" in page.text
    assert 'class="ballot"' not in page.text
    assert "That was the last one" in client.get(vote_page(evaluation)).text


def test_nothing_left_for_someone_who_came_late(
    client: Client, evaluation: Evaluation, make_user: Callable[..., User]
) -> None:
    for number in range(3):
        claim_next(evaluation=evaluation, reviewer=make_user(f"early{number}", "Reviewer"))
    assert "Nothing left for you here" in client.get(vote_page(evaluation)).text


def test_session_that_ended_sends_htmx_to_the_login_page_and_back(
    evaluation: Evaluation, turn: Assignment, client_for: ClientFor
) -> None:
    page = f"http://testserver{vote_page(evaluation)}"
    answer = cast(client_for(None), turn, headers=HTMX | {"HX-Current-URL": page})
    assert answer.status_code == 200
    assert answer.headers["HX-Redirect"] == f"{reverse('login')}?next={vote_page(evaluation)}"
    assert answer.content == b""
    assert not Vote.objects.exists()


def test_session_that_ended_never_leads_to_another_site(turn: Assignment, client_for: ClientFor) -> None:
    page = "https://evil.example/evaluations/"
    answer = cast(client_for(None), turn, headers=HTMX | {"HX-Current-URL": page})
    assert answer.headers["HX-Redirect"] == f"{reverse('login')}?next=/evaluations/"


def test_vote_needs_the_token_of_its_form(turn: Assignment, client_for: ClientFor, reviewer: User) -> None:
    client = client_for(reviewer, enforce_csrf_checks=True)
    assert cast(client, turn).status_code == 403
    assert cast(client, turn, headers=HTMX).status_code == 403
    client.get(vote_page(turn.evaluation))
    token = client.cookies["csrftoken"].value
    assert cast(client, turn, headers=HTMX | {"X-CSRFToken": token}).status_code == 200
    assert Vote.objects.count() == 1


def test_conversation_reference_and_empty_answer_are_shown(client: Client) -> None:
    row = {
        "id": "a",
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "¿Dónde está?"},
            {"role": "assistant", "content": "¿Qué pedido?"},
            {"role": "user", "content": "El **último**."},
        ],
        "reference": "In transit.",
        "lang": "es",
    }
    evaluation = make_evaluation(make_golden_set_version([row]))
    comparison = evaluation.comparisons.get()
    Response.objects.filter(pk=comparison.candidate_response_id).update(text=" \n")
    Response.objects.filter(pk=comparison.baseline_response_id).update(text="<script>alert(1)</script>")
    text = client.get(vote_page(evaluation)).text
    for part in ("Be brief.", "¿Dónde está?", "¿Qué pedido?", "<strong>último</strong>", "In transit."):
        assert part in text
    assert text.count("Empty answer") == 2  # rendered and raw
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text
    assert "<script>alert" not in text
    assert text.count('lang="es"') >= 5


def test_home_leads_to_the_next_pair(client: Client, evaluation: Evaluation) -> None:
    text = client.get(reverse("home")).text
    assert f'href="{vote_page(evaluation)}"' in text
    assert "3 pairs left for you" in text


def test_vote_takes_the_same_queries_in_a_large_evaluation(
    client: Client, reviewer: User, django_assert_max_num_queries: Any
) -> None:
    evaluation = make_evaluation(60, votes_per_comparison=3)
    render_slice(evaluation.pk, 0)
    turn = claim_next(evaluation=evaluation, reviewer=reviewer)
    assert turn is not None
    with django_assert_max_num_queries(20):
        cast(client, turn, headers=HTMX)
