"""How much a golden set file may hold here: the settings, as golden_files takes them."""

from __future__ import annotations

from dataclasses import replace

from django.conf import settings

from models_registry.golden_files import Limits


def upload_limits() -> Limits:
    """For files that come through a browser."""
    return Limits(
        file_bytes=settings.GOLDEN_SET_MAX_BYTES,
        rows=settings.GOLDEN_SET_MAX_ROWS,
        row_bytes=settings.GOLDEN_SET_MAX_ROW_BYTES,
        json_depth=settings.GOLDEN_SET_MAX_JSON_DEPTH,
    )


def file_limits() -> Limits:
    """For files that an operator has on the machine, which may be larger."""
    limits = upload_limits()
    return replace(limits, file_bytes=max(limits.file_bytes, Limits.file_bytes))
