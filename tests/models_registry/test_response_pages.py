"""The page on which responses made elsewhere are uploaded, and where they are seen afterwards."""

from __future__ import annotations

import html
import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from django.conf import LazySettings
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from models_registry.models import GoldenSetVersion, Model, ModelVersion, Response
from tests.factories import ROWS, make_golden_set_version, make_model_version

pytestmark = pytest.mark.django_db

ClientFor = Callable[..., Client]
PAGE = "/models/responses/upload/"
KEYS = [row["id"] for row in ROWS]


@pytest.fixture
def support() -> GoldenSetVersion:
    return make_golden_set_version(name="support")


@pytest.fixture
def client(client_for: ClientFor, admin_user: User) -> Client:
    return client_for(admin_user)


def lines(*keys: str, **fields: Any) -> bytes:
    return "\n".join(json.dumps({"id": key, "text": f"On {key}"} | fields) for key in keys or KEYS).encode()


def upload(client: Client, support: GoldenSetVersion, content: bytes | None = None, /, **fields: Any) -> Any:
    file = SimpleUploadedFile("answers.jsonl", lines() if content is None else content)
    given = {"file": file, "golden_set_version": support.pk, "model": "bot", "version": "shadow"} | fields
    return client.post(PAGE, {name: value for name, value in given.items() if value is not None})


def text_of(response: Any) -> str:
    return html.unescape(response.text)


def test_good_file_leads_to_the_version_and_shows_what_it_answers(
    client: Client, support: GoldenSetVersion, admin_user: User
) -> None:
    given = {"input_price": "0.4", "output_price": "1.6", "changelog": "Of May", "intended_use": "Chat"}
    response = upload(client, support, lines(*KEYS[:4], input_tokens=5, output_tokens=5, trace=1), **given)

    version = ModelVersion.objects.get()
    assert response.url == version.get_absolute_url()
    assert (version.created_by, version.endpoint, version.changelog) == (admin_user, None, "Of May")
    assert (version.input_price, version.intended_use) == (Decimal("0.4"), "Chat")
    page = text_of(client.get(response.url))
    assert "4 responses are stored." in page
    assert "1 of 5 examples of support v1 have no response yet, such as hello-1." in page
    assert '4 rows with a column "trace"' in page
    assert ">4 of 5<" in page
    assert "some are missing" in page
    assert f"{PAGE}?model=bot&version=shadow" in page

    upload(client, support)
    page = text_of(client.get(version.get_absolute_url()))
    assert "1 response is stored." in page
    assert ">5 of 5<" in page
    assert "can be evaluated" in page


def test_same_file_again_says_that_nothing_is_new(client: Client, support: GoldenSetVersion) -> None:
    upload(client, support)
    page = client.get(upload(client, support).url)
    assert "nothing new came in" in page.text
    assert Response.objects.count() == 5


def test_bad_rows_are_listed_and_what_was_typed_stays(client: Client, support: GoldenSetVersion) -> None:
    content = lines(*KEYS[:2]) + b'\n{"id": "<b>nowhere", "text": ""}\n{"id": "hello-1", "latency": "soon"}'
    response = upload(client, support, content, changelog="Of <May>", input_price="0.25")

    assert response.status_code == 422
    page = text_of(response)
    assert "Nothing was stored: 2 rows can't be used as they are." in page
    assert '<th scope="row" class="num">3</th><td>support v1 has no example "<b>nowhere"</td>' in page
    assert "<b>nowhere" not in response.text
    assert '"text" is missing' in page
    assert '"latency" is "soon"' in page
    form = response.context["form"]
    assert (form["model"].value(), form["version"].value()) == ("bot", "shadow")
    assert f'<option value="{support.pk}" selected>' in page
    assert "Of &lt;May&gt;</textarea>" in response.text
    assert 'value="0.25"' in page
    assert not Model.objects.exists()


def test_bad_rows_are_skipped_where_that_was_ticked(client: Client, support: GoldenSetVersion) -> None:
    response = upload(client, support, lines() + b'\n{"id": "nowhere", "text": ""}', skip_invalid="on")
    assert "1 bad row was skipped." in client.get(response.url).text
    assert Response.objects.count() == 5


def test_another_text_is_told_with_its_line(client: Client, support: GoldenSetVersion) -> None:
    upload(client, support)
    response = upload(client, support, lines(text="Other"))
    assert response.status_code == 422
    assert 'bot shadow has answered "refund-1" already, with another text' in text_of(response)
    assert response.context["imported"].errors[4].line == 5


def test_more_errors_than_anyone_reads_are_counted(client: Client, support: GoldenSetVersion) -> None:
    response = upload(client, support, lines(*(f"no-{number}" for number in range(1203))))
    assert response.text.count('<th scope="row"') == 200
    assert "1003 more errors are not listed." in response.text


def test_file_that_can_not_be_read_is_told(client: Client, support: GoldenSetVersion) -> None:
    response = upload(client, support, b"PK\x03\x04 and more")
    assert "no row of the file can be used" in response.text
    assert "is a ZIP archive or an Excel workbook" in response.text


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"file": None}, "Choose a file."),
        ({"file": SimpleUploadedFile("x.csv", b"")}, "The file is empty; write one row a line"),
        ({"model": "a b"}, "A name is made of letters"),
        ({"model": ""}, "This field is required."),
        ({"version": "a b"}, "Letters, digits, dot, plus, hyphen, underscore."),
        ({"golden_set_version": "99"}, "This version was retired, or was never stored"),
        ({"golden_set_version": "x"}, "This version was retired, or was never stored"),
        ({"input_price": "-1"}, "greater than or equal to 0"),
        ({"output_price": "cheap"}, "Enter a number."),
        ({"changelog": "a\x00b"}, "Null characters are not allowed."),
    ],
)
def test_form_errors_are_told_beside_their_field(
    client: Client, support: GoldenSetVersion, change: dict[str, Any], said: str
) -> None:
    response = upload(client, support, **change)
    assert response.status_code == 422
    assert said in text_of(response)
    assert not Model.objects.exists()


def test_file_that_is_too_large_for_a_page_is_the_commands(
    client: Client, support: GoldenSetVersion, settings: LazySettings
) -> None:
    settings.GOLDEN_SET_MAX_BYTES = 100
    assert "manage.py import_responses" in upload(client, support).text


def test_version_with_an_endpoint_is_refused(client: Client, support: GoldenSetVersion) -> None:
    make_model_version("bot", version="live")
    response = upload(client, support, version="live")
    assert response.status_code == 422
    assert "bot live has an endpoint and answers for itself" in response.text
    assert response.context["form"].errors["version"]


def test_price_of_an_answered_version_stays(client: Client, support: GoldenSetVersion) -> None:
    upload(client, support)
    response = upload(client, support, input_price="3")
    assert response.status_code == 422
    assert "so input_price can't change" in text_of(response)


def test_only_golden_set_versions_to_use_are_offered(client: Client, support: GoldenSetVersion) -> None:
    make_golden_set_version(sealed=False)
    retired = make_golden_set_version(name="retired")
    GoldenSetVersion.objects.filter(pk=retired.pk).update(retired_at=retired.sealed_at)
    page = client.get(f"{PAGE}?model=bot&version=<1>")
    assert list(page.context["form"].fields["golden_set_version"].queryset) == [support]
    assert 'value="bot"' in page.text
    assert 'value="&lt;1&gt;"' in page.text


def test_models_page_leads_there_for_those_who_may(
    client: Client, client_for: ClientFor, lead: User, support: GoldenSetVersion
) -> None:
    assert PAGE in client.get("/models/").text
    upload(client, support)
    version = ModelVersion.objects.get()
    as_lead = client_for(lead)
    for path in ("/models/", version.get_absolute_url()):
        page = as_lead.get(path)
        assert PAGE not in page.text
        assert "bot" in page.text
    assert as_lead.post(PAGE).status_code == 403


def test_version_without_responses_says_what_to_do(client: Client) -> None:
    version = ModelVersion.objects.create(model=Model.objects.create(name="bot"), version="1")
    assert "upload what was answered elsewhere" in client.get(version.get_absolute_url()).text
    assert "Recorded responses" not in client.get(make_model_version().get_absolute_url()).text
