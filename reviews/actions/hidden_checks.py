"""Make hidden checks, and serve, answer, skip and take them back as if they were turns."""

from __future__ import annotations

from collections.abc import Sequence

from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.db.models import F, Max, Q, QuerySet
from django.utils import timezone

from models_registry.models import Response
from reviews import checks, markdown
from reviews.actions import assignments
from reviews.models import Assignment, Comparison, Evaluation, HiddenCheck, RenderedResponse, Vote
from reviews.queries.claiming import standing
from reviews.queries.hidden_checks import (
    as_turn,
    check_of,
    checks_given,
    open_check,
    spare_comparisons,
    votes_to_repeat,
)
from reviews.queries.progress import open_comparisons
from reviews.queries.turns import lease_time, open_turns
from reviews.rendering import store

Kind = HiddenCheck.Kind


def claim_next(*, evaluation: Evaluation, reviewer: User) -> Assignment | None:
    """As `assignments.claim_next`, or the check that is open, or due, in its place."""
    if evaluation.check_percent:
        turns = open_turns(evaluation, reviewer)
        shown = turns.aggregate(last=Max("shown_at"))["last"]
        check = open_check(evaluation, reviewer)
        # what was shown last comes first; a turn that was only held comes after a check
        comes_first = shown is None or (check and check.shown_at and check.shown_at > shown)
        # none comes after the last vote
        is_left = check and (check.shown_at or open_comparisons(evaluation, reviewer).exists())
        if check and comes_first and is_left and _is_its_turn(check):
            return _with_texts(_show(check))
    return assignments.claim_next(evaluation=evaluation, reviewer=reviewer)


def hold_next(*, evaluation: Evaluation, reviewer: User, beside: Assignment | None) -> Assignment | None:
    """As `assignments.hold_next`, or a check in its place."""
    is_check = beside is not None and check_of(beside) is not None
    if evaluation.check_percent and not is_check:
        check = open_check(evaluation, reviewer)
        if check is not None and _is_its_turn(check):
            # it reads what a turn's claim would, or its answer came sooner than those with a pair
            assignments.look_ahead(evaluation=evaluation, reviewer=reviewer)
            return _with_texts(as_turn(check))
        if check is None and beside is not None:
            make_ahead(evaluation=evaluation, reviewer=reviewer)
    return assignments.hold_next(
        evaluation=evaluation, reviewer=reviewer, beside=None if is_check else beside
    )


def show_held(*, evaluation: Evaluation, reviewer: User, ticket: str) -> Assignment | None:
    """As `assignments.show_held`; a check is never anyone else's."""
    shown = assignments.show_held(evaluation=evaluation, reviewer=reviewer, ticket=ticket)
    if shown is not None:
        return shown
    # its texts are in the browser already
    check = open_check(evaluation, reviewer, ticket)
    return None if check is None else _show(check)


def _is_its_turn(check: HiddenCheck) -> bool:
    if check.shown_at:
        return True
    before = checks_given(check.evaluation, check.reviewer).given
    return standing(check.evaluation, check.reviewer).votes + before >= check.place


def make_ahead(*, evaluation: Evaluation, reviewer: User) -> HiddenCheck | None:
    """The reviewer's next check, where one comes soon and can be made; it is shown when its place has come.

    To make one takes longer than to serve a pair. So it is made some pairs before its own, with the answer to a vote
    that brings a pair: how long an answer takes does not tell what is in it.
    """
    given = checks_given(evaluation, reviewer)
    number, shown = given.made, standing(evaluation, reviewer).votes + given.given
    soon = shown + 1 + checks.pick(evaluation.seed, reviewer.pk, number, "ahead", checks.AHEAD)
    run = checks.next_run(evaluation.check_percent, soon, given.last)
    place = checks.place(evaluation.seed, reviewer.pk, evaluation.check_percent, run)
    if soon < place:
        return None
    for kind in checks.kinds_in_turn(evaluation.seed, reviewer.pk, number):
        made = _MAKERS[Kind(kind)](evaluation, reviewer, number)
        if made is None:
            continue
        made.evaluation, made.reviewer, made.kind = evaluation, reviewer, kind
        made.number, made.place = number, max(place, shown + 1)
        made.lease_until = timezone.now() + lease_time()
        try:
            with transaction.atomic():
                made.save(force_insert=True)
        except IntegrityError:
            return open_check(evaluation, reviewer)  # another tab made it
        return made
    return None


def _swapped(evaluation: Evaluation, reviewer: User, number: int) -> HiddenCheck | None:
    turns = votes_to_repeat(evaluation, reviewer)
    if not turns:
        return None
    turn = turns[checks.pick(evaluation.seed, reviewer.pk, number, "vote", len(turns))]
    comparison = turn.comparison
    left, right = comparison.candidate_response, comparison.baseline_response
    if turn.candidate_on_left:
        left, right = right, left
    return HiddenCheck(comparison=comparison, repeats=turn, left_response=left, right_response=right)


def _identical(evaluation: Evaluation, reviewer: User, number: int) -> HiddenCheck | None:
    comparison = _spare(evaluation, reviewer, number)
    if comparison is None:
        return None
    sides = (comparison.candidate_response, comparison.baseline_response)
    twice = sides[checks.pick(evaluation.seed, reviewer.pk, number, "side", 2)]
    return HiddenCheck(comparison=comparison, left_response=twice, right_response=twice, expected="tie")


def _mismatched(evaluation: Evaluation, reviewer: User, number: int) -> HiddenCheck | None:
    """The other side answers another question: of another intent, in the same language, sharing few words with it."""
    comparison = _spare(evaluation, reviewer, number)
    if comparison is None:
        return None
    example = comparison.example
    others = [
        each
        for each in spare_comparisons(evaluation, reviewer, _start(evaluation, reviewer, number))
        if each.lang == comparison.lang and each.intent != comparison.intent
    ]
    if not others:
        return None
    side = checks.pick(evaluation.seed, reviewer.pk, number, "side", 2)
    answers = [(each.candidate_response, each.baseline_response)[side] for each in others]
    asked = "\n".join(message["content"] for message in example.messages)
    wrong = answers[checks.least_related(asked, [answer.text for answer in answers])]
    right = (comparison.candidate_response, comparison.baseline_response)[side]
    on_left = checks.pick(evaluation.seed, reviewer.pk, number, "place", 2) == 0
    return HiddenCheck(
        comparison=comparison,
        left_response=right if on_left else wrong,
        right_response=wrong if on_left else right,
        expected="left" if on_left else "right",
    )


_MAKERS = {Kind.SWAPPED: _swapped, Kind.IDENTICAL: _identical, Kind.MISMATCHED: _mismatched}


def _spare(evaluation: Evaluation, reviewer: User, number: int) -> Comparison | None:
    found = spare_comparisons(evaluation, reviewer, _start(evaluation, reviewer, number))
    return found[checks.pick(evaluation.seed, reviewer.pk, number, "pair", len(found))] if found else None


def _start(evaluation: Evaluation, reviewer: User, number: int) -> int:
    return checks.pick(
        evaluation.seed, reviewer.pk, number, "start", max(1, evaluation.golden_set_version.rows)
    )


def _show(check: HiddenCheck) -> Assignment:
    """Begin its reading, or go on with it; away for longer than a lease, it begins anew."""
    now = timezone.now()
    if check.shown_at is None or check.lease_until is None or check.lease_until < now:
        check.shown_at = now
    check.lease_until = now + lease_time()
    HiddenCheck.objects.filter(pk=check.pk, answered_at__isnull=True).update(
        shown_at=check.shown_at, lease_until=check.lease_until
    )
    return as_turn(check)


def _with_texts(turn: Assignment) -> Assignment:
    """As `assignments.with_texts`: both responses are drawn before the page is."""
    sides: list[Response] = [turn.comparison.candidate_response, turn.comparison.baseline_response]
    html = dict(
        RenderedResponse.objects.filter(
            response__in={side.pk for side in sides}, renderer=markdown.renderer()
        ).values_list("response", "html")
    )
    missing = {side.pk: markdown.shown(side.text) for side in sides if side.pk not in html}
    if missing:
        store(missing.items())
    for side in sides:
        side.html = (html | missing)[side.pk]  # type: ignore[attr-defined]
    return turn


# --- what a reviewer says of them ----------------------------------------------------------------------------------


def answer_check(
    check: HiddenCheck,
    *,
    choice: str,
    strength: str,
    reasons: Sequence[str],
    comment: str,
    seconds: float | None,
) -> Vote | None:
    """As a vote: a second click finds the answer. None where the evaluation was closed, or it was given back."""
    said = {"answer": choice, "strength": strength, "reasons": list(reasons), "comment": comment}
    # one that was given back for them has no lease
    won = _of_open_evaluation(check).filter(answered_at__isnull=True, lease_until__isnull=False)
    answered = won.update(**said, seconds=seconds, answered_at=timezone.now(), lease_until=None)
    check.refresh_from_db()
    if not answered and not (check.answered_at and check.answer):
        return None
    return as_turn(check).vote


def change_check(
    check: HiddenCheck, *, choice: str, strength: str, reasons: Sequence[str], comment: str
) -> Vote | None:
    said = {"answer": choice, "strength": strength, "reasons": list(reasons), "comment": comment}
    answered = _of_open_evaluation(check).filter(answered_at__isnull=False).exclude(answer="")
    if answered.filter(**said).exists():
        return as_turn(check).vote
    if not answered.update(**said, answered_at=timezone.now(), times_said=F("times_said") + 1):
        return None
    check.refresh_from_db()
    return as_turn(check).vote


def undo_check(check: HiddenCheck) -> Vote | None:
    """Its answer stays with it, to be marked when it is shown again; None where there was none to take back."""
    turn = as_turn(check)
    if not turn.voted or not check.answer:
        return None
    now = timezone.now()
    _of_open_evaluation(check).filter(answered_at__isnull=False).update(
        answered_at=None, shown_at=now, lease_until=now + lease_time(), times_said=F("times_said") + 1
    )
    return turn.vote


def skip_check(check: HiddenCheck, *, reason: str, note: str) -> bool:
    """Done with, without an answer; whether it is."""
    skipped = {"answer": "", "strength": "", "reasons": [reason], "comment": note}
    _of_open_evaluation(check).filter(answered_at__isnull=True, lease_until__isnull=False).update(
        **skipped, answered_at=timezone.now(), lease_until=None
    )
    check.refresh_from_db()
    return check.answered_at is not None and not check.answer


def give_back_checks(given: QuerySet[HiddenCheck]) -> None:
    """As the turns that are released: what is sent of one afterwards is refused, until it is shown again."""
    given.filter(answered_at__isnull=True).update(shown_at=None, lease_until=None)


def _of_open_evaluation(check: HiddenCheck) -> QuerySet[HiddenCheck]:
    is_open = Q(evaluation__opened_at__isnull=False, evaluation__closed_at__isnull=True)
    pk = HiddenCheck.objects.filter(is_open, pk=check.pk).values("pk")
    return HiddenCheck.objects.filter(pk__in=pk)
