"""Speed and cost of the two models, overall and by tag."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from models_registry.models import Response
from reviews.models import Evaluation
from reviews.queries.serving import Serving, serving
from tests.factories import make_evaluation, make_rows

pytestmark = pytest.mark.django_db


def set_latencies(
    evaluation: Evaluation, side: str, seconds: Sequence[float | None], cost: str | None
) -> None:
    for comparison, latency in zip(evaluation.comparisons.all(), seconds, strict=True):
        Response.objects.filter(pk=getattr(comparison, f"{side}_response_id")).update(
            latency_seconds=latency, cost=cost and Decimal(cost) * (comparison.position + 1)
        )


def test_p50_p95_and_cost_of_both_models_overall_and_by_tag() -> None:
    evaluation = make_evaluation(make_rows(20, tags=("refunds", "sizing")))
    set_latencies(evaluation, "candidate", [float(number) for number in range(1, 21)], "0.001")
    set_latencies(evaluation, "baseline", [2.0] * 20, "0.01")
    rows = {row.name: row for row in serving(evaluation)}

    assert list(rows) == ["", "refunds", "sizing"]
    # 1 … 20: the median lies between 10 and 11, and 19 of 20 take 19 seconds or less
    assert short(rows[""].candidate) == (20, 10.5, 19.0, 20.0, Decimal("0.0105"), Decimal("0.21"))
    assert short(rows[""].baseline) == (20, 2.0, 2.0, 2.0, Decimal("0.105"), Decimal("2.1"))
    # 1, 3, … 19
    assert short(rows["refunds"].candidate) == (10, 10.0, 19.0, 19.0, Decimal("0.01"), Decimal("0.1"))
    assert short(rows["sizing"].candidate) == (10, 11.0, 20.0, 20.0, Decimal("0.011"), Decimal("0.11"))


def short(side: Serving) -> tuple[object, ...]:
    return (
        side.responses,
        side.p50_seconds,
        side.p95_seconds,
        side.p99_seconds,
        side.mean_cost,
        side.total_cost,
    )


def test_interval_of_the_p95_has_no_upper_limit_under_72_responses() -> None:
    few, many = make_evaluation(make_rows(71)), make_evaluation(make_rows(72))
    for evaluation in (few, many):
        seconds = [float(number) for number in range(1, evaluation.comparisons.count() + 1)]
        set_latencies(evaluation, "candidate", seconds, "0.001")
    intervals = [serving(evaluation)[0].candidate.p95_interval for evaluation in (few, many)]
    assert [(i.low, i.high) for i in intervals if i] == [(63.0, None), (64.0, 72.0)]


def test_time_to_the_first_token_is_shown_where_answers_were_streamed() -> None:
    evaluation = make_evaluation(make_rows(4))
    responses = evaluation.comparisons.values("baseline_response")
    Response.objects.filter(pk__in=responses[:3]).update(first_token_seconds=0.25)
    overall = serving(evaluation)[0]
    assert overall.was_streamed
    assert (overall.candidate.first_token_p50_seconds, overall.baseline.first_token_p50_seconds) == (
        None,
        0.25,
    )


def test_answers_by_batch_have_no_part_in_the_seconds_but_in_the_cost() -> None:
    evaluation = make_evaluation(make_rows(4))
    set_latencies(evaluation, "candidate", [1.0, 1.0, 9.0, 9.0], "0.001")
    by_batch = [row.candidate_response_id for row in evaluation.comparisons.all()][2:]
    Response.objects.filter(pk__in=by_batch).update(by_batch=True)
    overall = serving(evaluation)[0]
    assert short(overall.candidate) == (4, 1.0, 1.0, 1.0, Decimal("0.0025"), Decimal("0.01"))
    assert (overall.candidate.by_batch, overall.baseline.by_batch, overall.by_batch) == (2, 0, 2)


def test_queries_do_not_grow_with_responses() -> None:
    few, many = make_evaluation(make_rows(2)), make_evaluation(make_rows(40))
    counted = []
    for evaluation in (few, many):
        with CaptureQueriesContext(connection) as queries:
            serving(evaluation)
        counted.append(len(queries))
    assert counted[0] == counted[1]


def test_only_comparisons_with_both_responses_count() -> None:
    evaluation = make_evaluation(make_rows(3))
    set_latencies(evaluation, "candidate", [1.0, 2.0, 60.0], "0.001")
    Response.objects.filter(pk=evaluation.comparisons.get(position=2).baseline_response_id).update(
        status="failed"
    )
    overall = serving(evaluation)[0]
    assert (overall.candidate.responses, overall.baseline.responses) == (2, 2)
    assert overall.candidate.p95_seconds == 2.0


def test_what_was_not_measured_is_none_not_zero() -> None:
    evaluation = make_evaluation(make_rows(2, tags=()))
    set_latencies(evaluation, "candidate", [None, None], None)
    set_latencies(evaluation, "baseline", [None, 3.0], "0.01")
    overall, untagged = serving(evaluation)
    assert untagged.name == "untagged"
    assert overall.candidate == Serving(2, *[None] * 7)
    assert overall.baseline.p50_seconds == 3.0


def test_evaluation_that_is_generating_has_one_empty_row() -> None:
    (overall,) = serving(make_evaluation(2, opened=False))
    assert overall.candidate == Serving(0, *[None] * 7)
