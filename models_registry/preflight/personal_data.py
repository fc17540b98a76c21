"""Personal data in texts, found by form and checksum, and placeholders in its stead. Pure.

Made for support prompts in English and Spanish. What is found is told by kind and place, never by what it says, so
that a report does not copy what it warns about.
"""

from __future__ import annotations

import ipaddress
import re
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from dataclasses import replace as replaced
from functools import cache
from typing import Any

from stdnum import iban, luhn, numdb
from stdnum.es import dni, nie

from models_registry.golden_files.row import Row
from models_registry.preflight.context import Called, called, is_amount
from models_registry.preflight.phone_numbers import phone_numbers
from models_registry.preflight.prompts import texts_of

E_MAIL, PHONE, CARD, IBAN, IDENTITY, IP = "e-mail", "phone", "payment card", "IBAN", "DNI/NIE", "IP address"
KINDS = (E_MAIL, PHONE, CARD, IBAN, IDENTITY, IP)
PLACEHOLDERS = {kind: f"[{kind}]" for kind in KINDS}

Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Finding:
    """Personal data of one of KINDS at text[start:end], in characters. The text itself is not kept."""

    kind: str
    start: int
    end: int


def find(text: str) -> list[Finding]:
    """Personal data in a text, in order, never overlapping.

    Kinds: e-mail; phone (international; national of ES, IE, GB, US, MX); payment card (known prefix and grouping,
    Luhn); IBAN (checksum, the country's form); DNI/NIE (check letter); IP address (v4, v6; no loopback). Words
    beside a number decide where its form fits an order, a version or an amount too. Raises nothing on any text.
    Source: python-stdnum for checksums, phonenumbers for numbering plans, `ipaddress`.
    """
    findings: list[Finding] = []
    if "@" in text:
        findings += [Finding(E_MAIL, *span) for span in _e_mails(text)]
    if _DIGIT.search(text):
        # the kinds that a checksum proves come first: a phone number may stand inside any of them
        for kind, scan in _SCANS:
            for start, end in scan(text):
                if all(end <= found.start or found.end <= start for found in findings):
                    findings.append(Finding(kind, start, end))
    return sorted(findings, key=lambda finding: finding.start)


def replace(text: str, kinds: Collection[str] = KINDS) -> str:
    """The text with a placeholder such as "[e-mail]" for all of these kinds; `find` then finds none of them."""
    # a placeholder may end what hid another finding: each turn takes digits or an @ away, so there is a last one
    while findings := [finding for finding in find(text) if finding.kind in kinds]:
        parts, position = [], 0
        for finding in findings:
            parts += [text[position : finding.start], PLACEHOLDERS[finding.kind]]
            position = finding.end
        text = "".join([*parts, text[position:]])
    return text


def kinds_in_row(row: Row) -> Counter[str]:
    """How often each kind stands in messages, reference and metadata strings (not in names, id or tags)."""
    return Counter(finding.kind for text in texts_of(row) for finding in find(text))


def replaced_row(row: Row, kinds: Collection[str] = KINDS) -> Row:
    """The row with placeholders in messages, reference and metadata strings; id, tags and names stay."""
    return replaced(
        row,
        messages=tuple(
            {**message, "content": replace(message["content"], kinds)} for message in row.messages
        ),
        reference=replace(row.reference, kinds),
        metadata=row.metadata if row.metadata is None else _replaced_value(row.metadata, kinds),
    )


def _replaced_value(value: Any, kinds: Collection[str]) -> Any:
    if isinstance(value, str):
        return replace(value, kinds)
    if isinstance(value, list | tuple):
        return [_replaced_value(item, kinds) for item in value]
    if isinstance(value, Mapping):
        return {name: _replaced_value(item, kinds) for name, item in value.items()}
    return value


_DIGIT = re.compile("[0-9]")

_E_MAIL = re.compile(
    r"(?<![\w.+%'\-])[\w+%'\-](?:[\w.+%'\-]{0,63})@(?:[^\W_](?:[\w\-]{0,62})\.){1,8}(?P<top>[^\W\d_]{2,24})(?![\w@])"
)
# what follows "@2x." in the name of an image, or a version in the name of a package
_FILE_ENDING = re.compile(
    r"png|jpe?g|gif|svg|webp|avif|ico|css|m?js|[jt]sx?|json|pdf|zip|html|py", re.IGNORECASE
)


def _e_mails(text: str) -> Iterator[Span]:
    for match in _E_MAIL.finditer(text):
        if not _FILE_ENDING.fullmatch(match["top"]) and not match.group().startswith("git@"):
            yield match.span()


_CARD = re.compile(
    r"(?<![\w#/=\-])(?<![0-9][.,])(?:"
    r"(?P<sixteen>[0-9]{4}(?P<a>[ \-\u00a0]?)[0-9]{4}(?P=a)[0-9]{4}(?P=a)[0-9]{1,4})"
    r"(?:[0-9]{1,3}|(?P<apart>[ \-\u00a0][0-9]{1,3}))?"
    r"|3[0-9]{3}(?P<b>[ \-\u00a0]?)[0-9]{6}(?P=b)[0-9]{4,5})"
    r"(?![^\W_]|[.,\-][0-9])"
)
# first digits and lengths by the issuers' ranges (ISO/IEC 7812). The many short Maestro ranges are left out
_CARD_FORMS: tuple[tuple[int, int, tuple[int, ...]], ...] = (
    (4000, 4999, (13, 16, 19)),  # Visa
    (5100, 5599, (16,)),  # Mastercard
    (2221, 2720, (16,)),
    (3400, 3499, (15,)),  # American Express
    (3700, 3799, (15,)),
    (3000, 3059, (14,)),  # Diners
    (3600, 3699, (14,)),
    (3800, 3999, (14,)),
    (3528, 3589, (16,)),  # JCB
    (6011, 6011, (16, 19)),  # Discover
    (6440, 6599, (16, 19)),
    (6200, 6299, (16, 17, 18, 19)),  # UnionPay
    (5018, 5018, (16, 18, 19)),  # Maestro
    (5020, 5020, (16, 18, 19)),
    (5038, 5038, (16, 18, 19)),
    (6304, 6304, (16, 18, 19)),
    (6759, 6763, (16, 18, 19)),
)


def _cards(text: str) -> Iterator[Span]:
    for match in _CARD.finditer(text):
        start, end = match.span()
        if called(text, start, end) not in (Called.CARD, Called.PHONE, Called.IDENTITY, Called.NOTHING):
            continue
        # what follows apart may be the month it expires, or the three digits of its back
        ends = [end, match.end("sixteen")] if match["apart"] else [end]
        for stop in ends:
            if _is_card(re.sub("[^0-9]", "", text[start:stop])):
                yield start, stop
                break


def _is_card(digits: str) -> bool:
    first = int(digits[:4])
    known = any(low <= first <= high and len(digits) in lengths for low, high, lengths in _CARD_FORMS)
    return known and len(set(digits)) > 1 and luhn.is_valid(digits)


_IBAN_START = re.compile(r"(?<![^\W_])[A-Za-z]{2}[0-9]{2}(?=[ \-\u00a0]?[A-Za-z0-9]{2})")


@cache
def _iban_length(country: str) -> int | None:
    """Characters of a country's IBAN, from the registry in python-stdnum; None where it has none."""
    properties = numdb.get("iban").info(country)[0][1]
    form = properties.get("bban", "") if properties else ""
    return 4 + sum(map(int, re.findall(r"[0-9]+(?=!)", form))) if form else None


def _ibans(text: str) -> Iterator[Span]:
    for match in _IBAN_START.finditer(text):
        length = _iban_length(match.group()[:2].upper())
        if length is None:
            continue
        characters, position = match.group(), match.end()
        while len(characters) < length and position < len(text):
            character = text[position]
            if character.isascii() and character.isalnum():
                characters += character
            elif character not in " -\u00a0" or text[position - 1] in " -\u00a0":
                break
            position += 1
        follows = text[position : position + 1]
        # the letters of an IBAN are written alike: "es91" is fine, "Es91" begins a word
        alike = characters[:2].isupper() or characters[:2].islower()
        if len(characters) == length and alike and not follows.isalnum() and _is_iban(characters):
            yield match.start(), position


def _is_iban(characters: str) -> bool:
    return iban.is_valid(characters, check_country=False)


_IDENTITY = re.compile(
    r"(?<![\w/#.\-])(?:[0-9]{8}(?P<a>[ \-]?)[A-Za-z]|[0-9]{1,2}\.[0-9]{3}\.[0-9]{3}(?P<b>[ \-]?)[A-Za-z]"
    r"|[XYZxyz](?P<c>[ \-]?)[0-9]{7}(?P<d>[ \-]?)[A-Za-z])(?![^\W_]|[\-/][^\W_])"
)


def _identities(text: str) -> Iterator[Span]:
    for match in _IDENTITY.finditer(text):
        number = re.sub(r"[ .\-]", "", match.group()).upper()
        valid = dni.is_valid(number.zfill(9)) if number[0].isdigit() else nie.is_valid(number)
        if not valid:
            continue
        name = called(text, *match.span())
        # "12345678 a Madrid": a letter apart is a word, unless the number is called an identity
        apart = " " in match.group()
        if name is Called.IDENTITY or (not apart and name not in (Called.ORDER, Called.VERSION)):
            yield match.span()


_IPV4 = re.compile(r"(?<![\w.\-])(?:[0-9]{1,3}\.){3}[0-9]{1,3}(?![\w]|[.\-][^\W_])")
_IPV6 = re.compile(r"(?<![\w:.])(?:[0-9A-Fa-f]{0,4}:){2,7}[0-9A-Fa-f]{0,4}(?![\w:]|\.[0-9])")


def _ip_addresses(text: str) -> Iterator[Span]:
    for match in _IPV4.finditer(text):
        name = called(text, *match.span())
        if name in (Called.VERSION, Called.ORDER) or is_amount(text, *match.span()):
            continue
        # four small figures are a version or a heading, unless the words say otherwise
        if name is not Called.ADDRESS and not any(int(part) >= 100 for part in match.group().split(".")):
            continue
        if _is_ip_address(match.group()):
            yield match.span()
    if text.count(":") < 2:
        return
    for match in _IPV6.finditer(text):
        address = match.group()
        groups = [group for group in address.split(":") if group]
        # "Cafe::Bed" is a name in a program: an address that is shortened begins with four digits, some of 0-9
        shortened = "::" in address
        if len(groups) < 2 or (shortened and not (len(groups[0]) == 4 and re.search("[0-9]", address))):
            continue
        if _is_ip_address(address):
            yield match.span()


def _is_ip_address(text: str) -> bool:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return False
    return not (
        address.is_loopback
        or address.is_unspecified
        or address.is_multicast
        or text.startswith(("0.", "255."))
    )


_SCANS: tuple[tuple[str, Callable[[str], Iterator[Span]]], ...] = (
    (IBAN, _ibans),
    (CARD, _cards),
    (IDENTITY, _identities),
    (IP, _ip_addresses),
    (PHONE, phone_numbers),
)
