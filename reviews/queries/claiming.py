"""What is read at every vote, as SQL: to build these queries by the ORM takes several times as long as to run them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.contrib.auth.models import User
from django.db import connection
from django.utils import timezone

from reviews.models import Evaluation
from reviews.queries.eligibility import Eligibility

# Reviewers who ask at the same moment see the same head of the queue; each tries on down this far before looking again.
LOOK_AHEAD = 8

# All N turns of a comparison stand together, so that its votes come close together in time. The queue's own index
# (assignment_queue) gives the order, so that only the first few rows are looked at, in however long a queue.
HEADS = """
SELECT a.id, a.comparison_id, a.reviewer_id, a.candidate_on_left, a.shown_at IS NOT NULL
FROM reviews_assignment a
WHERE a.evaluation_id = %(evaluation)s AND NOT a.voted
  AND (a.reviewer_id IS NULL OR a.lease_until < %(now)s)
  {languages} {intents} {side}
  AND NOT EXISTS (SELECT 1 FROM reviews_assignment m
    WHERE m.comparison_id = a.comparison_id AND m.reviewer_id = %(reviewer)s)
  AND NOT EXISTS (SELECT 1 FROM reviews_skippedturn s
    WHERE s.comparison_id = a.comparison_id AND s.reviewer_id = %(reviewer)s AND s.lifted_at IS NULL)
  AND {left_behind} EXISTS (SELECT 1 FROM reviews_lapsedturn l
    WHERE l.comparison_id = a.comparison_id AND l.reviewer_id = %(reviewer)s)
ORDER BY a.evaluation_id, a.position, a.slot
LIMIT %(limit)s
"""


@dataclass(frozen=True)
class Head:
    """A free turn, and whose it was: someone's who let its lease run out, or nobody's."""

    pk: int
    comparison_id: int
    reviewer_id: int | None
    candidate_on_left: bool
    was_shown: bool


def heads_of_queue(
    evaluation: Evaluation,
    reviewer: User,
    allowed: Eligibility,
    *,
    left_behind: bool,
    on_left: bool | None = None,
) -> list[Head]:
    """The first free turns that a reviewer may be given: of comparisons they had no turn at and did not skip.

    Either those of comparisons that they were never shown, or of those they were shown and left without a vote.
    on_left: only those with the candidate there, or only those without.
    """
    if not allowed.may_vote:
        return []
    values: dict[str, Any] = {
        "evaluation": evaluation.pk,
        "reviewer": reviewer.pk,
        "now": moment(timezone.now()),
        "limit": LOOK_AHEAD,
        "on_left": on_left,
    }
    sql = HEADS.format(
        # a text of no language is anyone's
        languages=_one_of("AND a.lang IN", ["", *allowed.languages], values) if allowed.languages else "",
        intents=_one_of("AND a.intent NOT IN", allowed.closed_intents, values),
        side="" if on_left is None else "AND a.candidate_on_left = %(on_left)s",
        left_behind="" if left_behind else "NOT",
    )
    return [
        Head(pk, comparison, whose, bool(on_left), bool(was_shown))
        for pk, comparison, whose, on_left, was_shown in rows(sql, values)
    ]


def _one_of(condition: str, allowed: Sequence[str], values: dict[str, Any]) -> str:
    """A condition on a list, whose members are added to the values of the statement."""
    if not allowed:
        return ""
    names = [f"value_{len(values) + number}" for number in range(len(allowed))]
    values |= dict(zip(names, allowed, strict=True))
    return f"{condition} ({', '.join(f'%({name})s' for name in names)})"


@dataclass(frozen=True)
class Standing:
    """A reviewer's votes; and in how many more of their pairs, judged or open, the candidate is on the left.

    checks: hidden checks they answered, which are pairs to them and votes to nobody else.
    """

    votes: int
    surplus_of_left: int
    checks: int

    @property
    def judged(self) -> int:
        """Pairs as their reviewer counts them."""
        return self.votes + self.checks


# by the tallies, one row an intent: it costs the same after any number of votes
STANDING = """
SELECT COALESCE(SUM(t.votes), 0), COALESCE(SUM(2 * t.candidate_left - t.votes), 0),
  (SELECT COALESCE(SUM(CASE WHEN a.candidate_on_left THEN 1 ELSE -1 END), 0) FROM reviews_assignment a
   WHERE a.reviewer_id = %(reviewer)s AND a.evaluation_id = %(evaluation)s AND NOT a.voted),
  (SELECT COUNT(*) FROM reviews_hiddencheck h
   WHERE h.reviewer_id = %(reviewer)s AND h.evaluation_id = %(evaluation)s
     AND h.answered_at IS NOT NULL AND h.answer <> '')
FROM reviews_reviewertally t WHERE t.evaluation_id = %(evaluation)s AND t.reviewer_id = %(reviewer)s
"""


def standing(evaluation: Evaluation, reviewer: User) -> Standing:
    of_reviewer = {"evaluation": evaluation.pk, "reviewer": reviewer.pk}
    ((votes, of_judged, of_open, checks),) = rows(STANDING, of_reviewer)
    return Standing(int(votes), int(of_judged) + int(of_open), int(checks))


OPEN_TURN = """
SELECT id FROM reviews_assignment
WHERE reviewer_id = %(reviewer)s AND evaluation_id = %(evaluation)s AND NOT voted AND id <> %(beside)s
ORDER BY position, slot LIMIT 1
"""


def open_turn(evaluation: Evaluation, reviewer: User, beside: int | None) -> int | None:
    """Another turn than this one that a reviewer has and has not voted on."""
    values = {"evaluation": evaluation.pk, "reviewer": reviewer.pk, "beside": beside or 0}
    return first_value(OPEN_TURN, values)


def changed(sql: str, values: dict[str, Any]) -> bool:
    """Whether an UPDATE found its row."""
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        return bool(cursor.rowcount == 1)


def first_value(sql: str, values: dict[str, Any]) -> int | None:
    found = rows(sql, values)
    return int(found[0][0]) if found else None


def rows(sql: str, values: dict[str, Any]) -> Sequence[Sequence[Any]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        found: Sequence[Sequence[Any]] = cursor.fetchall()
    return found


def moment(when: datetime) -> Any:
    """A time as this database is given it."""
    return connection.ops.adapt_datetimefield_value(when)


def as_time(value: datetime | None) -> datetime | None:
    """A time as this database gives it: SQLite's have no zone, and are of UTC."""
    return value.replace(tzinfo=UTC) if value is not None and value.tzinfo is None else value
