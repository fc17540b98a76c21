"""What `/metrics` says: how far generation is at each endpoint, for Prometheus."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal

from django.db.models import Count, Q, Sum
from django.utils import timezone

from models_registry.models import (
    BatchJob,
    Endpoint,
    EndpointUse,
    Fault,
    GenerationRun,
    ModelVersion,
    Response,
    Upload,
)

type Number = int | float | Decimal

RECORDED = ""  # the endpoint of versions that have none
STATES = ("done", "in_flight", "waiting", "failed")


@dataclass
class Metric:
    """One metric with its samples: {labels: value}. Kinds are "gauge" and "counter"."""

    name: str
    kind: str
    help: str
    samples: dict[tuple[tuple[str, str], ...], Number] = field(default_factory=dict)

    def add(self, value: Number, **labels: str) -> None:
        key = tuple(labels.items())
        self.samples[key] = self.samples.get(key, 0) + value  # type: ignore[operator]


def metrics() -> list[Metric]:
    """In a number of queries that does not grow. Counters are sums over the database, so a restart leaves them be."""
    endpoints = dict(Endpoint.objects.order_by("name").values_list("pk", "name"))
    names = {
        pk: endpoints.get(endpoint, RECORDED)
        for pk, endpoint in ModelVersion.objects.values_list("pk", "endpoint")
    }
    return [
        *_responses(names, endpoints.values()),
        _faults(names),
        *_uses(endpoints),
        *_open_work(names, endpoints.values()),
    ]


def _responses(names: Mapping[int, str], endpoints: Iterable[str]) -> list[Metric]:
    now = timezone.now()
    pending = Q(status=Response.Status.PENDING)
    in_flight = pending & (Q(lease_until__gte=now) | Q(batch_job__isnull=False))
    states = Metric("evalsite_responses", "gauge", "Responses by state.")
    tokens = Metric("evalsite_tokens_total", "counter", "Tokens of stored answers.")
    dollars = Metric("evalsite_dollars_total", "counter", "US dollars of stored answers.")
    lost = Metric(
        "evalsite_lost_requests_total", "counter", "Requests asked again because their worker ended."
    )
    rate = Metric("evalsite_responses_per_minute", "gauge", "Answers stored in the last minute.")
    left = Metric("evalsite_seconds_left", "gauge", "Until all are answered at this rate; NaN: nobody knows.")
    for name in endpoints:
        for state in STATES:
            states.add(0, endpoint=name, state=state)
        for direction in ("input", "output"):
            tokens.add(0, endpoint=name, direction=direction)
        for metric in (dollars, lost, rate):
            metric.add(0, endpoint=name)
    counted = (
        Response.objects.order_by()
        .values_list("model_version")
        .annotate(
            all=Count("pk"),
            done=Count("pk", filter=Q(status=Response.Status.DONE)),
            failed=Count("pk", filter=Q(status=Response.Status.FAILED)),
            in_flight=Count("pk", filter=in_flight),
            input=Sum("input_tokens", default=0),
            output=Sum("output_tokens", default=0),
            cost=Sum("cost", default=Decimal(0)),
            lost=Sum("lost_attempts", default=0),
            lately=Count("pk", filter=Q(done_at__gte=now - timedelta(minutes=1))),
        )
    )
    for version, total, done, failed, flying, given, written, cost, again, lately in counted:
        name = names[version]
        numbers = (done, flying, total - done - failed - flying, failed)
        for state, number in zip(STATES, numbers, strict=True):
            states.add(number, endpoint=name, state=state)
        tokens.add(given, endpoint=name, direction="input")
        tokens.add(written, endpoint=name, direction="output")
        dollars.add(cost, endpoint=name)
        lost.add(again, endpoint=name)
        rate.add(lately, endpoint=name)
    for key, per_minute in rate.samples.items():
        waiting = sum(states.samples.get((*key, ("state", state)), 0) for state in ("in_flight", "waiting"))
        known = 60 * float(waiting) / float(per_minute) if per_minute else float("nan")
        left.samples[key] = known if waiting else 0
    return [states, tokens, dollars, lost, rate, left]


def _faults(names: Mapping[int, str]) -> Metric:
    faults = Metric("evalsite_faults_total", "counter", "Attempts that brought no answer, by kind.")
    counted = Fault.objects.order_by("model_version", "kind").values_list("model_version", "kind")
    for version, kind, number in counted.annotate(number=Count("pk")):
        faults.add(number, endpoint=names[version], kind=kind)
    return faults


def _uses(endpoints: Mapping[int, str]) -> list[Metric]:
    now = timezone.now()
    requests = Metric(
        "evalsite_requests_left", "gauge", "Requests that may be sent at once; below 0: sent ahead of time."
    )
    tokens = Metric("evalsite_tokens_left", "gauge", "Tokens that may be used at once; below 0: overdrawn.")
    paused = Metric("evalsite_endpoint_paused", "gauge", "1 while nothing is asked of it.")
    down = Metric("evalsite_endpoint_down", "gauge", "1 while it does not answer.")
    uses = {use.endpoint_id: use for use in EndpointUse.objects.select_related("endpoint")}
    for pk, name in endpoints.items():
        use = uses.get(pk)
        is_paused = use is not None and use.paused_until is not None and use.paused_until > now
        paused.add(int(is_paused), endpoint=name)
        down.add(int(use is not None and use.down_since is not None), endpoint=name)
        if use is not None and use.endpoint.requests_per_minute is not None:
            requests.add(use.requests_left, endpoint=name)
        if use is not None and use.endpoint.tokens_per_minute is not None:
            tokens.add(use.tokens_left, endpoint=name)
    return [paused, down, requests, tokens]


def _open_work(names: Mapping[int, str], endpoints: Iterable[str]) -> list[Metric]:
    batches = Metric("evalsite_batches_open", "gauge", "Batches at a provider that are not ended.")
    for name in endpoints:
        batches.add(0, endpoint=name)
    for version in BatchJob.objects.filter(state__in=BatchJob.OPEN).values_list("model_version", flat=True):
        batches.add(1, endpoint=names[version])
    uploads = Metric(
        "evalsite_uploads_open", "gauge", "Uploaded golden sets that are worked on or waited for."
    )
    ended = (Upload.State.STORED, Upload.State.DISCARDED)
    uploads.add(Upload.objects.exclude(state__in=ended).count())
    runs = Metric("evalsite_runs", "gauge", "Generation runs by state.")
    for state in GenerationRun.State.values:
        runs.add(GenerationRun.objects.filter(state=state).count(), state=state)
    return [batches, uploads, runs]


def exposition(found: Iterable[Metric]) -> str:
    """Metrics in Prometheus' text format, version 0.0.4."""
    lines: list[str] = []
    for metric in found:
        lines += [f"# HELP {metric.name} {metric.help}", f"# TYPE {metric.name} {metric.kind}"]
        for labels, value in metric.samples.items():
            inside = ",".join(f'{name}="{_escaped(text)}"' for name, text in labels)
            lines.append(
                f"{metric.name}{{{inside}}} {_number(value)}" if inside else f"{metric.name} {value}"
            )
    return "\n".join(lines) + "\n"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _number(value: Number) -> str:
    if isinstance(value, float) and value != value:
        return "NaN"
    return f"{value:f}" if isinstance(value, Decimal) else str(value)
