"""A worker that dies among a judge's requests leaves no verdict out and none twice."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from typing import Any

from models_registry.models import Response
from reviews.actions.judges import start_judge
from reviews.models import JudgeVerdict
from reviews.verdicts import DEFAULT_TEMPLATE
from tests.factories import make_endpoint, make_evaluation, make_model_version

EXAMPLES = 15


def test_a_worker_killed_while_a_judge_is_asked_leaves_every_verdict_exactly_once(
    chat_endpoint: Any, worker_process: Callable[..., Any], eventually: Callable[..., None]
) -> None:
    chat_endpoint.delay = 0.3
    chat_endpoint.answer = lambda _: json.dumps({"verdict": "first", "rationale": "It is right."})
    # what the dead worker held is taken up when the timeout and 15 seconds more are over
    endpoint = make_endpoint(chat_endpoint.base_url, timeout_seconds=1, max_concurrency=4)
    evaluation = make_evaluation(EXAMPLES)
    read = JudgeVerdict.objects.exclude(choice="")

    worker = worker_process()
    judge = start_judge(
        evaluation=evaluation,
        model_version=make_model_version("judge", endpoint=endpoint),
        template=DEFAULT_TEMPLATE,
        by=None,
    )
    eventually(lambda: read.count() >= 4, within=60)
    worker.kill()
    at_the_kill = dict(read.values_list("pk", "choice"))
    assert len(at_the_kill) < 2 * EXAMPLES

    worker_process()
    eventually(lambda: read.count() == 2 * EXAMPLES, within=90)

    assert judge.verdicts.count() == 2 * EXAMPLES
    assert dict(read.filter(pk__in=at_the_kill).values_list("pk", "choice")) == at_the_kill
    assert set(read.values_list("candidate_first", "choice")) == {(True, "candidate"), (False, "baseline")}
    # only what was under way at the kill is asked, and paid, a second time
    asked = Counter(request.last_message for request in chat_endpoint.requests)
    assert len(asked) == 2 * EXAMPLES
    assert asked.total() <= 2 * EXAMPLES + endpoint.max_concurrency
    assert not Response.objects.filter(model_version=judge.model_version).exclude(status="done").exists()
