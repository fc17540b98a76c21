"""Hidden checks: made, served, answered, skipped and taken back like any pair, and counted nowhere."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from reviews.actions.invitations import invite, release_turns
from reviews.blinding import on_screen
from reviews.checks import FIRST, LEAST_BETWEEN
from reviews.models import Assignment, Evaluation, HiddenCheck, ReviewerTally, Vote
from reviews.queries.hidden_checks import hidden_checks
from reviews.queries.progress import reviewer_progress, voting_progress
from reviews.queries.win_rates import win_rates
from tests.factories import make_evaluation, make_rows, make_vote

pytestmark = pytest.mark.django_db

ClientFor = Callable[..., Client]
PAIRS = 40


@pytest.fixture
def evaluation() -> Evaluation:
    return make_evaluation(PAIRS, votes_per_comparison=2, check_percent=25, seed=11)


def tickets(html: str) -> list[str]:
    return re.findall(r'<section id="pair"[^>]*data-ticket="([^"]+)"', html)


class Reader:
    """A reviewer without JavaScript who votes on what the page shows."""

    def __init__(self, client: Client, evaluation: Evaluation) -> None:
        self.client, self.page = client, reverse("vote", args=[evaluation.pk])

    def ticket(self) -> str:
        text = self.client.get(self.page).text
        return next(iter(tickets(text.split("<template")[0])), "")

    def vote(self, choose: Callable[[str], str] = lambda _ticket: "left") -> str:
        ticket = self.ticket()
        if ticket:
            said = {"choice": choose(ticket)}
            assert self.client.post(reverse("cast_vote", args=[ticket]), said).status_code == 302
        return ticket


@pytest.fixture
def reader(evaluation: Evaluation, client_for: ClientFor, reviewer: User) -> Reader:
    return Reader(client_for(reviewer), evaluation)


def attentive(ticket: str) -> str:
    """What a reviewer says who reads: always the candidate's side, and the right answer to a check."""
    turn = Assignment.objects.filter(ticket=ticket).first()
    if turn is not None:
        return on_screen("candidate", candidate_on_left=turn.candidate_on_left)
    check = HiddenCheck.objects.get(ticket=ticket)
    if check.repeats is None:
        return check.expected
    return on_screen("candidate", candidate_on_left=not check.repeats.candidate_on_left)


def to_a_check(reader: Reader) -> HiddenCheck:
    for _ in range(PAIRS):
        check = HiddenCheck.objects.filter(ticket=reader.ticket()).first()
        if check:
            return check
        reader.vote()
    pytest.fail("no check came")


def test_checks_come_among_the_pairs_of_all_kinds_and_count_nowhere(
    reader: Reader, evaluation: Evaluation, reviewer: User, second_reviewer: User
) -> None:
    for comparison in evaluation.comparisons.order_by("position")[:12]:
        make_vote(comparison, second_reviewer, "tie")
        make_vote(comparison, User.objects.create(username=f"else-{comparison.pk}"), "tie")
    shown = []
    while ticket := reader.vote(attentive):
        shown.append(HiddenCheck.objects.filter(ticket=ticket).first())
    checks = [check for check in shown if check]
    assert not any(shown[:FIRST])
    assert len(shown) == len(checks) + PAIRS - 12
    assert len(checks) == pytest.approx((len(shown) - FIRST) / 4, abs=2)
    assert set(Counter(check.kind for check in checks)) == {"swapped", "identical", "mismatched"}
    assert Vote.objects.filter(assignment__reviewer=reviewer).count() == PAIRS - 12
    mine = ReviewerTally.objects.filter(reviewer=reviewer)
    assert sum(mine.values_list("votes", flat=True)) == PAIRS - 12
    progress = voting_progress(evaluation)
    assert (progress.cast, progress.wanted) == (24 + PAIRS - 12, 2 * PAIRS)
    assert win_rates(evaluation).overall.tally.votes == progress.cast
    (report,) = hidden_checks(evaluation)
    assert all(outcome.passed == outcome.answered > 0 for _kind, outcome in report.kinds)


def test_careless_reviewer_is_told_by_the_figures(
    reader: Reader, evaluation: Evaluation, client_for: ClientFor, lead: User
) -> None:
    page = reverse("evaluation_reviewers", args=[evaluation.pk])
    lead_client = client_for(lead)
    assert "nobody has answered one yet" in lead_client.get(page).text
    while reader.vote():
        pass
    (report,) = hidden_checks(evaluation)
    assert report.identical.passed == 0 < report.identical.answered
    assert report.swapped.passed == 0 < report.swapped.answered
    consistent, attentive = report.consistency, report.attention
    text = lead_client.get(page).text
    assert f"{consistent.passed} of {consistent.answered}" in text
    assert f"{attentive.passed} of {attentive.answered}" in text
    assert report.missed_too_many == ("misses many" in text)


def test_repeated_pair_has_its_sides_exchanged_and_comes_ten_votes_later(
    reader: Reader, evaluation: Evaluation, reviewer: User
) -> None:
    swapped = None
    while swapped is None and reader.vote():
        swapped = HiddenCheck.objects.filter(kind="swapped").first()
    assert swapped is not None
    original = swapped.repeats
    assert original is not None
    responses = (original.comparison.candidate_response_id, original.comparison.baseline_response_id)
    left, right = responses if original.candidate_on_left else responses[::-1]
    assert (swapped.left_response_id, swapped.right_response_id) == (right, left)
    newer = Vote.objects.filter(assignment__reviewer=reviewer, cast_at__gt=original.vote.cast_at)
    assert newer.count() >= LEAST_BETWEEN


def test_mismatched_pair_shows_an_answer_to_another_intent(reader: Reader) -> None:
    mismatched = None
    while mismatched is None and reader.vote():
        mismatched = HiddenCheck.objects.filter(kind="mismatched").first()
    assert mismatched is not None
    sides = {"left": mismatched.left_response, "right": mismatched.right_response}
    right = sides.pop(mismatched.expected)
    (wrong,) = sides.values()
    example = mismatched.comparison.example
    assert right.example == example
    assert wrong.example.primary_intent != example.primary_intent
    assert wrong.model_version == right.model_version


def test_reviewer_counts_a_check_as_a_pair(reader: Reader, evaluation: Evaluation, reviewer: User) -> None:
    total = reviewer_progress(evaluation, reviewer).total
    assert total > PAIRS
    for done in range(30):
        progress = reviewer_progress(evaluation, reviewer)
        assert (progress.voted, progress.total) == (done, total)
        reader.vote()
    assert HiddenCheck.objects.exists()


def neutral(html: str, check: bool) -> str:
    """A page without its texts, tickets, counts and secrets."""
    html = re.sub(r'(csrfmiddlewaretoken" value=|X-CSRFToken": )"\w+"', r"\1", html)
    html = re.sub(r'nonce="[^"]+"', "", html)
    html = re.sub(r'(/assignments/|data-ticket="|data-undo="|value=")[\w-]{16}', r"\1", html)
    html = re.sub(r"<template.*?</template>", "", html, flags=re.DOTALL)
    html = re.sub(r"model-\d+ \d+ on row-\d+|Question \d+\?", "text", html)
    return re.sub(r"\d+", "0", html)


def test_page_of_a_check_is_the_page_of_a_pair(reader: Reader) -> None:
    for _ in range(7):
        reader.vote()
    assert not HiddenCheck.objects.filter(ticket=reader.ticket()).exists()
    pair = reader.client.get(reader.page)
    to_a_check(reader)
    check = reader.client.get(reader.page)
    assert neutral(check.text, True) == neutral(pair.text, False)
    assert set(check.headers) == set(pair.headers)


@pytest.mark.parametrize("action", ["vote", "skip", "flag"])
def test_answers_about_a_check_are_those_about_a_pair(reader: Reader, action: str) -> None:
    name = {"vote": "cast_vote", "skip": "skip_turn", "flag": "flag_example"}[action]
    said = {
        "vote": {"choice": "tie", "seconds": "3"},
        "skip": {"reason": "language"},
        "flag": {"kind": "other", "note": "x"},
    }[action]
    for _ in range(12):
        reader.vote()
    answers = []
    for is_check in (False, True):
        if is_check:
            ticket = to_a_check(reader).ticket
        else:
            while HiddenCheck.objects.filter(ticket=reader.ticket()).exists():
                reader.vote()
            ticket = reader.ticket()
        bad = reader.client.post(reverse(name, args=[ticket]), {}, headers={"HX-Request": "true"})
        good = reader.client.post(reverse(name, args=[ticket]), said)
        answers.append((bad.status_code, good.status_code, set(good.headers), good.headers.get("Location")))
    assert answers[0] == answers[1]


def test_prefetching_page_is_given_checks_like_pairs(reader: Reader, evaluation: Evaluation) -> None:
    """As a script asks: the vote says what is shown now, and the answer has what comes after it."""
    page = reader.client.get(reader.page).text
    shown, held = tickets(page)
    seen, statuses = [shown], set()
    while shown:
        answer = reader.client.post(
            reverse("cast_vote", args=[shown]),
            {"choice": "left", "shown": held, "seconds": "2"},
            headers={"HX-Request": "true"},
        )
        statuses.add((answer.status_code, *re.findall(r'data-shown="(\w+)"', answer.text)))
        assert f'data-voted="{len(seen)}"' in answer.text
        shown, held = held, next(iter(tickets(answer.text)), "")
        if shown:
            seen.append(shown)
    assert statuses <= {(200, "kept"), (200, "none")}
    checks = HiddenCheck.objects.filter(ticket__in=seen, answered_at__isnull=False).count()
    assert checks == HiddenCheck.objects.filter(shown_at__isnull=False).count() > 5
    assert len(seen) == len(set(seen)) == PAIRS + checks


def test_check_is_taken_back_and_shown_again_with_what_was_said(reader: Reader, reviewer: User) -> None:
    check = to_a_check(reader)
    reader.vote(lambda _ticket: "tie")
    before = Vote.objects.count()
    reader.client.post(reverse("undo_vote", args=[check.ticket]))
    assert reader.ticket() == check.ticket
    check.refresh_from_db()
    assert (check.answered_at, check.answer) == (None, "tie")
    reader.vote(lambda _ticket: "right")
    check.refresh_from_db()
    assert check.answer == "right"
    assert Vote.objects.count() == before


def test_vote_taken_back_over_an_open_check_comes_before_it(reader: Reader, reviewer: User) -> None:
    check = to_a_check(reader)
    newest = Vote.objects.filter(assignment__reviewer=reviewer).order_by("-cast_at")[0].assignment
    answer = reader.client.post(reverse("undo_vote", args=[newest.ticket]), headers={"HX-Request": "true"})
    assert tickets(answer.text) == [newest.ticket]
    page = reader.client.get(reader.page).text
    assert tickets(page) == [newest.ticket, check.ticket]  # shown, and held beside it
    assert reader.vote() == newest.ticket
    assert reader.ticket() == check.ticket


def test_older_vote_is_not_taken_back_over_a_newer_check(reader: Reader, reviewer: User) -> None:
    check = to_a_check(reader)
    newest = Vote.objects.filter(assignment__reviewer=reviewer).order_by("-cast_at")[0]
    reader.vote()
    said = reader.client.post(reverse("undo_vote", args=[newest.assignment.ticket]), follow=True).text
    assert "Only your last vote can be taken back" in said
    assert check.ticket in reader.client.get(reader.page).text  # by which Z takes it back


def test_skipped_check_is_done_with(reader: Reader, evaluation: Evaluation) -> None:
    check = to_a_check(reader)
    reader.client.post(reverse("skip_turn", args=[check.ticket]), {"reason": "broken"})
    assert reader.ticket() != check.ticket
    assert [report.skipped for report in hidden_checks(evaluation)] == [1]


def test_my_votes_has_checks_like_votes(reader: Reader, evaluation: Evaluation) -> None:
    check = to_a_check(reader)
    reader.vote()
    listed = reader.client.get(reverse("my_votes", args=[evaluation.pk])).text
    assert reverse("my_vote", args=[check.ticket]) in listed
    assert reader.client.get(reverse("my_vote", args=[check.ticket])).status_code == 200
    reader.client.post(reverse("change_vote", args=[check.ticket]), {"choice": "both_bad"})
    check.refresh_from_db()
    assert check.answer == "both_bad"
    changed = reader.client.get(reverse("my_votes", args=[evaluation.pk]))
    assert "changed once" in changed.text
    # what was changed last stands first, as a vote does
    assert changed.context["votes"][0].ticket == check.ticket
    of_intent = {"intent": check.comparison.intent, "choice": "both_bad"}
    found = reader.client.get(reverse("my_votes", args=[evaluation.pk]), of_intent)
    assert [vote.ticket for vote in found.context["votes"]] == [check.ticket]
    assert not reader.client.get(reverse("my_votes", args=[evaluation.pk]), {"choice": "tie"}).context[
        "votes"
    ]


def test_check_is_given_back_with_the_turns_and_comes_again(
    reader: Reader, evaluation: Evaluation, reviewer: User
) -> None:
    check = to_a_check(reader)
    release_turns(evaluation=evaluation, reviewer=reviewer, by=None)
    said = reader.client.post(reverse("cast_vote", args=[check.ticket]), {"choice": "left"}, follow=True)
    assert "went to someone else" in said.text
    check.refresh_from_db()
    assert check.answer == ""
    assert reader.vote() == check.ticket


def test_answers_stay_pairs_when_a_lead_wants_no_more_checks(
    reader: Reader, evaluation: Evaluation, reviewer: User
) -> None:
    to_a_check(reader)
    reader.vote()
    before = reviewer_progress(evaluation, reviewer).voted
    Evaluation.objects.filter(pk=evaluation.pk).update(check_percent=0)
    evaluation.refresh_from_db()
    assert reviewer_progress(evaluation, reviewer).voted == before > Vote.objects.count()
    while reader.vote():
        pass
    assert not HiddenCheck.objects.filter(answered_at__isnull=True, shown_at__isnull=False).exists()
    assert HiddenCheck.objects.exclude(answer="").count() == 1
    assert Vote.objects.count() == PAIRS


def test_checks_take_nothing_of_the_number_of_an_invitation(
    reader: Reader, evaluation: Evaluation, reviewer: User
) -> None:
    Evaluation.objects.filter(pk=evaluation.pk).update(open_to="invited", largest_share=100)
    invite(evaluation=evaluation, reviewers=[reviewer], most_votes=20, by=None)
    evaluation.refresh_from_db()
    total = reviewer_progress(evaluation, reviewer).total
    seen = 0
    while reader.vote():
        seen += 1
    assert Vote.objects.count() == 20
    shown = HiddenCheck.objects.filter(shown_at__isnull=False)
    assert seen == total == 20 + shown.count() > 20


def test_check_of_another_can_not_be_answered(
    reader: Reader, client_for: ClientFor, second_reviewer: User
) -> None:
    check = to_a_check(reader)
    other = client_for(second_reviewer)
    other.post(reverse("cast_vote", args=[check.ticket]), {"choice": "left"})
    other.post(reverse("skip_turn", args=[check.ticket]), {"reason": "broken"})
    assert other.get(reverse("my_vote", args=[check.ticket])).status_code == 404
    check.refresh_from_db()
    assert check.answered_at is None


def test_check_is_not_answered_in_a_closed_evaluation(reader: Reader, evaluation: Evaluation) -> None:
    from reviews.actions.evaluations import close_evaluation

    check = to_a_check(reader)
    close_evaluation(evaluation=evaluation, by=None)
    said = reader.client.post(reverse("cast_vote", args=[check.ticket]), {"choice": "left"}, follow=True)
    assert "was closed meanwhile" in said.text
    check.refresh_from_db()
    assert check.answered_at is None


def test_evaluation_that_wants_none_has_none(client_for: ClientFor, reviewer: User) -> None:
    evaluation = make_evaluation(make_rows(15))
    reader = Reader(client_for(reviewer), evaluation)
    while reader.vote():
        pass
    assert not HiddenCheck.objects.exists()
    assert reviewer_progress(evaluation, reviewer).voted == 15
