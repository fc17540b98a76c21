"""Rules of the house that no other tool keeps. The import contract is in pyproject.toml and runs with the lint."""

from __future__ import annotations

import io
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.core.management import call_command
from django.db import connection

import models_registry.triggers
import reviews.triggers

ROOT = Path(__file__).resolve().parent.parent
MOST_LINES = 400
# put together here, so that this file does not name what it looks for
REGISTRY_HOSTS = [
    ".".join(parts)
    for parts in (
        ("pypi", "org"),
        ("pythonhosted", "org"),
        ("npmjs", "org"),
        ("npmjs", "com"),
        ("jsdelivr", "net"),
        ("unpkg", "com"),
        ("cdnjs", "cloudflare", "com"),
        ("debian", "org"),
    )
]
TEXT = {
    ".cfg",
    ".css",
    ".csv",
    ".html",
    ".js",
    ".json",
    ".jsonl",
    ".md",
    ".py",
    ".svg",
    ".toml",
    ".txt",
    ".yaml",
    ".yml",
}


def tracked() -> list[Path]:
    """Tracked files as they stand in the work tree, with those that are about to be tracked."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    return [path for name in listed.split("\0") if name and (path := ROOT / name).is_file()]


def texts(*suffixes: str) -> Iterator[tuple[Path, str]]:
    for path in tracked():
        if (path.suffix in (suffixes or TEXT)) or (not suffixes and not path.suffix):
            yield path.relative_to(ROOT), path.read_text(encoding="utf-8")


def test_no_file_names_a_package_registry() -> None:
    found = [f"{path}: {host}" for path, text in texts() for host in REGISTRY_HOSTS if host in text]
    assert not found


def test_no_lock_file_with_addresses_is_tracked() -> None:
    assert not {path.name for path in tracked()} & {"uv.lock", "pylock.toml", "poetry.lock"}


def test_requirements_are_pinned_by_hash() -> None:
    for path, text in texts(".txt"):
        if path.name.startswith("requirements"):
            pins = re.findall(r"^[a-z0-9][^\n]*==", text, re.MULTILINE)
            assert pins, path
            assert text.count("--hash=sha256:") >= len(pins), path


def test_no_module_is_over_400_lines() -> None:
    lengths = {str(path): text.count("\n") for path, text in texts(".py") if "migrations" not in path.parts}
    assert not {path: lines for path, lines in lengths.items() if lines > MOST_LINES}


@pytest.mark.parametrize(
    ("what", "pattern"),
    [
        ("inline style", r"<style\b|\sstyle\s*="),
        ("inline script", r"<script\b(?![^>]*\bsrc\s*=)(?![^>]*\btype\s*=\s*\"application/json\")"),
        ("event handler", r"<[^>]*\son[a-z]+\s*="),
        ("htmx that needs eval", r"\bhx-on\b|hx-vals\s*=\s*[\"']js:|hx-trigger\s*=\s*\"[^\"]*\["),
    ],
)
def test_no_template_breaks_the_content_security_policy(what: str, pattern: str) -> None:
    found = [
        f"{path}: {what}: {match.group()}"
        for path, text in texts(".html")
        if "templates" in path.parts
        for match in re.finditer(pattern, text, re.IGNORECASE)
    ]
    assert not found


def test_every_environment_variable_is_in_the_example() -> None:
    """What the settings read, an operator can find with a comment in .env.example."""
    settings = (ROOT / "evalsite" / "settings.py").read_text() + (
        ROOT / "evalsite" / "gunicorn.py"
    ).read_text()
    read = set(re.findall(r"env\.[a-z]+\(\s*\"([A-Z_]+)\"", settings))
    read |= set(re.findall(r"environ\.get\(\"([A-Z_]+)\"", settings))
    named = set(re.findall(r"^#? ?([A-Z_]+)=", (ROOT / ".env.example").read_text(), re.MULTILINE))
    assert read - named == set()


def test_migrations_are_in_step_with_the_models(db: None) -> None:
    output = io.StringIO()
    call_command("makemigrations", check=True, dry_run=True, stdout=output)
    assert "No changes detected" in output.getvalue()


def test_triggers_in_the_database_are_those_in_the_code(db: None) -> None:
    """Installing them again must change nothing: same names, same definitions."""
    wanted = {
        **models_registry.triggers.TRIGGERS,
        **reviews.triggers.TRIGGERS,
        **reviews.triggers.JUDGING,
        **reviews.triggers.SETTLING,
    }
    migrated = triggers_in_database()

    models_registry.triggers.install(connection, wanted)
    reviews.triggers.install_counting(connection)

    assert migrated == triggers_in_database()
    assert set(migrated) == {*wanted, *reviews.triggers.COUNTING}


def triggers_in_database() -> dict[str, str]:
    query = (
        "SELECT name, sql FROM sqlite_master WHERE type = 'trigger'"
        if connection.vendor == "sqlite"
        else "SELECT t.tgname, pg_get_triggerdef(t.oid) || pg_get_functiondef(t.tgfoid) "
        "FROM pg_trigger t WHERE NOT t.tgisinternal"
    )
    with connection.cursor() as cursor:
        cursor.execute(query)
        return dict(cursor.fetchall())
