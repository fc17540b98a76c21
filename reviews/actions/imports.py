"""Store an evaluation that was run elsewhere."""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Iterable, Iterator

from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from models_registry.actions.golden_sets import check_golden_set_name, rows_sha256, store_golden_set_version
from models_registry.actions.responses import AnswerDiffers, RecordedAnswer, record_responses
from models_registry.golden_files import Row
from models_registry.models import Example, GoldenSetVersion, Model, ModelVersion, Response
from reviews.actions.dealing import BATCH, count_turns
from reviews.actions.evaluations import lay_out, next_attempt, save_new
from reviews.actions.plans import freeze_plan
from reviews.blinding import truth
from reviews.exchange.common_form import Answer, ForeignEvaluation, ForeignVote
from reviews.models import Assignment, Comparison, Evaluation, ReviewerTally, Vote

RECORDED = "recorded"
# sets the raters of imported votes apart from the people who log in here
RATER_SUFFIX = "@imported"


@transaction.atomic
def import_evaluation(
    *,
    name: str,
    foreign: ForeignEvaluation,
    candidate: str,
    baseline: str,
    source: str,
    golden_set_name: str,
    by: User | None = None,
) -> Evaluation:
    """Store golden set, responses, comparisons and votes as a closed evaluation. All or nothing.

    Items that both models answered are compared; of these, those without votes stand beside the figures, not in them.
    Raises ValidationError where the name is taken or can't be one.
    """
    version = _golden_set_version(golden_set_name, foreign.rows, source=source, by=by)
    compared = foreign.candidate.keys() & foreign.baseline.keys()
    examples = list(version.examples.filter(key__in=compared).order_by("position"))
    candidate_version, candidate_responses = _record(candidate, examples, foreign.candidate)
    baseline_version, baseline_responses = _record(baseline, examples, foreign.baseline)
    votes_on = Counter(vote.key for vote in foreign.votes)
    now = timezone.now()
    evaluation = Evaluation(
        name=name,
        candidate=candidate_version,
        baseline=baseline_version,
        golden_set_version=version,
        votes_per_comparison=max(votes_on.values()),
        seed=secrets.randbits(62),
        imported_from=source[-255:],
        attempt=next_attempt(candidate_version, baseline_version, version),
        started_by=by,
        opened_at=now,
        closed_at=now,
    )
    save_new(evaluation)
    lay_out(
        evaluation,
        examples=examples,
        candidate_responses=candidate_responses,
        baseline_responses=baseline_responses,
    )
    _store_votes(evaluation, foreign.votes)
    # what its votes would have decided: the plan that this product starts every evaluation with, and all that was
    # voted on; made after the votes, and pages say so
    freeze_plan(evaluation, list(evaluation.comparisons.filter(turns__gt=0).order_by("position")), by=by)
    return evaluation


def _golden_set_version(name: str, rows: list[Row], *, source: str, by: User | None) -> GoldenSetVersion:
    """The version with this content, whatever its set is called; a new version under this name otherwise."""
    check_golden_set_name(name)
    same = GoldenSetVersion.objects.filter(sha256=rows_sha256(rows), sealed_at__isnull=False).first()
    if same is not None:
        return same
    version, _created = store_golden_set_version(name=name, rows=rows, source=source, by=by)
    return version


def _check_model_name(name: str) -> None:
    """As files spell it, blanks and all; but it must fit."""
    longest = Model._meta.get_field("name").max_length or 0
    if len(name) > longest:
        raise ValidationError(
            _(
                "“%(name)s…” is too long for a model's name; shorten it to %(longest)d characters in the files."
            )
            % {"name": name[:40], "longest": longest}
        )


def _record(
    model_name: str, examples: list[Example], answers: dict[str, Answer]
) -> tuple[ModelVersion, dict[int, Response]]:
    """The answers under a model version of this name that has none that differ; a new one where all have."""
    _check_model_name(model_name)
    recorded = {key: RecordedAnswer(answer.text, answer.earlier) for key, answer in answers.items()}
    model = Model.objects.get_or_create(name=model_name)[0]
    number = 1
    while True:
        label = RECORDED if number == 1 else f"{RECORDED}-{number}"
        version, created = ModelVersion.objects.get_or_create(model=model, version=label)
        try:
            with transaction.atomic():
                return version, record_responses(model_version=version, examples=examples, answers=recorded)
        except AnswerDiffers:
            if created:
                raise  # its answers differ among themselves, and would under any number
            number += 1


def _store_votes(evaluation: Evaluation, votes: Iterable[ForeignVote]) -> None:
    comparisons = {
        comparison.example.key: comparison
        for comparison in Comparison.objects.filter(evaluation=evaluation)
        .select_related("example")
        .prefetch_related("example__tags")
    }
    raters = {rater: _rater(rater) for rater in sorted({vote.rater for vote in votes})}
    slots: Counter[str] = Counter()
    turns: list[Assignment] = []
    choices: list[str] = []
    for vote in votes:
        comparison = comparisons[vote.key]
        turns.append(
            Assignment(
                evaluation=evaluation,
                comparison=comparison,
                position=comparison.position,
                lang=comparison.example.language[:8],
                intent=comparison.example.primary_intent,
                slot=slots[vote.key],
                candidate_on_left=vote.candidate_on_left,
                reviewer=raters[vote.rater],
                voted=True,
            )
        )
        choices.append(truth(vote.choice, candidate_on_left=vote.candidate_on_left))
        slots[vote.key] += 1
    now = timezone.now()
    stored = Assignment.objects.bulk_create(turns, batch_size=BATCH)
    Vote.objects.bulk_create(
        (
            Vote(assignment=turn, choice=choice, cast_at=now)
            for turn, choice in zip(stored, choices, strict=True)
        ),
        batch_size=BATCH,
    )
    count_turns(evaluation)
    ReviewerTally.objects.bulk_create(_tallies(evaluation, stored), batch_size=BATCH)


def _tallies(evaluation: Evaluation, turns: list[Assignment]) -> Iterator[ReviewerTally]:
    votes: Counter[tuple[int, str]] = Counter()
    left: Counter[tuple[int, str]] = Counter()
    for turn in turns:
        assert turn.reviewer_id is not None
        votes[turn.reviewer_id, turn.intent] += 1
        left[turn.reviewer_id, turn.intent] += turn.candidate_on_left
    for (reviewer, intent), cast in votes.items():
        yield ReviewerTally(
            evaluation=evaluation,
            reviewer_id=reviewer,
            intent=intent,
            votes=cast,
            candidate_left=left[reviewer, intent],
            judgements=cast,
        )


def _rater(name: str) -> User:
    """A person who stands behind imported votes and can't log in."""
    username = name[: 150 - len(RATER_SUFFIX)] + RATER_SUFFIX
    person, created = User.objects.get_or_create(
        username=username, defaults={"is_active": False, "first_name": name[:150]}
    )
    if created:
        person.set_unusable_password()
        person.save(update_fields=["password"])
    return person
