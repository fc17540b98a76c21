"""Cast a vote, take it back, change it. What it said before is kept; triggers refuse anything else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Max
from django.utils import timezone
from django.utils.translation import gettext as _

from reviews.actions import hidden_checks
from reviews.blinding import CHOICES_ON_SCREEN, truth
from reviews.models import (
    Assignment,
    Choice,
    Evaluation,
    HiddenCheck,
    ReviewerTally,
    Strength,
    Vote,
    VoteRevision,
)
from reviews.models.evaluation import Rule
from reviews.queries.hidden_checks import answered_checks, check_of
from reviews.queries.progress import open_evaluations
from reviews.queries.statements import changed
from reviews.queries.turns import lease_time

SIDES = ("left", "right")
JUDGEMENT = ("choice", "strength", "reasons", "comment", "cast_at", "seconds", "number")

CAST = """
UPDATE reviews_assignment SET voted = %(voted)s, lease_until = NULL
WHERE id = %(turn)s AND reviewer_id = %(reviewer)s AND NOT voted AND evaluation_id IN
  (SELECT e.id FROM reviews_evaluation e WHERE e.opened_at IS NOT NULL AND e.closed_at IS NULL)
"""
TALLY = """
UPDATE reviews_reviewertally SET votes = votes + %(votes)s, candidate_left = candidate_left + %(left)s,
  judgements = judgements + 1
WHERE evaluation_id = %(evaluation_id)s AND reviewer_id = %(reviewer_id)s AND intent = %(intent)s
"""


class VoteRefused(Exception):
    """The vote was not counted; the message says why, for the reviewer to read."""


@dataclass(frozen=True, kw_only=True)
class Judgement:
    """What a reviewer said, as it was seen: left, right, tie or both_bad. `seconds`: by the reader's own clock."""

    choice: str
    strength: str = ""
    reasons: Sequence[str] = ()
    comment: str = ""
    seconds: float | None = None


def cast_vote(
    *,
    assignment: Assignment,
    reviewer: User,
    choice: str,
    strength: str = "",
    reasons: Sequence[str] = (),
    comment: str = "",
    seconds: float | None = None,
) -> Vote:
    """Store a reviewer's judgement, given as it was seen: left, right, tie or both_bad.

    A second click finds the vote. A turn whose lease ran out still counts while nobody else has taken it.
    Raises ValidationError where the evaluation wants a reason or a comment, VoteRefused where it can't be counted.
    """
    said = checked(
        assignment.evaluation,
        Judgement(choice=choice, strength=strength, reasons=reasons, comment=comment, seconds=seconds),
    )
    if check := check_of(assignment):
        return _answer_check(check, assignment, reviewer, said)
    return _cast(assignment, reviewer, said) or _vote_already_cast(assignment, reviewer)


def _answer_check(check: HiddenCheck, turn: Assignment, reviewer: User, said: Judgement) -> Vote:
    """To its reviewer it is a vote like any other."""
    if check.reviewer_id != reviewer.pk:
        raise refusal(turn)
    elapsed = (timezone.now() - turn.shown_at).total_seconds() if turn.shown_at else None
    vote = hidden_checks.answer_check(
        check,
        choice=said.choice,
        strength=said.strength,
        reasons=said.reasons,
        comment=said.comment,
        seconds=_seconds(said.seconds, elapsed),
    )
    if vote is None:
        raise refusal(turn)
    turn.voted = True
    return vote


@transaction.atomic(savepoint=False)  # nothing in it is caught: it is all or nothing with what is around it
def _cast(assignment: Assignment, reviewer: User, said: Judgement) -> Vote | None:
    """None where the turn is not open, or not theirs, any more."""
    now = timezone.now()
    # Claim, don't lock: of two clicks, or of a late vote and the next reviewer, exactly one finds the row as it was.
    # The conditions stand on the row itself: those of a join would not be looked at again by PostgreSQL when it had to
    # wait for the row, and then both would win.
    if not changed(CAST, {"turn": assignment.pk, "reviewer": reviewer.pk, "voted": True}):
        return None
    assignment.voted = True
    elapsed = (now - assignment.shown_at).total_seconds() if assignment.shown_at else None
    vote = Vote.objects.create(
        assignment=assignment,
        choice=truth(said.choice, candidate_on_left=assignment.candidate_on_left),
        strength=said.strength,
        reasons=list(said.reasons),
        comment=said.comment,
        cast_at=now,
        seconds=_seconds(said.seconds, elapsed),
        number=_last_number(assignment) + 1,
    )
    _tally(assignment, reviewer, 1)
    return vote


@transaction.atomic
def undo_vote(*, assignment: Assignment, reviewer: User) -> Vote | None:
    """Take back a reviewer's newest vote of the evaluation: its pair is before them again, and what it said is kept.

    The vote as it was; None where there is none to take back, as on a second press. Raises VoteRefused.
    """
    if check := check_of(assignment):
        return _undo_check(check, assignment, reviewer)
    vote = _own_vote(assignment, reviewer)
    if vote is None:
        return None
    _check_is_newest(assignment, reviewer, vote)
    _keep(vote, VoteRevision.Why.UNDONE)
    Vote.objects.filter(pk=vote.pk).delete()
    now = timezone.now()
    Assignment.objects.filter(pk=assignment.pk).update(
        voted=False, shown_at=now, lease_until=now + lease_time()
    )
    _tally(assignment, reviewer, -1)
    return vote


def _undo_check(check: HiddenCheck, turn: Assignment, reviewer: User) -> Vote | None:
    if not open_evaluations().filter(pk=turn.evaluation_id).exists():
        raise VoteRefused(_("This evaluation was closed meanwhile; its votes stand as they are."))
    if check.reviewer_id != reviewer.pk or not turn.voted or not check.answer:
        return None
    _check_is_newest(turn, reviewer, turn.vote)
    return hidden_checks.undo_check(check)


def _check_is_newest(assignment: Assignment, reviewer: User, vote: Vote) -> None:
    """VoteRefused where this reviewer judged another pair since."""
    newer = Vote.objects.filter(
        assignment__evaluation=assignment.evaluation_id,
        assignment__reviewer=reviewer,
        cast_at__gt=vote.cast_at,
    )
    newer_checks = answered_checks(assignment.evaluation, reviewer).filter(answered_at__gt=vote.cast_at)
    if newer.exists() or newer_checks.exists():
        raise VoteRefused(_("Only your last vote can be taken back; change earlier ones under “My votes”."))


def change_vote(
    *,
    assignment: Assignment,
    reviewer: User,
    choice: str,
    strength: str = "",
    reasons: Sequence[str] = (),
    comment: str = "",
) -> Vote:
    """Let a vote say something else while voting is open. Raises ValidationError and VoteRefused like `cast_vote`."""
    said = checked(
        assignment.evaluation,
        Judgement(choice=choice, strength=strength, reasons=reasons, comment=comment),
    )
    if check := check_of(assignment):
        changed = hidden_checks.change_check(
            check, choice=said.choice, strength=said.strength, reasons=said.reasons, comment=said.comment
        )
        if changed is None:
            raise VoteRefused(_("This evaluation was closed meanwhile; its votes stand as they are."))
        return changed
    return _change(assignment, reviewer, said)


@transaction.atomic
def _change(assignment: Assignment, reviewer: User, said: Judgement) -> Vote:
    vote = _own_vote(assignment, reviewer)
    if vote is None:
        raise VoteRefused(_("There is no vote of yours on this pair to change."))
    before = (vote.choice, vote.strength, vote.reasons, vote.comment)
    choice = truth(said.choice, candidate_on_left=assignment.candidate_on_left)
    if before == (choice, said.strength, list(said.reasons), said.comment):
        return vote
    _keep(vote, VoteRevision.Why.CHANGED)
    vote.choice, vote.strength = choice, said.strength
    vote.reasons, vote.comment = list(said.reasons), said.comment
    vote.cast_at = timezone.now()
    vote.number += 1
    vote.save(update_fields=["choice", "strength", "reasons", "comment", "cast_at", "number"])
    _tally(assignment, reviewer, 0)
    return vote


def checked(evaluation: Evaluation, said: Judgement) -> Judgement:
    """The judgement as it is stored: reasons of this evaluation, a strength where one is asked for.

    Raises ValidationError where something is missing; the message says what. ValueError for an unknown choice.
    """
    if said.choice not in CHOICES_ON_SCREEN:
        raise ValueError(f'"{said.choice}" is no choice; say {", ".join(CHOICES_ON_SCREEN)}')
    strength = ""
    if said.choice in SIDES and evaluation.asks_strength:
        strength = said.strength if said.strength in Strength.values else Strength.SLIGHTLY
    reasons = [reason for reason in evaluation.reasons if reason in set(said.reasons)]
    comment = said.comment.strip()
    errors: dict[str, str] = {}
    if not reasons and evaluation.reasons and _is_asked(evaluation.reason_rule, said.choice):
        errors["reasons"] = _("Choose at least one reason; this evaluation asks for it.")
    if not comment and _is_asked(evaluation.comment_rule, said.choice):
        errors["comment"] = _("Write a short comment; this evaluation asks for it.")
    if errors:
        raise ValidationError(errors)
    return Judgement(
        choice=said.choice, strength=strength, reasons=reasons, comment=comment, seconds=said.seconds
    )


def _is_asked(rule: str, choice: str) -> bool:
    return rule == Rule.ALWAYS or (rule == Rule.BOTH_BAD and choice == Choice.BOTH_BAD)


def _seconds(told: float | None, elapsed: float | None) -> float | None:
    """What the reader's clock says, which knows when the page was out of sight; never more than really went by."""
    if told is None or elapsed is None or not told >= 0:
        return elapsed
    return min(told, elapsed)


def _last_number(assignment: Assignment) -> int:
    """Of the judgements of this turn that were taken back; read with it where it came from a page."""
    known = getattr(assignment, "last_revision", ...)
    if known is ...:
        known = assignment.revisions.aggregate(last=Max("number"))["last"]
    return known or 0


def _own_vote(assignment: Assignment, reviewer: User) -> Vote | None:
    """Locked, as long as voting is open."""
    if not open_evaluations().filter(pk=assignment.evaluation_id).exists():
        raise VoteRefused(_("This evaluation was closed meanwhile; its votes stand as they are."))
    votes = Vote.objects.select_for_update(of=("self",))
    return votes.filter(assignment=assignment, assignment__reviewer=reviewer).first()


def _keep(vote: Vote, why: str) -> None:
    VoteRevision.objects.create(
        assignment_id=vote.assignment_id,
        why=why,
        replaced_at=timezone.now(),
        **{name: getattr(vote, name) for name in JUDGEMENT},
    )


def _tally(assignment: Assignment, reviewer: User, by: int) -> None:
    key = {"evaluation_id": assignment.evaluation_id, "reviewer_id": reviewer.pk, "intent": assignment.intent}
    if not changed(TALLY, {**key, "votes": by, "left": by * assignment.candidate_on_left}):
        ReviewerTally.objects.bulk_create([ReviewerTally(**key)], ignore_conflicts=True)
        _tally(assignment, reviewer, by)


def _vote_already_cast(assignment: Assignment, reviewer: User) -> Vote:
    current = Assignment.objects.select_related("evaluation", "vote").get(pk=assignment.pk)
    if current.voted and current.reviewer_id == reviewer.pk:
        return current.vote
    raise refusal(current)


def refusal(current: Assignment) -> VoteRefused:
    """Why what a reviewer says of this turn can't be taken."""
    if current.evaluation.closed_at:
        return VoteRefused(_("This evaluation was closed meanwhile, so this vote was not counted."))
    return VoteRefused(
        _("Your time for that pair ran out and it went to someone else, so this vote was not counted.")
    )
