from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from typing import Any

import pytest
from django.conf import LazySettings
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from models_registry.models import GoldenSet, GoldenSetVersion
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


# --- uploading ---------------------------------------------------------------------------------------------


CONTENTS = {
    "JSON Lines": GOOD,
    "gzip": gzip.compress(GOOD),
    "CSV": b"id,prompt,tags,lang,flags\na,Hi,billing,en,B\n",
}


@pytest.mark.parametrize("name", CONTENTS)
def test_good_file_leads_to_its_version(client_for: ClientFor, admin_user: User, name: str) -> None:
    client = client_for(admin_user)
    response = upload(client, CONTENTS[name])
    assert response.status_code == 302
    assert response.url == "/golden-sets/support/1/"
    version = GoldenSetVersion.objects.get()
    assert (version.created_by, version.golden_set.created_by) == (admin_user, admin_user)
    page = client.get(response.url)
    assert "support v1 is stored, with 1 examples." in page.text
    assert version.sha256 in page.text
    assert "which is not known here" in page.text


def test_same_file_again_leads_to_the_same_version(client_for: ClientFor, admin_user: User) -> None:
    client = client_for(admin_user)
    upload(client)
    response = upload(client, follow=True)
    assert response.url == "/golden-sets/support/1/"
    assert "has exactly this content already" in client.get(response.url).text


def test_bad_rows_are_listed_and_nothing_is_stored(client_for: ClientFor, admin_user: User) -> None:
    bad = (
        GOOD
        + b'{"id": "b", "messages": []}\n{"id": "a", "prompt": "<script>alert(1)</script>", "tags": "<i>"}\n'
    )
    response = upload(client_for(admin_user), bad)
    assert response.status_code == 422
    assert "Nothing was stored." in response.text
    assert "The file has 2 errors." in response.text
    assert "One row is good." in response.text
    assert "&quot;messages&quot; is empty" in response.text
    assert "&lt;i&gt;" in response.text
    assert "<i>" not in response.text
    assert 'value="support"' in response.text
    assert "Of the shop</textarea>" in response.text
    assert not GoldenSet.objects.exists()


def test_bad_rows_are_skipped_when_ticked(client_for: ClientFor, admin_user: User) -> None:
    client = client_for(admin_user)
    response = upload(client, GOOD + b"{}\n", skip_invalid="on")
    assert "1 bad rows were skipped" in client.get(response.url).text


def test_tick_stays_when_no_row_is_good(client_for: ClientFor, admin_user: User) -> None:
    response = upload(client_for(admin_user), b"{}\n", skip_invalid="on")
    assert response.status_code == 422
    assert "No row of it can be used." in response.text
    assert response.context["form"]["skip_invalid"].value()


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"name": "two words"}, "A name is made of letters"),
        ({"name": "upload"}, "is a page of its own"),
        ({"name": ""}, "This field is required."),
        ({"file": ""}, "Choose a file."),
        ({"file": SimpleUploadedFile("rows.csv", b"")}, "The file is empty"),
        ({"description": "a\x00b"}, "Null characters are not allowed."),
    ],
)
def test_form_errors_are_told(
    client_for: ClientFor, admin_user: User, fields: dict[str, Any], said: str
) -> None:
    response = upload(client_for(admin_user), **fields)
    assert response.status_code == 422
    assert said in response.text
    assert not GoldenSet.objects.exists()


def test_file_over_the_limit_is_refused(
    client_for: ClientFor, admin_user: User, settings: LazySettings
) -> None:
    settings.GOLDEN_SET_MAX_BYTES = 1024 * 1024
    row = json.dumps({"id": "a", "prompt": "x" * 1024 * 1024}).encode()
    client = client_for(admin_user)
    response = upload(client, row)
    assert response.status_code == 422
    assert "up to 1 MB can be uploaded here" in response.text
    packed = upload(client, gzip.compress(row))
    assert packed.status_code == 422
    assert "the file holds more than 1 MB" in packed.text
    assert not GoldenSet.objects.exists()


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
