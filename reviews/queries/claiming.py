"""What is read at every vote, as SQL: to build these queries by the ORM takes several times as long as to run them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

from django.contrib.auth.models import User
from django.db import connection
from django.utils import timezone

from reviews.models import Evaluation
from reviews.queries.eligibility import Eligibility
from reviews.queries.statements import moment, rows

# Reviewers who ask at the same moment see the same head of the queue; each tries on down this far before looking again.
LOOK_AHEAD = 8

# A reviewer goes through the queue once, and looks back so far behind the furthest place they had; what others gave
# back further behind comes when nothing is left ahead. Otherwise someone far ahead of everyone else would step over
# all they have judged, at every vote.
LOOK_BACK = 16

# All N turns of a comparison stand together, so that its votes come close together in time. Of each comparison one turn
# is looked at, by its position from the first that has no vote on: so it costs the same in however long a queue.
HEADS = """
SELECT a.id, a.comparison_id, a.reviewer_id, a.candidate_on_left, a.shown_at IS NOT NULL
FROM (
  SELECT open.position, open.turn FROM (
    SELECT c.position, (
      SELECT t.id FROM reviews_assignment t
      WHERE t.comparison_id = c.id AND NOT t.voted AND (t.reviewer_id IS NULL OR t.lease_until < %(now)s)
        {languages} {intents} {side}
      ORDER BY t.slot LIMIT 1
    ) AS turn
    FROM reviews_comparison c
    WHERE c.evaluation_id = %(evaluation)s
      AND c.position >= (SELECT MIN(f.position) FROM reviews_assignment f
        WHERE f.evaluation_id = %(evaluation)s AND NOT f.voted)
      {ahead}
      AND NOT EXISTS (SELECT 1 FROM reviews_assignment m
        WHERE m.comparison_id = c.id AND m.reviewer_id = %(reviewer)s)
      AND NOT EXISTS (SELECT 1 FROM reviews_skippedturn s
        WHERE s.comparison_id = c.id AND s.reviewer_id = %(reviewer)s AND s.lifted_at IS NULL)
      AND {left_behind} EXISTS (SELECT 1 FROM reviews_lapsedturn l
        WHERE l.comparison_id = c.id AND l.reviewer_id = %(reviewer)s)
  ) AS open
  WHERE open.turn IS NOT NULL
  ORDER BY open.position LIMIT {look_ahead}
) AS head
JOIN reviews_assignment a ON a.id = head.turn
ORDER BY head.position
"""
AHEAD = """AND c.position >= (SELECT COALESCE(MAX(p.position), 0) - %(back)s FROM reviews_assignment p
        WHERE p.reviewer_id = %(reviewer)s AND p.evaluation_id = %(evaluation)s)"""


@dataclass(frozen=True)
class Head:
    """A free turn, and whose it was: someone's who let its lease run out, or nobody's."""

    pk: int
    comparison_id: int
    reviewer_id: int | None
    candidate_on_left: bool
    was_shown: bool


class Look(Enum):
    """Where a turn for a reviewer is looked for, in this order."""

    AHEAD = "from a little behind the furthest place they had"
    BEHIND = "in all of the queue"
    LEFT_BEHIND = "among what they were shown and left without a vote"


def heads_of_queue(
    evaluation: Evaluation,
    reviewer: User,
    allowed: Eligibility,
    look: Look,
    *,
    on_left: bool | None = None,
) -> list[Head]:
    """The first free turns that a reviewer may be given: of comparisons they had no turn at and did not skip.

    on_left: only those with the candidate there, or only those without.
    Where the database can pass over what others are taking just now, it is one turn that nobody else is taking.
    """
    if not allowed.may_vote:
        return []
    values: dict[str, Any] = {
        "evaluation": evaluation.pk,
        "reviewer": reviewer.pk,
        "now": moment(timezone.now()),
        "back": LOOK_BACK,
        "on_left": on_left,
    }
    sql = HEADS.format(
        side="" if on_left is None else "AND t.candidate_on_left = %(on_left)s",
        look_ahead=LOOK_AHEAD,
        ahead=AHEAD if look is Look.AHEAD else "",
        # a text of no language is anyone's
        languages=_one_of("AND t.lang IN", ["", *allowed.languages], values) if allowed.languages else "",
        intents=_one_of("AND t.intent NOT IN", allowed.closed_intents, values),
        left_behind="" if look is Look.LEFT_BEHIND else "NOT",
    )
    found: Sequence[Sequence[Any]] = []
    if connection.features.has_select_for_update_skip_locked and connection.in_atomic_block:
        found = rows(f"{sql} LIMIT 1 FOR UPDATE OF a SKIP LOCKED", values)
    return [
        Head(pk, comparison, whose, bool(on_left), bool(was_shown))
        for pk, comparison, whose, on_left, was_shown in found or rows(sql, values)
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
    open_turn: the first they have and have not voted on, beside the one that was named.
    """

    votes: int
    surplus_of_left: int
    checks: int
    open_turn: int | None

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
     AND h.answered_at IS NOT NULL AND h.answer <> ''),
  (SELECT o.id FROM reviews_assignment o
   WHERE o.reviewer_id = %(reviewer)s AND o.evaluation_id = %(evaluation)s AND NOT o.voted AND o.id <> %(beside)s
   ORDER BY o.position, o.slot LIMIT 1)
FROM reviews_reviewertally t WHERE t.evaluation_id = %(evaluation)s AND t.reviewer_id = %(reviewer)s
"""


def standing(evaluation: Evaluation, reviewer: User, *, beside: int | None = None) -> Standing:
    values = {"evaluation": evaluation.pk, "reviewer": reviewer.pk, "beside": beside or 0}
    ((votes, of_judged, of_open, checks, open_turn),) = rows(STANDING, values)
    return Standing(int(votes), int(of_judged) + int(of_open), int(checks), open_turn)
