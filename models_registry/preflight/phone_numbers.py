"""Phone numbers in running text: international ones, and national forms of five countries. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from types import ModuleType

from models_registry.preflight.context import Called, called, is_amount

REGIONS = ("ES", "IE", "GB", "US", "MX")

# A maximal run of digits with single separators. Possessive, so that long tables of figures cost no more than
# their length; only a run's own beginning may begin one, so nothing is cut out of a longer number.
_RUN = re.compile(
    r"(?<![\w#$€£/=@\-])(?<![0-9][.,:])(?P<plus>\+|\(\+|\(00|00)?\(?"
    r"[0-9]++(?:(?:\) ?-?|[ .\-\u00a0\u2011]?\(|[ .\-\u00a0\u2011]?)[0-9]++)*+(?![^\W_]|[.,:/\-][0-9]|@)"
)
_DIGITS = re.compile(r"[0-9]+")
# How people group digits, by region: (groups, what it begins with). As phonenumbers and the regulators write them.
_GROUPINGS: dict[str, tuple[str, frozenset[tuple[int, ...]]]] = {
    "ES": ("6789", frozenset({(3, 3, 3), (3, 2, 2, 2), (2, 3, 2, 2), (2, 3, 4), (3, 6), (2, 7)})),
    "IE": ("0", frozenset({(2, 3, 4), (3, 3, 4), (3, 3, 3), (3, 7), (2, 7), (3, 2, 5)})),
    "GB": ("0", frozenset({(3, 4, 4), (5, 6), (5, 3, 3), (4, 3, 4), (4, 7), (3, 8), (5, 2, 2, 2)})),
    "US": ("123456789", frozenset({(3, 3, 4), (1, 3, 3, 4), (3, 7)})),
    "MX": ("123456789", frozenset({(2, 4, 4), (3, 3, 4), (2, 2, 2, 2, 2), (2, 8)})),
}
_BLOCK_LENGTHS = {"ES": (9,), "IE": (9, 10), "GB": (10, 11), "US": (10, 11), "MX": (10,)}


@cache
def _library() -> ModuleType:
    """Imported when first needed: its tables take 15 MB."""
    import phonenumbers

    return phonenumbers


def phone_numbers(text: str) -> Iterator[tuple[int, int]]:
    """(start, end) of every phone number, in order, in characters.

    International: "+" or "00" and what phonenumbers holds valid anywhere. National: valid in Spain, Ireland, the
    United Kingdom, the United States or Mexico, and either grouped as people there group it, or called a phone
    number by the words beside it. What the words call an order, or a unit calls an amount, is none.
    Raises nothing. Source: libphonenumber's metadata, by way of phonenumbers.
    """
    for match in _RUN.finditer(text):
        start, end = match.span()
        if not 7 <= end - start <= 40:
            continue
        # a bracket before the number belongs to it only where it is closed inside
        while text[start] == "(" and ")" not in text[start:end]:
            start += 1
        if match["plus"]:
            found = _international(text, start, end)
            if found is not None:
                yield start, found
                continue
        if _is_national(text, start, end):
            yield start, end


def _international(text: str, start: int, end: int) -> int | None:
    """Where the number ends; what follows after a space may be another figure."""
    if called(text, start, end) is Called.ORDER:
        return None
    for _ in range(3):
        candidate = text[start:end].replace("(0)", "")
        digits = sum(map(len, _DIGITS.findall(candidate)))
        if digits < 8:
            return None
        if (
            digits <= 17
            and _is_valid(re.sub(r"^\(?00", "+", candidate), None)
            and not is_amount(text, start, end)
        ):
            return end
        shorter = max(text.rfind(" ", start, end), text.rfind("\u00a0", start, end))
        if shorter <= start:
            return None
        end = shorter
    return None


def _is_national(text: str, start: int, end: int) -> bool:
    candidate = text[start:end]
    groups = _DIGITS.findall(candidate)
    count = sum(map(len, groups))
    if not 9 <= count <= 11 or is_amount(text, start, end):
        return False
    lengths = tuple(map(len, groups))
    first = groups[0][0]
    if len(groups) == 1:
        regions = [
            region for region in REGIONS if count in _BLOCK_LENGTHS[region] and first in _GROUPINGS[region][0]
        ]
    else:
        regions = [
            region for region, (begins, known) in _GROUPINGS.items() if lengths in known and first in begins
        ]
    if not regions:
        return False
    name = called(text, start, end)
    if name not in (Called.PHONE, Called.NOTHING):
        return False
    # nine digits in one block, or with the dots of thousands, are as likely an order or an amount
    plain = len(groups) == 1 or (len(set(lengths)) == 1 and "." in candidate)
    if plain and name is not Called.PHONE:
        return False
    return any(_is_valid(candidate, region) for region in regions)


def _is_valid(candidate: str, region: str | None) -> bool:
    library = _library()
    try:
        number = library.parse(candidate, region)
    except library.NumberParseException:
        return False
    return bool(library.is_valid_number(number))
