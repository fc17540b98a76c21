"""Golden sets as their admin meets them: files on their way, two versions to compare, a draft under way."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.contrib.auth.models import User
from django.urls import reverse

from models_registry.actions.drafts import edit_example, retire_example
from models_registry.actions.flags import flag_example
from models_registry.actions.golden_set_versions import retire_golden_set_version
from models_registry.actions.uploads import receive_upload
from models_registry.models import GoldenSet
from tests.factories import make_golden_set_version

LONG = "a-rather-long-id-that-someone-generated-0123456789abcdef0123456789abcdef"
ROWS: list[dict[str, Any]] = [
    {"id": "refund-1", "prompt": "Where is my refund?", "tags": ["refunds"], "lang": "en"},
    {"id": LONG, "prompt": f"{'x' * 200} too?", "tags": ["sizing"], "metadata": {"address": "y" * 200}},
    {"id": "hello-1", "prompt": "Hello?"},
]
FILES = {
    "bad": (
        "a-file-with-a-name-as-long-as-people-give-them-2026-11-23-final-final-2.jsonl",
        '{"id": "one", "prompt": "Write to ana@example.com."}\n{"id": "two"}\n{"id": \n'
        f'{{"id": "four", "prompt": "Hi", "tags": ["{"z" * 300}"]}}\n',
    ),
    "useless": ("rows.jsonl", '{"id": "two"}\n'),
    "clean": ("rows.jsonl", '{"id": "one", "prompt": "Hello?", "tags": ["greeting"], "lang": "en"}\n'),
    "columns": (
        "preguntas.csv",
        f"Nº;Pregunta del cliente;Motivo;{'columna' * 12}\n1;¿Dónde está mi pedido?;envíos;{'w' * 300}\n",
    ),
}


def pages_of_admin(admin: User) -> Iterator[tuple[str, str]]:
    """Names and addresses of pages in states that others have no part in; makes what they show."""
    for state, (filename, content) in FILES.items():
        upload = receive_upload(name="poems", pieces=[content.encode()], filename=filename, by=admin)
        yield f"upload, {state}", upload.get_absolute_url()
    golden_set = _with_draft(admin)
    address = golden_set.get_absolute_url()
    yield "golden set, two versions", address
    yield "golden set version, retired", reverse("golden_set_version", args=[golden_set.name, 1])
    yield "compare, nothing chosen", reverse("golden_set_compare", args=[golden_set.name])
    yield (
        "compare",
        reverse("golden_set_compare", args=[golden_set.name], query={"from": 1, "to": 2}),
    )
    yield "restore", reverse("golden_set_version_retire", args=[golden_set.name, 1])
    yield "retire", reverse("golden_set_version_retire", args=[golden_set.name, 2])
    yield "draft", reverse("golden_set_draft", args=[golden_set.name], query={"q": "hello"})
    yield "draft, add", reverse("golden_set_draft_add", args=[golden_set.name])
    yield "draft, edit", reverse("golden_set_draft_edit", args=[golden_set.name], query={"key": LONG})


def _with_draft(admin: User) -> GoldenSet:
    name = "a-golden-set-with-rather-a-long-name-2026"
    older = make_golden_set_version([*ROWS, {"id": "gone-1", "prompt": "Gone?"}], name=name)
    retire_golden_set_version(version=older, reason="It has a customer's address in it.", by=admin)
    changed = {**ROWS[0], "prompt": "Where on earth is my refund?", "tags": ["billing"]}
    newest = make_golden_set_version([changed, *ROWS[1:], {"id": "new-1", "prompt": "New?"}], name=name)
    edit_example(golden_set=newest.golden_set, key="refund-1", raw={"prompt": "Where is it?"}, by=admin)
    retire_example(golden_set=newest.golden_set, key="new-1", by=admin)
    flag_example(example=newest.examples.all()[1], kind="ambiguous", note="z" * 90, by=admin)
    return newest.golden_set
