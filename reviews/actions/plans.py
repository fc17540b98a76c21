"""Set, freeze and extend the plan of an evaluation."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Max, Q
from django.utils import timezone
from django.utils.translation import gettext as _

from reviews.actions.dealing import bring_forward, deal
from reviews.actions.not_possible import NotPossible
from reviews.models import Comparison, Evaluation, EvaluationPlan
from reviews.queries.plans import PlanNotPossible, available, frozen_plan, measured, proposed_plan
from reviews.queries.progress import ready_comparisons
from reviews.stats.gate_plan import GatePlan

FIELDS = (
    "bar",
    "margin",
    "alpha_peek",
    "alpha_final",
    "variance",
    "examples",
    "guarded",
    "traffic",
    "shares",
    "latency_p95",
    "cost",
    "failure_rate",
    "adjudicates",
)


@transaction.atomic
def set_plan(*, evaluation: Evaluation, by: User | None, **fields: Any) -> EvaluationPlan:
    """Change the plan while voting has not opened.

    fields: of EvaluationPlan, those of FIELDS. Raises ValidationError where these examples can't be planned so,
    NotPossible once it is frozen.
    """
    evaluation = Evaluation.objects.select_for_update().get(pk=evaluation.pk)
    if evaluation.opened_at:
        raise NotPossible(
            _(
                "Voting is open, so the plan is frozen. Close the evaluation and start a new attempt to change it."
            )
        )
    plan, _created = EvaluationPlan.objects.get_or_create(evaluation=evaluation)
    for name in FIELDS:
        if name in fields:
            setattr(plan, name, fields[name])
    plan.full_clean()
    try:
        proposed_plan(plan, available(evaluation))
    except PlanNotPossible as wrong:
        raise ValidationError(str(wrong)) from wrong
    plan.save()
    return plan


def freeze_plan(evaluation: Evaluation, ready: list[Comparison], *, by: User | None) -> list[Comparison]:
    """Freeze what is planned with the comparisons that are ready, and return those to be voted on.

    Of each intent as many as planned, those first in the queue; called by `open_voting` in its transaction.
    """
    plan, _created = EvaluationPlan.objects.get_or_create(evaluation=evaluation)
    try:
        proposed = proposed_plan(plan, Counter(comparison.intent for comparison in ready))
    except PlanNotPossible as wrong:
        raise NotPossible(str(wrong)) from wrong
    plan.frozen, plan.sha256 = proposed.canonical_json(), proposed.sha256
    plan.frozen_at, plan.frozen_by = timezone.now(), by
    plan.measured = asdict(measured(evaluation))
    plan.save()
    chosen = first_of_each(ready, {intent.name: intent.examples for intent in proposed.intents})
    if len(chosen) < len(ready):
        bring_forward(evaluation, chosen, after=0)
    return chosen


def first_of_each(comparisons: list[Comparison], wanted: Mapping[str, int]) -> list[Comparison]:
    """In the order given, at most so many of each intent."""
    taken: Counter[str] = Counter()
    found = []
    for comparison in comparisons:
        if taken[comparison.intent] < wanted.get(comparison.intent, 0):
            taken[comparison.intent] += 1
            found.append(comparison)
    return found


def extended_sizes(plan: GatePlan, examples: int) -> dict[str, int]:
    """Examples in all by intent, in the plan's own proportions, which the weighting goes by; rounded up."""
    return {intent.name: -(-intent.examples * examples // plan.examples) for intent in plan.intents}


@transaction.atomic
def extend_plan(*, evaluation: Evaluation, examples: int, because: str, by: User | None) -> EvaluationPlan:
    """Vote on more examples than planned: `examples` in all, or a few more where proportions ask for it.

    From then on the anytime-valid interval decides alone; the one look at the planned end is over for good.
    Raises NotPossible where voting is not open, or the golden set has no more.
    """
    evaluation = Evaluation.objects.select_for_update().get(pk=evaluation.pk)
    if evaluation.status != Evaluation.Status.VOTING:
        raise NotPossible(_("Only an evaluation that is being voted on can be extended."))
    plan = EvaluationPlan.objects.filter(evaluation=evaluation).first()
    if plan is None or not plan.frozen:
        raise NotPossible(_("This evaluation has no frozen plan to extend."))
    if not because.strip():
        raise NotPossible(_("Say why more examples are wanted; it stays on the plan."))
    frozen = frozen_plan(plan)
    wanted = extended_sizes(frozen, examples)
    voted_on = evaluation.comparisons.filter(Q(turns__gt=0) | Q(identical=True))
    dealt = Counter(voted_on.values_list("intent", flat=True))
    if examples <= sum(dealt.values()):
        raise NotPossible(
            _("%(dealt)d examples are being voted on already; give more.") % {"dealt": sum(dealt.values())}
        )
    spare = list(
        ready_comparisons(evaluation)
        .filter(turns=0, identical=False)
        .select_related("candidate_response", "baseline_response")
        .order_by("position")
    )
    more = first_of_each(spare, {name: size - dealt[name] for name, size in wanted.items()})
    together = dealt + Counter(comparison.intent for comparison in more)
    short = next((name for name, size in wanted.items() if together[name] < size), None)
    if short is not None:
        raise NotPossible(
            _(
                "The golden set has %(count)d more examples of %(intent)s that both models answered; the plan's "
                "proportions would take %(wanted)d. Extend by less."
            )
            % {
                "count": together[short] - dealt[short],
                "intent": short,
                "wanted": wanted[short] - dealt[short],
            }
        )
    last = voted_on.aggregate(last=Max("position"))["last"]
    bring_forward(evaluation, more, after=last + 1)
    deal(evaluation, more)
    plan.extended_to = sum(together.values())
    plan.extended_at, plan.extended_by, plan.extended_because = timezone.now(), by, because.strip()
    plan.save()
    return plan
