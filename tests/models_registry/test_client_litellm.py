"""A real LiteLLM proxy is an endpoint like any other: answers, streams and faults come through it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from models_registry.actions.responses import request_responses
from models_registry.generation import client
from models_registry.generation.generate import generate_next
from models_registry.models import ModelVersion, Response
from tests.chat_endpoint import ChatEndpoint, Fault, Request
from tests.factories import ROWS, make_endpoint, make_golden_set_version, make_model_version
from tests.litellm_proxy import KEY, UPSTREAM_KEY, LiteLLMProxy
from tests.openai_flavours import Flavour, Reply, chat_chunks, events, response, whole

pytestmark = [pytest.mark.django_db, pytest.mark.litellm, pytest.mark.timeout(300)]

QUESTION = [{"role": "user", "content": "Where is my refund?"}]
USAGE = {"prompt_tokens": 9, "completion_tokens": 4, "total_tokens": 13}


def reply(request: Request) -> Reply:
    if request.path.endswith("/responses"):
        fields = {
            "id": "resp_1",
            "created_at": 1,
            "parallel_tool_calls": True,
            "tool_choice": "auto",
            "tools": [],
        }
        return whole(response("Within 7 days.") | fields)
    return events(*chat_chunks("Within ", "7 days.", usage=USAGE), pause=0.05)


@pytest.fixture(scope="module")
def upstream() -> Iterator[ChatEndpoint]:
    with ChatEndpoint() as endpoint:
        yield endpoint


@pytest.fixture(scope="module")
def streaming() -> Iterator[Flavour]:
    with Flavour(reply) as flavour:
        yield flavour


@pytest.fixture(scope="module")
def proxy(
    upstream: ChatEndpoint, streaming: Flavour, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[LiteLLMProxy]:
    started = LiteLLMProxy(
        tmp_path_factory.mktemp("litellm"),
        {"aurora-small": upstream.base_url, "aurora-streaming": streaming.base_url},
    )
    started.wait()
    yield started
    started.stop()


@pytest.fixture
def version(proxy: LiteLLMProxy, upstream: ChatEndpoint, monkeypatch: pytest.MonkeyPatch) -> ModelVersion:
    upstream.requests.clear()
    upstream.faults.clear()
    monkeypatch.setenv("LITELLM_API_KEY", KEY)
    return make_model_version(
        endpoint=make_endpoint(proxy.base_url, api_key_env="LITELLM_API_KEY", timeout_seconds=60),
        served_name="aurora-small",
        system_prompt="Be kind.",
        parameters={"temperature": 0, "max_tokens": 50},
    )


def test_a_golden_set_is_answered_through_the_proxy(version, upstream):
    turns = [{"role": "user", "content": "First?"}, {"role": "user", "content": "And then?"}]
    examples = make_golden_set_version([*ROWS, {"id": "turns", "messages": turns}]).examples.all()
    responses = request_responses(model_version=version, examples=examples)
    while generate_next(version.endpoint_id):
        pass
    stored = Response.objects.filter(pk__in=[one.pk for one in responses.values()])
    assert [one.last_error for one in stored if one.status != "done"] == []
    assert len(stored) == len(ROWS) + 1
    texts = {one.example.key: one.text for one in stored}
    assert texts["talla-1"] == "You said: ¿Qué talla necesito?"
    assert texts["turns"] == "You said: And then?"
    assert all(one.input_tokens and one.output_tokens and one.cost for one in stored)
    assert {one.finish_reason for one in stored} == {"stop"}
    first = upstream.requests[0]
    assert first.headers["authorization"] == f"Bearer {UPSTREAM_KEY}"
    assert first.body["messages"][0] == {"role": "system", "content": "Be kind."}
    assert (first.body["temperature"], first.body["max_tokens"]) == (0, 50)
    assert len(upstream.requests) == len(ROWS) + 2


def test_a_stream_comes_through_the_proxy(version):
    version.endpoint.streams = True
    version.served_name = "aurora-streaming"
    completion = client.complete(version, QUESTION)
    assert (completion.text, completion.finish_reason) == ("Within 7 days.", "stop")
    assert (completion.input_tokens, completion.output_tokens) == (9, 4)
    assert completion.first_token_seconds is not None


def test_the_responses_api_comes_through_the_proxy(version):
    version.endpoint.api = "responses"
    version.served_name = "aurora-streaming"
    completion = client.complete(version, QUESTION)
    assert (completion.text, completion.finish_reason) == ("Within 7 days.", "stop")
    assert (completion.input_tokens, completion.output_tokens) == (11, 7)


@pytest.mark.parametrize(
    ("fault", "kind"),
    [(Fault.rate_limit(retry_after=7), "throttled"), (Fault(503), "server"), (Fault(500), "server")],
)
def test_a_fault_that_passes_keeps_its_kind_behind_the_proxy(version, upstream, fault, kind):
    upstream.fail(fault)
    with pytest.raises(client.TransientFault) as raised:
        client.complete(version, QUESTION)
    assert raised.value.kind == kind
    assert len(upstream.requests) == 1


def test_a_wrong_key_stops_the_version(version, upstream, monkeypatch):
    monkeypatch.setenv("LITELLM_API_KEY", "sk-wrong-one")
    with pytest.raises(client.PermanentFault) as raised:
        client.complete(version, QUESTION)
    assert raised.value.stops_version
    assert "Check the key" in str(raised.value)
    assert "sk-wrong-one" not in str(raised.value)
    assert not upstream.requests


def test_a_name_the_proxy_does_not_know_is_refused(version):
    version.served_name = "nobody"
    with pytest.raises(client.PermanentFault, match="nobody"):
        client.complete(version, QUESTION)
