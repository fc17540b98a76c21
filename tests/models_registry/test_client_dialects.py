"""The same question, as each OpenAI-compatible API wants it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from models_registry.generation import client
from models_registry.generation.client import Completion
from models_registry.models import Endpoint
from tests.factories import make_endpoint, make_model_version
from tests.openai_flavours import Flavour, chat, redirect, refusal, response, whole

pytestmark = pytest.mark.django_db

QUESTION = [{"role": "user", "content": "Where is my refund?"}]
TURNS = [
    {"role": "user", "content": "Hello?"},
    {"role": "assistant", "content": "Hi, how can I help?"},
    {"role": "user", "content": "Where is my refund?"},
]


@pytest.fixture
def server() -> Iterator[Flavour]:
    with Flavour(chat("Within 7 days.", usage={"prompt_tokens": 9, "completion_tokens": 4})) as flavour:
        yield flavour


def ask(
    base_url: str,
    messages: list[dict[str, str]] = QUESTION,
    *,
    system_prompt: str = "",
    parameters: dict[str, Any] | None = None,
    served_name: str = "m",
    **fields: Any,
) -> Completion:
    endpoint = make_endpoint(base_url, **{"timeout_seconds": 5} | fields)
    version = make_model_version(
        endpoint=endpoint, system_prompt=system_prompt, parameters=parameters or {}, served_name=served_name
    )
    return client.complete(version, messages)


# --- Chat Completions --------------------------------------------------------------------------------------


def test_parameters_given_replace_the_versions_own(server):
    version = make_model_version(endpoint=make_endpoint(server.base_url), parameters={"temperature": 0})
    client.complete(version, QUESTION, {"temperature": 0.7})
    client.complete(version, QUESTION, {})
    client.complete(version, QUESTION)
    assert [body.get("temperature") for body in server.bodies] == [0.7, None, 0]


@pytest.mark.parametrize("written", ["max_tokens", "max_completion_tokens"])
@pytest.mark.parametrize("name", ["", "max_tokens", "max_completion_tokens"])
def test_the_limit_of_tokens_has_the_endpoints_name(server, written, name):
    ask(server.base_url, parameters={written: 50}, max_tokens_name=name)
    (body,) = server.bodies
    assert {key: value for key, value in body.items() if key.startswith("max_")} == {name or written: 50}


def test_a_developer_role_replaces_the_system_role(server):
    ask(server.base_url, system_prompt="Be kind.", system_role="developer")
    assert server.bodies[0]["messages"] == [{"role": "developer", "content": "Be kind."}, *QUESTION]


def test_a_server_without_system_role_has_it_in_the_first_user_message_of_every_turn(server):
    ask(
        server.base_url,
        [*QUESTION, {"role": "user", "content": "And?"}],
        system_prompt="Be kind.",
        system_role="user",
    )
    first = {"role": "user", "content": "Be kind.\n\nWhere is my refund?"}
    assert server.bodies[0]["messages"] == [first]
    assert server.bodies[1]["messages"] == [
        first,
        {"role": "assistant", "content": "Within 7 days."},
        {"role": "user", "content": "And?"},
    ]


def test_extra_body_is_sent_and_replaces_nothing_of_the_request(server):
    extra = {"guided_choice": ["yes"], "model": "other", "messages": []}
    ask(server.base_url, parameters={"extra_body": extra})
    (body,) = server.bodies
    assert (body["guided_choice"], body["model"], body["messages"]) == (["yes"], "m", QUESTION)


@pytest.mark.parametrize(
    "message",
    [
        {"reasoning_content": "The customer wants …"},
        {"reasoning": "The customer wants …", "reasoning_details": [{"text": "…"}]},
    ],
)
def test_reasoning_in_a_field_of_its_own_is_no_part_of_the_answer(server, message):
    server.reply = lambda _: chat("Within 7 days.", **message)
    assert ask(server.base_url).text == "Within 7 days."


def test_thoughts_among_the_parts_of_the_text_are_left_out(server):
    thought = {"type": "thinking", "thinking": [{"type": "text", "text": "Hm."}]}
    server.reply = lambda _: chat([thought, {"type": "text", "text": "Within 7 days."}])
    assert ask(server.base_url).text == "Within 7 days."


def test_an_answer_that_reasoning_used_up_is_empty_and_says_so_by_its_finish_reason(server):
    server.reply = lambda _: chat("", finish_reason="length", reasoning_content="The customer")
    completion = ask(server.base_url)
    assert (completion.text, completion.finish_reason) == ("", "length")


def test_a_refusal_is_what_the_model_answered(server):
    server.reply = lambda _: chat(None, refusal="I can't help with that.")
    assert ask(server.base_url).text == "I can't help with that."


def test_missing_usage_leaves_tokens_unknown(server):
    server.reply = lambda _: chat("Hi.")
    completion = ask(server.base_url)
    assert (completion.text, completion.input_tokens, completion.output_tokens) == ("Hi.", None, None)
    assert completion.first_token_seconds is None


# --- Azure OpenAI ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("base", "path"),
    [
        ("", "/openai/deployments/gpt%2041/chat/completions?api-version=2024-10-21"),
        ("/", "/openai/deployments/gpt%2041/chat/completions?api-version=2024-10-21"),
        ("/openai", "/openai/deployments/gpt%2041/chat/completions?api-version=2024-10-21"),
        ("/openai/deployments/mine", "/openai/deployments/mine/chat/completions?api-version=2024-10-21"),
        ("/openai/v1", "/openai/v1/chat/completions?api-version=2024-10-21"),
    ],
)
def test_azure_is_asked_for_a_deployment_with_its_own_header(server, monkeypatch, base, path):
    monkeypatch.setenv("AZURE_TEST_KEY", "s3cret")
    completion = ask(
        server.origin + base, served_name="gpt 41", api_version="2024-10-21", api_key_env="AZURE_TEST_KEY"
    )
    (request,) = server.requests
    assert (request.path, completion.text) == (path, "Within 7 days.")
    assert request.headers["api-key"] == "s3cret"
    assert "authorization" not in request.headers


def test_azure_without_a_version_is_asked_as_openai_is(server, monkeypatch):
    monkeypatch.setenv("AZURE_TEST_KEY", "s3cret")
    ask(f"{server.origin}/openai/v1", api_key_env="AZURE_TEST_KEY")
    (request,) = server.requests
    assert request.path == "/openai/v1/chat/completions"
    assert request.headers["authorization"] == "Bearer s3cret"


# --- the Responses API -------------------------------------------------------------------------------------


def test_the_responses_api_is_asked_in_its_own_words(server):
    server.reply = lambda _: whole(response("Within ", "7 days."))
    completion = ask(
        server.base_url,
        TURNS,
        system_prompt="Be kind.",
        parameters={
            "max_tokens": 50,
            "temperature": 0,
            "reasoning_effort": "low",
            "extra_body": {"top_k": 1},
        },
        api=Endpoint.API.RESPONSES,
    )
    (request,) = server.requests
    assert request.path == "/v1/responses"
    assert request.body == {
        "model": "m",
        "instructions": "Be kind.",
        "input": TURNS,
        "max_output_tokens": 50,
        "temperature": 0,
        "reasoning": {"effort": "low"},
        "top_k": 1,
        "store": False,
    }
    assert (completion.text, completion.finish_reason) == ("Within 7 days.", "stop")
    assert (completion.input_tokens, completion.output_tokens, completion.reported_model) == (11, 7, "m-1")


def test_user_turns_in_a_row_are_replayed_by_the_responses_api_too(server):
    server.reply = lambda request: whole(response(f"{len(request.body['input'])} so far"))
    turns = [{"role": "user", "content": "First?"}, {"role": "user", "content": "And then?"}]
    completion = ask(server.base_url, turns, api="responses")
    assert (completion.earlier_answers, completion.text) == (["1 so far"], "3 so far")
    assert (completion.input_tokens, completion.output_tokens) == (22, 14)


@pytest.mark.parametrize(
    ("given", "text", "reason"),
    [
        ({"status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}}, "Hi.", "length"),
        (
            {"status": "incomplete", "incomplete_details": {"reason": "content_filter"}},
            "Hi.",
            "content_filter",
        ),
        ({"status": "incomplete"}, "Hi.", "incomplete"),
        ({"output": [], "output_text": "Hi."}, "Hi.", "stop"),
        ({"output": [{"type": "message", "content": "Hi."}]}, "Hi.", "stop"),
        (
            {"output": [{"type": "message", "content": [{"type": "refusal", "refusal": "No."}]}]},
            "No.",
            "stop",
        ),
        ({"output": []}, "", "stop"),
    ],
)
def test_what_a_response_can_look_like(server, given, text, reason):
    server.reply = lambda _: whole(response("Hi.") | given)
    completion = ask(server.base_url, api="responses")
    assert (completion.text, completion.finish_reason) == (text, reason)


@pytest.mark.parametrize(
    ("given", "kind"),
    [
        ({"status": "failed", "error": {"code": "server_error", "message": "Oh."}}, "server"),
        ({"status": "failed", "error": {"code": "rate_limit_exceeded", "message": "Slow."}}, "throttled"),
        ({"status": "failed"}, "server"),
        ({"status": "queued", "output": []}, "server"),
        ({"output": None}, "garbage"),
        ({"output": [{"type": "message", "content": [{"type": "output_text", "text": 7}]}]}, "garbage"),
    ],
)
def test_a_response_that_is_none_is_asked_for_again(server, given, kind):
    server.reply = lambda _: whole(response("Hi.") | given)
    with pytest.raises(client.TransientFault) as fault:
        ask(server.base_url, api="responses")
    assert fault.value.kind == kind


def test_azures_responses_api_has_no_deployment_in_its_address(server):
    server.reply = lambda _: whole(response("Hi."))
    ask(server.origin, api="responses", api_version="2025-04-01-preview")
    assert server.requests[0].path == "/openai/responses?api-version=2025-04-01-preview"


# --- redirects ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_to_another_address_is_refused_and_never_followed(server, monkeypatch, status):
    monkeypatch.setenv("VENDOR_API_KEY", "s3cret")
    away = redirect(f"{server.base_url}/chat/completions?key=s3cret", status)
    said = f"answered {status}: it redirects to"
    with Flavour(away) as elsewhere, pytest.raises(client.PermanentFault, match=said) as fault:
        ask(elsewhere.base_url, api_key_env="VENDOR_API_KEY")
    assert fault.value.stops_version
    assert f"{server.base_url}/chat/completions?key=[the key]" in str(fault.value)
    assert "s3cret" not in str(fault.value)
    assert not server.requests


@pytest.mark.parametrize(
    "location", ["https://127.0.0.1/v1", "//elsewhere.example/v1", "http://[::1", "http://a:99999/"]
)
def test_no_spelling_of_another_address_is_followed(server, location):
    server.reply = lambda _: redirect(location)
    with pytest.raises(client.PermanentFault, match="redirects"):
        ask(server.base_url)
    assert len(server.requests) == 1


def test_a_redirect_on_the_same_host_is_followed_where_it_asks_for_the_same_request(server):
    server.reply = lambda request: (
        chat("Here.") if request.path.endswith("/") else redirect("/v1/chat/completions/", 308)
    )
    assert ask(server.base_url).text == "Here."
    assert server.bodies[0] == server.bodies[1]


def test_a_redirect_that_would_turn_the_question_into_a_look_up_is_refused(server):
    server.reply = lambda _: redirect("/login", 302)
    with pytest.raises(client.PermanentFault, match="redirects"):
        ask(server.base_url)


def test_redirects_in_a_circle_end(server):
    server.reply = lambda _: redirect("/v1/chat/completions", 307)
    with pytest.raises(client.TransientFault):
        ask(server.base_url)
    assert len(server.requests) < 50


@pytest.mark.parametrize(
    ("said", "fix"),
    [
        (
            "Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead.",
            "name of the token limit",
        ),
        ("'max_tokens' is not supported with this model.", "name of the token limit"),
        ("Unsupported value: 'messages[0].role' does not support 'system' with this model.", "system role"),
        ("System role not supported", "system role"),
        ("This model only supports streaming.", "“stream answers”"),
        ("stream must be true", "“stream answers”"),
        ("temperature must be at most 2", "decoding parameters and the prompt"),
        ("This model's maximum context length is 8192 tokens.", "decoding parameters and the prompt"),
    ],
)
def test_a_server_that_refuses_says_what_to_change(server, said, fix):
    server.reply = lambda _: refusal(400, said)
    with pytest.raises(client.PermanentFault, match=fix) as fault:
        ask(server.base_url, parameters={"max_tokens": 5})
    assert not fault.value.stops_version
