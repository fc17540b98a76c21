from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import batched
from typing import TYPE_CHECKING, BinaryIO

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Max
from django.utils import timezone
from django.utils.translation import gettext as _

from models_registry.actions.model_versions import check_storable
from models_registry.content_hash import canonical_row, golden_set_sha256
from models_registry.golden_files import MOST_BYTES, Reading, Row, read
from models_registry.models import Example, ExampleTag, GoldenSet, GoldenSetVersion

if TYPE_CHECKING:
    from django.contrib.auth.models import User

BATCH = 1000
# /golden-sets/upload/ is a page of its own
RESERVED_NAMES = frozenset({"upload"})


@dataclass(frozen=True)
class Imported:
    """What came of an import. `version` is None where nothing was stored: see the errors of `reading`."""

    version: GoldenSetVersion | None
    created: bool
    reading: Reading


def import_golden_set(
    *,
    name: str,
    stream: BinaryIO | bytes,
    filename: str,
    by: User | None,
    skip_invalid: bool = False,
    description: str = "",
    most_bytes: int = MOST_BYTES,
) -> Imported:
    """Read a file and store it as the next version of a golden set, whole or not at all.

    Content that a version of the set has already gives that version. Raises ValidationError for a bad name.
    """
    check_golden_set_name(name)
    check_storable("description", description)
    reading = read(stream, filename, most_bytes=most_bytes)
    if not reading.rows or (reading.errors and not skip_invalid):
        return Imported(None, False, reading)
    version, created = store_golden_set_version(
        name=name,
        rows=reading.rows,
        source=filename,
        by=by,
        description=description,
        warnings=version_warnings(reading),
    )
    return Imported(version, created, reading)


@transaction.atomic
def store_golden_set_version(
    *,
    name: str,
    rows: Sequence[Row],
    source: str,
    by: User | None,
    description: str = "",
    warnings: Sequence[str] = (),
) -> tuple[GoldenSetVersion, bool]:
    """Store checked rows as the next version of a golden set and seal it; whether it is a new one."""
    sha256 = rows_sha256(rows)
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
        rows=len(rows),
        source=source.encode("utf-8", "replace").decode()[-255:],
        warnings=list(warnings),
        created_by=by,
    )
    _store(version, rows)
    version.sealed_at = timezone.now()
    version.save(update_fields=["sealed_at"])
    return version, True


def check_golden_set_name(name: str) -> None:
    if name in RESERVED_NAMES:
        raise ValidationError(
            {"name": _("“%(name)s” is a page of its own; choose another name.") % {"name": name}}
        )
    field = GoldenSet._meta.get_field("name")
    try:
        field.run_validators(name)
        if not name:
            raise ValidationError(_("Give the golden set a name."))
    except ValidationError as error:
        fix = _(
            "A name is made of letters, digits, hyphens and underscores, such as support-2026; at most 100."
        )
        raise ValidationError({"name": fix}) from error


def rows_sha256(rows: Sequence[Row]) -> str:
    return golden_set_sha256(
        (
            row.key,
            canonical_row(
                key=row.key,
                messages=list(row.messages),
                tags=row.tags,
                reference=row.reference,
                lang=row.lang,
                metadata=dict(row.metadata or {}),
            ),
        )
        for row in rows
    )


def version_warnings(reading: Reading) -> list[str]:
    """What the version's page keeps saying about the file it came from."""
    if not reading.skipped_rows:
        return list(reading.warnings)
    lines = sorted({problem.line for problem in reading.errors})
    shown = ", ".join(str(line) for line in lines[:20])
    more = ", …" if reading.skipped_rows > 20 else ""
    return [*reading.warnings, f"{reading.skipped_rows:,} bad rows were skipped: lines {shown}{more}."]


def _store(version: GoldenSetVersion, rows: Sequence[Row]) -> None:
    for batch in batched(enumerate(rows), BATCH):
        examples = Example.objects.bulk_create(
            Example(
                golden_set_version=version,
                position=position,
                key=row.key,
                messages=list(row.messages),
                reference=row.reference,
                lang=row.lang,
                metadata=dict(row.metadata or {}),
            )
            for position, row in batch
        )
        ExampleTag.objects.bulk_create(
            ExampleTag(example=example, position=position, name=tag)
            for example, (_position, row) in zip(examples, batch, strict=True)
            for position, tag in enumerate(row.tags)
        )
