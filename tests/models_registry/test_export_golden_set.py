"""A version out again, from its page and by command: reading the file gives the same content."""

from __future__ import annotations

from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse

from models_registry.actions.golden_sets import import_golden_set
from models_registry.models import GoldenSetVersion
from tests.factories import make_golden_set_version

pytestmark = pytest.mark.django_db

ROWS: list[dict[str, Any]] = [
    {
        "id": "b",
        "messages": [
            {"role": "system", "content": "Be kind."},
            {"role": "user", "content": "=1+1, why?"},
            {"role": "assistant", "content": "Let me look."},
            {"role": "user", "content": "¿Y bien?\nDime."},
        ],
        "tags": ["billing", "refunds"],
        "lang": "es",
        "reference": '-5 €, "as agreed"',
        "metadata": {"kind": "edge", "n": 3},
    },
    {"id": "a", "prompt": "Hello?", "reference": "Hi."},
    # replayed: the model's own answer stands between the two
    {
        "id": "c",
        "messages": [{"role": "user", "content": "First."}, {"role": "user", "content": "Then."}],
        "reference": "So.",
    },
]


@pytest.fixture
def version(db: None) -> GoldenSetVersion:
    return make_golden_set_version(ROWS, name="support")


def export_url(version: GoldenSetVersion, format: str) -> str:
    return reverse("golden_set_export", args=[version.golden_set.name, version.number, format])


@pytest.mark.parametrize("format", ["jsonl", "csv", "parquet"])
def test_exported_version_read_back_has_the_same_sha256(
    format: str, version: GoldenSetVersion, lead: User, client_for: Callable[..., Client]
) -> None:
    response = client_for(lead).get(export_url(version, format))
    assert response.status_code == 200
    assert f"support-v1.{format}" in response.headers["Content-Disposition"]
    content = response.getvalue()
    again = import_golden_set(name="again", stream=content, filename=f"x.{format}", by=None)
    assert again.checked.errors == ()
    assert again.version is not None
    assert again.version.sha256 == version.sha256


def test_page_links_to_every_export(
    version: GoldenSetVersion, lead: User, client_for: Callable[..., Client]
) -> None:
    page = client_for(lead).get(version.get_absolute_url()).text
    for format in ("jsonl", "csv", "parquet", "openai_chat"):
        assert export_url(version, format) in page


def test_unknown_format_is_404(
    version: GoldenSetVersion, lead: User, client_for: Callable[..., Client]
) -> None:
    assert client_for(lead).get(export_url(version, "exe")).status_code == 404


def test_command_writes_a_file_that_reads_back(version: GoldenSetVersion, tmp_path: Path) -> None:
    path, out = tmp_path / "support.csv", StringIO()
    call_command("export_golden_set", "support", format="csv", output=path, stdout=out)
    assert version.sha256 in out.getvalue()
    again = import_golden_set(name="again", stream=path.read_bytes(), filename=path.name, by=None)
    assert again.version is not None
    assert again.version.sha256 == version.sha256


def test_command_writes_to_standard_output(
    version: GoldenSetVersion, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    call_command("export_golden_set", "support", number=1)
    assert capfdbinary.readouterr().out.count(b"\n") == 3


def test_command_names_what_there_is(version: GoldenSetVersion) -> None:
    with pytest.raises(CommandError, match="support v1") as raised:
        call_command("export_golden_set", "support", number=7)
    assert raised.value.returncode == 2


def test_openai_chat_leaves_out_what_it_can_not_tell_and_says_so(
    version: GoldenSetVersion, tmp_path: Path
) -> None:
    path, errors = tmp_path / "chat.jsonl", StringIO()
    call_command(
        "export_golden_set", "support", format="openai_chat", output=path, stderr=errors, stdout=StringIO()
    )
    assert "left out" in errors.getvalue()
    assert 0 < len(path.read_bytes().splitlines()) < 3
