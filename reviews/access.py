"""Who may see what. Finds the object or raises Http404; roles as such are permissions on the views."""

from __future__ import annotations

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser, User
from django.core.exceptions import PermissionDenied
from django.db.models import Exists, OuterRef, Q
from django.db.models.expressions import RawSQL
from django.http import Http404, HttpRequest
from django.shortcuts import get_object_or_404
from django.utils.translation import gettext as _

from reviews.models import Assignment, Comparison, Evaluation, Judge, ReviewerTally
from reviews.queries.adjudications import adjudicates, adjudication_of, disputed
from reviews.queries.eligibility import evaluations_for
from reviews.queries.hidden_checks import turn_of_check
from reviews.queries.progress import open_evaluations
from reviews.queries.statements import rows

VOTE, WATCH = "cast_vote", "view_evaluation"
PERMISSIONS = """
SELECT p.codename FROM auth_permission p JOIN django_content_type t ON t.id = p.content_type_id
WHERE t.app_label = 'reviews' AND p.codename IN (%(vote)s, %(watch)s) AND (
  EXISTS (SELECT 1 FROM auth_user_user_permissions u WHERE u.permission_id = p.id AND u.user_id = %(person)s)
  OR EXISTS (SELECT 1 FROM auth_group_permissions g JOIN auth_user_groups m ON m.group_id = g.group_id
    WHERE g.permission_id = p.id AND m.user_id = %(person)s))
"""
LAST_REVISION = (
    "SELECT MAX(r.number) FROM reviews_voterevision r WHERE r.assignment_id = reviews_assignment.id"
)


def signed_in(request: HttpRequest) -> User:
    """The person behind a request that LoginRequiredMiddleware let through."""
    user: AbstractBaseUser | AnonymousUser = request.user
    assert isinstance(user, User)
    return user


def sees_truth(user: User) -> bool:
    return user.has_perm("reviews.view_evaluation")


def permissions_to_vote_or_watch(user: User) -> set[str]:
    """Which of the two a person has, by one query: it is asked at every vote."""
    if not user.is_active:
        return set()
    if user.is_superuser:
        return {VOTE, WATCH}
    return {codename for (codename,) in rows(PERMISSIONS, {"person": user.pk, "vote": VOTE, "watch": WATCH})}


def reviewer(request: HttpRequest) -> User:
    """A person who votes blind. Who may open dashboards can't: the sides would be no secret to them."""
    user = signed_in(request)
    may = permissions_to_vote_or_watch(user)
    if WATCH in may:
        raise PermissionDenied(
            _("You can open dashboards, so you can't vote blind. Sign in as a person who is only a reviewer.")
        )
    if VOTE not in may:
        raise PermissionDenied(_("Only reviewers vote. Ask an admin to add you to the group Reviewer."))
    return user


def evaluation_open_for_votes(person: User, pk: int) -> Evaluation:
    """One that is open, and open to this reviewer."""
    return get_object_or_404(evaluations_for(person, open_evaluations()), pk=pk)


def evaluation_to_vote_in(person: User, pk: int) -> Evaluation:
    """One that is open to this reviewer, or was closed after they voted: then its page says so, and by whom."""
    mine = ReviewerTally.objects.filter(evaluation=OuterRef("pk"), reviewer=person, votes__gt=0)
    judged = Q(closed_at__isnull=False) & Exists(mine)
    is_open = Q(pk__in=evaluations_for(person, open_evaluations()).values("pk"))
    return get_object_or_404(Evaluation.objects.filter(is_open | judged), pk=pk)


def assignment_to_vote_on(ticket: str) -> Assignment:
    """A turn in an evaluation that was opened, and the number of its last judgement that was taken back.

    Whose it is, and whether it is still open, the vote decides: it can say why it is not counted.
    """
    turns = Assignment.objects.select_related("evaluation").filter(evaluation__opened_at__isnull=False)
    number = RawSQL(LAST_REVISION, [])  # noqa: S611 - our own
    found = turns.annotate(last_revision=number).filter(ticket=ticket).first()
    return found or _check_or_404(ticket)


def turn_of(person: User, ticket: str) -> Assignment:
    """A turn that is this reviewer's, with its texts; one that went to someone else isn't there."""
    turns = Assignment.objects.select_related(
        "evaluation",
        "comparison__example",
        "comparison__candidate_response",
        "comparison__baseline_response",
        "vote",
    )
    found = turns.filter(ticket=ticket, reviewer=person, evaluation__opened_at__isnull=False).first()
    return found or _check_or_404(ticket, person)


def _check_or_404(ticket: str, person: User | None = None) -> Assignment:
    """A hidden check is found wherever a turn is."""
    found = turn_of_check(ticket, **({"reviewer": person} if person else {}))
    if found is None:
        raise Http404
    return found


def watched_evaluation(pk: int) -> Evaluation:
    return get_object_or_404(
        Evaluation.objects.select_related(
            "candidate__model",
            "baseline__model",
            "golden_set_version__golden_set",
            "started_by",
            "run__changed_by",
        ),
        pk=pk,
    )


def watched_comparison(pk: int) -> Comparison:
    return get_object_or_404(
        Comparison.objects.select_related(
            "evaluation__candidate__model",
            "evaluation__baseline__model",
            "evaluation__golden_set_version__golden_set",
            "example",
            "candidate_response",
            "baseline_response",
        ).prefetch_related("example__tags"),
        pk=pk,
    )


def watched_judge(pk: int) -> Judge:
    found = Judge.objects.select_related(
        "evaluation__candidate__model", "evaluation__baseline__model", "model_version__model", "run"
    )
    return get_object_or_404(found, pk=pk)


def comparison_to_settle(pk: int) -> Comparison:
    """One that a lead may settle, or has; where the plan asks for no adjudication, none is there."""
    found = watched_comparison(pk)
    if not adjudicates(found.evaluation):
        raise Http404
    if adjudication_of(found) is None and not disputed(found.evaluation).filter(pk=pk).exists():
        raise Http404
    return found
