"""Spooled rows into the database, as the next version of a golden set: whole or not at all."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import batched
from typing import TYPE_CHECKING, Any

from django.db import connection, transaction
from django.db.models import Max
from django.utils import timezone

from models_registry.importing.spool import Spool
from models_registry.models import Example, ExampleTag, GoldenSet, GoldenSetVersion

if TYPE_CHECKING:
    from django.contrib.auth.models import User

BATCH = 2000  # rows an INSERT
EXAMPLE_COLUMNS = (
    *("id", "golden_set_version_id", "position", "key"),
    *("messages", "reference", "lang", "metadata"),
)
TAG_COLUMNS = ("example_id", "position", "name")


@transaction.atomic
def store_spool(
    *,
    name: str,
    spool: Spool,
    sha256: str,
    source: str,
    by: User | None,
    description: str = "",
    changelog: str = "",
    warnings: Sequence[str] = (),
    preflight: dict[str, Any] | None = None,
) -> tuple[GoldenSetVersion, bool]:
    """Store the rows as the next version of a golden set and seal it; whether it is a new one.

    Content that a version of the set has already gives that version, and changes nothing but the description.
    """
    golden_set, _created = GoldenSet.objects.get_or_create(
        name=name, defaults={"description": description, "created_by": by}
    )
    # holds the set until the end, so that no other import takes the same number
    golden_set = GoldenSet.objects.select_for_update().get(pk=golden_set.pk)
    if description and description != golden_set.description:
        golden_set.description = description
        golden_set.save(update_fields=["description"])
    same = golden_set.versions.filter(sha256=sha256).first()
    if same is not None:
        return same, False
    newest: int = golden_set.versions.aggregate(newest=Max("number"))["newest"] or 0
    version = GoldenSetVersion.objects.create(
        golden_set=golden_set,
        number=newest + 1,
        sha256=sha256,
        rows=len(spool),
        source=source.encode("utf-8", "replace").decode()[-255:],
        warnings=list(warnings),
        changelog=changelog,
        preflight=preflight,
        created_by=by,
    )
    _store_examples(version, spool)
    version.sealed_at = timezone.now()
    version.save(update_fields=["sealed_at"])
    return version, True


def _store_examples(version: GoldenSetVersion, spool: Spool) -> None:
    ids = _new_ids(len(spool))
    examples = (
        (pk, version.pk, position, key, messages, reference, lang, metadata)
        for position, (pk, (key, messages, _tags, reference, lang, metadata, _line)) in enumerate(
            zip(ids, spool, strict=True)
        )
    )
    _write(Example._meta.db_table, EXAMPLE_COLUMNS, examples)
    tags = (
        (pk, position, tag)
        for pk, spooled in zip(ids, spool, strict=True)
        for position, tag in enumerate(spooled.tags)
    )
    _write(ExampleTag._meta.db_table, TAG_COLUMNS, tags)


def _new_ids(number: int) -> Sequence[int]:
    """Primary keys for that many examples, which their tags have to name before they are read back."""
    table = Example._meta.db_table
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(
                "SELECT nextval(pg_get_serial_sequence(%s, 'id')) FROM generate_series(1, %s)",
                [table, number],
            )
            return [pk for (pk,) in cursor.fetchall()]
        # one writer at a time, and this one holds the database until it is done
        cursor.execute("SELECT COALESCE(MAX(seq), 0) FROM sqlite_sequence WHERE name = %s", [table])
        (newest,) = cursor.fetchone()
        return range(newest + 1, newest + 1 + number)


def _write(table: str, columns: Sequence[str], rows: Iterable[tuple[Any, ...]]) -> None:
    """COPY where there is one, which takes a third of the time of INSERTs."""
    names = ", ".join(columns)
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            with cursor.copy(f"COPY {table} ({names}) FROM STDIN") as copy:
                for row in rows:
                    copy.write_row(row)
        else:
            insert = f"INSERT INTO {table} ({names}) VALUES ({', '.join(['%s'] * len(columns))})"  # noqa: S608
            for batch in batched(rows, BATCH):
                cursor.executemany(insert, batch)
