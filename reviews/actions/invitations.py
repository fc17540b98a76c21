"""Who may vote in an evaluation, and giving back what someone holds."""

from __future__ import annotations

from collections.abc import Iterable

from django.contrib.auth.models import Group, User
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from reviews.actions.hidden_checks import give_back_checks
from reviews.models import Evaluation, Invitation, LapsedTurn
from reviews.models.evaluation import OpenTo
from reviews.queries.eligibility import evaluations_for, invited_reviewers
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
    before = list(invited_reviewers(evaluation))
    invitation.delete()
    return _free_of_uninvited(evaluation, before)


@transaction.atomic
def set_who_votes(
    *, evaluation: Evaluation, open_to: str, largest_share: int, check_percent: int, by: User | None
) -> Evaluation:
    """Change what may change while people vote. Who may not vote any more gives back what they hold."""
    before = list(invited_reviewers(evaluation))
    evaluation.open_to = open_to
    evaluation.largest_share = largest_share
    evaluation.check_percent = check_percent
    evaluation.full_clean(validate_unique=False)
    evaluation.save(update_fields=["open_to", "largest_share", "check_percent"])
    if open_to == OpenTo.INVITED:
        _free_of_uninvited(evaluation, before)
    return evaluation


@transaction.atomic
def release_turns(*, evaluation: Evaluation, reviewer: User, by: User | None) -> int:
    """Give back all that a reviewer has open; their unsent votes on it are refused once another took it. How many."""
    give_back_checks(evaluation=evaluation, reviewer=reviewer)
    turns = list(open_turns(evaluation, reviewer))
    LapsedTurn.objects.bulk_create(
        (
            LapsedTurn(comparison_id=turn.comparison_id, reviewer=reviewer)
            for turn in turns
            if turn.shown_at is not None
        ),
        ignore_conflicts=True,
    )
    return open_turns(evaluation, reviewer).update(reviewer=None, lease_until=None, shown_at=None)


def _free_of_uninvited(evaluation: Evaluation, before: Iterable[User]) -> int:
    here = Evaluation.objects.filter(pk=evaluation.pk)
    return sum(
        release_turns(evaluation=evaluation, reviewer=person, by=None)
        for person in before
        if not evaluations_for(person, here).exists()
    )
