"""A version is retired and restored, and never changed otherwise."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection, transaction
from django.test import Client

from models_registry.actions.golden_set_versions import restore_golden_set_version, retire_golden_set_version
from models_registry.models import Example, GoldenSetVersion
from tests.factories import make_golden_set_version

pytestmark = pytest.mark.django_db

ClientFor = Callable[..., Client]
RETIRE = "/golden-sets/support/1/retire/"
RESTORE = "/golden-sets/support/1/restore/"


@pytest.fixture
def version(db: None) -> GoldenSetVersion:
    return make_golden_set_version(name="support")


def refused(sql: str, *params: Any) -> bool:
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(sql, params)
    except IntegrityError:
        return True
    return False


# --- the action --------------------------------------------------------------------------------------------


def test_retired_version_says_who_and_why(version: GoldenSetVersion, admin_user: User) -> None:
    retired = retire_golden_set_version(version=version, reason=" Wrong references. ", by=admin_user)
    stored = GoldenSetVersion.objects.get()
    assert retired == stored
    assert stored.retired_at is not None
    assert (stored.retired_by, stored.retired_reason) == (admin_user, "Wrong references.")


def test_retired_twice_is_as_retired_once(version: GoldenSetVersion, admin_user: User, lead: User) -> None:
    first = retire_golden_set_version(version=version, reason="First", by=admin_user).retired_at
    again = retire_golden_set_version(version=version, reason="Second", by=lead)
    assert (again.retired_at, again.retired_by, again.retired_reason) == (first, admin_user, "First")


@pytest.mark.parametrize("reason", ["", "  \n", "a\x00b", "\ud800"])
def test_reason_is_needed_and_can_be_stored(version: GoldenSetVersion, reason: str) -> None:
    with pytest.raises(ValidationError) as refusal:
        retire_golden_set_version(version=version, reason=reason, by=None)
    assert "reason" in refusal.value.message_dict
    assert not GoldenSetVersion.objects.filter(retired_at__isnull=False).exists()


def test_version_being_stored_is_not_retired() -> None:
    version = make_golden_set_version(sealed=False)
    with pytest.raises(ValidationError, match="once that is done"):
        retire_golden_set_version(version=version, reason="Why not", by=None)


def test_restored_version_is_as_it_was(version: GoldenSetVersion, admin_user: User) -> None:
    before = GoldenSetVersion.objects.values().get()
    retire_golden_set_version(version=version, reason="A mistake", by=admin_user)
    for _twice in range(2):
        restore_golden_set_version(version=version, by=admin_user)
        assert GoldenSetVersion.objects.values().get() == before


# --- what never changes ------------------------------------------------------------------------------------


@pytest.mark.parametrize("retired", [False, True])
@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE models_registry_goldensetversion SET changelog = 'other'",
        "UPDATE models_registry_goldensetversion SET number = 9",
        "UPDATE models_registry_goldensetversion SET sha256 = 'other'",
        "UPDATE models_registry_goldensetversion SET source = 'other'",
        "UPDATE models_registry_goldensetversion SET preflight = '{}'",
        "UPDATE models_registry_goldensetversion SET warnings = '[1]'",
        "UPDATE models_registry_goldensetversion SET created_at = sealed_at, sealed_at = NULL",
        "UPDATE models_registry_goldensetversion SET retired_reason = 'x', changelog = 'other'",
        "UPDATE models_registry_example SET messages = '[]'",
        "DELETE FROM models_registry_exampletag",
        "DELETE FROM models_registry_goldensetversion",
    ],
)
def test_database_refuses_to_change_a_version(version: GoldenSetVersion, sql: str, retired: bool) -> None:
    if retired:
        retire_golden_set_version(version=version, reason="Old", by=None)
    before = GoldenSetVersion.objects.values().get()
    assert refused(sql)
    assert GoldenSetVersion.objects.values().get() == before
    assert Example.objects.count() == version.rows


def test_database_refuses_to_delete_examples(version: GoldenSetVersion) -> None:
    # without tags: its tags' triggers would refuse first
    example = version.examples.filter(tags=None).values_list("pk", flat=True).get()
    assert refused("DELETE FROM models_registry_example WHERE id = %s", example)
    assert version.examples.count() == version.rows


def test_version_can_not_go_first_and_its_examples_follow(version: GoldenSetVersion) -> None:
    """Foreign keys are looked at when a transaction ends, so they alone would let both go."""

    def delete_all() -> None:
        with transaction.atomic(), connection.cursor() as cursor:
            for table in ("goldensetversion", "exampletag", "example"):
                cursor.execute(f"DELETE FROM models_registry_{table}")  # noqa: S608

    with pytest.raises(IntegrityError):
        delete_all()
    assert version.examples.count() == version.rows


def test_version_that_was_never_sealed_can_be_deleted() -> None:
    make_golden_set_version(sealed=False).delete()
    assert not GoldenSetVersion.objects.exists()


def test_database_lets_a_retirement_be_written_and_taken_back(version: GoldenSetVersion) -> None:
    table = "models_registry_goldensetversion"
    assert not refused(f"UPDATE {table} SET retired_at = sealed_at, retired_reason = 'x'")  # noqa: S608
    assert not refused(f"UPDATE {table} SET retired_at = NULL, retired_reason = ''")  # noqa: S608


# --- the pages ---------------------------------------------------------------------------------------------


def test_admin_retires_a_version_and_restores_it(
    version: GoldenSetVersion, client_for: ClientFor, admin_user: User
) -> None:
    client = client_for(admin_user)
    assert "Why is it retired?" in client.get(RETIRE).text
    page = client.post(RETIRE, {"reason": "Its <b>references</b> are wrong"}, follow=True)
    assert page.redirect_chain == [("/golden-sets/support/", 302)]
    assert "Why it is retired: Its &lt;b&gt;references&lt;/b&gt; are wrong" in page.text
    assert 'class="status status-retired"' in page.text
    assert "Version 1 is retired: new evaluations" in client.get("/golden-sets/").text
    assert "Version 1 is retired." in client.get("/golden-sets/support/draft/").text
    assert "Restore this version" in client.get(RETIRE).text
    page = client.post(RESTORE, follow=True)
    assert "status-retired" not in page.text
    assert GoldenSetVersion.objects.get().retired_at is None


@pytest.mark.parametrize("reason", ["", "  ", "a\x00b"])
def test_page_asks_for_a_reason(
    version: GoldenSetVersion, client_for: ClientFor, admin_user: User, reason: str
) -> None:
    page = client_for(admin_user).post(RETIRE, {"reason": reason})
    assert page.status_code == 422
    assert "errorlist" in page.text
    assert GoldenSetVersion.objects.get().retired_at is None


def test_lead_can_not_retire(version: GoldenSetVersion, client_for: ClientFor, lead: User) -> None:
    client = client_for(lead)
    assert client.post(RETIRE, {"reason": "x"}).status_code == 403
    assert client.post(RESTORE).status_code == 403
    assert RETIRE not in client.get("/golden-sets/support/").text
    assert GoldenSetVersion.objects.get().retired_at is None


@pytest.mark.parametrize("path", ["/golden-sets/support/9/retire/", "/golden-sets/none/1/retire/"])
def test_what_is_not_there_is_404(
    version: GoldenSetVersion, client_for: ClientFor, admin_user: User, path: str
) -> None:
    client = client_for(admin_user)
    assert client.get(path).status_code == 404
    assert client.post(path.replace("retire", "restore")).status_code == 404


def test_retired_version_is_still_read_compared_and_exported(
    version: GoldenSetVersion, client_for: ClientFor, lead: User
) -> None:
    make_golden_set_version(3, name="support")
    retire_golden_set_version(version=version, reason="Old", by=None)
    client = client_for(lead)
    assert client.get("/golden-sets/support/1/").status_code == 200
    assert "Version 1, retired" in client.get("/golden-sets/support/compare/").text
    export = client.get("/golden-sets/support/1/export/jsonl/")
    assert len(export.getvalue().splitlines()) == version.rows
