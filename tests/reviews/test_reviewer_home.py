"""A reviewer's home: what waits, how long it takes them, what became of what they judged; and the end of voting."""

from __future__ import annotations

import html
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from reviews.actions.assignments import claim_next
from reviews.actions.evaluations import close_evaluation
from reviews.actions.profiles import choose_languages
from reviews.actions.votes import cast_vote
from reviews.models import Evaluation, HiddenCheck
from reviews.models.evaluation import OpenTo
from reviews.queries.reviewer_home import languages_to_ask, reviewer_home
from tests.factories import make_evaluation, make_rows, make_vote

pytestmark = pytest.mark.django_db


@pytest.fixture
def client(client_for: Callable[..., Client], reviewer: User) -> Client:
    return client_for(reviewer)


def home_of(client: Client) -> str:
    return html.unescape(client.get(reverse("home")).text)


def voted(
    reviewer: User, number: int, *, seconds: float = 4.0, of: int | None = None, name: str
) -> Evaluation:
    """An evaluation in which they judged the first so many of its pairs."""
    evaluation = make_evaluation(of or number, name=name)
    for comparison in evaluation.comparisons.all()[:number]:
        make_vote(comparison, reviewer, "tie", seconds=seconds)
    return evaluation


def test_time_left_is_what_is_left_at_their_own_pace(client: Client, reviewer: User) -> None:
    voted(reviewer, 6, of=16, seconds=30.0, name="slow")
    voted(reviewer, 6, of=26, seconds=9.0, name="fast")
    make_evaluation(2, name="new")
    home = reviewer_home(reviewer)
    pace = {work.name: work.pace for work in home.waiting}
    # where they are new, the pace of all they judged lately
    assert pace == {"slow": 30.0, "fast": 9.0, "new": 19.5}
    assert home.left == 10 + 20 + 2
    assert home.seconds_left == 300 + 180 + 39
    text = home_of(client)
    assert "about 5 min at your pace" in text
    assert "3 evaluations are waiting for your eye." in text


def test_nobody_is_told_a_time_from_fewer_than_five_votes(client: Client, reviewer: User) -> None:
    voted(reviewer, 4, of=9, name="new")
    assert reviewer_home(reviewer).seconds_left is None
    text = home_of(client)
    assert "5 pairs left for you" in text
    assert "at your pace" not in text.lower()


def test_another_persons_pace_is_not_theirs(reviewer: User, second_reviewer: User) -> None:
    evaluation = make_evaluation(12)
    for comparison in evaluation.comparisons.all()[:6]:
        make_vote(comparison, second_reviewer, "tie")
    (work,) = reviewer_home(reviewer).waiting
    assert (work.progress.left, work.pace) == (6, None)


def test_votes_of_today_are_counted_and_not_those_of_yesterday(reviewer: User) -> None:
    evaluation = voted(reviewer, 3, of=5, name="one")
    comparison = evaluation.comparisons.all()[4]
    make_vote(comparison, reviewer, "tie", cast_at=timezone.now() - timedelta(days=1))
    assert reviewer_home(reviewer).judged_today == 3


def test_what_is_finished_stays_while_it_is_open(client: Client, reviewer: User) -> None:
    evaluation = voted(reviewer, 3, name="Refunds")
    home = reviewer_home(reviewer)
    assert (home.waiting, [work.name for work in home.finished]) == ([], ["Refunds"])
    text = home_of(client)
    assert "You have judged all that was waiting for you. Thank you." in text
    assert "Your 3 votes are in." in text
    assert reverse("my_votes", args=[evaluation.pk]) in text


def test_closed_evaluation_says_who_closed_it_and_that_the_votes_were_counted(
    client: Client, reviewer: User, lead: User
) -> None:
    lead.last_name = "Brandt"
    lead.save()
    evaluation = voted(reviewer, 3, of=5, name="Refunds")
    voted(lead, 1, name="of others")
    close_evaluation(evaluation=evaluation, by=lead)
    (closed,) = reviewer_home(reviewer).closed
    assert (closed.name, closed.judged, closed.closed_by) == ("Refunds", 3, lead)
    text = home_of(client)
    assert (
        "You judged 3 pairs, and your votes were counted. The evaluation was closed by Lena Brandt on "
        in text
    )
    # a closed evaluation's page says the same to who voted in it, after they loaded it again
    page = client.get(reverse("vote", args=[evaluation.pk]))
    assert page.status_code == 200
    assert "This evaluation is closed" in page.text
    assert "closed by Lena Brandt on" in page.text


def test_home_holds_no_figure_of_a_result(
    client: Client, reviewer: User, second_reviewer: User, lead: User
) -> None:
    evaluation = make_evaluation(6, name="Refunds", votes_per_comparison=2)
    for comparison in evaluation.comparisons.all():
        make_vote(comparison, reviewer, "candidate")
        make_vote(comparison, second_reviewer, "candidate")
    for _ in range(2):
        text = home_of(client).lower()
        names = {str(evaluation.candidate), str(evaluation.baseline), second_reviewer.username}
        assert not [word for word in {"candidate", "baseline", "win rate", "promote", *names} if word in text]
        close_evaluation(evaluation=evaluation, by=lead)


def test_only_the_newest_closed_ones_are_shown(reviewer: User, lead: User) -> None:
    for number in range(7):
        close_evaluation(evaluation=voted(reviewer, 1, name=f"{number}"), by=lead)
    assert [closed.name for closed in reviewer_home(reviewer).closed] == ["6", "5", "4", "3", "2"]


def test_hidden_checks_are_pairs_like_any_other_to_who_judged_them(
    client: Client, reviewer: User, lead: User
) -> None:
    """A number that leaves them out would tell that there were some."""
    evaluation = voted(reviewer, 3, name="Refunds")
    comparison = evaluation.comparisons.all()[0]
    HiddenCheck.objects.create(
        evaluation=evaluation,
        reviewer=reviewer,
        kind="identical",
        comparison=comparison,
        left_response=comparison.candidate_response,
        right_response=comparison.candidate_response,
        expected="tie",
        number=0,
        answer="tie",
        shown_at=timezone.now(),
        answered_at=timezone.now(),
    )
    home = reviewer_home(reviewer)
    assert (home.judged_today, home.finished[0].progress.voted) == (4, 4)
    close_evaluation(evaluation=evaluation, by=lead)
    (closed,) = reviewer_home(reviewer).closed
    assert closed.judged == 4
    assert "You judged 4 pairs" in client.get(reverse("vote", args=[evaluation.pk])).text


# --- languages ------------------------------------------------------------------------------------------------------


def test_person_without_languages_is_asked_where_a_text_has_one(client: Client, reviewer: User) -> None:
    make_evaluation(make_rows(2), name="of no language")
    assert languages_to_ask(reviewer) == []
    assert "Which of these languages" not in home_of(client)
    make_evaluation([row | {"lang": "fr"} for row in make_rows(2)], name="French")
    assert languages_to_ask(reviewer) == ["en", "es", "fr"]
    text = home_of(client)
    assert "Which of these languages do you read well?" in text
    assert 'value="fr"> <span lang="fr">français' in text
    client.post(reverse("profile"), {"languages": ["en", "fr"]})
    assert languages_to_ask(reviewer) == []
    assert "Which of these languages" not in home_of(client)


def test_nobody_is_asked_for_the_languages_of_what_they_are_not_invited_to(reviewer: User) -> None:
    rows = [row | {"lang": "fr"} for row in make_rows(2)]
    make_evaluation(rows, name="French", open_to=OpenTo.INVITED)
    assert languages_to_ask(reviewer) == []


# --- the end of an evaluation ---------------------------------------------------------------------------------------


def test_end_says_where_else_one_is_waited_for_and_asks_for_languages(client: Client, reviewer: User) -> None:
    done = make_evaluation([row | {"lang": "en"} for row in make_rows(6)], name="done")
    for comparison in done.comparisons.all()[:5]:
        make_vote(comparison, reviewer, "tie", seconds=30.0)
    other = make_evaluation(4, name="other")
    turn = claim_next(evaluation=done, reviewer=reviewer)
    assert turn is not None
    answer = client.post(
        reverse("cast_vote", args=[turn.ticket]), {"choice": "left"}, headers={"HX-Request": "true"}
    )
    text = html.unescape(answer.text)
    assert "That was the last one" in text
    assert "Waiting for you, too: <strong>other</strong>, 4 pairs, about 2 min at your pace" in text
    assert reverse("vote", args=[other.pk]) in text
    assert "Which of these languages do you read well?" in text
    choose_languages(person=reviewer, languages=["en"])
    page = html.unescape(client.get(reverse("vote", args=[done.pk])).text)
    assert "Which of these languages" not in page


def test_end_of_the_only_evaluation_leads_home(client: Client, reviewer: User) -> None:
    evaluation = make_evaluation(1)
    turn = claim_next(evaluation=evaluation, reviewer=reviewer)
    assert turn is not None
    cast_vote(assignment=turn, reviewer=reviewer, choice="left")
    text = client.get(reverse("vote", args=[evaluation.pk])).text
    assert "Waiting for you, too" not in text
    assert 'class="btn btn-primary" href="/"' in text


def test_closed_evaluation_of_others_is_not_there(client: Client, second_reviewer: User, lead: User) -> None:
    evaluation = close_evaluation(evaluation=voted(second_reviewer, 2, of=3, name="theirs"), by=lead)
    assert client.get(reverse("vote", args=[evaluation.pk])).status_code == 404
