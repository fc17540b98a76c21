"""Retire a golden set version, and take that back."""

from __future__ import annotations

from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.translation import gettext as _

from models_registry.actions.model_versions import check_storable
from models_registry.models import GoldenSetVersion


def retire_golden_set_version(*, version: GoldenSetVersion, reason: str, by: User | None) -> GoldenSetVersion:
    """Keep it out of new evaluations; everything else of it stays. Whoever retires it first gives the reason."""
    reason = reason.strip()
    if not reason:
        raise ValidationError(
            {"reason": _("Say why it is retired, such as “version 4 mends the wrong references”.")}
        )
    check_storable("reason", reason)
    if not version.sealed_at:
        raise ValidationError(_("This version is still being stored; retire it once that is done."))
    GoldenSetVersion.objects.filter(pk=version.pk, retired_at__isnull=True).update(
        retired_at=timezone.now(), retired_by=by, retired_reason=reason
    )
    version.refresh_from_db()
    return version


def restore_golden_set_version(*, version: GoldenSetVersion, by: User | None) -> GoldenSetVersion:
    """Let new evaluations use it again.

    Without this a mistake would be for good: a set has the same content only once, so it can't be uploaded again.
    """
    GoldenSetVersion.objects.filter(pk=version.pk, retired_at__isnull=False).update(
        retired_at=None, retired_by=None, retired_reason=""
    )
    version.refresh_from_db()
    return version
