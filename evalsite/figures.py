"""Figures for people, with the separators of the page's language; never for attributes, JSON, CSV or addresses."""

from __future__ import annotations

from decimal import Decimal

from django.utils.formats import get_format
from django.utils.translation import get_language
from django.utils.translation import gettext as _

NO_BREAK = "\N{NO-BREAK SPACE}"
DASH = "–"


def figure(value: Decimal | float, spec: str = ",") -> str:
    """By Python's format: `figure(1234.5, ",.2f")` is 1,234.50 in English and 1 234,50 in Spanish."""
    return separated(format(value, spec))


def separated(written: str) -> str:
    """A figure that is written as Python writes it, with the separators of the page's language."""
    signs = {
        ",": get_format("THOUSAND_SEPARATOR", use_l10n=True),
        ".": get_format("DECIMAL_SEPARATOR", use_l10n=True),
    }
    return written.translate(str.maketrans(signs))


def dollars(value: Decimal | float, spec: str = ",.2f") -> str:
    """US dollars: $12.40, 12,40 $."""
    written = figure(value, spec)
    return f"{written}{NO_BREAK}$" if get_language() == "es" else f"${written}"


def percent(value: float | None, digits: int = 1) -> str:
    """A fraction of 1 as a percentage: 0.6125 -> 61.3 %."""
    return DASH if value is None else f"{figure(100 * value, f'.{digits}f')}{NO_BREAK}%"


def duration(value: float | None) -> str:
    """Seconds as a person says how long something takes: 40 s, 12 min, 3 h 20 min, 2 days."""
    if value is None:
        return DASH
    minutes = round(value / 60)
    if value < 90:
        return _("%(number)d s") % {"number": max(1, round(value)) if value else 0}
    if minutes < 90:
        return _("%(number)d min") % {"number": minutes}
    if minutes < 36 * 60:
        return _("%(hours)d h %(minutes)d min") % {"hours": minutes // 60, "minutes": minutes % 60}
    return _("%(number)d days") % {"number": round(minutes / 60 / 24)}


def seconds(value: float | None) -> str:
    """Seconds, short: 0.84 s, 12.3 s."""
    if value is None:
        return DASH
    return f"{figure(value, '.2f' if value < 10 else '.1f')}{NO_BREAK}s"
