"""People in the admin site: what a reviewer reads, seen in the list and changed on their page."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.contrib.auth.models import Group, User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from reviews.actions.profiles import choose_languages
from reviews.models import ReviewerProfile
from reviews.queries.eligibility import languages_of

pytestmark = pytest.mark.django_db

PEOPLE = reverse("admin:auth_user_changelist")


@pytest.fixture
def client(client_for: Callable[..., Client], admin_user: User) -> Client:
    return client_for(admin_user)


def page_of(person: User) -> str:
    return reverse("admin:auth_user_change", args=[person.pk])


def given(person: User, **fields: object) -> dict[str, object]:
    return {
        "username": person.username,
        "first_name": person.first_name,
        "email": person.email,
        "is_active": "on",
        "groups": [group.pk for group in person.groups.all()],
        "date_joined_0": "2026-01-02",
        "date_joined_1": "10:00:00",
        **fields,
    }


def test_list_shows_roles_and_languages(client: Client, reviewer: User, second_reviewer: User) -> None:
    choose_languages(person=reviewer, languages=["en", "es"])
    text = client.get(PEOPLE).text
    assert '<td class="field-languages">English, español</td>' in text
    assert '<td class="field-languages">any</td>' in text
    assert '<td class="field-roles">Reviewer</td>' in text


def test_list_takes_the_same_queries_with_more_people(client: Client, make_user: Callable[..., User]) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            client.get(PEOPLE)
        return len(captured)

    choose_languages(person=make_user("first", "Reviewer"), languages=["en"])
    queries()
    before = queries()
    for number in range(4):
        choose_languages(person=make_user(f"person-{number}", "Reviewer"), languages=["es"])
    assert queries() == before


def test_admin_changes_what_a_reviewer_is_given_at_once(client: Client, reviewer: User) -> None:
    assert languages_of(reviewer) == ()
    answer = client.post(page_of(reviewer), given(reviewer, languages=["es"]))
    assert answer.status_code == 302
    assert ReviewerProfile.objects.get(user=reviewer).languages == ["es"]
    # not only after the time for which it is remembered
    assert languages_of(reviewer) == ("es",)
    assert client.get(page_of(reviewer)).text.count('name="languages" value="es"') == 1
    client.post(page_of(reviewer), given(reviewer))
    assert languages_of(reviewer) == ()


def test_language_that_nothing_is_written_in_is_refused(client: Client, reviewer: User) -> None:
    answer = client.post(page_of(reviewer), given(reviewer, languages=["tlh"]))
    assert answer.status_code == 200
    assert "tlh is not one of the available choices" in answer.text
    assert not ReviewerProfile.objects.filter(user=reviewer).exists()


def test_person_whose_page_only_may_be_looked_at_is_shown_with_languages(
    client: Client, client_for: Callable[..., Client]
) -> None:
    root = User.objects.create_superuser("root")
    choose_languages(person=root, languages=["en"])
    page = client.get(page_of(root))
    assert page.status_code == 200
    assert 'name="languages"' not in page.text
    assert "English" in page.text
    assert client_for(root).get(page_of(root)).status_code == 200


def test_new_person_is_made_with_their_role(client: Client) -> None:
    role = Group.objects.get(name="Reviewer")
    fields = {
        "username": "nora",
        "usable_password": "true",
        "password1": "long enough 1",
        "password2": "long enough 1",
        "groups": [role.pk],
    }
    assert client.post(reverse("admin:auth_user_add"), fields).status_code == 302
    assert User.objects.get(username="nora").groups.get() == role
