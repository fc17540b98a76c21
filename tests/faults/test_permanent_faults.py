"""What a person has to mend: it stops the version, is said once on the evaluation's page, and goes on by "retry"."""

from __future__ import annotations

import html
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from models_registry.actions.responses import request_responses
from models_registry.generation.storing import REFUSED_UNTIL_STOPPED
from models_registry.models import Fault as LoggedFault
from models_registry.models import Response
from reviews.actions.evaluations import start_evaluation
from reviews.models import Evaluation
from tests.chat_endpoint import ChatEndpoint, Fault
from tests.factories import make_endpoint, make_golden_set_version, make_model_version
from tests.fault_endpoint import PERMANENT, FaultEndpoint

ROWS = 5
# of the requests, one after the other, until nothing more is asked; a filter holds back one prompt, not its version
ASKED = {"a bad request": REFUSED_UNTIL_STOPPED, "a content filter": ROWS, "a filtered answer": ROWS}
SAID = {
    "a wrong key": "Check the key in the endpoint's environment variable.",
    "no permission": "The key may not use this model.",
    "no such model": "Check the endpoint's base URL and the version's served name.",
    "a bad request": "Check the version's decoding parameters and the prompt.",
    "a content filter": "content filter held the answer back",
    "a filtered answer": "content filter held the answer back",
}


@pytest.fixture
def served(name: str) -> Iterator[FaultEndpoint]:
    """Gives every request the fault."""
    with FaultEndpoint() as endpoint:
        endpoint.next_fault = lambda request: PERMANENT[name]  # type: ignore[method-assign]
        yield endpoint


@pytest.fixture
def evaluation(served: FaultEndpoint, chat_endpoint: ChatEndpoint, lead: User, worker: Any) -> Evaluation:
    """Under way: its candidate is asked of the endpoint with the fault, its baseline of a healthy one."""
    return start_evaluation(
        name="Support",
        candidate=make_model_version(endpoint=make_endpoint(served.base_url, max_concurrency=1)),
        baseline=make_model_version(endpoint=make_endpoint(chat_endpoint.base_url)),
        golden_set_version=make_golden_set_version(ROWS),
        votes_per_comparison=1,
        by=lead,
    )


def statuses(evaluation: Evaluation, side: str) -> list[str]:
    of_side = Response.objects.filter(pk__in=evaluation.comparisons.values(f"{side}_response"))
    return list(of_side.values_list("status", flat=True))


def progress_of(client: Client, evaluation: Evaluation) -> str:
    headers = {"HX-Request": "true", "HX-Target": "progress"}
    return html.unescape(client.get(evaluation.get_absolute_url(), headers=headers).text)


@pytest.mark.parametrize("name", PERMANENT)
def test_what_a_person_has_to_mend_stops_its_version_alone_and_goes_on_by_retry(
    name: str,
    served: FaultEndpoint,
    chat_endpoint: ChatEndpoint,
    evaluation: Evaluation,
    client_for: Callable[..., Client],
    lead: User,
    eventually: Callable[..., None],
) -> None:
    eventually(lambda: statuses(evaluation, "candidate") == ["failed"] * ROWS)
    eventually(lambda: statuses(evaluation, "baseline") == ["done"] * ROWS)
    asked = ASKED.get(name, 1)
    assert len(served.requests) == asked
    kind = LoggedFault.Kind.FILTERED if "filter" in name else LoggedFault.Kind.REFUSED
    assert list(LoggedFault.objects.values_list("kind", flat=True)) == [kind] * asked

    client = client_for(lead)
    page = progress_of(client, evaluation)
    assert page.count(SAID[name]) == 1
    assert f"{ROWS} responses failed" in page

    served.next_fault = lambda request: None  # type: ignore[method-assign] # mended
    client.post(reverse("evaluation_retry", args=[evaluation.pk]))
    eventually(lambda: statuses(evaluation, "candidate") == ["done"] * ROWS)
    assert len(served.requests) == asked + ROWS
    assert len(chat_endpoint.requests) == ROWS
    assert SAID[name] not in progress_of(client, evaluation)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_another_host_is_never_asked_and_gets_no_key(
    status: int, worker: Any, eventually: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VENDOR_API_KEY", "s3cret-key")
    with ChatEndpoint() as elsewhere, FaultEndpoint() as served:
        away = Fault(status, headers={"Location": f"{elsewhere.base_url}/chat/completions"})
        served.next_fault = lambda request: away  # type: ignore[method-assign]
        endpoint = make_endpoint(served.base_url, max_concurrency=1, api_key_env="VENDOR_API_KEY")
        version = make_model_version(endpoint=endpoint)
        request_responses(model_version=version, examples=make_golden_set_version(ROWS).examples.all())
        failed = version.responses.filter(status=Response.Status.FAILED)
        eventually(lambda: failed.count() == ROWS)
        assert len(served.requests) == 1
        assert served.requests[0].headers["authorization"] == "Bearer s3cret-key"
        assert not elsewhere.requests
    (said,) = set(failed.values_list("last_error", flat=True))
    assert f"it redirects to {elsewhere.base_url}" in said
