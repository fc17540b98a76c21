"""Traffic by intent from a file, such as an export of a week's conversations that are counted by intent."""

from __future__ import annotations

import csv
import io
import json
from math import isfinite

from django.utils.translation import gettext as _

MOST_BYTES = 1024 * 1024


class TrafficFault(ValueError):
    """What is wrong with the file; the message says where and the fix."""


def read_traffic(content: bytes) -> dict[str, float]:
    """Counts or shares by intent, above 0, as the file gives them.

    Either a JSON object ({"billing": 1200, "refunds": 340}) or CSV with two columns, intent and count; a head line, a
    semicolon or a tab between them are fine, and a name that comes twice is added up. Raises TrafficFault.
    """
    if len(content) > MOST_BYTES:
        raise TrafficFault(
            _("The file is larger than 1 MB; give one line for each intent, not for each conversation.")
        )
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as wrong:
        raise TrafficFault(_("The file is not UTF-8; save it as CSV UTF-8.")) from wrong
    pairs = _from_json(text) if text.lstrip().startswith("{") else _from_csv(text)
    found: dict[str, float] = {}
    for name, count in pairs:
        found[name] = found.get(name, 0.0) + count
    if not found:
        raise TrafficFault(_("The file names no intent; write a line such as “billing,1200” for each."))
    return found


def _from_json(text: str) -> list[tuple[str, float]]:
    try:
        given = json.loads(text)
    except ValueError as wrong:
        raise TrafficFault(_("The JSON can't be read: %(wrong)s.") % {"wrong": wrong}) from wrong
    found = []
    for name, count in given.items():
        if isinstance(count, bool) or not isinstance(count, int | float) or not _is_count(count):
            raise TrafficFault(
                _("“%(intent)s” has no count above 0; give a number, such as 1200.") % {"intent": name}
            )
        found.append((name.strip(), float(count)))
    return found


def _from_csv(text: str) -> list[tuple[str, float]]:
    found = []
    first = text.lstrip().splitlines()[0] if text.strip() else ""
    delimiter = next((mark for mark in ("\t", ";", ",") if mark in first), ",")
    for number, row in enumerate(csv.reader(io.StringIO(text), delimiter=delimiter), start=1):
        if not row or not any(cell.strip() for cell in row):
            continue
        if len(row) < 2:
            raise TrafficFault(
                _("Line %(line)d has one column; write the intent and its count, such as “billing,1200”.")
                % {"line": number}
            )
        count = _number(row[1])
        if count is None:
            if number == 1:  # a head line
                continue
            raise TrafficFault(
                _("Line %(line)d: “%(given)s” is no count above 0; give a number, such as 1200.")
                % {"line": number, "given": row[1].strip()[:40]}
            )
        found.append((row[0].strip(), count))
    return found


def _number(given: str) -> float | None:
    try:
        count = float(given.strip().removesuffix("%"))
    except ValueError:
        return None
    return count if _is_count(count) else None


def _is_count(count: float) -> bool:
    return isfinite(count) and count > 0
