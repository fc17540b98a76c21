from __future__ import annotations

import io
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.core.management import CommandError, call_command
from django.db import DatabaseError

from models_registry.actions.golden_sets import Imported, import_golden_set, rows_sha256
from models_registry.content_hash import canonical_row, golden_set_sha256
from models_registry.importing import store as store_module
from models_registry.models import Example, ExampleTag, GoldenSet, GoldenSetVersion
from models_registry.queries import rows_of

pytestmark = pytest.mark.django_db

ROWS: list[dict[str, Any]] = [
    {"id": "a", "prompt": "Where is it?", "tags": ["shipping", "refunds"], "lang": "en", "channel": "chat"},
    {
        "id": "b",
        "messages": [{"role": "user", "content": "¿Dónde está? 🙂"}],
        "reference": "Hoy.",
        "lang": "es",
    },
]


def lines(*rows: dict[str, Any]) -> bytes:
    return "".join(json.dumps(row) + "\n" for row in rows or ROWS).encode()


def store(source: bytes | None = None, name: str = "support", **options: Any) -> Imported:
    given = {"filename": "support.jsonl", "by": None} | options
    return import_golden_set(name=name, stream=io.BytesIO(source or lines()), **given)


def test_file_becomes_a_sealed_version(lead: User) -> None:
    imported = store(by=lead, description="Of the shop")
    version = imported.version
    assert version is not None
    assert imported.created
    assert (version.number, version.rows, version.source, version.created_by) == (1, 2, "support.jsonl", lead)
    assert version.sealed_at is not None
    assert version.golden_set.description == "Of the shop"
    assert version.warnings == [
        '1 row with a column "channel", which is not known here: kept under "metadata".',
    ]
    first, second = version.examples.all()
    assert (first.key, first.tag_names, first.metadata) == ("a", ["shipping", "refunds"], {"channel": "chat"})
    assert (second.messages, second.reference, second.lang) == (ROWS[1]["messages"], "Hoy.", "es")


def test_hash_is_that_of_what_is_stored() -> None:
    row = {"id": "c", "prompt": "Hi", "metadata": {"z": 1e20 / 1e3, "a": -0.0, "n": [0.1, 1e-7, 2**60]}}
    version = store(lines(*ROWS, row)).version
    assert version is not None
    stored = [
        (
            example.key,
            canonical_row(
                key=example.key,
                messages=example.messages,
                tags=example.tag_names,
                reference=example.reference,
                lang=example.lang,
                metadata=example.metadata,
            ),
        )
        for example in version.examples.prefetch_related("tags")
    ]
    assert golden_set_sha256(stored) == version.sha256


def test_same_content_twice_is_one_version() -> None:
    first = store()
    again = store(lines(*reversed(ROWS)), filename="other.jsonl")
    assert again.version == first.version
    assert not again.created
    assert GoldenSetVersion.objects.count() == 1


def test_other_content_is_the_next_version_and_another_set_counts_for_itself() -> None:
    store()
    assert getattr(store(lines(ROWS[0])).version, "number", None) == 2
    assert getattr(store(name="other").version, "number", None) == 1


def test_bad_row_keeps_everything_out() -> None:
    imported = store(lines(*ROWS, {"id": "c"}))
    assert imported.version is None
    assert [str(problem) for problem in imported.checked.errors] == [
        'line 3: "messages" is missing; give a list such as [{"role": "user", "content": "…"}], or a "prompt"'
    ]
    assert not GoldenSet.objects.exists()


def test_bad_rows_can_be_skipped_and_the_version_says_so() -> None:
    version = store(lines({"id": "x"}, ROWS[0], {}), skip_invalid=True).version
    assert version is not None
    assert version.rows == 1
    assert version.warnings[-1] == "2 bad rows were skipped: lines 1, 3."


def test_no_good_row_stores_nothing_even_when_skipping() -> None:
    assert store(lines({"id": "x"}), skip_invalid=True).version is None
    assert not GoldenSet.objects.exists()


@pytest.mark.parametrize("name", ["", "with space", "upload", "x" * 101, "ñ", "a/b", "a\udc80"])
def test_bad_name_is_refused(name: str) -> None:
    with pytest.raises(ValidationError):
        store(name=name)
    assert not GoldenSet.objects.exists()


def test_description_can_be_mended_later_and_stays_when_not_given() -> None:
    store(description="Old")
    store()
    assert GoldenSet.objects.get().description == "Old"
    store(description="New")
    assert GoldenSet.objects.get().description == "New"


def test_failure_in_the_middle_leaves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_args: object, **_options: object) -> None:
        raise DatabaseError("the disk is full")

    monkeypatch.setattr(store_module, "_write", fail)
    with pytest.raises(DatabaseError):
        store()
    assert not GoldenSet.objects.exists()
    assert not Example.objects.exists()


def test_many_rows_are_stored_in_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_module, "BATCH", 7)
    rows = [
        {"id": str(number), "prompt": f"Question {number}", "tags": [f"t{number % 3}"]}
        for number in range(40)
    ]
    imported = store(lines(*rows))
    assert imported.version is not None
    assert [example.key for example in imported.version.examples.all()] == [row["id"] for row in rows]
    assert ExampleTag.objects.count() == 40
    assert imported.version.sha256 == rows_sha256(rows_of(imported.version))


@pytest.mark.django_db(transaction=True)
def test_imports_at_the_same_moment_take_different_numbers(in_threads: Callable[..., list[Any]]) -> None:
    def one(number: int) -> tuple[int, bool]:
        imported = store(lines({"id": "a", "prompt": f"Question {number // 2}"}))
        assert imported.version is not None
        return imported.version.number, imported.created

    results = in_threads(one, range(6))
    assert sorted(number for number, created in results if created) == [1, 2, 3]
    assert GoldenSetVersion.objects.filter(sealed_at__isnull=False).count() == 3


# --- the command -------------------------------------------------------------------------------------------


def command(path: Path, *flags: str) -> tuple[str, str]:
    out, err = io.StringIO(), io.StringIO()
    call_command("import_golden_set", str(path), "--name", "support", *flags, stdout=out, stderr=err)
    return out.getvalue(), err.getvalue()


def test_command_prints_json(tmp_path: Path) -> None:
    path = tmp_path / "support.jsonl"
    path.write_bytes(lines())
    printed = json.loads(command(path, "--json")[0])
    version = GoldenSetVersion.objects.get()
    assert list(printed) == ["golden_set", "version", "sha256", "rows", "errors", "warnings", "preflight"]
    assert printed.pop("preflight") == version.preflight
    assert printed.pop("warnings")[0] == (
        '1 row with a column "channel", which is not known here: kept under "metadata".'
    )
    assert printed == {
        "golden_set": "support",
        "version": 1,
        "sha256": version.sha256,
        "rows": 2,
        "errors": [],
    }
    assert json.loads(command(path, "--json")[0])["version"] == 1


def test_command_speaks_to_people(tmp_path: Path) -> None:
    path = tmp_path / "support.jsonl"
    path.write_bytes(lines())
    said = command(path)[0]
    assert "support v1: 2 rows, stored" in said
    assert f"sha256 {GoldenSetVersion.objects.get().sha256}" in said
    assert "unchanged" in command(path)[0]


def test_command_lists_bad_rows_and_stores_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "support.jsonl"
    path.write_bytes(lines(ROWS[0], {"id": "x"}))
    with pytest.raises(CommandError, match='line 2: "messages" is missing') as caught:
        call_command("import_golden_set", str(path), "--name", "support", "--json")
    assert caught.value.returncode == 2
    printed = json.loads(capsys.readouterr().out)
    assert printed["errors"] == [
        {
            "line": 2,
            "message": '"messages" is missing',
            "fix": 'give a list such as [{"role": "user", "content": "…"}], or a "prompt"',
        }
    ]
    assert (printed["version"], printed["sha256"], printed["rows"]) == (None, None, 0)
    assert not GoldenSet.objects.exists()


def test_command_skips_bad_rows_when_told_to(tmp_path: Path) -> None:
    path = tmp_path / "support.jsonl"
    path.write_bytes(lines(ROWS[0], {"id": "x"}))
    out, err = command(path, "--skip-invalid", "--json")
    assert json.loads(out)["rows"] == 1
    assert 'skipped line 2: "messages" is missing' in err


@pytest.mark.parametrize(
    "flags", [["missing.jsonl", "--name", "x"], [".", "--name", "x"], [__file__, "--name", "a b"]]
)
def test_command_refuses_bad_input_with_status_2(flags: list[str]) -> None:
    with pytest.raises(CommandError) as caught:
        call_command("import_golden_set", *flags)
    assert caught.value.returncode == 2


@pytest.mark.parametrize("name", ["import_golden_set", "register_model"])
def test_help_has_an_example_and_bad_flags_end_with_status_2(name: str) -> None:
    manage = [sys.executable, str(Path(__file__).parents[2] / "manage.py"), name]
    shown = subprocess.run([*manage, "--help"], capture_output=True, text=True, timeout=60, check=True)
    assert f"example:\n  manage.py {name}" in shown.stdout
    failed = subprocess.run([*manage, "--nonsense"], capture_output=True, text=True, timeout=60, check=False)
    assert failed.returncode == 2
    assert "Traceback" not in failed.stderr
