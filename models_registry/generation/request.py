"""The request as an endpoint wants it: path, query and body. Pure: what a version says, in the endpoint's dialect."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from models_registry.models import Endpoint

TOKEN_LIMITS = ("max_tokens", "max_completion_tokens")


def path(endpoint: Endpoint, served_name: str) -> str:
    """What follows the base URL. Azure's has the deployment in it, unless the base URL is that of its v1 API."""
    responses = endpoint.api == Endpoint.API.RESPONSES
    last = "/responses" if responses else "/chat/completions"
    base = endpoint.base_url.rstrip("/")
    if not endpoint.api_version or base.endswith("/openai/v1") or "/openai/deployments/" in base:
        return last
    openai = "" if base.endswith("/openai") else "/openai"
    return f"{openai}{last}" if responses else f"{openai}/deployments/{quote(served_name, safe='')}{last}"


def query(endpoint: Endpoint) -> dict[str, object]:
    return {"api-version": endpoint.api_version} if endpoint.api_version else {}


def body(
    endpoint: Endpoint,
    served_name: str,
    messages: list[dict[str, str]],
    parameters: Mapping[str, Any],
) -> dict[str, Any]:
    """The body of a request for one whole answer. Of what it says itself, `extra_body` can replace nothing."""
    given = {name: value for name, value in parameters.items() if name != "extra_body"}
    extra = parameters.get("extra_body") or {}
    if endpoint.api == Endpoint.API.RESPONSES:
        # kept at the provider for weeks, unless it is told otherwise
        return {"store": False, **_of_responses(given), **extra, "model": served_name} | _input(
            endpoint, messages
        )
    if endpoint.max_tokens_name:
        given = _renamed(given, endpoint.max_tokens_name)
    return {**given, **extra, "model": served_name, "messages": in_roles_of(endpoint, messages)}


def streamed(endpoint: Endpoint, body: Mapping[str, Any], *, with_usage: bool) -> dict[str, Any]:
    """The same request for an answer in pieces; in Chat Completions its last piece says what it used, if asked to."""
    asked = {**body, "stream": True}
    if with_usage and endpoint.api == Endpoint.API.CHAT_COMPLETIONS:
        asked["stream_options"] = {"include_usage": True}
    return asked


def in_roles_of(endpoint: Endpoint, messages: list[dict[str, str]]) -> list[dict[str, str]]:
    """The messages with the system message, which is the first if there is one, in the role the endpoint knows."""
    if not messages or messages[0]["role"] != "system" or endpoint.system_role == Endpoint.SystemRole.SYSTEM:
        return [dict(message) for message in messages]
    system, rest = messages[0]["content"], [dict(message) for message in messages[1:]]
    if endpoint.system_role == Endpoint.SystemRole.DEVELOPER:
        return [{"role": "developer", "content": system}, *rest]
    if rest and rest[0]["role"] == "user":
        rest[0]["content"] = f"{system}\n\n{rest[0]['content']}"
        return rest
    return [{"role": "user", "content": system}, *rest]


def _input(endpoint: Endpoint, messages: list[dict[str, str]]) -> dict[str, Any]:
    """`input` and `instructions` of the Responses API, which has no system message of its own."""
    if endpoint.system_role == Endpoint.SystemRole.USER:
        return {"input": in_roles_of(endpoint, messages)}
    if messages and messages[0]["role"] == "system":
        return {
            "instructions": messages[0]["content"],
            "input": [dict(message) for message in messages[1:]],
        }
    return {"input": [dict(message) for message in messages]}


def _of_responses(given: dict[str, Any]) -> dict[str, Any]:
    """Decoding parameters by their names in the Responses API. What it knows nothing of goes on: it says so itself."""
    renamed = _renamed(given, "max_output_tokens")
    effort = renamed.pop("reasoning_effort", None)
    return renamed if effort is None else {**renamed, "reasoning": {"effort": effort}}


def _renamed(given: dict[str, Any], name: str) -> dict[str, Any]:
    """With the limit of tokens under this name alone. Its own name, where it stands too, was written on purpose."""
    rest = {key: value for key, value in given.items() if key not in TOKEN_LIMITS}
    limits = [given[key] for key in (name, *reversed(TOKEN_LIMITS)) if key in given]
    return {**rest, name: limits[0]} if limits else rest
