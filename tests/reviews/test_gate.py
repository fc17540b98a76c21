"""The gate on stored votes: the query, the command, the words and the top of the dashboard."""

from __future__ import annotations

import html
import io
import json
import random
import re
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.cache import cache
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone, translation

from reviews.actions.evaluations import close_evaluation
from reviews.actions.votes import undo_vote
from reviews.models import Assignment, Evaluation, ReviewerTally, Vote
from reviews.queries import figures as figures_module
from reviews.queries.figures import computed, figures
from reviews.queries.gate import Gated, gate_now
from reviews.queries.gate_words import reasons, sentence
from reviews.stats.gate import Measured, gate
from reviews.stats.gate_evidence import Verdict
from reviews.stats.gate_path import gate_path
from tests.factories import freeze, make_evaluation, make_rows, make_vote

pytestmark = pytest.mark.django_db

TAGS = ("refunds", "sizing")


def judged(
    people: User | list[User],
    *,
    examples: int = 60,
    choice: Callable[[int, str], str] = lambda place, intent: "candidate",
    votes: int | None = None,
    tags: tuple[str, ...] = TAGS,
    **plan: Any,
) -> Evaluation:
    """An evaluation under a frozen plan whose first `votes` examples of the queue were judged by everyone."""
    reviewers = people if isinstance(people, list) else [people]
    evaluation = make_evaluation(make_rows(examples, tags), votes_per_comparison=len(reviewers))
    freeze(evaluation, **plan)
    turns = []
    for comparison in evaluation.comparisons.order_by("position")[: examples if votes is None else votes]:
        for slot, reviewer in enumerate(reviewers):
            turns.append((comparison, slot, reviewer))
    found = {
        (turn.comparison_id, turn.slot): turn for turn in Assignment.objects.filter(evaluation=evaluation)
    }
    cast = []
    for comparison, slot, reviewer in turns:
        turn = found[comparison.pk, slot]
        turn.reviewer, turn.voted = reviewer, True
        cast.append((turn, choice(comparison.position, comparison.intent)))
    Assignment.objects.bulk_update([turn for turn, _said in cast], ["reviewer", "voted"], batch_size=500)
    now = timezone.now()
    Vote.objects.bulk_create([Vote(assignment=turn, choice=said, cast_at=now) for turn, said in cast])
    counted = Counter((turn.reviewer_id or 0, turn.intent) for turn, _said in cast)
    ReviewerTally.objects.bulk_create(
        ReviewerTally(evaluation=evaluation, reviewer_id=person, intent=intent, votes=votes, judgements=votes)
        for (person, intent), votes in counted.items()
    )
    return evaluation


def verdict_of(evaluation: Evaluation) -> Gated:
    found = gate_now(evaluation)
    assert found is not None
    return found


def by_dice(rate: float, seed: int = 1) -> Callable[[int, str], str]:
    dice = random.Random(seed)
    return lambda place, intent: "candidate" if dice.random() < rate else "baseline"


# --- the verdict -------------------------------------------------------------------------------------------


def test_promote_before_the_end_when_it_wins_all(reviewer: User) -> None:
    evaluation = judged(reviewer, examples=120, votes=60, guarded=["refunds"])
    assert verdict_of(evaluation).gate.verdict is Verdict.PROMOTE


def test_reject_when_a_guarded_intent_got_worse_in_a_better_whole(reviewer: User) -> None:
    evaluation = judged(
        reviewer,
        examples=200,
        tags=("medical", "refunds", "sizing", "billing"),
        choice=lambda place, intent: "baseline" if intent == "medical" else "candidate",
        guarded=["medical"],
    )
    found = verdict_of(evaluation)
    assert found.gate.verdict is Verdict.REJECT
    assert found.gate.overall.better
    assert [(reason.code, reason.about) for reason in found.gate.reasons] == [
        ("guarded_regression", "medical")
    ]


def test_inconclusive_when_all_is_used_up_without_either(reviewer: User) -> None:
    evaluation = judged(reviewer, choice=lambda place, intent: "candidate" if place % 2 else "baseline")
    assert verdict_of(evaluation).gate.verdict is Verdict.INCONCLUSIVE


def test_hold_names_what_is_missing(reviewer: User) -> None:
    evaluation = judged(reviewer, examples=300, votes=70, choice=by_dice(0.6), guarded=["refunds"])
    found = verdict_of(evaluation)
    assert found.gate.verdict is Verdict.HOLD
    assert found.gate.overall.missing is not None
    said = reasons(found, 30.0, closed=False)
    assert any(
        "is not shown to be above the bar" in reason.text and "more example" in reason.missing
        for reason in said
    )
    assert any(reason.intent == "refunds" and "refunds is guarded" in reason.text for reason in said)


def test_only_the_complete_beginning_has_a_say(reviewer: User, second_reviewer: User) -> None:
    evaluation = judged([reviewer, second_reviewer], examples=120, votes=100)
    gap = evaluation.comparisons.get(position=70)
    open_again = Assignment.objects.filter(comparison=gap, slot=1)
    assert verdict_of(evaluation).gate.examples == 100
    # as if that vote had been taken back: what it said is kept first, or the triggers refuse it

    undo_vote(assignment=open_again.get(), reviewer=second_reviewer)
    assert verdict_of(evaluation).gate.examples == 70


def test_a_limit_that_does_not_hold_keeps_from_promoting(reviewer: User) -> None:
    slow = judged(reviewer, examples=120, latency_p95=0.2)
    found = verdict_of(slow)
    assert found.gate.verdict is Verdict.INCONCLUSIVE
    assert [(reason.code, reason.about) for reason in found.gate.reasons] == [
        ("used_up", None),
        ("limit_exceeded", "latency_p95"),
    ]
    fine = judged(reviewer, examples=120, latency_p95=2.0, cost=0.001, failure_rate=0.0)
    assert verdict_of(fine).gate.verdict is Verdict.PROMOTE


def test_query_gives_the_verdict_of_the_scores_in_the_queue(reviewer: User, second_reviewer: User) -> None:
    """Grouped counts and the path say what the plain sequence of scores says."""
    dice = random.Random(5)
    evaluation = judged(
        [reviewer, second_reviewer],
        examples=150,
        votes=131,
        choice=lambda place, intent: dice.choice(["candidate", "candidate", "baseline", "tie", "both_bad"]),
        guarded=["sizing"],
        shares={"refunds": 0.8, "sizing": 0.2},
        traffic="typed",
    )
    found = verdict_of(evaluation)
    value = {"candidate": 1.0, "baseline": 0.0, "tie": 0.5, "both_bad": 0.5}
    names = [intent.name for intent in found.plan.intents]
    scores, intents = [], []
    for comparison in evaluation.comparisons.order_by("position")[:131]:
        votes = Vote.objects.filter(assignment__comparison=comparison).values_list("choice", flat=True)
        scores.append(sum(value[vote] for vote in votes) / len(votes))
        intents.append(names.index(comparison.intent))
    wanted = gate(found.plan, scores, intents, found.measured)
    assert found.gate == wanted
    assert found.measured == Measured(latency_p95=0.5, cost=0.00007, failure_rate=0.0)
    path = computed(evaluation).path
    assert path is not None
    whole = gate_path(found.plan, scores, intents)
    assert path.examples[-1] == 131
    assert (path.win_rate[-1], path.low[-1], path.high[-1]) == pytest.approx(
        (whole.win_rate[-1], whole.low[-1], whole.high[-1])
    )


def test_order_in_which_votes_came_in_changes_nothing(reviewer: User) -> None:
    choices = ["candidate", "baseline", "tie"]
    first, second = (make_evaluation(make_rows(60, TAGS)) for _ in range(2))
    for evaluation, order in ((first, range(60)), (second, reversed(range(60)))):
        freeze(evaluation)
        for position in order:
            make_vote(evaluation.comparisons.get(position=position), reviewer, choices[position % 3])
    assert verdict_of(first).gate == verdict_of(second).gate


# --- the command -------------------------------------------------------------------------------------------


def run(*arguments: str) -> tuple[int, str]:
    out = io.StringIO()
    try:
        call_command("gate", *arguments, stdout=out)
    except SystemExit as ended:
        return int(str(ended.code)), out.getvalue()
    return 0, out.getvalue()


@pytest.mark.parametrize(
    ("choice", "status", "verdict"),
    [("candidate", 0, "PROMOTE"), ("baseline", 1, "REJECT"), ("tie", 3, "INCONCLUSIVE")],
)
def test_exit_status_says_the_verdict(reviewer: User, choice: str, status: int, verdict: str) -> None:
    evaluation = judged(reviewer, choice=lambda place, intent: choice)
    got, printed = run(str(evaluation.pk), "--json")
    told = json.loads(printed)
    assert (got, told["verdict"]) == (status, verdict)
    assert set(told) >= {"verdict", "reasons", "overall", "tags", "plan", "plan_sha256"}
    assert told["plan_sha256"] == evaluation.plan.sha256
    assert told["overall"]["examples"] == told["plan"]["examples"] == 60
    assert run(evaluation.name)[1].startswith(verdict)


def test_hold_is_status_3_and_prints_the_way_out(reviewer: User) -> None:
    status, printed = run(str(judged(reviewer, examples=300, votes=60, choice=by_dice(0.6)).pk))
    assert status == 3
    assert "more example" in printed


def test_voting_that_is_not_open_is_status_2() -> None:
    with pytest.raises(CommandError) as error:
        call_command("gate", make_evaluation(2, opened=False).name)
    assert error.value.returncode == 2
    assert "open voting first" in str(error.value)


# --- the page ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("choice", "name"), [("candidate", "Promote"), ("baseline", "Reject"), ("tie", "Inconclusive")]
)
def test_dashboard_says_the_verdict_first(
    reviewer: User, lead: User, client_for: Any, choice: str, name: str
) -> None:
    evaluation = judged(reviewer, choice=lambda place, intent: choice)
    page = client_for(lead).get(evaluation.get_absolute_url()).text
    assert f"<strong>{name}</strong>" in page
    assert page.index(f"<strong>{name}</strong>") < page.index("Win rate by intent")
    assert evaluation.plan.sha256[:10] in page


def test_a_reason_leads_to_the_comparisons_behind_it(reviewer: User, lead: User, client_for: Any) -> None:
    evaluation = judged(reviewer, examples=120, choice=by_dice(0.5), guarded=["refunds"])
    client = client_for(lead)
    page = client.get(evaluation.get_absolute_url()).text
    link = re.search(r'<ul class="verdict-reasons">.*?<a href="([^"]+intent=refunds)">', page, re.DOTALL)
    assert link is not None
    behind = client.get(html.unescape(link[1]))
    assert behind.status_code == 200
    assert behind.context["page"].paginator.count == 60


def test_insufficient_intents_are_drawn_as_such_and_guarded_ones_marked(
    reviewer: User, lead: User, client_for: Any
) -> None:
    evaluation = judged(reviewer, examples=60, votes=30, guarded=["refunds"])
    page = client_for(lead).get(evaluation.get_absolute_url()).text
    assert page.count('class="insufficient"') == 2
    assert page.count('class="guarded"') == 1
    assert page.count("interval-margin") == 1


def test_a_later_attempt_is_numbered(reviewer: User, lead: User, client_for: Any) -> None:
    evaluation = make_evaluation(2, attempt=3)
    freeze(evaluation)
    assert "attempt 3 of this pair" in client_for(lead).get(evaluation.get_absolute_url()).text


@pytest.mark.parametrize("choice", ["candidate", "baseline", "tie"])
@pytest.mark.parametrize("votes", [0, 10, 60])
def test_every_verdict_and_reason_has_words(reviewer: User, choice: str, votes: int) -> None:
    plan: dict[str, Any] = {"guarded": ["refunds"], "cost": 0.000001, "latency_p95": 0.1}
    found = verdict_of(judged(reviewer, votes=votes, choice=lambda place, intent: choice, **plan))
    for language in ("en", "es"):
        for closed in (False, True):
            with translation.override(language):
                told = [
                    sentence(found, closed=closed),
                    *(said.text for said in reasons(found, 30.0, closed=closed)),
                ]
            assert all(told)
            assert not any("%(" in text for text in told)


# --- live and light ----------------------------------------------------------------------------------------


def test_figures_are_computed_once_a_second_however_many_look(
    reviewer: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    evaluation = judged(reviewer, votes=20)
    calls: list[str] = []
    real = figures_module.computed

    def noted(evaluation: Evaluation, stamp: str = "") -> figures_module.Figures:
        calls.append(stamp)
        return real(evaluation, stamp)

    monkeypatch.setattr(figures_module, "computed", noted)
    now = [1000.0]
    monkeypatch.setattr("reviews.queries.figures.time.time", lambda: now[0])
    for _ in range(5):
        figures(evaluation)
    assert len(calls) == 1
    make_vote(evaluation.comparisons.get(position=20), reviewer, "tie")
    figures(evaluation)
    assert len(calls) == 1  # within the same second
    now[0] += 1.1
    assert figures(evaluation).progress.cast == 21
    assert len(calls) == 2
    now[0] += 3600
    figures(evaluation)
    assert len(calls) == 2  # nothing changed


def test_closing_is_seen_at_once(reviewer: User) -> None:
    evaluation = judged(reviewer, votes=20)
    before = figures(evaluation)
    after = figures(close_evaluation(evaluation=evaluation, by=None))
    assert (before.rates.evaluation.closed_at, after.rates.evaluation.closed_at is None) == (None, False)


def test_while_someone_computes_others_see_what_was_before(
    reviewer: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    evaluation = judged(reviewer, votes=20)
    before = figures(evaluation)
    monkeypatch.setattr(figures_module, "FRESH_SECONDS", 0)
    make_vote(evaluation.comparisons.get(position=20), reviewer, "tie")
    cache.add(f"figures:{evaluation.pk}:locked", 1, 10)
    assert figures(evaluation).stamp == before.stamp
    cache.delete(f"figures:{evaluation.pk}:locked")
    assert figures(evaluation).stamp != before.stamp


def test_unchanged_dashboard_asks_a_handful_of_queries(lead: User, reviewer: User, client: Client) -> None:
    evaluation = judged(reviewer, votes=20)
    client.force_login(lead)
    client.get(evaluation.get_absolute_url())
    with CaptureQueriesContext(connection) as captured:
        path = f"{evaluation.get_absolute_url()}?seen={figures(evaluation).stamp}"
        assert client.get(path, headers={"HX-Request": "true"}).status_code == 204
    assert len(captured) <= 12
