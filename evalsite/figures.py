"""Figures for people, with the separators of the page's language; never for attributes, JSON, CSV or addresses."""

from __future__ import annotations

from decimal import Decimal

from django.utils.formats import get_format
from django.utils.translation import get_language

NO_BREAK = "\N{NO-BREAK SPACE}"


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
