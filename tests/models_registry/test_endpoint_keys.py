"""An endpoint's key reaches the endpoint and nothing else, and no other secret reaches an endpoint."""

from __future__ import annotations

import json

import pytest
from django.core.exceptions import ValidationError

from models_registry.actions.responses import request_responses
from models_registry.generation import client
from models_registry.generation.generate import generate_next
from models_registry.models import Response
from tests.chat_endpoint import Fault
from tests.factories import make_endpoint, make_golden_set_version, make_model_version

pytestmark = pytest.mark.django_db

KEY = "sk-secret-123"


@pytest.fixture
def endpoint(chat_endpoint):
    return make_endpoint(chat_endpoint.base_url, api_key_env="VENDOR_API_KEY", timeout_seconds=5)


def answered(endpoint) -> Response:
    version = make_model_version(endpoint=endpoint)
    (response,) = request_responses(
        model_version=version, examples=make_golden_set_version(1).examples.all()
    ).values()
    generate_next(endpoint.pk)
    response.refresh_from_db()
    return response


def test_white_space_around_a_key_is_not_sent(endpoint, chat_endpoint, monkeypatch):
    monkeypatch.setenv("VENDOR_API_KEY", f" {KEY}\n")
    assert answered(endpoint).status == "done"
    assert chat_endpoint.requests[0].headers["authorization"] == f"Bearer {KEY}"


@pytest.mark.parametrize("key", [f"{KEY}\nX-Other: 1", f"{KEY}\x07", f"{KEY}é", f"“{KEY}”"])
def test_a_key_no_header_can_carry_is_refused_unseen(endpoint, chat_endpoint, monkeypatch, key):
    monkeypatch.setenv("VENDOR_API_KEY", key)
    response = answered(endpoint)
    assert response.status == "failed"
    assert "VENDOR_API_KEY holds a line break or another character that no key has" in response.last_error
    assert "secret" not in response.last_error
    assert not chat_endpoint.requests


@pytest.mark.parametrize(
    "fault",
    [
        Fault(401, f"Bad header: Bearer {KEY}"),
        Fault(500, f"Bad header: Bearer {KEY}"),
        Fault(401, "x" * (500 - 8) + KEY),
        Fault(401, body=f"Bearer {KEY}".encode()),
        Fault(401, body=b"x" * (200 - 8) + KEY.encode()),
    ],
    ids=["401", "500", "cut in half", "not JSON", "not JSON, cut in half"],
)
def test_an_endpoint_that_repeats_the_key_does_not_have_it_stored(
    endpoint, chat_endpoint, monkeypatch, fault
):
    monkeypatch.setenv("VENDOR_API_KEY", KEY)
    chat_endpoint.fail(fault)
    response = answered(endpoint)
    assert f"answered {fault.status}" in response.last_error
    assert "sk-" not in response.last_error


def test_a_key_that_json_spells_otherwise_is_not_stored_either(endpoint, chat_endpoint, monkeypatch):
    monkeypatch.setenv("VENDOR_API_KEY", key := 'sk-"secret"\\123')
    chat_endpoint.fail(Fault(401, body=json.dumps({"header": key}).encode()))
    assert "secret" not in answered(endpoint).last_error


def test_an_unforeseen_fault_tells_the_key_to_neither_database_nor_log(endpoint, monkeypatch, caplog):
    monkeypatch.setenv("VENDOR_API_KEY", KEY)

    def fails(*args):
        raise LookupError(f"Bearer {KEY}")

    monkeypatch.setattr(client, "_converse", fails)
    assert "LookupError: Bearer [the key]" in answered(endpoint).last_error
    assert "failed in an unforeseen way" in caplog.text
    assert KEY not in caplog.text


@pytest.mark.parametrize("name", ["OPENAI_API_KEY", "VENDOR_TOKEN", "KEY_OF_VENDOR", "HF_TOKEN_2"])
def test_a_variable_for_keys_is_accepted(name):
    make_endpoint(api_key_env=name).full_clean()


@pytest.mark.parametrize(
    "name",
    [
        *("SECRET_KEY", "SECRET_KEY_FALLBACKS", "DJANGO_SECRET_KEY", "POSTGRES_TOKEN", "CELERY_KEY"),
        *("DATABASE_URL", "REDIS_URL", "POSTGRES_PASSWORD", "PATH", "HOME", "MONKEY"),
    ],
)
def test_a_variable_that_is_for_something_else_is_refused_and_never_sent(chat_endpoint, monkeypatch, name):
    endpoint = make_endpoint(chat_endpoint.base_url, api_key_env=name)
    with pytest.raises(ValidationError, match="with KEY or TOKEN as a word of its name"):
        endpoint.full_clean()

    monkeypatch.setenv(name, "anything")
    response = answered(endpoint)
    assert response.status == "failed"
    assert f"{name}, the key of endpoint {endpoint.name}: " in response.last_error
    assert not chat_endpoint.requests
