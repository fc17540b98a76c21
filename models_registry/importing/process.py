"""Check and store uploads. Safe to run twice, by any number of workers, and to be killed at any point.

The database is the queue: an upload is *due* when its state asks for work and no living lease holds it.
"""

from __future__ import annotations

import logging
import time
import uuid
from datetime import timedelta

from django.db import InterfaceError, OperationalError, transaction
from django.db.models import F, Q, QuerySet
from django.utils import timezone

from models_registry.importing.check import Checked, check_file, problems_as_json, scan
from models_registry.importing.limits import upload_limits
from models_registry.importing.parts import open_parts
from models_registry.importing.spool import Spool
from models_registry.importing.store import store_spool
from models_registry.models import DraftChange, GoldenSetVersion, Upload, UploadPart
from models_registry.preflight import Options

logger = logging.getLogger(__name__)

MOST_ATTEMPTS = 5
KEPT = timedelta(days=7)
LEASE = timedelta(seconds=30)
# while the rows are being stored nothing can be written beside them on SQLite, not even a longer lease
STORING_BYTES_A_SECOND = 500_000
SECONDS_BETWEEN_REPORTS = 0.5

State = Upload.State


class Superseded(Exception):
    """The upload was discarded, or another worker has taken it up."""


class Refused(Exception):
    """What is to be stored is no longer what was looked at. The text says what to do."""


def due_uploads() -> QuerySet[Upload]:
    return Upload.objects.filter(
        Q(lease_until__isnull=True) | Q(lease_until__lt=timezone.now()), state__in=Upload.WORKED_ON
    )


def release_leases() -> int:
    """End every lease. Only for a start-up that knows no other worker is alive."""
    return Upload.objects.filter(state__in=Upload.WORKED_ON).update(lease_until=None, claim=None)


def remove_old_uploads() -> int:
    """Discard what nobody has touched for a week, and forget the files; how many there were."""
    old = Upload.objects.filter(
        state__in=[State.COLUMNS, State.CHECKED], changed_at__lt=timezone.now() - KEPT
    )
    removed = old.update(state=State.DISCARDED)
    UploadPart.objects.filter(upload__state=State.DISCARDED).delete()
    return removed


def process(upload_id: int) -> None:
    """Do what the state of an upload asks for; nothing where another holds it or nothing is asked."""
    upload = _take(upload_id)
    if upload is None:
        return
    step = _check if upload.state == State.CHECKING else _store
    try:
        step(upload)
    except Superseded:
        logger.info("Upload %s was taken up by another or discarded", upload_id)
    except Refused as refused:
        _give_up(upload, str(refused))
    except (InterfaceError, OperationalError):
        # the database is away: when the lease has run out the upload is due again
        raise
    except Exception as error:
        logger.exception("Working on upload %s failed in an unforeseen way", upload_id)
        _give_up(upload, f"Unforeseen fault: {type(error).__name__}: {error}")


def _take(upload_id: int) -> Upload | None:
    claim = uuid.uuid4()
    taken = (
        due_uploads()
        .filter(pk=upload_id)
        .update(claim=claim, lease_until=timezone.now() + LEASE, attempts=F("attempts") + 1)
    )
    if not taken:
        return None
    upload = Upload.objects.get(pk=upload_id)
    if upload.claim != claim:
        return None
    if upload.attempts > MOST_ATTEMPTS:
        # what takes its worker with it would take the next one too
        _give_up(
            upload,
            f"Given up after {MOST_ATTEMPTS} attempts: each ended with its worker. The log of the workers may say why.",
        )
        return None
    return upload


def _check(upload: Upload) -> None:
    with Spool() as spool:
        checked = _read(upload, spool)
        _write_down(upload, checked)
        checked = scan(checked, spool, _Reporter(upload, "scanning"))
    _write_down(upload, checked, state=State.CHECKED, lease_until=None, claim=None)


def _read(upload: Upload, spool: Spool) -> Checked:
    replaced = upload.replaced if upload.state == State.STORING else []
    with open_parts(upload) as stream:
        report = _Reporter(upload, "reading")
        return check_file(
            stream,
            upload.filename,
            spool,
            columns=upload.columns,
            limits=upload_limits(),
            options=Options(**upload.options),
            replaced=replaced,
            reports=upload.state == State.CHECKING or bool(replaced),
            progress=lambda: report(stream.tell(), upload.size),
        )


def _store(upload: Upload) -> None:
    with Spool() as spool:
        checked = _read(upload, spool)
        if not checked.rows:  # replacing personal data can do no such thing, and the parts do not change
            raise RuntimeError("the file that was checked holds no row any more")
        if checked.bad_rows and not upload.skip_invalid:
            raise Refused(
                "Other rows are bad than when you looked. Look again, then store it or skip the bad rows."
            )
        report = upload.report
        if upload.replaced:
            checked = scan(checked, spool, _Reporter(upload, "scanning"))
            report = checked.preflight
        # not by the size of the file, which may be packed
        lease = LEASE + timedelta(seconds=spool.size / STORING_BYTES_A_SECOND)
        if not _own(upload).update(step="storing", done=0, total=0, lease_until=timezone.now() + lease):
            raise Superseded
        with transaction.atomic():
            version, _created = store_spool(
                name=upload.name,
                spool=spool,
                sha256=checked.sha256,
                source=upload.filename,
                by=upload.created_by,
                description=upload.description,
                changelog=upload.changelog,
                warnings=checked.version_warnings(upload.replaced),
                preflight=report,
            )
            _finish(upload, version)


def _finish(upload: Upload, version: GoldenSetVersion) -> None:
    stored = _own(upload).update(
        state=State.STORED, version=version, lease_until=None, claim=None, changed_at=timezone.now()
    )
    if not stored:
        raise Superseded
    upload.parts.all().delete()
    versions = version.golden_set.versions.exclude(pk=version.pk)
    if upload.from_draft and (newer := versions.filter(created_at__gt=upload.created_at).first()):
        raise Refused(
            f"Version {newer.number} was stored meanwhile, and this would undo it. "
            "Discard this, then publish the draft again."
        )
    # an older version with the same content is given back, and then the newest one lacks the changes still
    if upload.from_draft and not versions.filter(number__gt=version.number).exists():
        DraftChange.objects.filter(golden_set=version.golden_set, changed_at__lte=upload.created_at).delete()


def _write_down(upload: Upload, checked: Checked, **fields: object) -> None:
    found = {
        "format": checked.format,
        "rows": checked.rows,
        "bad_rows": checked.bad_rows,
        "problems": problems_as_json(checked.errors),
        "more_problems": checked.more_errors,
        "notes": list(checked.warnings),
        "report": checked.preflight,
        "sha256": checked.sha256,
    }
    if not _own(upload).update(**(found | fields), changed_at=timezone.now()):
        raise Superseded


def _give_up(upload: Upload, fault: str) -> None:
    _own(upload).update(
        state=State.CHECKED,
        fault=fault.replace("\x00", "\N{REPLACEMENT CHARACTER}"),
        lease_until=None,
        claim=None,
        changed_at=timezone.now(),
    )


def _own(upload: Upload) -> QuerySet[Upload]:
    """The upload while this worker still holds it: a lease that ran out and was taken up is someone else's."""
    return Upload.objects.filter(pk=upload.pk, claim=upload.claim, state=upload.state)


class _Reporter:
    """Writes down how far a step is, and holds the lease meanwhile; now and then, not at each call."""

    def __init__(self, upload: Upload, step: str) -> None:
        self._upload, self._step, self._next = upload, step, 0.0

    def __call__(self, done: int, total: int) -> None:
        now = time.monotonic()
        if now < self._next:
            return
        self._next = now + SECONDS_BETWEEN_REPORTS
        held = _own(self._upload).update(
            step=self._step, done=done, total=total, lease_until=timezone.now() + LEASE
        )
        if not held:
            raise Superseded
