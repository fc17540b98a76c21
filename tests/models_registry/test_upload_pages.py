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

from models_registry.importing.process import process
from models_registry.models import GoldenSet, GoldenSetVersion, Upload, UploadPart

pytestmark = pytest.mark.django_db

ClientFor = Callable[..., Client]
UPLOAD = "/golden-sets/upload/"
GOOD = b'{"id": "a", "prompt": "Hi", "tags": ["billing"], "lang": "en", "flags": "B"}\n'
PERSONAL = b'{"id": "p", "prompt": "Write to ana@example.com or call +34 612 345 678"}\n'


def upload(client: Client, content: bytes = GOOD, filename: str = "rows.jsonl", **fields: Any) -> Any:
    file = SimpleUploadedFile(filename, content)
    return client.post(UPLOAD, {"file": file, "name": "support", "description": "Of the shop"} | fields)


def staged(client: Client, content: bytes = GOOD, filename: str = "rows.jsonl", **fields: Any) -> Upload:
    response = upload(client, content, filename, **fields)
    assert response.status_code == 302, response.text
    found = Upload.objects.latest("pk")
    assert response.url == f"/golden-sets/uploads/{found.pk}/"
    return found


def store(client: Client, found: Upload, **fields: Any) -> Any:
    return client.post(f"{found.get_absolute_url()}store/", fields)


# --- checking and storing ------------------------------------------------------------------------------------

CONTENTS = {
    "JSON Lines": GOOD,
    "gzip": gzip.compress(GOOD),
    "CSV": b"id,prompt,tags,lang,flags\na,Hi,billing,en,B\n",
}


@pytest.mark.parametrize("name", CONTENTS)
def test_good_file_is_shown_and_stored_when_told_to(
    client_for: ClientFor, admin_user: User, name: str
) -> None:
    client = client_for(admin_user)
    found = staged(client, CONTENTS[name], changelog="The first ones")
    page = client.get(found.get_absolute_url())
    assert "One row, and it is good." in page.text
    assert "which is not known here" in page.text
    assert "Few examples" in page.text
    assert not GoldenSet.objects.exists()

    response = store(client, found, changelog="The very first ones")

    assert response.url == "/golden-sets/support/1/"
    version = GoldenSetVersion.objects.get()
    assert (version.created_by, version.golden_set.created_by) == (admin_user, admin_user)
    assert version.golden_set.description == "Of the shop"
    assert version.changelog == "The very first ones"
    assert version.preflight is not None
    assert version.preflight["complete"]
    assert not UploadPart.objects.exists()
    page = client.get(response.url)
    assert "support v1 is stored, with 1 examples." in page.text
    assert version.sha256 in page.text


def test_same_content_again_is_said_before_and_makes_no_version(
    client_for: ClientFor, admin_user: User
) -> None:
    client = client_for(admin_user)
    store(client, staged(client))
    again = staged(client)
    assert "storing them makes no new version" in client.get(again.get_absolute_url()).text
    response = store(client, again)
    assert response.url == "/golden-sets/support/1/"
    assert "has exactly this content already" in client.get(response.url).text
    assert GoldenSetVersion.objects.count() == 1


def test_bad_rows_are_listed_and_keep_everything_out(client_for: ClientFor, admin_user: User) -> None:
    bad = (
        GOOD
        + b'{"id": "b", "messages": []}\n{"id": "a", "prompt": "<script>alert(1)</script>", "tags": "<i>"}\n'
    )
    client = client_for(admin_user)
    found = staged(client, bad)
    page = client.get(found.get_absolute_url()).text
    assert "2 rows can't be used as they are." in page
    assert "One row is good." in page
    assert "&quot;messages&quot; is empty" in page
    assert "&lt;i&gt;" in page
    assert "<i>" not in page
    refused = store(client, found, changelog="kept")
    assert refused.status_code == 422
    assert "tick “Skip the bad rows”" in refused.text
    assert "kept</textarea>" in refused.text
    assert not GoldenSet.objects.exists()


def test_what_was_typed_comes_back_with_the_mended_file(client_for: ClientFor, admin_user: User) -> None:
    client = client_for(admin_user)
    found = staged(client, b"{}\n", changelog="New", context_window="4096")
    page = client.get(f"{UPLOAD}?again={found.pk}")
    assert 'value="support"' in page.text
    assert "Of the shop</textarea>" in page.text
    assert "New</textarea>" in page.text
    assert page.context["form"]["context_window"].value() == 4096
    staged(client, GOOD, again=found.pk)
    found.refresh_from_db()
    assert found.state == Upload.State.DISCARDED


@pytest.mark.parametrize("again", ["x", "-1", "999999999999999999999", ""])
def test_mending_an_upload_that_is_not_there_is_an_upload_like_any_other(
    client_for: ClientFor, admin_user: User, again: str
) -> None:
    assert client_for(admin_user).get(UPLOAD, {"again": again}).status_code == 200


def test_bad_rows_are_skipped_when_ticked(client_for: ClientFor, admin_user: User) -> None:
    client = client_for(admin_user)
    response = store(client, staged(client, GOOD + b"{}\n"), skip_invalid="on")
    assert "1 bad row was skipped: line 2." in client.get(response.url).text


def test_a_file_without_a_good_row_can_only_be_mended(client_for: ClientFor, admin_user: User) -> None:
    client = client_for(admin_user)
    found = staged(client, b"{}\n")
    page = client.get(found.get_absolute_url()).text
    assert "No row of the file can be used." in page
    assert "/store/" not in page
    assert store(client, found, skip_invalid="on").status_code == 422
    assert not GoldenSet.objects.exists()


def test_personal_data_is_replaced_by_kind(client_for: ClientFor, admin_user: User) -> None:
    client = client_for(admin_user)
    found = staged(client, PERSONAL)
    page = client.get(found.get_absolute_url()).text
    assert "Personal data" in page
    assert "ana@" not in page
    assert store(client, found, replaced=["nonsense"]).status_code == 422

    response = store(client, found, replaced=["e-mail"])

    version = GoldenSetVersion.objects.get()
    assert version.examples.get().messages[0]["content"] == "Write to [e-mail] or call +34 612 345 678"
    assert version.preflight is not None
    [warning] = [one for one in version.preflight["warnings"] if one["code"] == "personal_data"]
    assert [subject["name"] for subject in warning["subjects"]] == ["phone"]
    assert response.url == "/golden-sets/support/1/"
    assert "Personal data was replaced by placeholders: e-mail." in client.get(response.url).text
    # and stays ticked for the next version
    again = client.get(staged(client, PERSONAL + GOOD).get_absolute_url())
    assert again.context["form"]["replaced"].value() == ["e-mail"]


def test_a_check_that_did_not_end_can_not_be_stored(client_for: ClientFor, admin_user: User) -> None:
    client = client_for(admin_user)
    found = staged(client)
    assert found.report is not None
    Upload.objects.update(report=found.report | {"complete": False})
    response = store(client, found)
    assert response.status_code == 422
    assert "Check it again first." in response.text
    assert not GoldenSet.objects.exists()


def test_another_context_window_is_checked_against(client_for: ClientFor, admin_user: User) -> None:
    client = client_for(admin_user)
    long = json.dumps({"id": "long", "prompt": "word " * 5000}).encode()
    found = staged(client, long, context_window="8192")
    assert "over the token budget" not in client.get(found.get_absolute_url()).text
    client.post(f"{found.get_absolute_url()}options/", {"context_window": "4096", "encoding": "cl100k_base"})
    page = client.get(found.get_absolute_url()).text
    assert "over the token budget" in page
    assert "cl100k_base" in page


def test_a_discarded_file_is_gone(client_for: ClientFor, admin_user: User) -> None:
    client = client_for(admin_user)
    found = staged(client)
    assert "rows.jsonl" in client.get(UPLOAD).text
    response = client.post(f"{found.get_absolute_url()}discard/", follow=True)
    assert "rows.jsonl was discarded" in response.text
    assert client.get(found.get_absolute_url()).status_code == 404
    assert "rows.jsonl" not in client.get(UPLOAD).text
    assert not UploadPart.objects.exists()
    assert store(client, found).status_code in (302, 404)
    assert not GoldenSet.objects.exists()


def test_a_stored_upload_leads_to_its_version(client_for: ClientFor, admin_user: User) -> None:
    client = client_for(admin_user)
    found = staged(client)
    store(client, found)
    assert client.get(found.get_absolute_url()).headers["Location"] == "/golden-sets/support/1/"
    assert client.post(f"{found.get_absolute_url()}discard/").status_code == 302
    assert store(client, found).url == "/golden-sets/support/1/"
    found.refresh_from_db()
    assert found.state == Upload.State.STORED


# --- the form --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"name": "two words"}, "A name is made of letters"),
        ({"name": "upload"}, "is a page of its own"),
        ({"name": "uploads"}, "is a page of its own"),
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
    assert not Upload.objects.exists()


def test_file_over_the_limit_is_refused(
    client_for: ClientFor, admin_user: User, settings: LazySettings
) -> None:
    settings.GOLDEN_SET_MAX_BYTES = 1024 * 1024
    row = json.dumps({"id": "a", "prompt": "x" * 1024 * 1024}).encode()
    client = client_for(admin_user)
    response = upload(client, row)
    assert response.status_code == 422
    assert "up to 1 MB can be uploaded here" in response.text
    packed = staged(client, gzip.compress(row))
    process(packed.pk)  # as a worker does with a file that is large unpacked
    assert "the file holds more than 1 MB" in client.get(packed.get_absolute_url()).text
    assert not GoldenSet.objects.exists()


def test_with_htmx_the_browser_is_sent_on_and_errors_come_as_the_form(
    client_for: ClientFor, admin_user: User
) -> None:
    client = client_for(admin_user)
    file = SimpleUploadedFile("rows.jsonl", GOOD)
    sent = client.post(UPLOAD, {"file": file, "name": "support"}, headers={"HX-Request": "true"})
    assert sent.headers["HX-Redirect"] == Upload.objects.get().get_absolute_url()
    refused = client.post(UPLOAD, {"name": "support"}, headers={"HX-Request": "true"})
    assert refused.status_code == 422
    assert "<html" not in refused.text
    assert "Choose a file." in refused.text


def test_progress_is_shown_until_the_step_changes(client_for: ClientFor, admin_user: User) -> None:
    client = client_for(admin_user)
    found = staged(client)
    page = found.get_absolute_url()
    Upload.objects.update(state=Upload.State.CHECKING, step="reading", done=3, total=7)
    assert 'value="3"' in client.get(page).text
    same = client.get(f"{page}?step=reading", headers={"HX-Request": "true"})
    assert "<html" not in same.text
    assert 'value="3"' in same.text
    Upload.objects.update(step="scanning")
    assert client.get(f"{page}?step=reading", headers={"HX-Request": "true"}).headers["HX-Refresh"] == "true"
    Upload.objects.update(state=Upload.State.CHECKED)
    assert client.get(f"{page}?step=scanning", headers={"HX-Request": "true"}).headers["HX-Refresh"] == "true"


def test_a_fault_is_told(client_for: ClientFor, admin_user: User) -> None:
    client = client_for(admin_user)
    found = staged(client)
    Upload.objects.update(fault="Unforeseen fault: <b>")
    assert "Unforeseen fault: &lt;b&gt;" in client.get(found.get_absolute_url()).text


def test_a_check_that_failed_can_be_made_again_as_it_was(client_for: ClientFor, admin_user: User) -> None:
    client = client_for(admin_user)
    found = staged(client, context_window="4096")
    Upload.objects.update(fault="Given up after 5 attempts", rows=0, report=None)
    page = client.get(found.get_absolute_url())
    assert "Check again" in page.text
    hidden = page.context["options_form"]
    sent = {name: hidden[name].value() for name in ("context_window", "encoding")}
    client.post(f"{found.get_absolute_url()}options/", sent)
    found.refresh_from_db()
    assert (found.fault, found.rows, found.options["context_window"]) == ("", 1, 4096)
