"""Who may vote in an evaluation, and giving back what someone holds."""

from __future__ import annotations

from collections.abc import Iterable

from django.contrib.auth.models import Group, User
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from reviews.actions.hidden_checks import give_back_checks
from reviews.models import Assignment, Evaluation, HiddenCheck, Invitation, LapsedTurn
from reviews.models.evaluation import OpenTo
from reviews.queries.eligibility import invited_reviewers
from reviews.queries.turns import open_turns


@transaction.atomic
def invite(
    *,
    evaluation: Evaluation,
    reviewers: Iterable[User] = (),
    groups: Iterable[Group] = (),
    most_votes: int | None = None,
    by: User | None,
) -> int:
    """Invite people and groups; how many new invitations. One that is there already gets the new number of votes.

    Raises ValidationError where nobody is named.
    """
    named: list[dict[str, User | Group]] = [{"reviewer": person} for person in reviewers]
    named += [{"group": group} for group in groups]
    if not named:
        raise ValidationError(_("Choose at least one person or group to invite."))
    new = 0
    for who in named:
        _invitation, created = Invitation.objects.update_or_create(
            evaluation=evaluation,
            **who,
            defaults={"most_votes": most_votes},
            create_defaults={"most_votes": most_votes, "invited_by": by},
        )
        new += created
    return new


@transaction.atomic
def withdraw_invitation(*, invitation: Invitation, by: User | None) -> int:
    """Take an invitation back. Votes stay; pairs that are open with someone who may not vote any more are freed.

    How many were.
    """
    evaluation = invitation.evaluation
    invitation.delete()
    return _free_of_uninvited(evaluation)


@transaction.atomic
def set_who_votes(
    *, evaluation: Evaluation, open_to: str, largest_share: int, check_percent: int, by: User | None
) -> Evaluation:
    """Change what may change while people vote. Who may not vote any more gives back what they hold."""
    evaluation.open_to = open_to
    evaluation.largest_share = largest_share
    evaluation.check_percent = check_percent
    evaluation.full_clean(validate_unique=False)
    evaluation.save(update_fields=["open_to", "largest_share", "check_percent"])
    if open_to == OpenTo.INVITED:
        _free_of_uninvited(evaluation)
    return evaluation


@transaction.atomic
def release_turns(*, evaluation: Evaluation, reviewer: User, by: User | None) -> int:
    """Give back all that a reviewer has open; their unsent votes on it are refused once another took it. How many."""
    give_back_checks(HiddenCheck.objects.filter(evaluation=evaluation, reviewer=reviewer))
    return _give_back(open_turns(evaluation, reviewer))


def _free_of_uninvited(evaluation: Evaluation) -> int:
    """Give back what is open with whoever may not vote any more: by as many queries for a hundred as for one."""
    invited = invited_reviewers(evaluation).order_by().values("pk")
    give_back_checks(HiddenCheck.objects.filter(evaluation=evaluation).exclude(reviewer__in=invited))
    held = Assignment.objects.filter(evaluation=evaluation, voted=False, reviewer__isnull=False)
    return _give_back(held.exclude(reviewer__in=invited))


def _give_back(turns: QuerySet[Assignment]) -> int:
    """Whoever was shown a pair and left it is remembered; whoever only held it has not read it."""
    shown = turns.filter(shown_at__isnull=False).values_list("comparison", "reviewer")
    LapsedTurn.objects.bulk_create(
        (LapsedTurn(comparison_id=comparison, reviewer_id=reviewer) for comparison, reviewer in shown),
        ignore_conflicts=True,
    )
    return turns.update(reviewer=None, lease_until=None, shown_at=None)
