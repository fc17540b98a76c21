"""Give a reviewer their next turn: to hold while they read the one before, and to show."""

from __future__ import annotations

from itertools import product
from typing import Any

from django.contrib.auth.models import User
from django.db import IntegrityError, connection, transaction
from django.db.models import F
from django.utils import timezone

from reviews import markdown
from reviews.models import Assignment, Evaluation, LapsedTurn
from reviews.queries.claiming import LOOK_AHEAD, Head, Look, Standing, heads_of_queue, standing
from reviews.queries.eligibility import Eligibility, eligibility
from reviews.queries.statements import changed, first_value, moment
from reviews.queries.texts import texts_of_turn
from reviews.queries.turns import lease_time, open_turns
from reviews.rendering import store

# still whose it was when the queue was read: the one it is taken from is remembered
TAKE_FREE = """
UPDATE reviews_assignment SET reviewer_id = %(reviewer)s, lease_until = %(until)s, shown_at = %(shown)s
WHERE id = %(turn)s AND NOT voted AND reviewer_id IS NULL
"""
TAKE_RUN_OUT = """
UPDATE reviews_assignment SET reviewer_id = %(reviewer)s, lease_until = %(until)s, shown_at = %(shown)s
WHERE id = %(turn)s AND NOT voted AND reviewer_id = %(whose)s AND lease_until < %(now)s
"""
SHOW = """
UPDATE reviews_assignment SET lease_until = %(until)s,
  shown_at = CASE WHEN shown_at IS NULL OR lease_until < %(now)s THEN %(now)s ELSE shown_at END
WHERE {which} AND reviewer_id = %(reviewer)s AND NOT voted
RETURNING id
"""


def claim_next(*, evaluation: Evaluation, reviewer: User) -> Assignment | None:
    """The reviewer's open turn, or the next free one of the queue, shown and leased; None where none is left for them.

    A second tab, or a page that was reloaded, gets the turn that is already theirs.
    """
    # what was shown comes before what is only held
    mine = open_turns(evaluation, reviewer).order_by(F("shown_at").desc(nulls_last=True), "position", "slot")
    for pk in mine.values_list("pk", flat=True)[:LOOK_AHEAD]:
        if _show(reviewer, pk=pk):
            return with_texts(pk, evaluation, reviewer)
    taken = _take_next(evaluation, reviewer, standing(evaluation, reviewer), shown=True)
    return None if taken is None else with_texts(taken, evaluation, reviewer)


def hold_next(*, evaluation: Evaluation, reviewer: User, beside: Assignment | None) -> Assignment | None:
    """A turn to be shown after the one that is shown: theirs already, or a free one. Its reading has not begun."""
    stands = standing(evaluation, reviewer, beside=None if beside is None else beside.pk)
    pk = stands.open_turn
    if pk is None or not _keep(pk, reviewer):
        pk = _take_next(evaluation, reviewer, stands, shown=False)
    if pk is None:
        return None
    held = with_texts(pk, evaluation, reviewer)
    held.judged_before = stands.judged  # type: ignore[attr-defined]
    return held


def show_held(*, evaluation: Evaluation, reviewer: User, ticket: str) -> Assignment | None:
    """Begin the reading of a turn that was held; None where it is not this reviewer's any more."""
    pk = _show(reviewer, evaluation=evaluation.pk, ticket=ticket)
    # its texts are in the browser already
    return None if pk is None else Assignment.from_db("default", ["id"], [pk])


def release_held(*, evaluation: Evaluation, reviewer: User) -> int:
    """Give back what is held and was not shown: its reviewer left the page. How many."""
    return (
        open_turns(evaluation, reviewer).filter(shown_at__isnull=True).update(reviewer=None, lease_until=None)
    )


def look_ahead(*, evaluation: Evaluation, reviewer: User) -> None:
    """Read what a claim reads, and take nothing."""
    _heads(
        evaluation,
        reviewer,
        eligibility(evaluation, reviewer),
        standing(evaluation, reviewer).surplus_of_left,
    )


def _take_next(evaluation: Evaluation, reviewer: User, stands: Standing, *, shown: bool) -> int | None:
    """The id of a free turn that this reviewer won; None where none is left for them."""
    allowed = eligibility(evaluation, reviewer)
    while True:
        heads = _heads(evaluation, reviewer, allowed, stands.surplus_of_left)
        if not heads:
            return None
        for head in heads:
            if _take(head, reviewer, shown=shown):
                return head.pk


def _heads(evaluation: Evaluation, reviewer: User, allowed: Eligibility, surplus: int) -> list[Head]:
    """The first free turns of the queue with the side that this reviewer has seen less often; in balance, of both.

    The other side is for the end of the queue, where no turn of theirs is free any more. What a reviewer left without
    a vote comes back to them only when nothing else is left.
    """
    sides: list[bool | None] = [surplus < 0, None] if surplus else [None]
    for looks in ((Look.AHEAD, Look.BEHIND), (Look.LEFT_BEHIND,)):
        for on_left, look in product(sides, looks):
            heads = heads_of_queue(evaluation, reviewer, allowed, look, on_left=on_left)
            if heads:
                return heads
    return []


def _take(head: Head, reviewer: User, *, shown: bool) -> bool:
    """Win a free turn, or lose it to whoever was faster.

    Raises IntegrityError where another tab of this reviewer just took another turn of the same comparison, and a
    transaction is around it: then that has to begin again (a savepoint at every vote would cost more than it saves).
    """
    now = timezone.now()
    values = {
        "turn": head.pk,
        "reviewer": reviewer.pk,
        "whose": head.reviewer_id,
        "now": moment(now),
        "until": moment(now + lease_time()),
        "shown": moment(now) if shown else None,
    }
    try:
        with transaction.atomic(savepoint=False):
            won = changed(TAKE_FREE if head.reviewer_id is None else TAKE_RUN_OUT, values)
            # who only held it has not read it
            if won and head.reviewer_id is not None and head.was_shown:
                LapsedTurn.objects.get_or_create(
                    comparison_id=head.comparison_id, reviewer_id=head.reviewer_id
                )
    except IntegrityError:
        if connection.in_atomic_block:
            raise
        return False
    return won


def _show(reviewer: User, **which: Any) -> int | None:
    """Keep a turn that is still this reviewer's, and say its id: until another takes it, even one that ran out is.

    After a lease that ran out the pair counts as shown anew: time away is not time spent judging.
    """
    now = timezone.now()
    columns = {"pk": "id", "evaluation": "evaluation_id", "ticket": "ticket"}
    sql = SHOW.format(which=" AND ".join(f"{columns[name]} = %({name})s" for name in which))
    times = {"now": moment(now), "until": moment(now + lease_time())}
    return first_value(sql, {"reviewer": reviewer.pk, **times, **which})


def _keep(pk: int, reviewer: User) -> bool:
    """Hold a turn for as long as the one before it may be read."""
    mine = Assignment.objects.filter(pk=pk, reviewer=reviewer, voted=False)
    return mine.update(lease_until=timezone.now() + lease_time()) == 1


def with_texts(pk: int, evaluation: Evaluation, reviewer: User) -> Assignment:
    """With all that a page shows of a turn; what was not rendered in the background is rendered now, for good."""
    found = texts_of_turn(pk, evaluation, reviewer)
    comparison = found.turn.comparison
    missing: dict[int, str] = {}
    for response in (comparison.candidate_response, comparison.baseline_response):
        html = found.html.get(response.pk)
        if html is None:
            html = missing[response.pk] = markdown.shown(response.text)
        response.html = html  # type: ignore[attr-defined]
    if missing:
        store(missing.items())
    found.turn.was_taken_back = found.was_taken_back  # type: ignore[attr-defined]
    comparison.example.was_flagged = found.was_flagged  # type: ignore[attr-defined]
    return found.turn
