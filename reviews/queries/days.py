"""Where a day begins, for counts of today."""

from __future__ import annotations

from datetime import datetime

from django.utils import timezone


def midnight() -> datetime:
    """The last one, in the installation's time zone."""
    return timezone.localtime().replace(hour=0, minute=0, second=0, microsecond=0)
