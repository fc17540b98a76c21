"""Start, open and close an evaluation."""

from __future__ import annotations

import re
import secrets
from decimal import Decimal
from functools import partial
from typing import Any

from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import Max
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from models_registry.actions.responses import request_responses, retry_failed_responses
from models_registry.actions.runs import start_run
from models_registry.generation.answered import unanswered
from models_registry.models import Example, GoldenSetVersion, ModelVersion, Response
from reviews.actions import leaks
from reviews.actions.dealing import BATCH, deal
from reviews.actions.not_possible import NotPossible
from reviews.actions.plans import freeze_plan
from reviews.blinding import queue_order
from reviews.models import Comparison, Evaluation, EvaluationPlan
from reviews.queries.progress import ready_comparisons, waiting_comparisons
from reviews.tasks import render_responses

# missing responses that a message names
MOST_NAMED = 3


@transaction.atomic
def start_evaluation(
    *,
    name: str,
    candidate: ModelVersion,
    baseline: ModelVersion,
    golden_set_version: GoldenSetVersion,
    votes_per_comparison: int,
    by: User | None,
    guidelines: str = "",
    seed: int | None = None,
    budget: Decimal | None = None,
    batch: bool = False,
    **voting: Any,
) -> Evaluation:
    """Lay out the comparisons in a seeded random order and ask both models for what they haven't answered yet.

    voting: what reviewers are asked (`asks_strength`, `reasons`, `reason_rule`, `comment_rule`) and who they are
    (`open_to`, `largest_share`, `check_percent`); the evaluation's defaults otherwise.
    """
    evaluation = Evaluation(
        name=name,
        candidate=candidate,
        baseline=baseline,
        golden_set_version=golden_set_version,
        votes_per_comparison=votes_per_comparison,
        guidelines=guidelines,
        seed=secrets.randbits(62) if seed is None else seed,
        started_by=by,
        attempt=next_attempt(candidate, baseline, golden_set_version),
        **voting,
    )
    check_names_no_model(evaluation)
    check_not_retired(golden_set_version)
    evaluation.run = start_run(by=by, budget=budget, batch=batch)
    save_new(evaluation)
    EvaluationPlan.objects.create(evaluation=evaluation)
    # Both are locked while they are asked for; in one order, so that two leads who swap the sides don't wait for each
    # other.
    list(ModelVersion.objects.select_for_update().filter(pk__in=[candidate.pk, baseline.pk]).order_by("pk"))
    check_recorded_are_there(evaluation)
    examples = list(golden_set_version.examples.all())
    lay_out(
        evaluation,
        examples=examples,
        candidate_responses=request_responses(model_version=candidate, examples=examples, run=evaluation.run),
        baseline_responses=request_responses(model_version=baseline, examples=examples, run=evaluation.run),
    )
    return evaluation


def save_new(evaluation: Evaluation) -> None:
    """Save an evaluation with a name nobody else has, or raise ValidationError: also on the second of two clicks."""
    evaluation.full_clean()
    try:
        with transaction.atomic():
            evaluation.save()
    except IntegrityError:
        evaluation.full_clean()
        raise


def next_attempt(candidate: ModelVersion, baseline: ModelVersion, version: GoldenSetVersion) -> int:
    """One more than the evaluations of this pair, this way round, on whatever version of this golden set."""
    before = Evaluation.objects.filter(
        candidate=candidate, baseline=baseline, golden_set_version__golden_set=version.golden_set_id
    )
    return (before.aggregate(last=Max("attempt"))["last"] or 0) + 1


def check_names_no_model(evaluation: Evaluation) -> None:
    """ValidationError where what reviewers read would tell them which models are judged."""
    for field, text in (("name", evaluation.name), ("guidelines", evaluation.guidelines)):
        for version in (evaluation.candidate, evaluation.baseline):
            if named := names_model(text, version):
                raise ValidationError(
                    {
                        field: _("“%(word)s” tells reviewers which model is judged; leave it out.")
                        % {"word": named}
                    }
                )


def check_not_retired(version: GoldenSetVersion) -> None:
    """Read again: it may have been retired since the list to choose from was shown."""
    retired = GoldenSetVersion.objects.filter(pk=version.pk, retired_at__isnull=False).first()
    if retired:
        raise ValidationError(
            {
                "golden_set_version": _(
                    "%(version)s was retired (“%(reason)s”); choose another version, or let an admin restore it."
                )
                % {"version": version, "reason": retired.retired_reason}
            }
        )


def check_recorded_are_there(evaluation: Evaluation) -> None:
    """ValidationError where a version that nobody can ask lacks responses: those would be waited for, for ever."""
    for field, version in (("candidate", evaluation.candidate), ("baseline", evaluation.baseline)):
        if version.endpoint_id is not None:
            continue
        missing = list(unanswered(version, evaluation.golden_set_version))
        if missing:
            raise ValidationError(
                {
                    field: _(
                        "%(version)s has no response for %(missing)d of %(examples)d examples, such as %(named)s; "
                        "upload them or choose another golden set version."
                    )
                    % {
                        "version": version,
                        "missing": len(missing),
                        "examples": evaluation.golden_set_version.rows,
                        "named": ", ".join(missing[:MOST_NAMED]),
                    }
                }
            )


def names_model(text: str, version: ModelVersion) -> str:
    """The word by which the text names the model: its name anywhere; its version or served name as a word.

    A version that is a small number is no name: "attempt 2" gives nothing away.
    """
    if version.model.name.lower() in text.lower():
        return version.model.name
    words = [
        word
        for word in (version.version, version.served_name)
        if word and not (word.isdecimal() and len(word) < 3)
    ]
    for word in words:
        if re.search(rf"(?<![\w.+-]){re.escape(word)}(?![\w+-]|\.\w)", text, re.IGNORECASE):
            return word
    return ""


def lay_out(
    evaluation: Evaluation,
    *,
    examples: list[Example],
    candidate_responses: dict[int, Response],
    baseline_responses: dict[int, Response],
) -> None:
    """One comparison an example, in the queue's random order."""
    positions = queue_order(evaluation.seed, len(examples))
    Comparison.objects.bulk_create(
        (
            Comparison(
                evaluation=evaluation,
                example=example,
                candidate_response=candidate_responses[example.pk],
                baseline_response=baseline_responses[example.pk],
                position=position,
                lang=example.language[:8],
                intent=example.primary_intent,
            )
            for example, position in zip(examples, positions, strict=True)
        ),
        batch_size=BATCH,
    )


@transaction.atomic
def open_voting(
    *,
    evaluation: Evaluation,
    by: User | None,
    leave_out_failed: bool = False,
    in_spite_of_leaks: bool = False,
) -> Evaluation:
    """Freeze the plan, deal the assignments and let reviewers in. Doing it twice is the same as once.

    Comparisons without both responses are left out, if the lead said so; otherwise voting stays shut until
    they are there. So it stays where the scan found a serious leak, until the lead says that they saw it; a scan that
    is still to come is not waited for.
    """
    evaluation = Evaluation.objects.select_for_update().get(pk=evaluation.pk)
    if evaluation.opened_at:
        return evaluation
    ready = list(
        ready_comparisons(evaluation)
        .select_related("candidate_response", "baseline_response")
        .order_by("position")
    )
    waiting = waiting_comparisons(evaluation).count()
    failed = evaluation.comparisons.count() - len(ready) - waiting
    if waiting:
        raise NotPossible(
            ngettext(
                "%(count)d comparison still waits for its responses; open voting when they are in.",
                "%(count)d comparisons still wait for their responses; open voting when they are in.",
                waiting,
            )
            % {"count": waiting}
        )
    if failed and not leave_out_failed:
        raise NotPossible(
            ngettext(
                "%(count)d comparison has a response that failed. Retry it, or tick “leave it out”.",
                "%(count)d comparisons have a response that failed. Retry them, or tick “leave them out”.",
                failed,
            )
            % {"count": failed}
        )
    if not ready:
        raise NotPossible(_("No comparison has both responses, so there is nothing to vote on."))
    if leaks.wants_a_tick(evaluation):
        if not in_spite_of_leaks:
            raise NotPossible(
                _(
                    "The responses give away which side is whose. Look at the leaks, then tick “open voting anyway”."
                )
            )
        leaks.accept(evaluation, by)
    deal(evaluation, freeze_plan(evaluation, ready, by=by))
    evaluation.opened_at = timezone.now()
    evaluation.save(update_fields=["opened_at", "leak_report"])
    # where the broker is away, each response is rendered when it is first shown
    transaction.on_commit(partial(render_responses.apply_async, (evaluation.pk,), retry=False), robust=True)
    return evaluation


@transaction.atomic
def close_evaluation(*, evaluation: Evaluation, by: User | None) -> Evaluation:
    """End voting for good. Votes that are in stay; open leases end."""
    evaluation = Evaluation.objects.select_for_update().get(pk=evaluation.pk)
    if evaluation.closed_at:
        return evaluation
    if not evaluation.opened_at:
        raise NotPossible(_("Voting was never opened, so there is nothing to close."))
    evaluation.closed_at, evaluation.closed_by = timezone.now(), by
    evaluation.save(update_fields=["closed_at", "closed_by"])
    return evaluation


def retry_failed(*, evaluation: Evaluation, by: User | None) -> int:
    """Ask again for every response of this evaluation that failed; how many."""
    if evaluation.opened_at:
        raise NotPossible(_("Voting was opened without these responses, so nobody would judge them."))
    failed = Response.objects.filter(status=Response.Status.FAILED)
    asked = sum(
        retry_failed_responses(responses=failed.filter(pk__in=evaluation.comparisons.values(side)))
        for side in ("candidate_response", "baseline_response")
    )
    if asked:
        leaks.forget_reports_of([evaluation.candidate_id, evaluation.baseline_id])
    return asked
