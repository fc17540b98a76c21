"""One request to an endpoint by hand: what came back, or what is wrong and how to mend it."""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING

from django.utils.translation import gettext as _

from models_registry.models import Endpoint, Fault, ModelVersion

if TYPE_CHECKING:
    from models_registry.generation.client import Completion

# Someone waits for the page, and a place of the web server with them.
LONGEST_SECONDS = 30


@dataclass(frozen=True, kw_only=True)
class EndpointTest:
    """Either a completion with what it cost, or a fault in words; `notes` are what to know or to do about it."""

    completion: Completion | None = None
    cost: Decimal | None = None
    fault: str = ""
    kind: str = ""
    notes: list[str] = field(default_factory=list)


def try_endpoint(endpoint: Endpoint, model_version: ModelVersion, prompt: str) -> EndpointTest:
    """Ask for one answer, past the endpoint's limits and without storing it (up to 30 seconds).

    model_version: one of the endpoint's, or one that is not stored and has no more than a served name.
    """
    from models_registry.generation import client  # two seconds of CPU: where it is needed only

    asked, at = copy(model_version), copy(endpoint)
    at.timeout_seconds = min(endpoint.timeout_seconds, LONGEST_SECONDS)
    asked.endpoint = at
    try:
        completion = client.complete(asked, [{"role": "user", "content": prompt}])
    except (client.TransientFault, client.PermanentFault) as fault:
        return EndpointTest(
            fault=str(fault),
            kind=str(Fault.Kind(fault.kind).label),
            notes=_mending(endpoint, fault.kind, str(fault)),
        )
    cost = client.cost(asked, completion.input_tokens, completion.output_tokens)
    return EndpointTest(
        completion=completion,
        cost=cost if model_version.pk else None,
        notes=_remarks(endpoint, asked, completion),
    )


def _mending(endpoint: Endpoint, kind: str, said: str) -> list[str]:
    notes: dict[str, str] = {
        Fault.Kind.CONNECTION: _(
            "Nothing answers at the base URL: check host and port, whether the server runs, and whether this machine "
            "may reach it. In a container, localhost is the container itself."
        ),
        Fault.Kind.TIMEOUT: _(
            "The server took the request and was not done in time. The first request to a model that is still being "
            "loaded may last minutes; try again, or raise the timeout."
        ),
        Fault.Kind.THROTTLED: _(
            "Base URL and key are right; the endpoint is busy, or the account's limit is low. Set requests and tokens "
            "per minute to what the account may use."
        ),
        Fault.Kind.SERVER: _("The request arrived; the fault is the server's. Its log says more."),
        Fault.Kind.GARBAGE: _(
            "Something answers, and it is no OpenAI-compatible API: the base URL usually ends with /v1."
        ),
    }
    found = [notes[kind]] if kind in notes else []
    if endpoint.api_key_env and "is not set" in said:
        found.append(
            _("This page asks from the web server. Set the variable there as well as for the workers.")
        )
    if "answered 404" in said:
        found.append(
            _(
                "Most base URLs end with /v1. Azure OpenAI wants its resource alone, an API version, and the "
                "deployment as served name. A server that knows no Responses API answers this too."
            )
        )
    if endpoint.timeout_seconds > LONGEST_SECONDS and kind == Fault.Kind.TIMEOUT:
        found.append(
            _("This page waits %(here)s seconds at most; workers wait %(there)s.")
            % {"here": LONGEST_SECONDS, "there": endpoint.timeout_seconds}
        )
    return found


def _remarks(endpoint: Endpoint, asked: ModelVersion, completion: Completion) -> list[str]:
    found = []
    if completion.input_tokens is None or completion.output_tokens is None:
        found.append(
            _(
                "The endpoint does not say how many tokens it used, so costs and budgets can't count its answers."
            )
        )
    if not completion.text and completion.finish_reason == "length":
        found.append(
            _("The limit of tokens was used up before the first word, as by reasoning; raise max_tokens.")
        )
    elif not completion.text:
        found.append(_("The answer is empty."))
    if completion.reported_model and completion.reported_model != asked.served_name:
        found.append(
            _("Asked for %(asked)s, it says it is %(reported)s.")
            % {"asked": asked.served_name, "reported": completion.reported_model}
        )
    if endpoint.streams and completion.first_token_seconds is None and completion.text:
        found.append(_("It was asked to stream and answered in one piece."))
    return found
