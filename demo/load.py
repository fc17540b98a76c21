"""Load the Aurora Commerce story: people, models, the golden set, three evaluations.

The first ends with REJECT, since its candidate gives advice on health; the second, with that repaired, with PROMOTE;
the third is under way.

Everything goes the way a team's own data would: through the actions, the workers and the HTTP client.
"""

from __future__ import annotations

import hashlib
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from django.contrib.auth.models import Group, User
from django.db.models import QuerySet
from django.utils import timezone

from demo import judges, story
from demo.logins import LOGINS, PASSWORD
from models_registry.actions.golden_sets import import_golden_set
from models_registry.models import Endpoint, GoldenSetVersion, KnownLimitation, Model, ModelVersion
from reviews import roles
from reviews.actions.assignments import claim_next
from reviews.actions.evaluations import close_evaluation, open_voting, start_evaluation
from reviews.actions.plans import set_plan
from reviews.actions.votes import cast_vote
from reviews.models import Assignment, Evaluation, Strength, Traffic
from reviews.queries.generation import generation_progress

ENDPOINT = "aurora-demo"
# people of the story whose votes are simulated; nobody can log in as them
SIMULATED = ("noor", "ines", "sam")
GOLDEN_SET = "aurora-support"
PRICES = {"large": (Decimal("2.50"), Decimal("10.00")), "ft-1": (Decimal("0.30"), Decimal("1.20"))}
PRICES["ft-2"] = PRICES["ft-1"]
PRICES["ft-3"] = (Decimal("0.15"), Decimal("0.60"))
GENERATION_SECONDS = 300


@dataclass(frozen=True)
class Told:
    """An evaluation of the story, and the share of its votes that is in. With all of them it is closed.

    is_judged: a model judges it, too, beside the people.
    """

    candidate: str
    baseline: str
    share: float
    is_judged: bool = False


TOLD = (
    Told("ft-1", "large", 1.0, is_judged=True),
    Told("ft-2", "large", 1.0),
    Told("ft-3", "ft-2", 0.45, is_judged=True),
)


def is_loaded() -> bool:
    return _opened("ft-3").exists()


def is_of_before() -> bool:
    """Whether the database holds the story as it was before evaluations had a plan: it can't be taken up from there."""
    return _opened("ft-2").exclude(plan__frozen_at__isnull=False).exists()


def _opened(candidate: str) -> QuerySet[Evaluation]:
    return Evaluation.objects.filter(name=_name(candidate), opened_at__isnull=False)


def _name(candidate: str) -> str:
    name: str = story.story()["evaluations"][candidate]["name"]
    return name


def set_endpoint(base_url: str) -> None:
    """Point the story's endpoint to where it is served this time."""
    Endpoint.objects.update_or_create(
        name=ENDPOINT,
        defaults={"base_url": base_url},
        create_defaults={"base_url": base_url, "timeout_seconds": 20, "max_concurrency": 16},
    )


def load(say: Callable[[str], None]) -> None:
    """Load what is not there yet: interrupted, it goes on at the next start."""
    people = {name: _person(name, role) for name, role in LOGINS.items()}
    simulated = [_person(name, roles.REVIEWER, simulated=True) for name in SIMULATED]
    versions = {short: _version(short, by=people["ada"]) for short in story.SERVED}
    with story.GOLDEN_SET_FILE.open("rb") as stream:
        imported = import_golden_set(
            name=GOLDEN_SET,
            stream=stream,
            filename=story.GOLDEN_SET_FILE.name,
            by=people["ada"],
            description=story.story()["golden_set_description"],
        )
    assert imported.version is not None
    say(
        f"golden set {imported.version}: {imported.version.rows} examples, sha256 {imported.version.sha256[:12]}"
    )
    # all at once: while one is voted on, the responses of the next come in
    evaluations = [_evaluation(told, versions, imported.version, by=people["lena"]) for told in TOLD]
    for told, evaluation in zip(TOLD, evaluations, strict=True):
        _wait_for_responses(evaluation, say)
        if told.is_judged:
            judges.start(evaluation, by=people["lena"])
        if not evaluation.opened_at:
            _plan(evaluation, by=people["lena"])
            # a fine-tune can be told from a model that writes longer; where the scan was in time, Lena has seen it
            open_voting(evaluation=evaluation, by=people["lena"], in_spite_of_leaks=True)
        _vote(evaluation, told, simulated)
        if told.share == 1.0:
            close_evaluation(evaluation=evaluation, by=people["lena"])
    judges.wait_for_verdicts(say)


def _person(name: str, role: str, *, simulated: bool = False) -> User:
    person, created = User.objects.get_or_create(
        username=name,
        defaults={"first_name": name.title(), "is_active": not simulated, "is_staff": role == roles.ADMIN},
    )
    if created:
        if simulated:
            person.set_unusable_password()
        else:
            person.set_password(PASSWORD)
        person.save()
        person.groups.add(Group.objects.get(name=role))
    return person


def _version(short: str, *, by: User) -> ModelVersion:
    told = story.story()
    model, _ = Model.objects.get_or_create(
        name="aurora-support",
        defaults={"description": "Answers Aurora Commerce's customers, in English and Spanish."},
    )
    fine_tuned = short != "large"
    version, created = ModelVersion.objects.get_or_create(
        model=model,
        version=short,
        defaults={
            "endpoint": Endpoint.objects.get(name=ENDPOINT),
            "served_name": story.SERVED[short],
            "system_prompt": told["system_prompts"]["ft" if fine_tuned else "large"],
            "parameters": {"temperature": 0, "max_tokens": 600},
            "input_price": PRICES[short][0],
            "output_price": PRICES[short][1],
            "training_data_sha256": _sha256(story.answers_file(story.SERVED[short])) if fine_tuned else "",
            "changelog": told["changelogs"][short],
            "intended_use": told["intended_use"],
            "created_by": by,
        },
    )
    if created:
        KnownLimitation.objects.bulk_create(
            KnownLimitation(model_version=version, **limitation) for limitation in told["limitations"][short]
        )
    return version


def _sha256(path: Path) -> str:
    # in the story a fine-tune learnt exactly the answers it gives
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _evaluation(
    told: Told, versions: dict[str, ModelVersion], golden_set_version: GoldenSetVersion, *, by: User
) -> Evaluation:
    name = _name(told.candidate)
    found = Evaluation.objects.filter(name=name).first()
    return found or start_evaluation(
        name=name,
        candidate=versions[told.candidate],
        baseline=versions[told.baseline],
        golden_set_version=golden_set_version,
        votes_per_comparison=2,
        guidelines=story.story()["evaluations"][told.candidate]["guidelines"],
        by=by,
        seed=20261123,
    )


def _plan(evaluation: Evaluation, *, by: User) -> None:
    # the shares are those of a week of Aurora's chats, as a lead types them in
    set_plan(evaluation=evaluation, by=by, traffic=Traffic.TYPED, **story.story()["plan"])


def _wait_for_responses(evaluation: Evaluation, say: Callable[[str], None]) -> None:
    deadline = time.monotonic() + GENERATION_SECONDS
    while not (progress := generation_progress(evaluation)).is_finished:
        if time.monotonic() > deadline:
            raise TimeoutError(
                f"{evaluation}: {progress.done} of {progress.total} responses after {GENERATION_SECONDS} s"
            )
        time.sleep(0.2)
    say(f"{evaluation}: {progress.done} of {progress.total} responses")


def _vote(evaluation: Evaluation, told: Told, reviewers: list[User]) -> None:
    """Vote as people would who see the quality of an answer with some noise."""
    keys = dict(evaluation.comparisons.values_list("pk", "example__key"))
    wanted = round(told.share * Assignment.objects.filter(evaluation=evaluation).count())
    cast = Assignment.objects.filter(evaluation=evaluation, voted=True).count()
    while cast < wanted:
        before = cast
        for reviewer in reviewers:
            assignment = claim_next(evaluation=evaluation, reviewer=reviewer) if cast < wanted else None
            if assignment is None:
                continue
            key = keys[assignment.comparison_id]
            # of each vote its own dice: loading that was interrupted goes on to the same votes
            dice = random.Random(f"{told.candidate}:{evaluation.seed}:{key}:{assignment.slot}")  # noqa: S311 - a story
            seconds = dice.lognormvariate(3.2, 0.5)
            assignment.shown_at = timezone.now() - timedelta(seconds=seconds)
            judged = _judge(assignment, told, key, dice)
            cast_vote(assignment=assignment, reviewer=reviewer, **judged)
            cast += 1
        if cast == before:
            return


def _judge(assignment: Assignment, told: Told, key: str, dice: random.Random) -> dict[str, Any]:
    candidate, baseline = (
        story.answers(story.SERVED[short])[key].quality + dice.gauss(0, 0.45)
        for short in (told.candidate, told.baseline)
    )
    gap = abs(candidate - baseline)
    if gap < 0.45:
        return {"choice": "both_bad" if candidate + baseline < 5 else "tie"}
    return {
        "choice": "left" if (candidate > baseline) == assignment.candidate_on_left else "right",
        "strength": Strength.CLEARLY if gap > 1.2 else Strength.SLIGHTLY,
        # most people press a reason now and then
        "reasons": [dice.choice(_reasons(key, gap))] if dice.random() < 0.5 else [],
    }


def _reasons(key: str, gap: float) -> tuple[str, ...]:
    """What one answer can be better in: on health mostly the policy, elsewhere facts where it is clearly so."""
    if key.startswith("medical-disclaimer"):
        return ("policy", "policy", "tone") if gap > 1.2 else ("tone", "completeness", "policy")
    return (
        ("accuracy", "completeness", "policy")
        if gap > 1.2
        else ("completeness", "tone", "language", "format")
    )
