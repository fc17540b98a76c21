"""The story's judge as a model version, started on its evaluations through the action that a lead's button calls."""

from __future__ import annotations

import time
from collections.abc import Callable
from decimal import Decimal

from django.contrib.auth.models import User

from demo import judge
from models_registry.models import Endpoint, Model, ModelVersion
from reviews.actions.judges import start_judge
from reviews.models import Evaluation, Judge
from reviews.queries.judges import judge_progress
from reviews.verdicts import DEFAULT_TEMPLATE

ENDPOINT = "aurora-demo"
MOST_SECONDS = 300


def start(evaluation: Evaluation, *, by: User) -> Judge:
    return start_judge(evaluation=evaluation, model_version=_version(by), template=DEFAULT_TEMPLATE, by=by)


def wait_for_verdicts(say: Callable[[str], None]) -> None:
    deadline = time.monotonic() + MOST_SECONDS
    for started in Judge.objects.select_related("evaluation", "model_version__model", "run").order_by("pk"):
        while (progress := judge_progress(started)).moves:
            if time.monotonic() > deadline:
                raise TimeoutError(
                    f"{started.evaluation}: {progress.read} of {progress.total} verdicts after {MOST_SECONDS} s"
                )
            time.sleep(0.2)
        say(f"{started.evaluation}: {progress.read} of {progress.total} verdicts of {started.model_version}")


def _version(by: User) -> ModelVersion:
    model, _ = Model.objects.get_or_create(
        name=judge.SERVED, defaults={"description": "Judges answers of others; it answers no customer."}
    )
    version, _ = ModelVersion.objects.get_or_create(
        model=model,
        version="1",
        defaults={
            "endpoint": Endpoint.objects.get(name=ENDPOINT),
            "served_name": judge.SERVED,
            "parameters": {"temperature": 0, "max_tokens": 200},
            "input_price": Decimal("0.30"),
            "output_price": Decimal("1.20"),
            "intended_use": "Says which of two answers is better, beside the people who vote. Not for customers.",
            "created_by": by,
        },
    )
    return version
