"""Hidden checks: those of a reviewer, one as the turn it is shown as, what they can be made of, how they came out."""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass, field

from django.contrib.auth.models import User
from django.db.models import Exists, OuterRef, Q, QuerySet

from models_registry.models import Response
from reviews import checks
from reviews.blinding import on_screen, truth
from reviews.models import Assignment, Comparison, Evaluation, HiddenCheck, Vote
from reviews.queries.eligibility import languages_of, reads
from reviews.queries.statements import rows
from reviews.stats.screening import Checks, missed_too_many

# comparisons that are looked at to find one that a check can be made of
LOOKED_AT = 40


# --- as they are served --------------------------------------------------------------------------------------------


def checks_of(evaluation: Evaluation, reviewer: User) -> QuerySet[HiddenCheck]:
    return HiddenCheck.objects.filter(evaluation=evaluation, reviewer=reviewer).select_related(
        "evaluation", "reviewer", "comparison__example", "left_response", "right_response"
    )


def open_check(evaluation: Evaluation, reviewer: User, ticket: str = "") -> HiddenCheck | None:
    """What a reviewer is to answer; the one with this ticket, where it is given.

    A second one is open only while an answer is taken back. An evaluation that wants none has none, and is not asked.
    """
    if not evaluation.check_percent:
        return None
    found = checks_of(evaluation, reviewer).filter(answered_at__isnull=True)
    return (found.filter(ticket=ticket) if ticket else found).first()


def check_of(turn: Assignment) -> HiddenCheck | None:
    """The check behind what looks like a turn; None where it is one."""
    found: HiddenCheck | None = getattr(turn, "hidden_check", None)
    return found


def turn_of_check(ticket: str, **conditions: object) -> Assignment | None:
    found = (
        HiddenCheck.objects.select_related(
            "evaluation", "comparison__example", "left_response", "right_response"
        )
        .filter(ticket=ticket, evaluation__opened_at__isnull=False, **conditions)
        .first()
    )
    return as_turn(found) if found else None


def as_turn(check: HiddenCheck) -> Assignment:
    """A check in the shape of a turn, for every view and template that serves one. It is never saved."""
    comparison = copy(check.comparison)
    comparison.candidate_response, comparison.baseline_response = check.left_response, check.right_response
    turn = Assignment(
        comparison=comparison,
        evaluation=check.evaluation,
        slot=0,
        position=comparison.position,
        candidate_on_left=True,
        reviewer_id=check.reviewer_id,
        lease_until=check.lease_until,
        shown_at=check.shown_at,
        voted=check.answered_at is not None,
        ticket=check.ticket,
        lang=comparison.lang,
        intent=comparison.intent,
    )
    turn.hidden_check = check  # type: ignore[attr-defined]
    turn.was_taken_back = bool(check.answer) and check.answered_at is None  # type: ignore[attr-defined]
    if check.answer and check.answered_at:
        vote = Vote(
            choice=truth(check.answer, candidate_on_left=True),
            strength=check.strength,
            reasons=check.reasons,
            comment=check.comment,
            cast_at=check.answered_at,
            seconds=check.seconds,
            number=check.times_said,
        )
        vote.assignment = turn
    return turn


def answered_checks(evaluation: Evaluation, reviewer: User) -> QuerySet[HiddenCheck]:
    return checks_of(evaluation, reviewer).filter(answered_at__isnull=False).exclude(answer="")


@dataclass(frozen=True)
class ChecksGiven:
    """How many were made for a reviewer, how many shown, how many of these are open, and where the last one stands."""

    made: int = 0
    given: int = 0
    open: int = 0
    last: int | None = None


# asked at every vote
GIVEN = """
SELECT COUNT(*), COUNT(shown_at), COUNT(CASE WHEN answered_at IS NULL THEN shown_at END),
  MAX(CASE WHEN shown_at IS NOT NULL THEN place END)
FROM reviews_hiddencheck WHERE evaluation_id = %(evaluation)s AND reviewer_id = %(reviewer)s
"""


def checks_given(evaluation: Evaluation, reviewer: User) -> ChecksGiven:
    if not evaluation.check_percent:
        return ChecksGiven()
    ((made, given, opened, last),) = rows(GIVEN, {"evaluation": evaluation.pk, "reviewer": reviewer.pk})
    return ChecksGiven(int(made), int(given), int(opened), last)


# --- what they are made of -----------------------------------------------------------------------------------------


def votes_to_repeat(evaluation: Evaluation, reviewer: User) -> list[Assignment]:
    """Turns this reviewer voted on, the ten newest left out, that were not repeated before."""
    repeated = HiddenCheck.objects.filter(evaluation=evaluation, reviewer=reviewer, repeats__isnull=False)
    turns = Assignment.objects.filter(evaluation=evaluation, reviewer=reviewer, voted=True)
    older = list(
        turns.order_by("-vote__cast_at", "-pk").select_related("comparison")[
            checks.LEAST_BETWEEN : checks.LEAST_BETWEEN + 5 * LOOKED_AT
        ]
    )
    used = set(repeated.values_list("repeats", flat=True))
    return [turn for turn in older if turn.pk not in used]


def spare_comparisons(evaluation: Evaluation, reviewer: User, start: int) -> list[Comparison]:
    """Comparisons that this reviewer will not be given as a turn, so that seeing one of their texts spoils nothing.

    First those that others have judged, or whose answers are one text; else what they judged themselves a while ago.
    """
    used = HiddenCheck.objects.filter(evaluation=evaluation, reviewer=reviewer, comparison=OuterRef("pk"))
    turns = Assignment.objects.filter(comparison=OuterRef("pk"))
    readable = (
        evaluation.comparisons.filter(
            candidate_response__status=Response.Status.DONE,
            baseline_response__status=Response.Status.DONE,
        )
        .exclude(Exists(used))
        .select_related("example", "candidate_response", "baseline_response")
    )
    # what has no turns and two texts may be dealt yet, when the plan is extended
    done = (
        readable.filter(Q(turns__gt=0) | Q(identical=True))
        .exclude(Exists(turns.filter(reviewer=reviewer)))
        .exclude(Exists(turns.filter(voted=False)))
    )
    found = list(done.filter(position__gte=start).order_by("position")[:LOOKED_AT])
    if len(found) < LOOKED_AT:
        found += done.filter(position__lt=start).order_by("position")[: LOOKED_AT - len(found)]
    if len(found) < LOOKED_AT:
        own = [turn.comparison_id for turn in votes_to_repeat(evaluation, reviewer)]
        found += readable.filter(pk__in=own).order_by("position")[: LOOKED_AT - len(found)]
    languages = languages_of(reviewer)
    return [each for each in found if reads(languages, each.lang) and _is_plain(each)]


def _is_plain(comparison: Comparison) -> bool:
    """Both answers are whole, and to the same conversation: neither model's own earlier answers stand in it."""
    sides = (comparison.candidate_response, comparison.baseline_response)
    return all(side.text.strip() and not side.earlier_answers for side in sides)


# --- how they came out ---------------------------------------------------------------------------------------------


@dataclass
class Outcome:
    passed: int = 0
    answered: int = 0

    @property
    def missed(self) -> int:
        return self.answered - self.passed

    def __add__(self, other: Outcome) -> Outcome:
        return Outcome(self.passed + other.passed, self.answered + other.answered)


@dataclass
class ReviewerChecks:
    """How one reviewer answered: *swapped* the same way as before, *identical* as equal, *mismatched* by its reader."""

    reviewer: User
    swapped: Outcome = field(default_factory=Outcome)
    identical: Outcome = field(default_factory=Outcome)
    mismatched: Outcome = field(default_factory=Outcome)
    skipped: int = 0

    @property
    def kinds(self) -> list[tuple[str, Outcome]]:
        return [(kind, getattr(self, kind)) for kind in checks.KINDS]

    @property
    def consistency(self) -> Outcome:
        return self.swapped

    @property
    def attention(self) -> Outcome:
        return self.identical + self.mismatched

    @property
    def missed_too_many(self) -> bool:
        return any(
            missed_too_many(kind, Checks(outcome.answered, outcome.missed)) for kind, outcome in self.kinds
        )


def hidden_checks(evaluation: Evaluation) -> list[ReviewerChecks]:
    """Every reviewer who answered or skipped one, by name. A changed vote changes what its repetition should say."""
    said = HiddenCheck.objects.filter(evaluation=evaluation, answered_at__isnull=False).values_list(
        "reviewer", "kind", "expected", "answer", "repeats__vote__choice", "repeats__candidate_on_left"
    )
    people = User.objects.filter(pk__in={reviewer for reviewer, *_rest in said})
    found = {person.pk: ReviewerChecks(person) for person in people.order_by("username")}
    for reviewer, kind, expected, answer, choice, on_left in said:
        of_reviewer = found[reviewer]
        if not answer:
            of_reviewer.skipped += 1
            continue
        if kind == HiddenCheck.Kind.SWAPPED:
            # taken back, the vote it repeats says nothing
            if not choice:
                continue
            expected = checks.swapped(on_screen(choice, candidate_on_left=bool(on_left)))
        outcome: Outcome = getattr(of_reviewer, kind)
        outcome.answered += 1
        outcome.passed += checks.passed(kind, expected, answer)
    return list(found.values())
