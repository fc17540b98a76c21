"""Load the Aurora Commerce story: people, models, the golden set, one closed evaluation and one under way.

Everything goes the way a team's own data would: through the actions, the workers and the HTTP client.
"""

from __future__ import annotations

import hashlib
import random
import time
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

from django.contrib.auth.models import Group, User
from django.utils import timezone

from demo import story
from demo.logins import LOGINS, PASSWORD
from models_registry.actions.golden_sets import import_golden_set
from models_registry.models import Endpoint, GoldenSetVersion, KnownLimitation, Model, ModelVersion
from reviews import roles
from reviews.actions.assignments import claim_next
from reviews.actions.evaluations import close_evaluation, open_voting, start_evaluation
from reviews.actions.votes import cast_vote
from reviews.models import Assignment, Evaluation
from reviews.queries.generation import generation_progress

ENDPOINT = "aurora-demo"
# people of the story whose votes are simulated; nobody can log in as them
SIMULATED = ("noor", "ines", "sam")
GOLDEN_SET = "aurora-support"
PRICES = {"large": (Decimal("2.50"), Decimal("10.00")), "ft-1": (Decimal("0.30"), Decimal("1.20"))}
PRICES["ft-2"] = PRICES["ft-1"]
GENERATION_SECONDS = 300


def is_loaded() -> bool:
    return Evaluation.objects.filter(
        name=story.story()["evaluations"]["ft-2"]["name"], opened_at__isnull=False
    ).exists()


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
    for short, share in (("ft-1", 1.0), ("ft-2", 0.45)):
        evaluation = _evaluation(short, versions, imported.version, by=people["lena"])
        _wait_for_responses(evaluation, say)
        open_voting(evaluation=evaluation, by=people["lena"])
        _vote(evaluation, short, simulated, share=share)
        if share == 1.0:
            close_evaluation(evaluation=evaluation, by=people["lena"])


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
    short: str, versions: dict[str, ModelVersion], golden_set_version: GoldenSetVersion, *, by: User
) -> Evaluation:
    told = story.story()["evaluations"][short]
    found = Evaluation.objects.filter(name=told["name"]).first()
    return found or start_evaluation(
        name=told["name"],
        candidate=versions[short],
        baseline=versions["large"],
        golden_set_version=golden_set_version,
        votes_per_comparison=2,
        guidelines=told["guidelines"],
        by=by,
        seed=20261123,
    )


def _wait_for_responses(evaluation: Evaluation, say: Callable[[str], None]) -> None:
    deadline = time.monotonic() + GENERATION_SECONDS
    while not (progress := generation_progress(evaluation)).is_finished:
        if time.monotonic() > deadline:
            raise TimeoutError(
                f"{evaluation}: {progress.done} of {progress.total} responses after {GENERATION_SECONDS} s"
            )
        time.sleep(0.2)
    say(f"{evaluation}: {progress.done} of {progress.total} responses")


def _vote(evaluation: Evaluation, short: str, reviewers: list[User], *, share: float) -> None:
    """Vote as people would who see the quality of an answer with some noise."""
    dice = random.Random(f"{short}:{evaluation.seed}")  # noqa: S311 - a story, told the same way each time
    wanted = round(share * Assignment.objects.filter(evaluation=evaluation).count())
    cast = Assignment.objects.filter(evaluation=evaluation, voted=True).count()
    while cast < wanted:
        before = cast
        for reviewer in reviewers:
            assignment = claim_next(evaluation=evaluation, reviewer=reviewer) if cast < wanted else None
            if assignment is None:
                continue
            seconds = dice.lognormvariate(3.2, 0.5)
            assignment.shown_at = timezone.now() - timedelta(seconds=seconds)
            choice = _judge(assignment, short, dice)
            cast_vote(assignment=assignment, reviewer=reviewer, choice=choice)
            cast += 1
        if cast == before:
            return


def _judge(assignment: Assignment, short: str, dice: random.Random) -> str:
    key = assignment.comparison.example.key
    candidate = story.answers(story.SERVED[short])[key].quality + dice.gauss(0, 0.45)
    baseline = story.answers(story.SERVED["large"])[key].quality + dice.gauss(0, 0.45)
    if abs(candidate - baseline) < 0.45:
        return "both_bad" if candidate + baseline < 5 else "tie"
    return "left" if (candidate > baseline) == assignment.candidate_on_left else "right"
