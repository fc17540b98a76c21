from __future__ import annotations

import io
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from models_registry.actions.model_versions import check_storable
from models_registry.golden_files import Limits, Row
from models_registry.importing.check import Checked, check_file, scan
from models_registry.importing.limits import file_limits
from models_registry.importing.spool import Spool
from models_registry.importing.store import store_spool
from models_registry.models import GoldenSet, GoldenSetVersion
from models_registry.preflight import Options, preflight

if TYPE_CHECKING:
    from django.contrib.auth.models import User

# /golden-sets/upload/ and /golden-sets/uploads/ are pages of their own
RESERVED_NAMES = frozenset({"upload", "uploads"})


@dataclass(frozen=True)
class Imported:
    """What came of an import. `version` is None where nothing was stored: see the errors of `checked`."""

    version: GoldenSetVersion | None
    created: bool
    checked: Checked


def import_golden_set(
    *,
    name: str,
    stream: BinaryIO | bytes,
    filename: str,
    by: User | None,
    skip_invalid: bool = False,
    description: str = "",
    changelog: str = "",
    columns: Mapping[str, str] | None = None,
    replaced: Collection[str] = (),
    limits: Limits | None = None,
    options: Options | None = None,
    store: bool = True,
    progress: Callable[[int, int], None] | None = None,
) -> Imported:
    """Read a file, check it, and store it as the next version of a golden set, whole or not at all.

    replaced  kinds of personal data that get placeholders
    store     False only checks
    progress  of the slow scans: rows done, rows to do

    Content that a version of the set has already gives that version. Raises ValidationError for a bad name.
    """
    check_golden_set_name(name)
    check_storable("description", description)
    check_storable("changelog", changelog)
    source = io.BytesIO(stream) if isinstance(stream, bytes) else stream
    with Spool() as spool:
        checked = check_file(
            source,
            filename,
            spool,
            columns=columns,
            limits=limits or file_limits(),
            options=options,
            replaced=replaced,
        )
        if not checked.rows or (checked.errors and not skip_invalid):
            return Imported(None, False, checked)
        checked = scan(checked, spool, progress)
        if not store:
            return Imported(None, False, checked)
        version, created = store_spool(
            name=name,
            spool=spool,
            sha256=checked.sha256,
            source=filename,
            by=by,
            description=description,
            changelog=changelog,
            warnings=checked.version_warnings(replaced),
            preflight=checked.preflight,
        )
    return Imported(version, created, checked)


def store_golden_set_version(
    *, name: str, rows: Iterable[Row], source: str, by: User | None, description: str = ""
) -> tuple[GoldenSetVersion, bool]:
    """Store checked rows as the next version of a golden set and seal it; whether it is a new one."""
    with Spool() as spool:
        for row in rows:
            spool.add(row)
        return store_spool(
            name=name,
            spool=spool,
            sha256=spool.sha256(),
            source=source,
            by=by,
            description=description,
            preflight=preflight(spool.rows()).as_json(),
        )


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


def rows_sha256(rows: Iterable[Row]) -> str:
    with Spool() as spool:
        for row in rows:
            spool.add(row)
        return spool.sha256()
