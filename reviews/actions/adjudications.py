"""Settle what reviewers disagree on. It is kept beside the votes, which stay as they are."""

from __future__ import annotations

from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from models_registry.actions.model_versions import check_storable
from reviews.actions.not_possible import NotPossible
from reviews.blinding import truth
from reviews.models import Adjudication, AdjudicationRevision, Comparison
from reviews.queries.adjudications import adjudicates, candidate_on_left, disputed

SAID = ("choice", "comment", "candidate_on_left", "blind", "settled_by", "settled_at", "number")


@transaction.atomic
def settle(
    *, comparison: Comparison, choice: str, comment: str = "", after: int = 0, by: User
) -> Adjudication:
    """A lead's verdict, given as it was seen: left, right, tie or both_bad.

    after: number of the adjudication that the lead saw, 0 for none. A second click finds it settled. Raises NotPossible
    where the plan asks for no adjudication, where reviewers agree or still vote, and where someone was quicker.
    """
    comment = comment.strip()
    check_storable("comment", comment)
    left = candidate_on_left(comparison)
    said = truth(choice, candidate_on_left=left)
    current = Adjudication.objects.select_for_update().filter(comparison=comparison).first()
    if current is not None and (current.choice, current.comment, current.settled_by) == (said, comment, by):
        return current
    if not adjudicates(comparison.evaluation):
        raise NotPossible(_("The plan of this evaluation leaves disagreements as they are."))
    if current is None and not disputed(comparison.evaluation).filter(pk=comparison.pk).exists():
        raise NotPossible(_("Reviewers agree on this example, or are not done with it yet."))
    if (current.number if current else 0) != after:
        raise NotPossible(_("Someone settled this example meanwhile. Look at what they said first."))
    new = Adjudication(
        comparison=comparison,
        choice=said,
        comment=comment,
        candidate_on_left=left,
        # whoever settles it again has been told which side is whose
        blind=current is None,
        settled_by=by,
        settled_at=timezone.now(),
        number=after + 1,
    )
    if current is None:
        return _first(new)
    AdjudicationRevision.objects.create(
        comparison=comparison,
        replaced_at=new.settled_at,
        **{name: getattr(current, name) for name in SAID},
    )
    new.pk = current.pk
    new.save(update_fields=[*SAID])
    return new


def _first(new: Adjudication) -> Adjudication:
    try:
        with transaction.atomic():
            new.save(force_insert=True)
    except IntegrityError as quicker:
        raise NotPossible(
            _("Someone settled this example meanwhile. Look at what they said first.")
        ) from quicker
    return new
