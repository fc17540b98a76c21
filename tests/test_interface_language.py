"""In which language a page is, and what of it never changes with the language."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import translation

from evalsite.figures import dollars, figure
from reviews.models import ReviewerProfile
from tests.conftest import PASSWORD

pytestmark = pytest.mark.django_db

ClientFor = Callable[..., Client]
LOGIN = "/accounts/login/"
SPANISH = {"Accept-Language": "es-ES,es;q=0.9,en;q=0.8"}


def language_of(answer: object) -> str:
    """What the page itself says, and its header with it."""
    declared = str(answer.text).split('<html lang="', 1)[1].split('"', 1)[0]  # type: ignore[attr-defined]
    assert answer.headers["Content-Language"] == declared  # type: ignore[attr-defined]
    return declared


def choose(client: Client, language: str, **data: str) -> str:
    """Where the answer leads."""
    return client.post("/accounts/language/", {"language": language, **data}).headers["Location"]


@pytest.mark.parametrize(
    ("asked", "given"),
    [
        ("es-ES,es;q=0.9,en;q=0.8", "es"),
        ("es-MX", "es"),
        ("en-GB,es;q=0.5", "en"),
        ("fr,es;q=0.7", "es"),
        ("fr", "en"),
        ("", "en"),
    ],
)
def test_browser_chooses_where_nobody_did(client: Client, asked: str, given: str) -> None:
    page = client.get(LOGIN, headers={"Accept-Language": asked})

    assert language_of(page) == given


def test_page_varies_by_language_and_cookie(client: Client, client_for: ClientFor, reviewer: User) -> None:
    """Otherwise a cache would hand one person's language to the next."""
    for page in (
        client.get(LOGIN),
        client_for(reviewer).get("/"),
        client_for(reviewer).get("/nowhere/"),
        client_for(reviewer).get("/evaluations/"),
    ):
        varies = {name.strip() for name in page.headers["Vary"].split(",")}
        assert {"Accept-Language", "Cookie"} <= varies, page.headers["Vary"]


def test_choice_before_login_stays_with_the_browser(client: Client) -> None:
    where = choose(client, "es", next="/accounts/login/?next=/models/")

    assert where == "/accounts/login/?next=/models/"
    assert language_of(client.get(LOGIN)) == "es"
    # the browser's wish no longer counts
    assert language_of(client.get(LOGIN, headers={"Accept-Language": "en"})) == "es"
    choose(client, "en")
    assert language_of(client.get(LOGIN, headers=SPANISH)) == "en"
    assert not ReviewerProfile.objects.exists()


def test_choice_of_a_person_goes_where_they_go(client_for: ClientFor, reviewer: User) -> None:
    choose(client_for(reviewer), "es")

    elsewhere = Client()
    elsewhere.post(LOGIN, {"username": reviewer.username, "password": PASSWORD})
    assert language_of(elsewhere.get("/")) == "es"
    assert language_of(elsewhere.get("/", headers={"Accept-Language": "en"})) == "es"
    # what the cookie of a colleague at the same desk says doesn't count either
    choose(Client(), "en")
    elsewhere.cookies["django_language"] = "en"
    assert language_of(elsewhere.get("/")) == "es"


def test_choice_ends_with_the_session_of_whose_it_is(
    client: Client, reviewer: User, second_reviewer: User
) -> None:
    ReviewerProfile.objects.create(user=reviewer, interface_language="es")
    client.force_login(reviewer)
    assert language_of(client.get("/")) == "es"

    client.force_login(second_reviewer)

    assert language_of(client.get("/")) == "en"


def test_choice_of_a_person_can_be_changed_at_once(client_for: ClientFor, reviewer: User) -> None:
    client = client_for(reviewer)
    for language in ("es", "es", "en"):
        choose(client, language)
        assert language_of(client.get("/")) == language
    assert ReviewerProfile.objects.get(user=reviewer).interface_language == "en"


def test_language_costs_no_query(
    client_for: ClientFor, reviewer: User, django_assert_max_num_queries: Callable[..., object]
) -> None:
    client = client_for(reviewer)
    with translation.override("en"):
        queries: list[int] = []
        client.get("/")  # asks, once, which languages they read
        for _choice in range(2):
            with django_assert_max_num_queries(50) as counted:  # type: ignore[attr-defined]
                client.get("/")
            queries.append(len(counted))
            choose(client, "es")
    assert queries[0] == queries[1]


@pytest.mark.parametrize(
    "address", ["https://elsewhere.example/", "//elsewhere.example", "javascript:alert(1)"]
)
def test_choice_leads_nowhere_else(client: Client, address: str) -> None:
    assert choose(client, "es", next=address) == "/"


def test_choice_of_another_language_says_what_there_is(client: Client) -> None:
    answer = client.post("/accounts/language/", {"language": "tlh"})

    assert answer.status_code == 400
    assert "en, es" in answer.text
    assert client.get("/accounts/language/").status_code == 405


def test_switch_names_each_language_in_itself(client: Client) -> None:
    page = client.get(LOGIN, headers=SPANISH).text

    assert 'value="en" lang="en" aria-pressed="false">English</button>' in page
    assert 'value="es" lang="es" aria-pressed="true">Español</button>' in page


@pytest.mark.parametrize(
    ("language", "number", "money"),
    [("en", "1,128,975.25", "$12.40"), ("es", "1 128 975,25", "12,40 $")],
)
def test_figures_have_the_separators_of_the_language(language: str, number: str, money: str) -> None:
    with translation.override(language):
        # the spaces don't break
        assert figure(1128975.25, ",.2f").split("\N{NO-BREAK SPACE}") == number.split(" ")
        assert dollars(Decimal("12.4")).split("\N{NO-BREAK SPACE}") == money.split(" ")
