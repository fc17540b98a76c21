"""One request by hand: what came back, or what is wrong and how to mend it; and presets to begin with."""

from __future__ import annotations

import html
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.test import Client
from django.urls import reverse

from models_registry.forms.endpoint_presets import PRESETS
from models_registry.models import Endpoint, ModelVersion, Response
from tests.factories import make_endpoint, make_model_version
from tests.openai_flavours import Flavour, Reply, chat, chat_chunks, events, refusal

pytestmark = pytest.mark.django_db

ClientFor = Callable[..., Client]
USAGE = {"prompt_tokens": 1000, "completion_tokens": 100}


@pytest.fixture
def server() -> Iterator[Flavour]:
    reply = chat("We refund <b>within</b> 7 days.", usage=USAGE)
    with Flavour(Reply(reply.pieces, headers={"x-ratelimit-remaining-requests": "59"})) as flavour:
        yield flavour


@pytest.fixture
def endpoint(db: None, server: Flavour) -> Endpoint:
    return make_endpoint(server.base_url, timeout_seconds=5)


@pytest.fixture
def version(endpoint: Endpoint) -> ModelVersion:
    return make_model_version(
        endpoint=endpoint,
        system_prompt="Be kind.",
        served_name="m-1",
        parameters={"temperature": 0},
        input_price=2,
        output_price=10,
    )


@pytest.fixture
def send(client_for: ClientFor, admin_user: User, endpoint: Endpoint) -> Callable[..., str]:
    def post(status: int = 200, **fields: Any) -> str:
        page = client_for(admin_user).post(
            reverse("endpoint_test", args=[endpoint.pk]), {"prompt": "Where is my refund?"} | fields
        )
        assert page.status_code == status
        return html.unescape(page.text)

    return post


def test_the_page_offers_the_newest_version_and_sends_nothing(
    client_for: ClientFor, admin_user: User, endpoint: Endpoint, version: ModelVersion, server: Flavour
) -> None:
    make_model_version("another-line")
    text = client_for(admin_user).get(reverse("endpoint_test", args=[endpoint.pk])).text
    assert f'<option value="{version.pk}" selected>' in text
    assert "another-line" not in text
    assert endpoint.base_url in text
    assert not server.requests


def test_a_version_is_asked_as_an_evaluation_would_ask_it_and_nothing_is_stored(
    send: Callable[..., str], version: ModelVersion, server: Flavour
) -> None:
    page = send(model_version=version.pk)
    assert "It answers." in page
    for part in (
        "We refund <b>within</b> 7 days.",
        "1000",
        "100",
        "0.003",
        "x-ratelimit-remaining-requests: 59",
    ):
        assert part in page
    (body,) = server.bodies
    assert body["messages"] == [
        {"role": "system", "content": "Be kind."},
        {"role": "user", "content": "Where is my refund?"},
    ]
    assert (body["model"], body["temperature"]) == ("m-1", 0)
    assert not Response.objects.exists()
    assert not version.is_frozen


def test_an_answer_is_shown_as_text(client_for: ClientFor, admin_user: User, version: ModelVersion) -> None:
    path = reverse("endpoint_test", args=[version.endpoint_id])
    page = client_for(admin_user).post(path, {"prompt": "Hi", "model_version": version.pk})
    assert "&lt;b&gt;within&lt;/b&gt;" in page.text


def test_a_served_name_is_enough_and_has_no_cost(send: Callable[..., str], server: Flavour) -> None:
    page = send(served_name="m-2")
    assert server.bodies == [
        {"model": "m-2", "messages": [{"role": "user", "content": "Where is my refund?"}]}
    ]
    assert "no prices or no token counts" in page
    assert "Asked for m-2, it says it is m-1." in page


def test_a_streamed_answer_shows_the_time_to_its_first_token(
    send: Callable[..., str], endpoint: Endpoint, server: Flavour
) -> None:
    Endpoint.objects.update(streams=True)
    server.reply = lambda _: events(*chat_chunks("Hi."), pause=0.05)
    page = send(served_name="m-1")
    assert "First token, seconds" in page
    assert "not streamed" not in page
    assert "does not say how many tokens it used" in page


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({}, "Choose a model version, or give a served name."),
        ({"model_version": 987654}, "Select a valid choice"),
        ({"served_name": "m", "prompt": " "}, "This field is required"),
    ],
)
def test_a_request_that_is_not_complete_is_not_sent(
    send: Callable[..., str], server: Flavour, fields: dict[str, Any], said: str
) -> None:
    assert said in send(422, **fields)
    assert not server.requests


def test_a_version_and_a_name_are_one_too_many(send: Callable[..., str], version: ModelVersion) -> None:
    assert "remove one of them" in send(422, model_version=version.pk, served_name="m")


def test_a_version_of_another_endpoint_can_not_be_asked_here(
    send: Callable[..., str], server: Flavour
) -> None:
    assert "Select a valid choice" in send(422, model_version=make_model_version().pk)
    assert not server.requests


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        (refusal(401, "Incorrect API key."), "Check the key in the endpoint's environment variable."),
        (refusal(404, "No such path."), "Most base URLs end with /v1."),
        (refusal(429, "Slow down."), "the account's limit is low"),
        (refusal(500, "Oh."), "Its log says more."),
        (Reply([b"<html>It works!</html>"], content_type="text/html"), "it is no OpenAI-compatible API"),
        (events(*chat_chunks("Hi.")), "switch on “stream answers”"),
        (chat("", finish_reason="content_filter"), "content filter"),
        (chat("", finish_reason="length"), "raise max_tokens"),
        (chat(""), "The answer is empty."),
    ],
)
def test_what_is_wrong_is_explained(
    send: Callable[..., str], server: Flavour, reply: Reply, said: str
) -> None:
    server.reply = lambda _: reply
    assert said in send(served_name="m-1")
    assert len(server.requests) == 1


def test_a_server_that_is_not_there_is_explained(send: Callable[..., str]) -> None:
    Endpoint.objects.update(base_url="http://127.0.0.1:9/v1")
    page = send(served_name="m-1")
    assert "not reached, or cut off" in page
    assert "check host and port" in page


def test_a_missing_key_is_named_and_one_that_is_there_is_never_shown(
    send: Callable[..., str], server: Flavour, monkeypatch: pytest.MonkeyPatch
) -> None:
    Endpoint.objects.update(api_key_env="VENDOR_API_KEY")
    page = send(served_name="m-1")
    assert "VENDOR_API_KEY is not set" in page
    assert "This page asks from the web server." in page
    monkeypatch.setenv("VENDOR_API_KEY", "s3cret")
    server.reply = lambda _: refusal(401, "Bad key s3cret")
    page = send(served_name="m-1")
    assert "set for the web server" in page
    assert "s3cret" not in page


# --- where it is found, and whose it is --------------------------------------------------------------------


def test_admins_find_the_test_on_the_models_page_and_in_the_admin_site(
    client_for: ClientFor, admin_user: User, lead: User, version: ModelVersion
) -> None:
    path = reverse("endpoint_test", args=[version.endpoint_id])
    admin = client_for(admin_user)
    change = f"/admin/models_registry/endpoint/{version.endpoint_id}/change/"
    for page in ("/models/", change, "/admin/models_registry/endpoint/"):
        assert path in admin.get(page).text
    assert path not in client_for(lead).get("/models/").text


def test_the_base_url_is_an_admins_alone(client_for: ClientFor, lead: User, endpoint: Endpoint) -> None:
    change = f"/admin/models_registry/endpoint/{endpoint.pk}/change/"
    User.objects.filter(pk=lead.pk).update(is_staff=True)
    client = client_for(lead)
    assert client.post(change, {"base_url": "http://elsewhere.example/v1"}).status_code == 403
    assert client.get("/admin/models_registry/endpoint/add/").status_code == 403
    endpoint.refresh_from_db()
    assert "127.0.0.1" in endpoint.base_url


# --- presets -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("key", PRESETS)
def test_a_preset_fills_the_form_of_a_new_endpoint_which_can_be_saved(
    client_for: ClientFor, admin_user: User, key: str
) -> None:
    admin = client_for(admin_user)
    page = admin.get(f"/admin/models_registry/endpoint/add/?preset={key}")
    initial = page.context["adminform"].form
    given = {name: initial.get_initial_for_field(field, name) for name, field in initial.fields.items()}
    assert given.items() >= PRESETS[key].fields.items()
    assert str(PRESETS[key].help) in html.unescape(page.text)

    filled = {name: value for name, value in given.items() if value not in (None, False)}
    assert admin.post("/admin/models_registry/endpoint/add/", filled).status_code == 302
    stored = Endpoint.objects.get(name=given["name"])
    assert {name: getattr(stored, name) for name in PRESETS[key].fields} == PRESETS[key].fields


def test_presets_are_offered_and_one_that_is_none_is_passed_over(
    client_for: ClientFor, admin_user: User
) -> None:
    page = client_for(admin_user).get("/admin/models_registry/endpoint/add/?preset=nonsense")
    assert page.status_code == 200
    assert all(f'href="?preset={key}"' in page.text for key in PRESETS)


def test_a_preset_names_only_fields_that_an_endpoint_has() -> None:
    for preset in PRESETS.values():
        try:
            Endpoint(**preset.fields).full_clean(validate_unique=False)
        except ValidationError as error:
            pytest.fail(f"{preset.label}: {error}")
