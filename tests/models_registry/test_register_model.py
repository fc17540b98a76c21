from __future__ import annotations

import hashlib
import io
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from models_registry.models import Endpoint, Model, ModelVersion
from tests.factories import make_golden_set_version, make_response

pytestmark = pytest.mark.django_db

FLAGS = {
    "--endpoint": "vendor",
    "--base-url": "https://api.vendor.example/v1",
    "--api-key-env": "VENDOR_API_KEY",
    "--timeout": "30",
    "--max-concurrency": "4",
    "--requests-per-minute": "600",
    "--tokens-per-minute": "90000",
    "--model": "support-bot",
    "--version": "2026-11",
    "--served-name": "small-1",
    "--system-prompt": "Be kind.",
    "--parameters": '{"temperature": 0, "max_tokens": 600}',
    "--input-price": "0.4",
    "--output-price": "1.60",
    "--changelog": "Cheaper.",
    "--intended-use": "Chat.",
    "--limitation": "Invents order numbers :: A person confirms refunds",
}


def register(**changes: str | None) -> str:
    flags = FLAGS | {f"--{name.replace('_', '-')}": value for name, value in changes.items()}
    out = io.StringIO()
    words = [word for name, value in flags.items() if value is not None for word in (name, value)]
    call_command("register_model", *words, stdout=out)
    return out.getvalue()


def refusal(**changes: str | None) -> str:
    with pytest.raises(CommandError) as caught:
        register(**changes)
    assert caught.value.returncode == 2
    return str(caught.value)


def test_everything_is_registered() -> None:
    assert register() == "support-bot 2026-11: created\n"
    version = ModelVersion.objects.get()
    endpoint = Endpoint.objects.get()
    assert version.endpoint == endpoint
    assert (endpoint.name, endpoint.base_url) == ("vendor", "https://api.vendor.example/v1")
    assert (endpoint.api_key_env, endpoint.timeout_seconds, endpoint.max_concurrency) == (
        "VENDOR_API_KEY",
        30,
        4,
    )
    assert (endpoint.requests_per_minute, endpoint.tokens_per_minute) == (600, 90000)
    assert (version.served_name, version.system_prompt) == ("small-1", "Be kind.")
    assert version.parameters == {"temperature": 0, "max_tokens": 600}
    assert (version.input_price, version.output_price) == (Decimal("0.4"), Decimal("1.6"))
    assert (version.changelog, version.intended_use) == ("Cheaper.", "Chat.")
    known = version.known_limitations.get()
    assert (known.limitation, known.mitigation) == ("Invents order numbers", "A person confirms refunds")


def test_twice_is_the_same_as_once() -> None:
    register()
    assert register() == "support-bot 2026-11: unchanged\n"
    assert ModelVersion.objects.get().known_limitations.count() == 1


def test_what_is_not_given_stays() -> None:
    register()
    out = register(
        **dict.fromkeys(["base_url", "timeout", "system_prompt", "parameters", "limitation", "endpoint"]),
        api_key_env=None,
        max_concurrency=None,
        requests_per_minute=None,
        tokens_per_minute=None,
    )
    assert out == "support-bot 2026-11: unchanged\n"
    assert ModelVersion.objects.get().system_prompt == "Be kind."


def test_changes_are_named() -> None:
    register()
    out = register(served_name="small-2", timeout="90", limitation="Invents order numbers :: None")
    assert out == "support-bot 2026-11: updated (endpoint timeout_seconds, served_name, mitigation)\n"
    assert ModelVersion.objects.get().served_name == "small-2"
    assert Endpoint.objects.get().timeout_seconds == 90


def test_frozen_field_is_refused_with_the_way_out() -> None:
    register()
    make_response(ModelVersion.objects.get(), make_golden_set_version().examples.get(position=0))
    said = refusal(system_prompt="Be brief.", timeout="90")
    assert said == "This version has answered already, so system_prompt can't change; register a new version."
    assert ModelVersion.objects.get().system_prompt == "Be kind."
    assert Endpoint.objects.get().timeout_seconds == 30
    assert register() == "support-bot 2026-11: unchanged\n"
    assert "updated (changelog)" in register(changelog="Cheaper, and faster.")
    assert "created" in register(version="2026-12", system_prompt="Be brief.")


def test_json_is_printed() -> None:
    out = io.StringIO()
    words = [word for pair in FLAGS.items() for word in pair]
    call_command("register_model", *words, "--json", stdout=out)
    assert json.loads(out.getvalue()) == {
        "model": "support-bot",
        "version": "2026-11",
        "id": ModelVersion.objects.get().pk,
        "endpoint": "vendor",
        "outcome": "created",
        "changed": [],
        "frozen": False,
    }


def test_files_give_the_prompt_and_the_hash(tmp_path: Path) -> None:
    prompt, training = tmp_path / "prompt.txt", tmp_path / "training.jsonl"
    prompt.write_bytes("\ufeffSé amable.\nBe kind.\n".encode())
    training.write_bytes(b"rows")
    register(system_prompt=None, system_prompt_file=str(prompt), training_data=str(training))
    version = ModelVersion.objects.get()
    assert version.system_prompt == "Sé amable.\nBe kind."
    assert version.training_data_sha256 == hashlib.sha256(b"rows").hexdigest()


def test_model_without_an_endpoint_is_one_recorded_elsewhere() -> None:
    out = io.StringIO()
    call_command("register_model", "--model", "other", "--version", "1", stdout=out)
    assert ModelVersion.objects.get().endpoint is None


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"parameters": "{oops"}, "--parameters is not JSON"),
        ({"parameters": '{"temperature": NaN}'}, "--parameters is not JSON (NaN is not a number)"),
        ({"parameters": "[]"}, "--parameters: Decoding parameters are an object"),
        ({"parameters": '{"warmth": 1}'}, '"warmth" is not a decoding parameter'),
        ({"parameters": '{"extra_body": {"stream": true}}'}, "an answer is read in one piece"),
        ({"parameters": '{"extra_body": {"model": "other"}}'}, "it is the version's served name"),
        ({"parameters": '{"extra_body": {"messages": []}}'}, "the system prompt and the example"),
        ({"parameters": '{"top_p": 1e999}'}, "NaN and Infinity are no numbers in JSON"),
        ({"parameters": '{"extra_body": {"a": [1e999]}}'}, "NaN and Infinity are no numbers in JSON"),
        ({"input_price": "cheap"}, "--input-price is 'cheap'"),
        ({"output_price": "-1"}, "--output-price: Ensure this value is greater"),
        ({"output_price": "NaN"}, "--output-price is 'NaN'"),
        ({"api_key_env": "sk-secret"}, "--api-key-env: Give the name of an environment variable"),
        (
            {"api_key_env": "DATABASE_URL"},
            "--api-key-env: An endpoint's key has to be in a variable with KEY",
        ),
        ({"base_url": "api.vendor.example"}, "--base-url: Enter a valid URL"),
        ({"base_url": "https://user:sk@gw.example/v1"}, "--base-url: A base URL ends with its path"),
        ({"base_url": "https://sk@gw.example/v1"}, "--base-url: A base URL ends with its path"),
        ({"base_url": "https://gw.example/v1?api-key=sk"}, "--base-url: A base URL ends with its path"),
        ({"base_url": "https://gw.example/v1#sk"}, "--base-url: A base URL ends with its path"),
        ({"base_url": None}, "There is no endpoint “vendor”; give its base URL"),
        ({"endpoint": None}, "Name the endpoint that these settings are for"),
        ({"version": "has space"}, "--version: Letters, digits"),
        ({"model": "has space"}, "--model or --endpoint: "),
        ({"served_name": None}, "Give the model's name at the endpoint"),
        ({"timeout": "0"}, "--timeout: Ensure this value is greater"),
        ({"training_data_sha256": "abc"}, "--training-data-sha256: A sha256 is 64 characters"),
        ({"training_data": "missing"}, "missing can't be read: No such file"),
        ({"system_prompt": "a\x00b"}, "--system-prompt: The text contains a NUL"),
        ({"changelog": "a\udc80"}, "--changelog: The text is not valid Unicode"),
        ({"limitation": " :: "}, "This field cannot be blank"),
    ],
)
def test_bad_input_is_refused_and_leaves_nothing(changes: dict[str, Any], said: str) -> None:
    assert said in refusal(**changes)
    assert not ModelVersion.objects.exists()
    assert not Model.objects.exists()
    assert not Endpoint.objects.exists()
