"""The server that stands in for model providers, called by the client that production uses."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import openai
import pytest

from tests.chat_endpoint import ChatEndpoint, Fault


@pytest.fixture
def client(chat_endpoint: ChatEndpoint) -> openai.OpenAI:
    return openai.OpenAI(base_url=chat_endpoint.base_url, api_key="sk-test", max_retries=0, timeout=5)


def ask(client: openai.OpenAI, text: str = "Hello there") -> openai.types.chat.ChatCompletion:
    return client.chat.completions.create(model="served-1", messages=[{"role": "user", "content": text}])


def test_endpoint_answers_and_records(chat_endpoint: ChatEndpoint, client: openai.OpenAI) -> None:
    completion = ask(client)

    assert completion.choices[0].message.content == "You said: Hello there"
    assert completion.usage is not None
    assert completion.usage.prompt_tokens == 2
    request = chat_endpoint.requests[0]
    assert request.headers["authorization"] == "Bearer sk-test"
    assert request.body["model"] == completion.model == "served-1"


def test_endpoint_answers_by_function(chat_endpoint: ChatEndpoint, client: openai.OpenAI) -> None:
    chat_endpoint.answer = lambda request: {"text": request.last_message.upper(), "finish_reason": "length"}

    choice = ask(client).choices[0]

    assert (choice.message.content, choice.finish_reason) == ("HELLO THERE", "length")


def test_endpoint_fails_in_the_order_asked(chat_endpoint: ChatEndpoint, client: openai.OpenAI) -> None:
    chat_endpoint.fail(
        503, Fault.rate_limit(retry_after=2), Fault.malformed(), Fault(200, hang_up=True, body=b"{}")
    )

    with pytest.raises(openai.InternalServerError):
        ask(client)
    with pytest.raises(openai.RateLimitError) as limited:
        ask(client)
    assert limited.value.response.headers["retry-after"] == "2"
    with pytest.raises(ValueError, match="Expecting value"):
        ask(client)
    with pytest.raises(openai.APIConnectionError):
        ask(client)
    assert ask(client).choices[0].message.content == "You said: Hello there"


def test_endpoint_refuses_a_wrong_key(chat_endpoint: ChatEndpoint, client: openai.OpenAI) -> None:
    chat_endpoint.api_key = "sk-another"

    with pytest.raises(openai.AuthenticationError):
        ask(client)


def test_endpoint_counts_what_is_open_at_once(chat_endpoint: ChatEndpoint, client: openai.OpenAI) -> None:
    chat_endpoint.delay = 0.3

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: ask(client, f"number {number}"), range(8)))

    assert len(chat_endpoint.requests) == 8
    assert chat_endpoint.most_at_once == 8
