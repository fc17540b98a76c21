from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from models_registry.models import GoldenSet
from tests.factories import ROWS, make_golden_set_version

pytestmark = pytest.mark.django_db

ClientFor = Callable[..., Client]
UPLOAD = "/golden-sets/upload/"
GOOD = b'{"id": "a", "prompt": "Hi", "tags": ["billing"], "lang": "en", "flags": "B"}\n'


def upload(client: Client, content: bytes = GOOD, filename: str = "rows.jsonl", **fields: Any) -> Any:
    file = SimpleUploadedFile(filename, content)
    return client.post(UPLOAD, {"file": file, "name": "support", "description": "Of the shop"} | fields)


def pages() -> list[str]:
    make_golden_set_version(name="support")
    return ["/golden-sets/", "/golden-sets/support/", "/golden-sets/support/1/"]


# --- who may what ------------------------------------------------------------------------------------------


def test_admin_and_lead_see_golden_sets(client_for: ClientFor, admin_user: User, lead: User) -> None:
    for path in pages():
        for user in (admin_user, lead):
            assert client_for(user).get(path).status_code == 200


def test_reviewer_sees_no_golden_set(client_for: ClientFor, reviewer: User) -> None:
    for path in [*pages(), UPLOAD]:
        assert client_for(reviewer).get(path).status_code == 403


def test_outsider_gets_the_login_page(client_for: ClientFor) -> None:
    for path in [*pages(), UPLOAD]:
        response = client_for(None).get(path)
        assert response.status_code == 302
        assert response.headers["Location"].startswith(reverse("login"))


def test_only_an_admin_uploads(client_for: ClientFor, admin_user: User, lead: User, reviewer: User) -> None:
    for user in (lead, reviewer):
        assert client_for(user).get(UPLOAD).status_code == 403
        assert upload(client_for(user)).status_code == 403
    assert upload(client_for(None)).status_code == 302
    assert not GoldenSet.objects.exists()
    assert client_for(admin_user).get(UPLOAD).status_code == 200
    make_golden_set_version()
    assert UPLOAD in client_for(admin_user).get("/golden-sets/").text
    assert UPLOAD not in client_for(lead).get("/golden-sets/").text


# --- the pages ---------------------------------------------------------------------------------------------


def test_empty_list_says_what_to_do(client_for: ClientFor, admin_user: User, lead: User) -> None:
    assert "Upload a file of prompts" in client_for(admin_user).get("/golden-sets/").text
    assert "An admin uploads one" in client_for(lead).get("/golden-sets/").text


def test_version_page_filters_its_examples(client_for: ClientFor, lead: User) -> None:
    make_golden_set_version(ROWS, name="support")
    client = client_for(lead)

    def keys(**query: str) -> list[str]:
        response = client.get("/golden-sets/support/1/", query)
        assert response.status_code == 200
        return [example.key for example in response.context["page_obj"]]

    assert len(keys()) == 5
    assert keys(tag="refunds") == ["refund-1", "refund-2"]
    assert keys(tag="untagged") == ["hello-1"]
    assert keys(lang="es") == ["talla-1"]
    assert len(keys(lang="-")) == 4
    assert keys(q="talla") == ["talla-1"]
    assert keys(q="nothing like it") == []
    assert len(keys(tag="no such tag", lang="xx", page="99")) == 5


def test_version_page_shows_text_as_text(client_for: ClientFor, lead: User) -> None:
    rows = [
        {"id": "<b>", "prompt": "<script>alert(1)</script>", "tags": ["<i>&"], "metadata": {"<u>": "<u>"}}
    ]
    make_golden_set_version(rows, name="support")
    text = client_for(lead).get("/golden-sets/support/1/").text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text
    for markup in ("<script>alert", "<b>", "<i>", "<u>"):
        assert markup not in text


def test_version_page_is_paginated(client_for: ClientFor, lead: User) -> None:
    make_golden_set_version(60, name="support")
    client = client_for(lead)
    assert "Page 1 of 3" in client.get("/golden-sets/support/1/").text
    assert len(client.get("/golden-sets/support/1/", {"page": "3"}).context["page_obj"]) == 10


def test_version_page_needs_the_same_queries_for_any_number_of_rows(
    client_for: ClientFor, lead: User, django_assert_max_num_queries: Any
) -> None:
    make_golden_set_version(200, name="support")
    client = client_for(lead)
    with django_assert_max_num_queries(14):
        client.get("/golden-sets/support/1/")


@pytest.mark.parametrize("path", ["/golden-sets/none/", "/golden-sets/support/9/", "/golden-sets/support/2/"])
def test_what_is_not_there_or_not_whole_is_404(client_for: ClientFor, lead: User, path: str) -> None:
    make_golden_set_version(name="support")
    make_golden_set_version(ROWS[:1], name="support", sealed=False)
    assert client_for(lead).get(path).status_code == 404


def test_pages_have_no_inline_style_or_script(client_for: ClientFor, admin_user: User) -> None:
    client = client_for(admin_user)
    for path in [*pages(), UPLOAD]:
        text = client.get(path).text
        assert "style=" not in text
        assert "<style" not in text
        assert "<script>" not in text
