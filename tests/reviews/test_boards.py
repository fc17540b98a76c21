"""The board of a golden set, against small cases by hand."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from math import log
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from models_registry.models import GoldenSetVersion, ModelVersion, Response
from reviews.actions.evaluations import close_evaluation
from reviews.models import Comparison, Evaluation
from reviews.queries.boards import board, turned
from reviews.queries.win_rates import Estimate
from reviews.stats.win_rate import Interval, win_rate
from tests.factories import make_evaluation, make_golden_set_version, make_model_version, make_rows, make_vote

pytestmark = pytest.mark.django_db
ClientFor = Callable[..., Client]


@pytest.fixture
def models() -> dict[str, ModelVersion]:
    return {name: make_model_version(name) for name in ("large", "tuned", "small", "alone")}


def judge(
    version: GoldenSetVersion,
    candidate: ModelVersion,
    baseline: ModelVersion,
    votes: Mapping[str, str],
    by: User,
    *,
    closed: bool = True,
    **fields: Any,
) -> Evaluation:
    """An evaluation whose examples got these votes: {key: choice}; the responses are those that are there already."""
    evaluation = make_evaluation(
        version, candidate=make_model_version(), baseline=make_model_version(), **fields
    )
    shared = {
        (response.model_version_id, response.example.key): response
        for response in Response.objects.filter(model_version__in=[candidate, baseline]).select_related(
            "example"
        )
    }
    for comparison in evaluation.comparisons.select_related(
        "example", "candidate_response", "baseline_response"
    ):
        for side, model in (("candidate", candidate), ("baseline", baseline)):
            own = getattr(comparison, f"{side}_response")
            found = shared.get((model.pk, comparison.example.key))
            if found is None:
                Response.objects.filter(pk=own.pk).update(model_version=model)
            else:
                Comparison.objects.filter(pk=comparison.pk).update(**{f"{side}_response": found})
    # which models they are is fixed when voting opens
    Evaluation.objects.filter(pk=evaluation.pk).update(opened_at=None)
    Evaluation.objects.filter(pk=evaluation.pk).update(candidate=candidate, baseline=baseline)
    Evaluation.objects.filter(pk=evaluation.pk).update(opened_at=timezone.now())
    for comparison in evaluation.comparisons.select_related("example"):
        if comparison.example.key in votes:
            make_vote(comparison, by, votes[comparison.example.key])
    if closed:
        close_evaluation(evaluation=evaluation, by=None)
    evaluation.refresh_from_db()
    return evaluation


def votes(won: int, tied: int, lost: int) -> dict[str, str]:
    choices = ["candidate"] * won + ["tie"] * tied + ["baseline"] * lost
    return {f"row-{index:04}": choice for index, choice in enumerate(choices)}


def test_matrix_is_the_latest_evaluation_of_two_seen_from_both_sides(
    models: dict[str, ModelVersion], reviewer: User
) -> None:
    version = make_golden_set_version(make_rows(30), name="support")
    judge(version, models["tuned"], models["large"], votes(10, 0, 20), reviewer)
    newer = judge(version, models["large"], models["tuned"], votes(6, 6, 18), reviewer)
    found = board(version.golden_set)
    tuned, large = models["tuned"].pk, models["large"].pk
    assert set(found.matrix) == {(tuned, large), (large, tuned)}
    seen, turned_round = found.matrix[large, tuned], found.matrix[tuned, large]
    assert (seen.evaluation, turned_round.evaluation) == (newer, newer)
    interval = win_rate([1.0] * 6 + [0.5] * 6 + [0.0] * 18).interval
    assert interval is not None
    assert seen.estimate.win_rate == pytest.approx(0.3)
    assert seen.estimate.interval == interval
    assert turned_round.estimate.win_rate == pytest.approx(0.7)
    assert turned_round.estimate.interval is not None
    assert turned_round.estimate.interval.low == pytest.approx(1 - interval.high)
    assert (seen.estimate.shown, turned_round.estimate.shown) == ("worse", "better")
    assert seen.estimate.examples == 30


def test_turning_twice_is_the_same_as_never() -> None:
    estimate = Estimate(8, 0.25, Interval(0.125, 0.5, 0.95, "any"))
    assert turned(turned(estimate)) == estimate
    assert turned(Estimate(0, None, None)) == Estimate(0, None, None)


def test_under_twenty_examples_a_cell_shows_nothing(models: dict[str, ModelVersion], reviewer: User) -> None:
    version = make_golden_set_version(make_rows(19), name="support")
    judge(version, models["tuned"], models["large"], votes(19, 0, 0), reviewer)
    [cell, other] = board(version.golden_set).matrix.values()
    assert cell.insufficient
    assert other.insufficient
    assert (cell.estimate.shown, other.estimate.shown) == ("", "")


def test_leaderboard_of_two_is_their_odds(models: dict[str, ModelVersion], reviewer: User) -> None:
    """15 of 20 won: the strengths are ±½ ln 3 apart from their mean."""
    version = make_golden_set_version(make_rows(20), name="support")
    judge(version, models["tuned"], models["large"], votes(15, 0, 5), reviewer)
    found = board(version.golden_set)
    [group] = found.groups
    assert [placed.version for placed in group] == [models["tuned"], models["large"]]
    assert [placed.rated.strength for placed in group] == pytest.approx([log(3) / 2, -log(3) / 2])
    assert [placed.examples for placed in group] == [20, 20]
    assert [placed.rank for placed in group] == [1, 2]
    best = group[0].estimate
    assert best.interval is not None
    assert best.win_rate is not None
    assert best.interval.low < best.win_rate < best.interval.high
    assert found.is_connected


def test_two_that_nothing_joins_stand_apart_and_one_that_lost_all_on_no_scale(
    models: dict[str, ModelVersion], client_for: ClientFor, lead: User, reviewer: User
) -> None:
    version = make_golden_set_version(make_rows(8), name="support")
    other = [make_model_version("north"), make_model_version("south")]
    judge(version, models["tuned"], models["large"], votes(5, 0, 3), reviewer)
    judge(version, other[0], other[1], votes(4, 0, 4), reviewer)
    judge(version, models["alone"], models["large"], votes(0, 0, 8), reviewer)
    found = board(version.golden_set)
    assert [{placed.version for placed in group} for group in found.groups] == [
        {models["tuned"], models["large"]},
        set(other),
    ]
    assert found.lonely == [models["alone"]]
    assert not found.is_connected
    text = client_for(lead).get(reverse("golden_set_board", args=["support"])).text
    assert "Not all of these models can be placed on one scale" in text
    assert "On no scale" in text
    assert all(
        placed.insufficient and not placed.estimate.shown for group in found.groups for placed in group
    )
    assert "insufficient" in text


def test_versions_of_a_set_stand_on_one_board_and_examples_are_counted_once(
    models: dict[str, ModelVersion], reviewer: User
) -> None:
    first = make_golden_set_version(make_rows(10), name="support")
    second = make_golden_set_version(make_rows(14), name="support")
    elsewhere = make_golden_set_version(make_rows(6), name="another")
    judge(first, models["tuned"], models["large"], votes(6, 0, 4), reviewer)
    judge(second, models["small"], models["large"], votes(6, 0, 8), reviewer)
    judge(elsewhere, models["alone"], models["large"], votes(3, 0, 3), reviewer)
    [group] = board(first.golden_set).groups
    assert {placed.version: placed.examples for placed in group} == {
        models["large"]: 14,
        models["small"]: 14,
        models["tuned"]: 10,
    }


def test_while_people_vote_only_the_complete_beginning_is_on_the_board(
    models: dict[str, ModelVersion], reviewer: User
) -> None:
    version = make_golden_set_version(make_rows(6), name="support")
    some = votes(3, 0, 3)
    del some["row-0004"]
    judge(version, models["tuned"], models["large"], some, reviewer, closed=False)
    found = board(version.golden_set)
    cell = found.matrix[models["tuned"].pk, models["large"].pk]
    assert (cell.estimate.examples, cell.estimate.win_rate) == (4, 0.75)
    assert [placed.examples for placed in found.groups[0]] == [4, 4]


def test_closed_before_the_end_all_that_has_a_vote_is_on_the_board(
    models: dict[str, ModelVersion], reviewer: User
) -> None:
    version = make_golden_set_version(make_rows(6), name="support")
    some = votes(3, 0, 3)
    del some["row-0001"]
    judge(version, models["tuned"], models["large"], some, reviewer)
    found = board(version.golden_set)
    cell = found.matrix[models["tuned"].pk, models["large"].pk]
    assert (cell.estimate.examples, cell.estimate.win_rate) == (5, 0.4)


# --- over time ---------------------------------------------------------------------------------------------


def test_same_pair_over_time_has_every_attempt_and_the_change_on_common_examples(
    models: dict[str, ModelVersion], reviewer: User, client_for: ClientFor, lead: User
) -> None:
    """On four common examples 1, 1, 0, ½ became 1, 0, 0, 0: a mean change of -3/8."""
    first = make_golden_set_version(make_rows(4), name="support")
    second = make_golden_set_version(make_rows(6), name="support")
    before = judge(
        first,
        models["tuned"],
        models["large"],
        dict(
            zip((f"row-000{n}" for n in range(4)), ["candidate", "candidate", "baseline", "tie"], strict=True)
        ),
        reviewer,
    )
    Evaluation.objects.filter(pk=before.pk).update(started_at=timezone.now() - timedelta(days=90))
    after = judge(
        second, models["tuned"], models["large"], votes(1, 0, 5), reviewer, attempt=2, name="Second attempt"
    )
    judge(second, models["small"], models["large"], votes(3, 0, 3), reviewer)
    found = board(first.golden_set)
    [[early, late]] = found.over_time
    assert (early.evaluation, late.evaluation) == (before, after)
    assert early.estimate.win_rate == 0.625
    assert late.estimate.win_rate == pytest.approx(1 / 6)
    assert early.drift is None
    assert late.drift is not None
    change = late.drift.overall
    assert (change.examples, change.before, change.after, change.change) == (4, 0.625, 0.25, -0.375)
    assert change.low is not None
    assert change.low < -0.375
    assert (early.gated, late.gated) == (None, None)
    text = client_for(lead).get(reverse("golden_set_board", args=["support"])).text
    assert "-37.5 points" in text
    assert "on 4 examples" in text
    assert "Second attempt" in text


def test_other_responses_are_no_common_examples(models: dict[str, ModelVersion], reviewer: User) -> None:
    first = make_golden_set_version(make_rows(4), name="support")
    second = make_golden_set_version(
        [{"id": f"new-{index}", "prompt": f"Another {index}?"} for index in range(4)], name="support"
    )
    judge(first, models["tuned"], models["large"], votes(2, 0, 2), reviewer)
    judge(second, models["tuned"], models["large"], {f"new-{index}": "tie" for index in range(4)}, reviewer)
    [[_early, late]] = board(first.golden_set).over_time
    assert late.drift is None


# --- the page ----------------------------------------------------------------------------------------------


def test_board_is_linked_from_its_set_and_the_list_of_evaluations(
    models: dict[str, ModelVersion], reviewer: User, client_for: ClientFor, lead: User
) -> None:
    version = make_golden_set_version(make_rows(3), name="support")
    client, path = client_for(lead), reverse("golden_set_board", args=["support"])
    assert "No votes on this golden set yet" in client.get(path).text
    judge(version, models["tuned"], models["large"], votes(1, 1, 1), reviewer)
    for page in (version.golden_set.get_absolute_url(), reverse("evaluations")):
        assert f'href="{path}"' in client.get(page).text
    assert client.get(reverse("golden_set_board", args=["nowhere"])).status_code == 404


def test_older_evaluations_are_left_out_where_there_is_too_much_to_read(
    models: dict[str, ModelVersion], reviewer: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    version = make_golden_set_version(make_rows(4), name="support")
    judge(version, models["tuned"], models["large"], votes(2, 0, 2), reviewer)
    judge(version, models["small"], models["large"], votes(2, 0, 2), reviewer)
    monkeypatch.setattr("reviews.queries.boards.MOST_COMPARISONS", 5)
    found = board(version.golden_set)
    assert (found.evaluations, found.left_out) == (1, 1)
    assert set(found.matrix) == {
        (models["small"].pk, models["large"].pk),
        (models["large"].pk, models["small"].pk),
    }


def test_queries_do_not_grow_with_evaluations(
    models: dict[str, ModelVersion], reviewer: User, client_for: ClientFor, lead: User
) -> None:
    version = make_golden_set_version(make_rows(3), name="support")
    client, path = client_for(lead), reverse("golden_set_board", args=["support"])

    def queries() -> int:
        judge(version, models["tuned"], models["large"], votes(1, 1, 1), reviewer)
        judge(version, models["small"], models["tuned"], votes(1, 1, 1), reviewer)
        client.get(path)
        with CaptureQueriesContext(connection) as captured:
            client.get(path)
        return len(captured)

    queries()
    assert queries() == queries()
