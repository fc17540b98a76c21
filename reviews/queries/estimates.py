"""What an evaluation would cost and take, before it is started. Nothing is asked: tokens are counted offline."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from itertools import batched
from typing import Any

from django.db.models import prefetch_related_objects

from models_registry.content_hash import request_sha256
from models_registry.generation.messages import request_messages, request_parameters
from models_registry.generation.storing import BATCH_PRICE
from models_registry.models import Endpoint, Example, GoldenSetVersion, ModelVersion, Response
from models_registry.preflight.tokens import ENCODINGS, TOKENS_PER_MESSAGE, TOKENS_PER_ROW, count
from models_registry.preflight.vocabularies import vocabulary

# examples that are looked at; of a larger golden set as many at random
SAMPLE = 2000
BATCH = 500
# earlier responses that a mean is of
MOST_EARLIER = 2000
ASSUMED_OUTPUT_TOKENS = 300
ASSUMED_SECONDS = 5.0
MILLION = Decimal(1_000_000)


@dataclass(frozen=True)
class Earlier:
    """What a version's earlier requests took; None where nobody measured it."""

    responses: int
    output_tokens: float | None
    seconds: float | None


@dataclass(frozen=True)
class ModelEstimate:
    """What one model is to be asked.

    `output_source`: "earlier" (the mean of `earlier_responses` of its own), "max_tokens" (all that it may write) or
    "assumed". `saved`: what the reused responses cost when they were asked for. `dollars` live, `batch_dollars` where
    all goes by batch that can. `seconds` at the endpoint's limits. `is_known`: its vocabulary; `is_exact`: so are its
    input tokens.
    """

    model_version: ModelVersion
    is_candidate: bool
    responses: int
    reused: int
    requests: int
    input_tokens: int
    encoding: str
    is_known: bool
    is_exact: bool
    output_tokens: int
    output_each: float
    output_source: str
    earlier_responses: int
    dollars: Decimal
    batch_dollars: Decimal
    saved: Decimal
    seconds: float
    seconds_are_assumed: bool

    @property
    def is_asked(self) -> bool:
        return self.model_version.endpoint_id is not None

    @property
    def has_prices(self) -> bool:
        return bool(self.model_version.input_price or self.model_version.output_price)


@dataclass(frozen=True)
class Estimate:
    """`sampled`: how many examples it was computed from, where those were not all."""

    models: list[ModelEstimate]
    examples: int
    sampled: int | None
    can_batch: bool
    batch: bool
    budget: Decimal | None

    @property
    def requests(self) -> int:
        return sum(model.requests for model in self.models)

    @property
    def live_dollars(self) -> Decimal:
        return sum((model.dollars for model in self.models), Decimal(0))

    @property
    def batch_dollars(self) -> Decimal:
        return sum((model.batch_dollars for model in self.models), Decimal(0))

    @property
    def dollars(self) -> Decimal:
        return self.batch_dollars if self.batch else self.live_dollars

    @property
    def saved(self) -> Decimal:
        return sum((model.saved for model in self.models), Decimal(0))

    @property
    def seconds(self) -> float:
        """Both models are asked at the same time, but share the limits of an endpoint that both have."""
        by_endpoint: dict[int | None, float] = {}
        for model in self.models:
            endpoint = model.model_version.endpoint_id
            by_endpoint[endpoint] = by_endpoint.get(endpoint, 0.0) + model.seconds
        return max(by_endpoint.values(), default=0.0)

    @property
    def is_over_budget(self) -> bool:
        return self.budget is not None and self.dollars > self.budget

    @property
    def is_exact(self) -> bool:
        return all(model.is_exact for model in self.models if model.requests)

    @property
    def without_prices(self) -> list[ModelVersion]:
        return [model.model_version for model in self.models if model.requests and not model.has_prices]


def estimate(
    *,
    candidate: ModelVersion,
    baseline: ModelVersion,
    golden_set_version: GoldenSetVersion,
    batch: bool = False,
    budget: Decimal | None = None,
) -> Estimate:
    """Tokens, dollars and time of what both models have not answered yet.

    Of more than SAMPLE examples it looks at as many at random, always the same ones, and extrapolates. Input tokens
    are exact where a model's vocabulary is known, output tokens never are.
    """
    versions = [candidate, baseline]
    examples = _sample(golden_set_version, with_tags=any(version.parameters_by_tag for version in versions))
    counters = {encoding: _Counter(encoding) for encoding in ENCODINGS}
    endpoints = [version.endpoint for version in versions if version.endpoint is not None]
    return Estimate(
        models=[
            _model_estimate(version, version is candidate, examples, golden_set_version.rows, counters)
            for version in versions
        ],
        examples=golden_set_version.rows,
        sampled=len(examples) if len(examples) < golden_set_version.rows else None,
        can_batch=bool(endpoints) and all(endpoint.has_batches for endpoint in endpoints),
        batch=batch,
        budget=budget,
    )


def _sample(version: GoldenSetVersion, *, with_tags: bool) -> list[Example]:
    examples = version.examples.only("pk", "messages")
    if version.rows <= SAMPLE:
        found = list(examples)
    else:
        # any sample will do, but the same one when the page is asked again
        positions = random.Random(version.pk).sample(range(version.rows), SAMPLE)  # noqa: S311
        found = [
            example for some in batched(positions, BATCH) for example in examples.filter(position__in=some)
        ]
    if with_tags:
        for some in batched(found, BATCH):
            prefetch_related_objects(some, "tags")
    return found


class _Counter:
    """Tokens of a text by one vocabulary; the same system prompt stands before every example."""

    def __init__(self, encoding: str) -> None:
        self.encoding = encoding
        self._known: dict[str, int] = {}

    def count(self, text: str) -> int:
        if text not in self._known:
            self._known[text] = count(text, self.encoding)
        return self._known[text]


def _model_estimate(
    version: ModelVersion,
    is_candidate: bool,
    examples: list[Example],
    rows: int,
    counters: Mapping[str, _Counter],
) -> ModelEstimate:
    known = vocabulary(version.served_name)
    counter = counters[known or ENCODINGS[0]]
    earlier = _earlier(version)
    output_each, source = _output_tokens(version, earlier)
    missing, reused, saved = _missing(version, examples)
    asked = missing.values() if version.endpoint_id is not None else ()
    each_input = [list(_requests(messages, counter, output_each)) for messages in asked]
    scale = rows / len(examples) if examples else 0.0
    requests = round(scale * sum(map(len, each_input)))
    input_tokens = round(scale * sum(map(sum, each_input)))
    output_tokens = round(requests * output_each)
    # what takes several turns can't go by batch
    single = [tokens[0] for tokens in each_input if len(tokens) == 1]
    dollars = _dollars(version, input_tokens, output_tokens)
    halved = _dollars(version, round(scale * sum(single)), round(scale * len(single) * output_each))
    seconds_each = ASSUMED_SECONDS if earlier.seconds is None else earlier.seconds
    return ModelEstimate(
        model_version=version,
        is_candidate=is_candidate,
        responses=round(len(missing) * scale),
        reused=round(reused * scale),
        requests=requests,
        input_tokens=input_tokens,
        encoding=counter.encoding,
        is_known=known is not None,
        is_exact=known is not None and len(examples) == rows and len(single) == len(each_input),
        output_tokens=output_tokens,
        output_each=output_each,
        output_source=source,
        earlier_responses=earlier.responses,
        dollars=dollars,
        batch_dollars=dollars - (1 - BATCH_PRICE) * halved,
        saved=saved * Decimal(scale),
        seconds=_seconds(version.endpoint, requests, input_tokens + output_tokens, seconds_each),
        seconds_are_assumed=earlier.seconds is None,
    )


def _dollars(version: ModelVersion, input_tokens: int, output_tokens: int) -> Decimal:
    return (version.input_price * input_tokens + version.output_price * output_tokens) / MILLION


def _missing(
    version: ModelVersion, examples: list[Example]
) -> tuple[dict[str, list[dict[str, str]]], int, Decimal]:
    """What would be sent, by hash; how many examples have their answer already; and what those answers cost."""
    missing: dict[str, list[dict[str, str]]] = {}
    reused, saved = 0, Decimal(0)
    for some in batched(examples, BATCH):
        asked = [
            (_hash(version, messages, example), messages) for example, messages in _messages(version, some)
        ]
        done = dict(
            Response.objects.filter(
                model_version=version,
                request_sha256__in={sha256 for sha256, _messages in asked},
                status=Response.Status.DONE,
            ).values_list("request_sha256", "cost")
        )
        saved += sum((cost for cost in done.values() if cost is not None), Decimal(0))
        for sha256, messages in asked:
            if sha256 in done:
                reused += 1
            else:
                missing[sha256] = messages
    return missing, reused, saved


def _messages(
    version: ModelVersion, examples: tuple[Example, ...]
) -> Iterator[tuple[Example, list[dict[str, str]]]]:
    for example in examples:
        yield example, request_messages(version.system_prompt, example.messages)


def _hash(version: ModelVersion, messages: list[dict[str, str]], example: Example) -> str:
    intent = example.primary_intent if version.parameters_by_tag else ""
    parameters = request_parameters(version.parameters, version.parameters_by_tag, intent)
    return request_sha256(messages=messages, parameters=parameters)


def _requests(messages: list[dict[str, str]], counter: _Counter, output_each: float) -> Iterator[float]:
    """The input tokens of each request that a conversation takes: the model's own answers go into the next one."""
    sent = float(TOKENS_PER_ROW)
    for index, message in enumerate(messages):
        sent += TOKENS_PER_MESSAGE + counter.count(message["content"])
        is_last = index == len(messages) - 1
        if is_last or (message["role"] == "user" and messages[index + 1]["role"] == "user"):
            yield sent
            sent += TOKENS_PER_MESSAGE + output_each


def _earlier(version: ModelVersion) -> Earlier:
    """Means of the version's newest responses, for one request each: a conversation may have taken several."""
    newest = (
        version.responses.filter(status=Response.Status.DONE, question__isnull=True)
        .order_by("-pk")
        .values_list("output_tokens", "latency_seconds", "earlier_answers")[:MOST_EARLIER]
    )
    facts = [(tokens, seconds, 1 + len(answers)) for tokens, seconds, answers in newest]
    return Earlier(
        responses=len([tokens for tokens, _seconds, _turns in facts if tokens is not None]),
        output_tokens=_mean([(tokens, turns) for tokens, _seconds, turns in facts if tokens is not None]),
        seconds=_mean([(seconds, turns) for _tokens, seconds, turns in facts if seconds is not None]),
    )


def _mean(facts: list[tuple[Any, int]]) -> float | None:
    turns = sum(turns for _value, turns in facts)
    return sum(value for value, _turns in facts) / turns if turns else None


def _output_tokens(version: ModelVersion, earlier: Earlier) -> tuple[float, str]:
    if earlier.output_tokens is not None:
        return earlier.output_tokens, "earlier"
    for name in ("max_tokens", "max_completion_tokens"):
        most = version.parameters.get(name)
        if isinstance(most, int):
            return float(most), "max_tokens"
    return float(ASSUMED_OUTPUT_TOKENS), "assumed"


def _seconds(endpoint: Endpoint | None, requests: int, tokens: int, each: float) -> float:
    """The longest of what its limits ask for: requests at once, requests and tokens per minute."""
    if endpoint is None or not requests:
        return 0.0
    at_once = min(endpoint.max_concurrency, requests)
    longest = max(each, requests * each / at_once)
    if endpoint.requests_per_minute is not None:
        longest = max(longest, 60 * requests / endpoint.requests_per_minute)
    if endpoint.tokens_per_minute is not None:
        longest = max(longest, 60 * tokens / endpoint.tokens_per_minute)
    return longest
