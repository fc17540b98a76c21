"""What a judge's verdicts say beside people's votes, by hand, and the page that shows it."""

from __future__ import annotations

import html
from collections.abc import Callable
from decimal import Decimal

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from models_registry.models import GenerationRun, Response
from reviews.models import Comparison, Evaluation, Judge
from reviews.queries.judge_figures import differences, judge_figures
from reviews.stats.prediction_powered import prediction_powered
from reviews.verdicts import DEFAULT_TEMPLATE
from tests.factories import (
    make_evaluation,
    make_judge,
    make_model_version,
    make_verdict,
    make_verdicts,
    make_vote,
)

pytestmark = pytest.mark.django_db

ClientFor = Callable[..., Client]


@pytest.fixture
def client(client_for: ClientFor, lead: User) -> Client:
    return client_for(lead)


def in_order(evaluation: Evaluation) -> list[Comparison]:
    return list(evaluation.comparisons.order_by("position"))


def set_texts(comparison: Comparison, candidate: str, baseline: str) -> None:
    Response.objects.filter(pk=comparison.candidate_response_id).update(text=candidate)
    Response.objects.filter(pk=comparison.baseline_response_id).update(text=baseline)


def judged_evaluation(reviewer: User, second_reviewer: User) -> tuple[Evaluation, Judge, list[Comparison]]:
    """Four comparisons of refunds and sizing in turn, two votes each; the last is judged in one order only."""
    evaluation = make_evaluation(4, votes_per_comparison=2, closed_at=timezone.now())
    Evaluation.objects.filter(pk=evaluation.pk).update(closed_at=None)
    rows = in_order(evaluation)
    for comparison, votes in zip(
        rows,
        [
            ("candidate", "candidate"),
            ("candidate", "baseline"),
            ("both_bad", "tie"),
            ("baseline", "baseline"),
        ],
        strict=True,
    ):
        for person, choice in zip((reviewer, second_reviewer), votes, strict=True):
            make_vote(comparison, person, choice)
    judge = make_judge(evaluation)
    make_verdicts(judge, rows[0], "candidate")
    make_verdicts(judge, rows[1], "candidate", "baseline")  # the first place twice
    make_verdicts(judge, rows[2], "baseline", "candidate")  # the second place twice
    make_verdict(judge, rows[3], "candidate")
    return evaluation, judge, rows


# --- figures -------------------------------------------------------------------------------------------------


def test_figures_by_hand(reviewer: User, second_reviewer: User) -> None:
    _evaluation, judge, rows = judged_evaluation(reviewer, second_reviewer)
    set_texts(rows[0], "long answer", "short")
    set_texts(rows[1], "short", "long answer")
    set_texts(rows[2], "alike", "ALIKE")
    figures = judge_figures(judge)
    assert figures.judged == 3
    # 1; of (c, b) and (c, b) 1/2; of two ties and (b, c) nothing
    assert figures.agreement.examples == 3
    assert figures.agreement.percent == pytest.approx(0.5)
    # two say the same, two differ, and a tie of either kind is a tie
    assert figures.among_people == pytest.approx(2 / 3)
    assert [(row.intent, row.agreement.examples, row.agreement.percent) for row in figures.by_intent] == [
        ("refunds", 2, 0.5),
        ("sizing", 1, 0.5),
    ]
    consistency = figures.consistency
    assert (consistency.same, consistency.examples, consistency.first, consistency.second) == (1, 3, 1, 1)
    # the longer answer's: people 1 and 1/2, the judge 1 and 1/2
    assert (figures.length.examples, figures.length.people, figures.length.judge) == (2, 0.75, 0.75)
    assert figures.alone.win_rate == pytest.approx((1 + 0.5 + 0.5) / 3)
    # two scores are the same as people's, and one of three examples only is known of the last
    assert figures.estimate.people.win_rate == pytest.approx((1 + 0.5 + 0.5 + 0) / 4)
    assert figures.estimate.win_rate is None


def test_estimate_is_that_of_the_statistics(reviewer: User) -> None:
    """People voted on the first 30 of 90, where the judge is right by eight in ten."""
    evaluation = make_evaluation(90)
    judge = make_judge(evaluation)
    rows = in_order(evaluation)
    y, f = [], []
    for index, comparison in enumerate(rows):
        truth = "candidate" if index % 3 else "baseline"
        said = {"candidate": "baseline", "baseline": "candidate"}[truth] if index % 5 == 0 else truth
        make_verdicts(judge, comparison, said)
        f.append(float(said == "candidate"))
        y.append(float(truth == "candidate"))
        if index < 30:
            make_vote(comparison, reviewer, truth)
    expected = prediction_powered(y[:30], f[:30], f[30:])
    assert judge_figures(judge).estimate == expected
    assert expected.as_if is not None
    assert expected.as_if > 1.1


def test_votes_behind_the_first_gap_do_not_count_while_people_watch(reviewer: User) -> None:
    """Hard examples finish late; what was finished behind one is the judge's alone, as on the dashboard."""
    evaluation = make_evaluation(40)
    judge, rows = make_judge(evaluation), in_order(evaluation)
    for index, comparison in enumerate(rows):
        make_verdicts(judge, comparison, "candidate" if index % 2 else "tie")
        if index != 25:
            make_vote(comparison, reviewer, "candidate" if index % 2 else "baseline")
    found = judge_figures(judge).estimate
    assert (found.people.examples, found.examples, found.unlabelled) == (25, 25, 15)
    Evaluation.objects.filter(pk=evaluation.pk).update(closed_at=timezone.now())
    closed = judge_figures(Judge.objects.get(pk=judge.pk)).estimate
    assert (closed.people.examples, closed.unlabelled) == (39, 1)


def test_what_both_answered_alike_is_a_tie_to_both(reviewer: User) -> None:
    evaluation = make_evaluation(3, closed_at=timezone.now())
    rows = in_order(evaluation)
    evaluation.comparisons.filter(pk=rows[0].pk).update(identical=True, turns=0)
    judge = make_judge(evaluation)
    for comparison in rows[1:]:
        make_verdicts(judge, comparison, "candidate")
        make_vote(comparison, reviewer, "candidate")
    figures = judge_figures(judge)
    assert (figures.estimate.examples, figures.judged, figures.agreement.examples) == (3, 2, 2)
    assert figures.estimate.people.win_rate == pytest.approx(2.5 / 3)


def test_differences_are_listed_the_largest_first(reviewer: User, second_reviewer: User) -> None:
    evaluation = make_evaluation(4, votes_per_comparison=2)
    judge, rows = make_judge(evaluation), in_order(evaluation)
    for comparison, votes, verdicts in zip(
        rows,
        [("candidate", "candidate"), ("tie", "tie"), ("baseline", "baseline"), ("candidate", "tie")],
        [
            ("candidate", "candidate"),
            ("candidate", "candidate"),
            ("candidate", "candidate"),
            ("candidate", "tie"),
        ],
        strict=True,
    ):
        for person, choice in zip((reviewer, second_reviewer), votes, strict=True):
            make_vote(comparison, person, choice)
        make_verdicts(judge, comparison, *verdicts)
    found = differences(judge, 10)
    assert [(one.comparison, one.people, one.judge) for one in found] == [
        (rows[2], 0.0, 1.0),
        (rows[1], 0.5, 1.0),
    ]
    assert [(said.candidate_first, said.choice) for said in found[0].said] == [
        (True, "candidate"),
        (False, "candidate"),
    ]
    assert differences(judge, 1)[0].comparison == rows[2]


def test_queries_do_not_grow_with_verdicts(client: Client, reviewer: User) -> None:
    counts = []
    for number in (3, 12):
        evaluation = make_evaluation(number)
        judge = make_judge(evaluation)
        for comparison in in_order(evaluation):
            make_verdicts(judge, comparison, "candidate")
            make_vote(comparison, reviewer, "baseline")
        client.get(reverse("judges", args=[evaluation.pk]))
        with CaptureQueriesContext(connection) as captured:
            client.get(reverse("judges", args=[evaluation.pk]))
        counts.append(len(captured))
    assert counts[0] == counts[1]


# --- the page ------------------------------------------------------------------------------------------------


def page_of(client: Client, evaluation: Evaluation, **query: str) -> str:
    answer = client.get(reverse("judges", args=[evaluation.pk], query=query))
    assert answer.status_code == 200
    return html.unescape(answer.text)


def test_page_without_a_judge_says_how_to_start_one(client: Client, client_for: ClientFor) -> None:
    evaluation = make_evaluation(3)
    text = page_of(client, evaluation)
    assert "Start a judge" in text
    assert "6 requests" in text
    assert "and the gate does not read it" in text
    # with what it would cost by each version that has a price
    assert f"{evaluation.candidate}, about $" in text
    early = page_of(client, make_evaluation(3, opened=False))
    assert "start the judge when the first ones are in" in early
    assert "<form" not in early.partition('id="judge"')[2].partition("</main>")[0]


def test_dashboard_links_to_the_judges(client: Client) -> None:
    evaluation = make_evaluation(1)
    assert reverse("judges", args=[evaluation.pk]) in client.get(evaluation.get_absolute_url()).text


def test_page_shows_the_figures_with_peoples_beside(
    client: Client, reviewer: User, second_reviewer: User
) -> None:
    evaluation, judge, rows = judged_evaluation(reviewer, second_reviewer)
    make_verdict(judge, rows[3], "candidate", candidate_first=False)
    text = page_of(client, evaluation)
    assert "8 of 8 verdicts" in text
    assert "People alone" in text
    assert "a judge is taken into account from 20 examples that both have judged, and there are 4" in text
    assert "2 of 4 verdicts" in text
    assert rows[3].example.key in text
    assert rows[3].get_absolute_url() in text
    assert "Because of" in text


def test_page_says_as_if_you_had_so_many_votes(client: Client, reviewer: User) -> None:
    evaluation = make_evaluation(80)
    judge = make_judge(evaluation)
    for index, comparison in enumerate(in_order(evaluation)):
        choice = "candidate" if index % 3 else "baseline"
        make_verdicts(judge, comparison, choice)
        if index < 40:
            make_vote(comparison, reviewer, choice)
    as_if = judge_figures(judge).estimate.as_if
    assert as_if == pytest.approx(2, abs=0.1)  # it says just what people do, on as many again
    text = page_of(client, evaluation)
    assert f"as if you had {as_if:.1f} times as many votes" in text
    # the plain figure first, and always
    assert text.index("People alone") < text.index("People and judge")


def test_page_says_where_the_judge_adds_nothing(client: Client, reviewer: User) -> None:
    evaluation = make_evaluation(24)
    judge = make_judge(evaluation)
    for index, comparison in enumerate(in_order(evaluation)):
        make_verdicts(judge, comparison, "candidate" if index % 3 else "baseline")
        make_vote(comparison, reviewer, "candidate" if index % 2 else "baseline")
    text = page_of(client, evaluation)
    assert "People have voted on every example, so the judge adds nothing" in text
    assert "People alone" in text
    assert "People and judge" not in text


def test_an_answer_that_is_no_verdict_is_shown_word_for_word_and_as_text(client: Client) -> None:
    evaluation = make_evaluation(1)
    judge = make_judge(evaluation)
    verdict = make_verdict(judge, in_order(evaluation)[0], "", rationale="", problem="It is no JSON object.")
    Response.objects.filter(pk=verdict.response_id).update(text="<script>alert(1)</script> the **first**")
    answer = client.get(reverse("judges", args=[evaluation.pk]))
    assert "It is no JSON object." in answer.text
    assert "&lt;script&gt;alert(1)&lt;/script&gt; the **first**" in answer.text
    assert "Retry 1 verdict" in answer.text


def test_page_refreshes_itself_while_verdicts_come_and_no_longer(client: Client) -> None:
    evaluation = make_evaluation(1)
    judge = make_judge(evaluation)
    verdict = make_verdict(judge, in_order(evaluation)[0], "", rationale="")
    Response.objects.filter(pk=verdict.response_id).update(status="pending", done_at=None)
    path = reverse("judges", args=[evaluation.pk])
    fragment = client.get(path, headers={"HX-Request": "true", "HX-Target": "judge"})
    assert fragment.text.strip().startswith('<div id="judge" hx-get=')
    assert "Stop" in fragment.text
    GenerationRun.objects.filter(pk=judge.run_id).update(state="cancelled")
    stopped = client.get(path, headers={"HX-Request": "true", "HX-Target": "judge"})
    assert "hx-get" not in stopped.text
    assert "Resume" in stopped.text
    assert "HX-Request" in stopped.headers["Vary"]


def fields(**given: object) -> dict[str, object]:
    return {"template": DEFAULT_TEMPLATE} | given


def test_started_from_the_page(client: Client, lead: User) -> None:
    evaluation, version = make_evaluation(2), make_model_version("aurora-judge")
    path = reverse("start_judge", args=[evaluation.pk])
    crlf = DEFAULT_TEMPLATE.replace("\n", "\r\n")  # as a browser sends it
    answer = client.post(path, fields(model_version=version.pk, budget="2.50", template=crlf), follow=True)
    assert "Its verdicts appear here" in answer.text
    judge = Judge.objects.get()
    assert (judge.started_by, judge.run.budget, judge.template) == (lead, Decimal("2.50"), DEFAULT_TEMPLATE)
    assert "0 of 4 verdicts" in answer.text
    client.post(path, fields(model_version=version.pk))
    assert Judge.objects.count() == 1


def test_page_warns_of_a_model_that_judges_itself(client: Client) -> None:
    evaluation = make_evaluation(2)
    path = reverse("start_judge", args=[evaluation.pk])
    answer = client.post(path, fields(model_version=evaluation.candidate_id))
    assert answer.status_code == 422
    assert "models prefer their own answers" in html.unescape(answer.text)
    assert 'name="although_judged"' in answer.text
    assert not Judge.objects.exists()
    answer = client.post(
        path, fields(model_version=evaluation.candidate_id, although_judged="on"), follow=True
    )
    assert "judges its own answers here" in answer.text


def test_page_says_what_is_wrong_with_a_template_and_keeps_it(client: Client) -> None:
    evaluation, version = make_evaluation(2), make_model_version("aurora-judge")
    answer = client.post(
        reverse("start_judge", args=[evaluation.pk]),
        fields(model_version=version.pk, template="{frist} mine"),
    )
    assert answer.status_code == 422
    text = html.unescape(answer.text)
    assert "There is no placeholder {frist}; did you mean {first}?" in text
    assert "{frist} mine</textarea>" in text


def test_page_in_spanish(client: Client, reviewer: User, second_reviewer: User) -> None:
    evaluation, judge, _rows = judged_evaluation(reviewer, second_reviewer)
    client.cookies["django_language"] = "es"
    text = page_of(client, evaluation)
    assert "Jueces" in text
    assert "Acuerdo con las personas" in text
    refused = client.post(
        reverse("start_judge", args=[evaluation.pk]),
        fields(model_version=judge.model_version_id, template="{frist}"),
    )
    assert "No existe el marcador {frist}" in html.unescape(refused.text)


# --- reviewers never see it ----------------------------------------------------------------------------------


def test_nothing_of_a_judge_reaches_a_reviewer(client_for: ClientFor, reviewer: User) -> None:
    evaluation = make_evaluation(2, votes_per_comparison=2)
    judge = make_judge(evaluation, make_model_version("model-zorro"))
    for comparison in in_order(evaluation):
        make_verdicts(judge, comparison, "candidate")
    person = client_for(reviewer)
    for path in (
        reverse("home"),
        reverse("vote", args=[evaluation.pk]),
        reverse("my_votes", args=[evaluation.pk]),
        reverse("profile"),
    ):
        text = person.get(path).text.lower()
        for word in ("zorro", "because of", "verdict", "/judges/"):
            assert word not in text, (path, word)
    for path in (reverse("judges", args=[evaluation.pk]), judge.get_absolute_url()):
        assert person.get(path).status_code == 403
