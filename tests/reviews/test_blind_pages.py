"""Nothing a reviewer's browser receives tells which side is the candidate: every byte, over twenty votes."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from models_registry.models import ModelVersion
from reviews.actions.evaluations import close_evaluation, open_voting
from reviews.models import Assignment, Comparison, Evaluation, Vote
from tests.factories import (
    make_endpoint,
    make_golden_set_version,
    make_model_version,
    make_response,
    make_rows,
)

pytestmark = pytest.mark.django_db

ClientFor = Callable[..., Client]
PAIRS = 20
# numbers that stand in no page by chance
RESPONSE_IDS, EXAMPLE_SEED = 7_131_000_000, 4_242_424_242


@pytest.fixture
def evaluation(lead: User) -> Evaluation:
    """Two models with names, and responses with ids, that can't be overlooked; texts that tell nothing."""
    endpoint = make_endpoint(name="zanzibar-endpoint")
    versions = [
        make_model_version(
            name,
            version=version,
            served_name=served,
            endpoint=endpoint,
            system_prompt=f"You are {name}.",
            changelog=f"{name} is new.",
        )
        for name, version, served in (
            ("quokka-support", "v-narwhal", "srv-okapi"),
            ("tapir-support", "v-axolotl", "srv-pangolin"),
        )
    ]
    golden = make_golden_set_version(make_rows(PAIRS), name="wombat-set")
    evaluation = Evaluation.objects.create(
        name="Support, November",
        candidate=versions[0],
        baseline=versions[1],
        golden_set_version=golden,
        votes_per_comparison=2,
        seed=EXAMPLE_SEED,
        guidelines="Would you send it?",
        started_by=lead,
    )
    for position, example in enumerate(golden.examples.all()):
        responses = [
            make_response(
                version,
                example,
                f"{word} answer {position}.",
                id=RESPONSE_IDS + 100 * position + side,
                reported_model=version.served_name,
                latency_seconds=3.1415 + side,
            )
            for side, (version, word) in enumerate(zip(versions, ("Red", "Blue"), strict=True))
        ]
        Comparison.objects.create(
            evaluation=evaluation,
            example=example,
            candidate_response=responses[0],
            baseline_response=responses[1],
            position=position,
        )
    return open_voting(evaluation=evaluation, by=lead)


FORBIDDEN = [
    *("quokka", "tapir", "narwhal", "axolotl", "okapi", "pangolin", "zanzibar", "wombat"),
    *("candidate", "baseline", "win rate", "3.14", "4.14"),
    str(RESPONSE_IDS)[:6],
    str(EXAMPLE_SEED),
]


def received(response: Any) -> str:
    """Everything that went over the wire: headers, cookies, body."""
    headers = "\n".join(f"{name}: {value}" for name, value in response.headers.items())
    return f"{headers}\n{response.cookies.output()}\n{response.content.decode()}"


def assert_blind(response: Any) -> None:
    text = received(response).lower()
    assert [word for word in FORBIDDEN if word in text] == []


def turn_of(reviewer: User) -> Assignment:
    return Assignment.objects.get(reviewer=reviewer, voted=False, shown_at__isnull=False)


def test_names_would_be_found_where_they_may_be_seen(
    evaluation: Evaluation, client_for: ClientFor, lead: User
) -> None:
    """The list finds what it is there to find."""
    text = received(client_for(lead).get(evaluation.get_absolute_url())).lower()
    assert {"quokka", "tapir", "narwhal", "axolotl", "wombat", "candidate", "baseline"} <= {
        word for word in FORBIDDEN if word in text
    }


@pytest.mark.parametrize("htmx", [True, False], ids=["htmx", "no JavaScript"])
def test_nothing_tells_the_side_over_twenty_votes(
    evaluation: Evaluation, client_for: ClientFor, reviewer: User, htmx: bool
) -> None:
    client = client_for(reviewer)
    assert_blind(client.get(reverse("home")))
    vote_page = reverse("vote", args=[evaluation.pk])
    page = client.get(vote_page)
    lefts = set()
    for number in range(PAIRS):
        assert_blind(page)
        turn = turn_of(reviewer)
        lefts.add(turn.candidate_on_left)
        words = ["Red", "Blue"] if turn.candidate_on_left else ["Blue", "Red"]
        shown = re.findall(r"(Red|Blue) answer", page.text.partition("<template")[0])
        assert shown == [word for word in words for _ in ("rendered", "raw")]
        choice = ("left", "right", "tie", "both_bad")[number % 4]
        answer = client.post(
            reverse("cast_vote", args=[turn.ticket]),
            {"choice": choice},
            headers={"HX-Request": "true"} if htmx else {},
        )
        assert_blind(answer)
        page = answer if htmx else client.get(vote_page)
    assert lefts == {True, False}
    assert Vote.objects.count() == PAIRS
    assert "That was the last one" in page.text
    assert_blind(page)
    assert_blind(client.get(reverse("home")))


def normalised(page: Any) -> str:
    """The page without what differs from one person and turn to another."""
    text = re.sub(r'(csrfmiddlewaretoken" value=|X-CSRFToken": )"\w+"', r"\1", page.text)
    text = re.sub(r'nonce="[^"]+"', "nonce", text)
    text = re.sub(r'/assignments/[\w-]{16}/|data-ticket="[\w-]{16}"', "ticket", text)
    return re.sub(r"(?i)rosa|ruben", "person", text).replace(">R</span>", ">P</span>")


def test_page_is_the_same_but_for_the_texts_when_the_sides_are_swapped(
    evaluation: Evaluation, client_for: ClientFor, reviewer: User, second_reviewer: User
) -> None:
    path = reverse("vote", args=[evaluation.pk])
    first, second = (normalised(client_for(person).get(path)) for person in (reviewer, second_reviewer))
    assert first != second
    swapped = first.replace("Red", "Green").replace("Blue", "Red").replace("Green", "Blue")
    assert swapped == second


def test_refusals_and_errors_tell_nothing(
    evaluation: Evaluation, client_for: ClientFor, reviewer: User, second_reviewer: User
) -> None:
    client = client_for(reviewer)
    client.get(reverse("vote", args=[evaluation.pk]))
    turn = turn_of(reviewer)
    cast = reverse("cast_vote", args=[turn.ticket])
    assert_blind(client.post(cast, {"choice": "candidate"}))
    assert_blind(client.get(evaluation.get_absolute_url()))
    assert_blind(client.get(reverse("comparison", args=[turn.comparison_id])))
    assert_blind(client.get(reverse("vote", args=["987654"])))
    Assignment.objects.filter(pk=turn.pk).update(reviewer=second_reviewer)
    assert_blind(client.post(cast, {"choice": "left"}, headers={"HX-Request": "true"}))
    assert_blind(client.post(cast, {"choice": "left"}, follow=True))


@pytest.mark.parametrize("headers", [{"HX-Request": "true"}, {}], ids=["htmx", "no JavaScript"])
def test_flag_tells_nothing(
    evaluation: Evaluation, client_for: ClientFor, reviewer: User, headers: dict[str, str]
) -> None:
    client = client_for(reviewer)
    client.get(reverse("vote", args=[evaluation.pk]))
    flag = reverse("flag_example", args=[turn_of(reviewer).ticket])
    for given in ({}, {"kind": "other"}, {"kind": "reference", "note": "Too short"}):
        assert_blind(client.post(flag, given, headers=headers, follow=True))
    assert_blind(client.get(reverse("vote", args=[evaluation.pk])))


def test_end_of_an_evaluation_tells_nothing(
    evaluation: Evaluation, client_for: ClientFor, reviewer: User
) -> None:
    client = client_for(reviewer)
    client.get(reverse("vote", args=[evaluation.pk]))
    close_evaluation(evaluation=evaluation, by=None)
    cast = reverse("cast_vote", args=[turn_of(reviewer).ticket])
    assert_blind(client.post(cast, {"choice": "left"}, headers={"HX-Request": "true"}))
    assert_blind(client.post(cast, {"choice": "left"}, follow=True))
    assert not Vote.objects.exists()


def test_reviewer_can_not_open_a_model_or_a_golden_set(
    evaluation: Evaluation, client_for: ClientFor, reviewer: User
) -> None:
    client = client_for(reviewer)
    for path in (
        ModelVersion.objects.all()[0].get_absolute_url(),
        evaluation.golden_set_version.get_absolute_url(),
        reverse("models"),
        reverse("evaluations"),
    ):
        response = client.get(path)
        assert response.status_code == 403
        assert "quokka" not in received(response)


def test_no_address_of_a_dashboard_stands_on_a_reviewers_pages(
    evaluation: Evaluation, client_for: ClientFor, reviewer: User
) -> None:
    client = client_for(reviewer)
    for path in (reverse("home"), reverse("vote", args=[evaluation.pk])):
        links = re.findall(r'(?:href|action|hx-post|hx-get)="([^"]*)"', client.get(path).text)
        ours = {link for link in links if link.startswith("/") and not link.startswith("/static/")}
        assert all(
            re.fullmatch(
                r"/|/accounts/(password|logout|language)/|/evaluations/\d+/(vote|my-votes)/|/(practice|profile)/|"
                r"/assignments/[\w-]{16}/(vote|flag|skip|undo)/(\?strength=clearly)?",
                link,
            )
            for link in ours
        )
