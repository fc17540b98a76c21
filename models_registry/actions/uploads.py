"""A golden set file that someone gives: received, checked, then stored as a version or discarded."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from models_registry.actions.golden_sets import check_golden_set_name
from models_registry.actions.model_versions import check_storable
from models_registry.golden_files import CsvColumns, Problem, csv_columns, open_golden_set
from models_registry.importing.limits import upload_limits
from models_registry.importing.parts import open_parts, unpacked_size, write_parts
from models_registry.importing.process import process
from models_registry.models import Upload
from models_registry.preflight import KINDS, Options
from models_registry.queries.uploads import version_since
from models_registry.tasks import process_upload

if TYPE_CHECKING:
    from django.contrib.auth.models import User

# A file up to this size, unpacked, is checked and stored within the request: it takes less than the page would wait
# to ask.
AT_ONCE_BYTES = 256 * 1024
CSV_SUFFIXES = (".csv", ".tsv", ".txt")


def receive_upload(
    *,
    name: str,
    pieces: Iterable[bytes],
    filename: str,
    by: User | None,
    description: str = "",
    changelog: str = "",
    options: Options | None = None,
    from_draft: bool = False,
) -> Upload:
    """Keep a file and have it checked. A CSV whose columns are not ours waits until they are chosen.

    Not within a transaction: a small file is checked at once, and would hold it meanwhile; see keep_upload.
    Raises ValidationError for a bad name, or a text the database can't store.
    """
    upload = keep_upload(
        name=name,
        pieces=pieces,
        filename=filename,
        by=by,
        description=description,
        changelog=changelog,
        options=options,
        from_draft=from_draft,
    )
    work_on(upload=upload)
    return upload


@transaction.atomic
def keep_upload(
    *,
    name: str,
    pieces: Iterable[bytes],
    filename: str,
    by: User | None,
    description: str = "",
    changelog: str = "",
    options: Options | None = None,
    from_draft: bool = False,
) -> Upload:
    """Keep a file, to be checked by `work_on` once the transaction is over."""
    check_golden_set_name(name)
    check_storable("description", description)
    check_storable("changelog", changelog)
    upload = Upload.objects.create(
        name=name,
        description=description,
        changelog=changelog,
        filename=filename.encode("utf-8", "replace").decode().replace("\x00", "")[-255:],
        size=0,
        options=asdict(options or Options()),
        from_draft=from_draft,
        created_by=by,
    )
    upload.size = write_parts(upload, pieces)
    upload.state = Upload.State.COLUMNS if needs_columns(upload) else Upload.State.CHECKING
    upload.save(update_fields=["size", "state"])
    return upload


def choose_columns(*, upload: Upload, columns: Mapping[str, str]) -> bool:
    """Say which column of a CSV is which of ours, and have it checked; False where it is past that."""
    return _begin(
        upload,
        (Upload.State.COLUMNS, Upload.State.CHECKED),
        Upload.State.CHECKING,
        columns={ours: theirs for ours, theirs in columns.items() if theirs},
    )


def check_again(*, upload: Upload, options: Options) -> bool:
    """Check a file against other options; False where it is being worked on, stored or discarded."""
    return _begin(upload, (Upload.State.CHECKED,), Upload.State.CHECKING, options=asdict(options))


def store_upload(
    *, upload: Upload, changelog: str, skip_invalid: bool = False, replaced: Collection[str] = ()
) -> bool:
    """Have the good rows stored as the next version; False where another did, or the upload is past that.

    replaced  kinds of personal data that get placeholders
    """
    check_storable("changelog", changelog)
    if unknown := set(replaced) - set(KINDS):
        raise ValidationError(
            _("Personal data of the kind “%(kind)s” is not known here.") % {"kind": min(unknown)}
        )
    if upload.from_draft and (newer := version_since(upload)):
        raise ValidationError(
            _(
                "Version %(number)d was stored after the draft was published, and this would undo it. "
                "Discard this, then publish the draft again."
            )
            % {"number": newer.number}
        )
    if not upload.rows:
        raise ValidationError(_("There is no good row to store; mend the file and upload it again."))
    if not (upload.report and upload.report.get("complete")):
        raise ValidationError(
            _(
                "The check did not come to its end, so nobody knows of personal data in it. Check it again first."
            )
        )
    if upload.bad_rows and not skip_invalid:
        raise ValidationError(
            _("The file has bad rows: mend them and upload it again, or tick “Skip the bad rows”.")
        )
    return _begin(
        upload,
        (Upload.State.CHECKED,),
        Upload.State.STORING,
        changelog=changelog,
        skip_invalid=skip_invalid,
        replaced=[kind for kind in KINDS if kind in replaced],
    )


@transaction.atomic
def discard_upload(*, upload: Upload) -> bool:
    """Forget a file; False where it is stored, or discarded already. Work under way on it ends by itself."""
    discarded = (
        Upload.objects.filter(pk=upload.pk)
        .exclude(state__in=[Upload.State.STORED, Upload.State.DISCARDED])
        .update(state=Upload.State.DISCARDED, changed_at=timezone.now())
    )
    if discarded:
        upload.parts.all().delete()
    return bool(discarded)


def columns_of(upload: Upload) -> CsvColumns | Problem:
    """The header and first rows of an upload that is a CSV."""
    with open_parts(upload) as stream:
        return csv_columns(stream, limits=upload_limits())


def needs_columns(upload: Upload) -> bool:
    """Is the file a CSV with a header that a person has to explain?"""
    if not upload.filename.lower().removesuffix(".gz").endswith(CSV_SUFFIXES):
        return False
    with open_parts(upload) as stream:
        opened = open_golden_set(stream, upload.filename, limits=upload_limits())
        if opened.format not in ("", "csv"):
            return False
        first = next(islice(opened.rows, 1), None)
        if not (isinstance(first, Problem) and first.whole_file):
            return False
    found = columns_of(upload)
    if isinstance(found, Problem):
        return False
    # a web page or JSON by a wrong name is no table, whatever commas stand in it
    return not found.header[0].startswith(("<", "{", "["))


def _begin(upload: Upload, states: Collection[str], state: str, **fields: object) -> bool:
    begun = Upload.objects.filter(pk=upload.pk, state__in=states).update(
        state=state,
        step="",
        done=0,
        total=0,
        attempts=0,
        fault="",
        claim=None,
        lease_until=None,
        changed_at=timezone.now(),
        **fields,
    )
    upload.refresh_from_db()
    if begun:
        work_on(upload=upload)
    return bool(begun)


def work_on(*, upload: Upload) -> None:
    """At once or by a worker; where the broker is down, the schedule finds the upload when it is up again."""
    if upload.state == Upload.State.COLUMNS:
        return
    if unpacked_size(upload, AT_ONCE_BYTES + 1) <= AT_ONCE_BYTES:
        process(upload.pk)
        upload.refresh_from_db()
    else:
        wake = partial(process_upload.apply_async, (upload.pk,), retry=False)
        transaction.on_commit(wake, robust=True)
