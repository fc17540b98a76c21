"""A CSV with columns of its own: which is which is asked on a page."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.test import Client

from models_registry.models import GoldenSetVersion, Upload
from tests.models_registry.test_upload_pages import staged, store

pytestmark = pytest.mark.django_db

ClientFor = Callable[..., Client]
SPREADSHEET = (
    "Nr;Pregunta;Tema;Respuesta\n1;\u00bfD\u00f3nde est\u00e1?;env\u00edos;Hoy.\n2;\u00bfCu\u00e1nto?;;\n"
).encode()


def test_a_spreadsheet_is_asked_for_its_columns(client_for: ClientFor, admin_user: User) -> None:
    client = client_for(admin_user)
    found = staged(client, SPREADSHEET, "preguntas.csv")
    columns = f"{found.get_absolute_url()}columns/"
    assert client.get(found.get_absolute_url()).headers["Location"] == columns
    page = client.get(columns)
    form = page.context["form"]
    assert {name: form[name].value() for name in form.fields} == {
        "prompt": "1",
        "id": "0",
        "tags": "2",
        "reference": "3",
        "lang": "",
        "system": "",
        "messages": "",
    }
    assert "\u00bfD\u00f3nde est\u00e1?" in page.text

    client.post(columns, {"prompt": "1", "tags": "2", "reference": "3"})
    found.refresh_from_db()
    assert (found.state, found.rows) == (Upload.State.CHECKED, 2)
    store(client, found)

    first, second = GoldenSetVersion.objects.get().examples.all()
    assert (first.messages[0]["content"], first.tag_names, first.reference) == (
        "\u00bfD\u00f3nde est\u00e1?",
        ["env\u00edos"],
        "Hoy.",
    )
    assert (second.tag_names, second.metadata) == ([], {"Nr": "2"})


@pytest.mark.parametrize(
    ("chosen", "said"),
    [
        ({}, "Choose the column that holds the questions."),
        ({"prompt": "1", "tags": "1"}, "chosen for “The question” already"),
        ({"prompt": "1", "messages": "2"}, "not both"),
        ({"messages": "1", "system": "2"}, "has its system message in itself"),
        ({"tags": "1"}, "Choose the column that holds the questions."),
        ({"prompt": "9"}, "Select a valid choice"),
    ],
)
def test_columns_that_make_no_sense_are_refused(
    client_for: ClientFor, admin_user: User, chosen: dict[str, str], said: str
) -> None:
    client = client_for(admin_user)
    found = staged(client, SPREADSHEET, "preguntas.csv")
    response = client.post(f"{found.get_absolute_url()}columns/", chosen)
    assert response.status_code == 422
    assert said in response.text
    found.refresh_from_db()
    assert found.state == Upload.State.COLUMNS


def test_columns_can_be_chosen_again(client_for: ClientFor, admin_user: User) -> None:
    client = client_for(admin_user)
    found = staged(client, SPREADSHEET, "preguntas.csv")
    columns = f"{found.get_absolute_url()}columns/"
    client.post(columns, {"prompt": "3"})
    found.refresh_from_db()
    assert found.bad_rows == 1
    page = client.get(found.get_absolute_url()).text
    assert "&quot;Respuesta&quot; is empty" in page  # by the file's own name
    assert columns in page
    assert client.get(columns).context["form"]["prompt"].value() == "3"
    client.post(columns, {"prompt": "1"})
    found.refresh_from_db()
    assert (found.rows, found.bad_rows) == (2, 0)


@pytest.mark.parametrize(
    ("content", "filename"),
    [
        (b"<html><body>a,b</body></html>", "page.csv"),
        (b'[1, {"a": "b"}]', "rows.csv"),
        (b"\xff\xfe\x00\x00", "rows.csv"),
        (b"just, words", "notes.json"),
    ],
)
def test_what_is_no_table_is_not_asked_for_columns(
    client_for: ClientFor, admin_user: User, content: bytes, filename: str
) -> None:
    client = client_for(admin_user)
    found = staged(client, content, filename)
    assert found.state == Upload.State.CHECKED
    assert "No row of the file can be used." in client.get(found.get_absolute_url()).text
    assert client.get(f"{found.get_absolute_url()}columns/").status_code in (200, 302)


def test_a_spreadsheet_in_an_old_encoding_is_told_to_be_saved_as_utf_8(
    client_for: ClientFor, admin_user: User
) -> None:
    client = client_for(admin_user)
    old = "N\u00ba;Pregunta;Idioma\n1;\u00bfD\u00f3nde?;Espa\u00f1ol\n".encode("cp1252")
    page = client.get(staged(client, old, "tickets.csv").get_absolute_url()).text
    assert "the file is not UTF-8: byte offset 1 holds 0xba" in page
    assert "CSV UTF-8" in page

    new = staged(client, old.decode("cp1252").encode(), "tickets.csv")
    columns = f"{new.get_absolute_url()}columns/"
    form = client.get(columns).context["form"]
    assert (form["id"].value(), form["prompt"].value(), form["lang"].value()) == ("0", "1", "2")
    client.post(columns, {"id": "0", "prompt": "1", "lang": "2"})
    assert "write es" in client.get(new.get_absolute_url()).text
