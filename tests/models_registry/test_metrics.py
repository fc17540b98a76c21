"""`/metrics`: what it says, read by a small parser, and who may read it."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import ImproperlyConfigured
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from evalsite import env
from models_registry.actions.runs import start_run
from models_registry.actions.uploads import receive_upload
from models_registry.models import BatchJob, Endpoint, EndpointUse, Fault, ModelVersion
from models_registry.queries.metrics import Metric, exposition, metrics
from tests.factories import make_endpoint, make_golden_set_version, make_model_version, make_response

pytestmark = pytest.mark.django_db

ClientFor = Callable[..., Client]
TOKEN = "a-token-of-the-scraper"
LINE = re.compile(r'(?P<name>[a-z_]+)(?:\{(?P<labels>(?:[a-z_]+="(?:[^"\\\n]|\\.)*",?)*)\})? (?P<value>\S+)')
LABEL = re.compile(r'([a-z_]+)="((?:[^"\\]|\\.)*)"')

type Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


def parsed(text: str) -> Samples:
    """Every sample; fails on what Prometheus would refuse."""
    assert text.endswith("\n")
    samples: Samples = {}
    kinds: dict[str, str] = {}
    for line in text.splitlines():
        if line.startswith("# TYPE "):
            name, kind = line.removeprefix("# TYPE ").split(" ")
            assert name not in kinds
            assert (kind == "counter") == name.endswith("_total")
            kinds[name] = kind
        if line.startswith("#"):
            continue
        found = LINE.fullmatch(line)
        assert found, line
        assert found["name"] in kinds
        labels = frozenset(
            (name, value.replace("\\n", "\n").replace('\\"', '"').replace("\\\\", "\\"))
            for name, value in LABEL.findall(found["labels"] or "")
        )
        assert (found["name"], labels) not in samples
        samples[found["name"], labels] = float(found["value"])
    return samples


def read(name: str, **labels: str) -> float:
    return parsed(exposition(metrics()))[name, frozenset(labels.items())]


@pytest.fixture
def endpoint() -> Endpoint:
    return make_endpoint(name="vllm", requests_per_minute=60, tokens_per_minute=1000)


@pytest.fixture
def version(endpoint: Endpoint) -> ModelVersion:
    return make_model_version(endpoint=endpoint)


def test_responses_are_counted_by_endpoint_and_state(version: ModelVersion, endpoint: Endpoint) -> None:
    beside = make_model_version(endpoint=endpoint)
    examples = list(make_golden_set_version(6).examples.all())
    now = timezone.now()
    make_response(version, examples[0], cost=Decimal("0.25"), input_tokens=20, output_tokens=40)
    make_response(beside, examples[0], cost=Decimal("0.50"), input_tokens=1, output_tokens=2)
    make_response(version, examples[1], done_at=now - timedelta(hours=1), cost=None)
    make_response(version, examples[2], status="pending", lease_until=now + timedelta(minutes=1))
    make_response(version, examples[3], status="pending", lost_attempts=2)
    make_response(version, examples[4], status="failed")
    states = {s: read("evalsite_responses", endpoint="vllm", state=s) for s in ("done", "failed")}
    assert states == {"done": 3, "failed": 1}
    assert read("evalsite_responses", endpoint="vllm", state="in_flight") == 1
    assert read("evalsite_responses", endpoint="vllm", state="waiting") == 1
    assert read("evalsite_tokens_total", endpoint="vllm", direction="input") == 41
    assert read("evalsite_dollars_total", endpoint="vllm") == 0.75
    assert read("evalsite_lost_requests_total", endpoint="vllm") == 2
    assert read("evalsite_responses_per_minute", endpoint="vllm") == 2
    assert read("evalsite_seconds_left", endpoint="vllm") == 60


def test_time_left_is_nan_where_nothing_came_and_0_where_nothing_is_left(version: ModelVersion) -> None:
    assert read("evalsite_seconds_left", endpoint="vllm") == 0
    make_response(version, make_golden_set_version(1).examples.get(), status="pending")
    assert math.isnan(read("evalsite_seconds_left", endpoint="vllm"))


def test_faults_are_counted_by_kind(version: ModelVersion) -> None:
    response = make_response(version, make_golden_set_version(1).examples.get())
    for kind in ("throttled", "throttled", "timeout"):
        Fault.objects.create(response=response, model_version=version, kind=kind, message="no")
    assert read("evalsite_faults_total", endpoint="vllm", kind="throttled") == 2
    assert read("evalsite_faults_total", endpoint="vllm", kind="timeout") == 1


def test_endpoint_that_rests_or_is_down_says_so(endpoint: Endpoint) -> None:
    assert read("evalsite_endpoint_down", endpoint="vllm") == 0
    now = timezone.now()
    use = EndpointUse.objects.create(
        endpoint=endpoint, requests_left=-1.5, tokens_left=200, down_since=now, paused_until=now
    )
    assert read("evalsite_endpoint_down", endpoint="vllm") == 1
    assert read("evalsite_endpoint_paused", endpoint="vllm") == 0
    assert read("evalsite_requests_left", endpoint="vllm") == -1.5
    assert read("evalsite_tokens_left", endpoint="vllm") == 200
    use.paused_until = now + timedelta(minutes=1)
    use.save()
    assert read("evalsite_endpoint_paused", endpoint="vllm") == 1


def test_batches_uploads_and_runs_that_are_open_are_counted(version: ModelVersion) -> None:
    run = start_run(by=None)
    for state in ("in_progress", "done"):
        BatchJob.objects.create(model_version=version, run=run, state=state)
    receive_upload(
        filename="rows.jsonl", pieces=[b'{"id": "one", "prompt": "Hello?"}'], name="support", by=None
    )
    assert read("evalsite_batches_open", endpoint="vllm") == 1
    assert read("evalsite_uploads_open") == 1
    assert read("evalsite_runs", state="running") == 1


def test_recorded_responses_have_no_endpoint(version: ModelVersion) -> None:
    make_response(version, make_golden_set_version(1).examples.get())
    recorded = make_model_version()
    ModelVersion.objects.filter(pk=recorded.pk).update(endpoint=None)
    make_response(recorded, make_golden_set_version(1).examples.get())
    assert read("evalsite_responses", endpoint="", state="done") == 1


def test_queries_do_not_grow() -> None:
    counted = []
    for number in (1, 12):
        for _ in range(number):
            make_response(make_model_version(), make_golden_set_version(1).examples.get())
        with CaptureQueriesContext(connection) as queries:
            metrics()
        counted.append(len(queries))
    assert counted[0] == counted[1]


def test_labels_are_escaped() -> None:
    metric = Metric("evalsite_odd", "gauge", "Odd.")
    metric.add(Decimal("0.0000001"), endpoint='a "b"\\c\nd')
    assert parsed(exposition([metric])) == {
        ("evalsite_odd", frozenset({("endpoint", 'a "b"\\c\nd')})): pytest.approx(1e-7)
    }


# --- who may read it -----------------------------------------------------------------------------------------


def status(client: Client, given: str = "") -> int:
    return client.get("/metrics", headers={"Authorization": given} if given else {}).status_code


def test_scraper_reads_by_its_token(client: Client, settings: Any, version: ModelVersion) -> None:
    settings.METRICS_TOKEN = TOKEN
    page = client.get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"})
    assert page.status_code == 200
    assert page.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert "no-store" in page.headers["Cache-Control"]
    assert parsed(page.text)
    assert client.post("/metrics", headers={"Authorization": f"Bearer {TOKEN}"}).status_code == 405


@pytest.mark.parametrize(
    "given", ["", "Bearer", "Bearer ", "Bearer wrong", f"Basic {TOKEN}", TOKEN, "Bearer é"]
)
def test_who_has_no_token_is_told_so(client: Client, settings: Any, given: str) -> None:
    settings.METRICS_TOKEN = TOKEN
    assert status(client, given) == 401


@pytest.mark.parametrize("given", ["", "Bearer", "Bearer ", "Bearer None"])
def test_without_a_token_set_none_lets_in(client: Client, settings: Any, given: str) -> None:
    settings.METRICS_TOKEN = ""
    assert status(client, given) == 401


def test_admin_reads_by_their_session_and_nobody_else(
    client_for: ClientFor, admin_user: User, lead: User, reviewer: User, outsider: User
) -> None:
    assert status(client_for(admin_user)) == 200
    for person in (lead, reviewer, outsider):
        assert status(client_for(person)) == 403


def test_plain_http_is_not_redirected(client: Client, settings: Any) -> None:
    settings.SECURE_SSL_REDIRECT, settings.METRICS_TOKEN = True, TOKEN
    assert status(client, f"Bearer {TOKEN}") == 200


def test_token_that_could_be_guessed_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("METRICS_TOKEN", "short")
    with pytest.raises(ImproperlyConfigured, match="16 characters"):
        env.token("METRICS_TOKEN")
    monkeypatch.setenv("METRICS_TOKEN", TOKEN)
    assert env.token("METRICS_TOKEN") == TOKEN
    monkeypatch.delenv("METRICS_TOKEN")
    assert env.token("METRICS_TOKEN") == ""
