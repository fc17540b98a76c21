"""The three files of an evaluation that was run elsewhere, written for a test, and the command run on them."""

from __future__ import annotations

import gzip
import io
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command

ITEMS: list[dict[str, Any]] = [
    {
        "id": "q1",
        "lang": "en",
        "tags": ["billing", "refunds"],
        "messages": [{"role": "user", "content": "Twice?"}],
    },
    {
        "id": "q2",
        "lang": "es",
        "tags": [],
        "messages": [{"role": "user", "content": "¿Talla?"}],
        "flags": "BQ",
    },
    {
        "id": "q3",
        "tags": ["billing"],
        "messages": [{"role": "user", "content": "Bill?"}],
        "reference": "See it.",
    },
]


def outputs_of(items: list[dict[str, Any]], *models: str) -> list[dict[str, Any]]:
    return [
        {"item_id": item["id"], "model": model, "output": f"{model.title()} says {item['id']}."}
        for item in items
        for model in models
    ]


def ballot(
    item: str, rater: str, choice: str, left: str = "new", right: str = "old", **more: Any
) -> dict[str, Any]:
    return {"item_id": item, "rater": rater, "left": left, "right": right, "choice": choice} | more


VOTES = [
    ballot("q1", "ann", "left"),
    ballot("q1", "bob", "left", "old", "new"),
    ballot("q2", "ann", "right", "old", "new"),
    ballot("q2", "bob", "tie"),
    ballot("q3", "ann", "both_bad"),
    ballot("q1", "ann", "left", "new", "third"),
]


@dataclass
class Files:
    """The three files of an evaluation; write what differs, then run the command on them."""

    folder: Path
    items: list[Any] = field(default_factory=lambda: list(ITEMS))
    outputs: list[Any] = field(default_factory=lambda: outputs_of(ITEMS, "new", "old", "third"))
    votes: list[Any] = field(default_factory=lambda: list(VOTES))
    packed: bool = False

    def write(self) -> dict[str, Path]:
        paths = {}
        for name in ("items", "outputs", "votes"):
            lines = [
                line if isinstance(line, bytes) else json.dumps(line).encode() for line in getattr(self, name)
            ]
            content = b"".join(line + b"\n" for line in lines)
            paths[name] = self.folder / f"{name}.jsonl{'.gz' if self.packed else ''}"
            paths[name].write_bytes(gzip.compress(content) if self.packed else content)
        return paths

    def run(self, name: str = "Elsewhere", paths: dict[str, Path] | None = None, **options: Any) -> str:
        paths = paths or self.write()
        out = io.StringIO()
        call_command(
            "import_evaluation",
            **(
                {
                    "name": name,
                    "golden_set": paths["items"],
                    "responses": paths["outputs"],
                    "votes": paths["votes"],
                    "candidate": "new",
                    "baseline": "old",
                    "stdout": out,
                }
                | options
            ),
        )
        return out.getvalue()

    def refused(self, **options: Any) -> str:
        """Run what must fail: exit status 2, a database as it was; what it says on standard error."""
        before = everything()
        with pytest.raises(CommandError) as error:
            self.run(**options)
        assert error.value.returncode == 2
        assert everything() == before
        return str(error.value)


def everything() -> dict[str, list[Any]]:
    """All rows of both apps, and all people."""
    models: list[Any] = [
        *apps.get_app_config("models_registry").get_models(),
        *apps.get_app_config("reviews").get_models(),
    ]
    return {model.__name__: list(model._default_manager.order_by("pk").values()) for model in [*models, User]}
