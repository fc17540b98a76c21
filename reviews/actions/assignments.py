"""Give a reviewer their next turn: to hold while they read the one before, and to show."""

from __future__ import annotations

from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.db.models import Case, Exists, F, OuterRef, Value, When
from django.db.models.functions import Coalesce
from django.utils import timezone

from reviews.models import Assignment, Evaluation, LapsedTurn, VoteRevision
from reviews.queries.progress import is_free
from reviews.queries.turns import free_turns, lease_time, left_behind, open_turns, surplus_of_left

# Reviewers who ask at the same moment see the same head of the queue; each tries on down this far before looking again.
LOOK_AHEAD = 8


def claim_next(*, evaluation: Evaluation, reviewer: User) -> Assignment | None:
    """The reviewer's open turn, or the next free one of the queue, shown and leased; None where none is left for them.

    A second tab, or a page that was reloaded, gets the turn that is already theirs.
    """
    # what was shown comes before what is only held
    mine = open_turns(evaluation, reviewer).order_by(F("shown_at").desc(nulls_last=True), "position", "slot")
    for pk in mine.values_list("pk", flat=True)[:LOOK_AHEAD]:
        if _show(pk, reviewer):
            return with_texts(pk)
    taken = _take_next(evaluation, reviewer, shown=True)
    return None if taken is None else with_texts(taken)


def hold_next(*, evaluation: Evaluation, reviewer: User, beside: Assignment | None) -> Assignment | None:
    """A turn to be shown after `beside`: one that is theirs already, or a free one. Its reading has not begun."""
    mine = open_turns(evaluation, reviewer)
    if beside is not None:
        mine = mine.exclude(pk=beside.pk)
    held = mine.order_by("position", "slot").values_list("pk", flat=True).first()
    if held is not None and _keep(held, reviewer):
        return with_texts(held)
    taken = _take_next(evaluation, reviewer, shown=False)
    return None if taken is None else with_texts(taken)


def show_held(*, evaluation: Evaluation, reviewer: User, ticket: str) -> Assignment | None:
    """Begin the reading of a turn that was held; None where it is not this reviewer's any more."""
    held = open_turns(evaluation, reviewer).filter(ticket=ticket).first()
    return held if held is not None and _show(held.pk, reviewer) else None


def release_held(*, evaluation: Evaluation, reviewer: User) -> int:
    """Give back what is held and was not shown: its reviewer left the page. How many."""
    return (
        open_turns(evaluation, reviewer).filter(shown_at__isnull=True).update(reviewer=None, lease_until=None)
    )


def _take_next(evaluation: Evaluation, reviewer: User, *, shown: bool) -> int | None:
    """The id of a free turn that this reviewer won; None where none is left for them."""
    while True:
        heads = _heads(evaluation, reviewer)
        if not heads:
            return None
        for head in heads:
            if _take(head, reviewer, shown=shown):
                return head.pk


def _heads(evaluation: Evaluation, reviewer: User) -> list[Assignment]:
    """The first free turns of the queue, those first whose side this reviewer has seen less often.

    What a reviewer left without a vote comes back to them only when nothing else is left.
    """
    free = (
        free_turns(evaluation, reviewer)
        .annotate(surplus=surplus_of_left(evaluation, reviewer))
        .only("comparison_id", "reviewer_id", "candidate_on_left", "shown_at")
    )
    heads: list[Assignment] = list(free.exclude(left_behind(reviewer))[:LOOK_AHEAD]) or list(
        free[:LOOK_AHEAD]
    )
    # so that each reviewer sees the candidate on both sides as often; in balance, the queue's own order
    surplus = getattr(heads[0], "surplus", None) if heads else None
    if not surplus:
        return heads
    return sorted(heads, key=lambda head: head.candidate_on_left == (surplus > 0))


def _take(head: Assignment, reviewer: User, *, shown: bool) -> bool:
    """Win a free turn, or lose it to whoever was faster."""
    now = timezone.now()
    try:
        with transaction.atomic():
            # still whose it was when the queue was read: the one it is taken from is remembered below
            won = Assignment.objects.filter(
                is_free(), pk=head.pk, voted=False, reviewer_id=head.reviewer_id
            ).update(reviewer=reviewer, lease_until=now + lease_time(), shown_at=now if shown else None)
            # who only held it has not read it
            if won and head.reviewer_id is not None and head.shown_at is not None:
                LapsedTurn.objects.get_or_create(
                    comparison_id=head.comparison_id, reviewer_id=head.reviewer_id
                )
    except IntegrityError:
        return False  # another tab of this reviewer just took another turn of the same comparison
    return won == 1


def _show(pk: int, reviewer: User) -> bool:
    """Keep a turn that is still this reviewer's: until another takes it, even one that ran out is.

    After a lease that ran out the pair counts as shown anew: time away is not time spent judging.
    """
    now = timezone.now()
    shown_at = Case(When(lease_until__lt=now, then=Value(now)), default=Coalesce(F("shown_at"), Value(now)))
    mine = Assignment.objects.filter(pk=pk, reviewer=reviewer, voted=False)
    return mine.update(lease_until=now + lease_time(), shown_at=shown_at) == 1


def _keep(pk: int, reviewer: User) -> bool:
    """Hold a turn for as long as the one before it may be read."""
    mine = Assignment.objects.filter(pk=pk, reviewer=reviewer, voted=False)
    return mine.update(lease_until=timezone.now() + lease_time()) == 1


def with_texts(pk: int) -> Assignment:
    """With all that a page shows of a turn, and whether a judgement of it was taken back."""
    revisions = VoteRevision.objects.filter(assignment=OuterRef("pk"))
    turns = Assignment.objects.select_related(
        "evaluation",
        "comparison__example",
        "comparison__candidate_response",
        "comparison__baseline_response",
    )
    return turns.annotate(was_taken_back=Exists(revisions)).get(pk=pk)
