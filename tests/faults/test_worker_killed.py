"""Nothing lost: a worker that dies in the middle leaves nothing undone and nothing done twice."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

from django.utils import timezone

from models_registry.actions.responses import request_responses
from models_registry.models import Response
from tests.factories import make_endpoint, make_golden_set_version, make_model_version, make_rows

EXAMPLES = 60


def test_a_worker_killed_in_mid_generation_leaves_every_response_exactly_once(
    chat_endpoint, worker_process, eventually
):
    chat_endpoint.hold(after=EXAMPLES // 4)
    endpoint = make_endpoint(chat_endpoint.base_url, max_concurrency=8)
    version = make_model_version(endpoint=endpoint)
    examples = list(make_golden_set_version(make_rows(EXAMPLES)).examples.all())
    done = Response.objects.filter(status=Response.Status.DONE)

    worker = worker_process()
    request_responses(model_version=version, examples=examples)
    eventually(lambda: done.count() == EXAMPLES // 4 and len(chat_endpoint.requests) > EXAMPLES // 4)
    worker.kill()
    chat_endpoint.go_on()
    at_the_kill = {pk: (text, at) for pk, text, at in done.values_list("pk", "text", "done_at")}
    assert len(at_the_kill) == EXAMPLES // 4

    # as when the timeout and fifteen seconds more have passed; what the dead worker held waits for that
    held = Response.objects.filter(status=Response.Status.PENDING, lease_until__gt=timezone.now())
    assert held.update(lease_until=timezone.now() - timedelta(seconds=1)) > 0
    worker_process()
    eventually(lambda: done.count() == EXAMPLES)

    assert Response.objects.count() == EXAMPLES
    assert {
        pk: (text, at)
        for pk, text, at in done.filter(pk__in=at_the_kill).values_list("pk", "text", "done_at")
    } == (at_the_kill)
    assert sorted(done.values_list("text", flat=True)) == sorted(
        f"You said: Question {n}?" for n in range(EXAMPLES)
    )
    # only what was in flight at the kill is asked, and paid, a second time
    asked = Counter(request.last_message for request in chat_endpoint.requests)
    assert sum(asked.values()) <= EXAMPLES + endpoint.max_concurrency
    assert max(asked.values()) <= 2


def test_requests_while_no_worker_runs_are_answered_when_one_starts(
    chat_endpoint, worker_process, eventually
):
    version = make_model_version(endpoint=make_endpoint(chat_endpoint.base_url))
    request_responses(model_version=version, examples=make_golden_set_version(5).examples.all())
    assert not chat_endpoint.requests

    worker_process()

    eventually(lambda: Response.objects.filter(status=Response.Status.DONE).count() == 5)
    assert sorted(request.last_message for request in chat_endpoint.requests) == [
        f"Question {n}?" for n in range(5)
    ]
