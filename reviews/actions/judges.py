"""Start a judge on an evaluation, ask it again where it failed, stop it and let it go on."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from decimal import Decimal
from itertools import batched

from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from models_registry.actions.questions import Question, ask_questions
from models_registry.actions.responses import retry_failed_responses
from models_registry.actions.runs import cancel_run, resume_run, start_run
from models_registry.models import ModelVersion, Response
from reviews.actions.not_possible import NotPossible
from reviews.models import Comparison, Evaluation, Judge, JudgeVerdict
from reviews.queries.judges import is_judged_itself, prompt_for, to_be_judged
from reviews.queries.progress import waiting_comparisons
from reviews.verdicts import PLACEHOLDERS, TemplateProblem, template_problems

BATCH = 500


@transaction.atomic
def start_judge(
    *,
    evaluation: Evaluation,
    model_version: ModelVersion,
    template: str,
    by: User | None,
    budget: Decimal | None = None,
    although_judged: bool = False,
) -> Judge:
    """Ask a model version about every comparison that has both responses, in both orders.

    The same question to the same version is the same judge: started again, it is asked about what became ready since,
    and about nothing twice. although_judged: the version is one of the two, and whoever starts it knows that.
    Raises ValidationError by field, NotPossible where there is nothing to judge.
    """
    evaluation = Evaluation.objects.select_for_update().get(pk=evaluation.pk)
    template = template.replace("\r\n", "\n")
    _check(evaluation, model_version, template, although_judged=although_judged)
    missing = list(_not_asked_about(evaluation, model_version, template))
    sha256 = _sha256(template)
    judge = Judge.objects.filter(
        evaluation=evaluation, model_version=model_version, template_sha256=sha256
    ).first()
    if judge is None:
        if not missing:
            raise NotPossible(_nothing_to_judge(evaluation))
        judge = Judge.objects.create(
            evaluation=evaluation,
            model_version=model_version,
            template=template,
            template_sha256=sha256,
            run=start_run(by=by, budget=budget),
            started_by=by,
        )
    for some in batched(missing, BATCH):
        _ask(judge, evaluation, some)
    return judge


@transaction.atomic
def retry_verdicts(*, judge: Judge, by: User | None) -> int:
    """Ask again where no answer came, or none that is a verdict; how many. What came before is kept."""
    judge = Judge.objects.select_for_update(of=("self",)).select_related("evaluation", "run").get(pk=judge.pk)
    # of the judge's own, as another one may have asked the same
    failed = Response.objects.filter(
        status=Response.Status.FAILED, pk__in=judge.verdicts.order_by().values("response")
    )
    Response.objects.filter(pk__in=list(failed.values_list("pk", flat=True))).update(run=judge.run)
    retried = retry_failed_responses(responses=failed)
    unreadable = list(judge.verdicts.exclude(problem="").select_related("response").order_by("pk"))
    questions = [
        Question(verdict.response.example_id, verdict.response.messages, verdict.again + 1)
        for verdict in unreadable
    ]
    asked = ask_questions(model_version=judge.model_version, questions=questions, run=judge.run)
    for verdict, response in zip(unreadable, asked, strict=True):
        verdict.response, verdict.again, verdict.problem = response, verdict.again + 1, ""
    JudgeVerdict.objects.bulk_update(unreadable, ["response", "again", "problem"], batch_size=BATCH)
    return retried + len(unreadable)


def stop_judge(*, judge: Judge, by: User | None) -> bool:
    """Send no new request; what is under way is stored, and what is answered is read. False where it stands still."""
    return cancel_run(run=judge.run, by=by)


def resume_judge(*, judge: Judge, by: User | None, budget: Decimal | None = None) -> bool:
    """Go on; where its budget was spent, with this one or with none. ValidationError where that is spent, too."""
    return resume_run(run=judge.run, budget=budget, by=by)


def _check(
    evaluation: Evaluation, model_version: ModelVersion, template: str, *, although_judged: bool
) -> None:
    errors: dict[str, list[str]] = {}
    if model_version.endpoint_id is None:
        errors["model_version"] = [
            _("%(version)s has no endpoint, so it can't be asked; choose another version.")
            % {"version": model_version}
        ]
    elif is_judged_itself(evaluation, model_version) and not although_judged:
        errors["although_judged"] = [
            _(
                "%(version)s is one of the two that are judged, and models prefer their own answers. Choose "
                "another version, or tick this to start it all the same."
            )
            % {"version": model_version}
        ]
    if problems := [said_of(problem) for problem in template_problems(template)]:
        errors["template"] = problems
    if errors:
        raise ValidationError(errors)


def said_of(problem: TemplateProblem) -> str:
    """What is wrong with a template, and how it is mended."""
    if problem.code == "missing":
        return _("{%(name)s} is missing: put it where that text belongs.") % {"name": problem.name}
    if problem.code == "asks_for_nothing":
        return _(
            'The template has to ask for one JSON object with "verdict" and "rationale", in double quotes: nothing '
            "else is read."
        )
    if problem.nearest:
        return _("There is no placeholder {%(name)s}; did you mean {%(nearest)s}?") % {
            "name": problem.name,
            "nearest": problem.nearest,
        }
    return _("There is no placeholder {%(name)s}; there are %(known)s.") % {
        "name": problem.name,
        "known": ", ".join(f"{{{name}}}" for name in PLACEHOLDERS),
    }


def _nothing_to_judge(evaluation: Evaluation) -> str:
    if waiting_comparisons(evaluation).exists():
        return _("No comparison has both responses yet; start the judge when the first ones are in.")
    return _("No comparison has two different responses, so there is nothing to judge.")


def _not_asked_about(
    evaluation: Evaluation, model_version: ModelVersion, template: str
) -> Iterator[tuple[Comparison, bool]]:
    asked = set(
        JudgeVerdict.objects.filter(
            judge__evaluation=evaluation,
            judge__model_version=model_version,
            judge__template_sha256=_sha256(template),
        ).values_list("comparison", "candidate_first")
    )
    for comparison in to_be_judged(evaluation):
        for candidate_first in (True, False):
            if (comparison.pk, candidate_first) not in asked:
                yield comparison, candidate_first


def _ask(judge: Judge, evaluation: Evaluation, some: Sequence[tuple[Comparison, bool]]) -> None:
    questions = [
        Question(
            comparison.example_id,
            [
                {
                    "role": "user",
                    "content": prompt_for(
                        judge.template, evaluation, comparison, candidate_first=candidate_first
                    ),
                }
            ],
        )
        for comparison, candidate_first in some
    ]
    responses = ask_questions(model_version=judge.model_version, questions=questions, run=judge.run)
    # one that could not be read was asked by a judge before this one
    JudgeVerdict.objects.bulk_create(
        JudgeVerdict(judge=judge, comparison=comparison, candidate_first=candidate_first, response=response)
        for (comparison, candidate_first), response in zip(some, responses, strict=True)
    )


def _sha256(template: str) -> str:
    return hashlib.sha256(template.encode("utf-8", "surrogatepass")).hexdigest()
