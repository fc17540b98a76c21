"""Cast a vote."""

from __future__ import annotations

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from reviews.blinding import truth
from reviews.models import Assignment, Vote
from reviews.queries.progress import open_evaluations


class VoteRefused(Exception):
    """The vote was not counted; the message says why, for the reviewer to read."""


@transaction.atomic
def cast_vote(*, assignment: Assignment, reviewer: User, choice: str) -> Vote:
    """Store a reviewer's judgement, given as it was seen: left, right, tie or both_bad.

    A second click finds the vote. A turn whose lease ran out still counts while nobody else has taken it.
    """
    now = timezone.now()
    # Claim, don't lock: of two clicks, or of a late vote and the next reviewer, exactly one finds the row as it was.
    # No join may stand here: Django would put the conditions into a subquery, which PostgreSQL does not look at again
    # when it had to wait for the row, and then both would win.
    won = Assignment.objects.filter(
        pk=assignment.pk, reviewer=reviewer, voted=False, evaluation__in=open_evaluations()
    ).update(voted=True, lease_until=None)
    if not won:
        return _vote_already_cast(assignment, reviewer)
    seconds = (now - assignment.shown_at).total_seconds() if assignment.shown_at else None
    return Vote.objects.create(
        assignment=assignment,
        choice=truth(choice, candidate_on_left=assignment.candidate_on_left),
        cast_at=now,
        seconds=seconds,
    )


def _vote_already_cast(assignment: Assignment, reviewer: User) -> Vote:
    current = Assignment.objects.select_related("evaluation", "vote").get(pk=assignment.pk)
    if current.voted and current.reviewer_id == reviewer.pk:
        return current.vote
    if current.evaluation.closed_at:
        raise VoteRefused(_("This evaluation was closed meanwhile, so this vote was not counted."))
    raise VoteRefused(
        _("Your time for that pair ran out and it went to someone else, so this vote was not counted.")
    )
