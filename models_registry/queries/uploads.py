"""Golden set files on their way to become versions."""

from __future__ import annotations

from django.db.models import Max, QuerySet

from models_registry.models import GoldenSetVersion, Upload
from models_registry.preflight import Report


def uploads() -> QuerySet[Upload]:
    return Upload.objects.select_related("version__golden_set", "created_by")


def unfinished_uploads() -> QuerySet[Upload]:
    """Neither stored nor discarded, newest first, without what they hold."""
    done_with = [Upload.State.STORED, Upload.State.DISCARDED]
    unfinished = Upload.objects.exclude(state__in=done_with).select_related("created_by")
    return unfinished.defer("problems", "notes", "report").order_by("-pk")


def report_of(upload: Upload) -> Report | None:
    return Report.from_json(upload.report) if upload.report else None


def personal_data_of(upload: Upload) -> dict[str, int]:
    """How many of an upload's examples hold personal data, by kind."""
    report = report_of(upload)
    found = report.warnings if report else ()
    return {
        subject.name: subject.count
        for warning in found
        if warning.code == "personal_data"
        for subject in warning.subjects
    }


def replaced_before(upload: Upload) -> list[str]:
    """The kinds of personal data that got placeholders in the last file stored in the same set."""
    stored = Upload.objects.filter(name=upload.name, state=Upload.State.STORED).order_by("-pk")
    return stored.values_list("replaced", flat=True).first() or []


def same_version(upload: Upload) -> GoldenSetVersion | None:
    """The version of the set that has exactly the rows of the upload."""
    if not upload.sha256:
        return None
    return (
        GoldenSetVersion.objects.filter(
            golden_set__name=upload.name, sha256=upload.sha256, sealed_at__isnull=False
        )
        .select_related("golden_set")
        .first()
    )


def version_since(upload: Upload) -> GoldenSetVersion | None:
    """A version of the set that was stored after the file came."""
    return GoldenSetVersion.objects.filter(
        golden_set__name=upload.name, created_at__gt=upload.created_at, sealed_at__isnull=False
    ).first()


def next_number(upload: Upload) -> int:
    """The number of the version that the upload would become."""
    versions = GoldenSetVersion.objects.filter(golden_set__name=upload.name)
    newest: int = versions.aggregate(newest=Max("number"))["newest"] or 0
    return newest + 1
