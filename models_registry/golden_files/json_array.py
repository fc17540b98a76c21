"""JSON documents, read item by item: an array of rows, or an object that holds one. Pure.

[{"id": "a", "prompt": "…"}, …]                 rows as in JSON Lines
{"models": [...], "examples": [{…}, …]}         the items of one of its lists

Only one item is held at a time. What is wrong with an item is told by its number ("item 14"); what is wrong
between items (no comma, no end) ends the reading, as then nobody can say where the next one begins.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from typing import Any

import msgspec

from models_registry.golden_files.jsonl import object_of
from models_registry.golden_files.limits import Limits, megabytes
from models_registry.golden_files.row import Problem, RawRow
from models_registry.golden_files.source import BLOCK, Source, Unreadable, utf8

SPACE = b" \t\r\n"
NOT_SPACE = re.compile(rb"[^ \t\r\n]")
IN_STRING = re.compile(rb'(?:[^"\\]++|\\.)*+', re.DOTALL)
AT_TOP = re.compile(rb'["{}\[\],:]')
INSIDE = re.compile(rb'["{}\[\]]')
OPEN, CLOSE, QUOTE = b"{[", b"}]", ord('"')
FIX = "give it as the program that wrote it does; a JSON checker shows the place"


class Scanner:
    """Where the values of a JSON document begin and end. It balances brackets and quotes; the rest is decoding."""

    def __init__(self, source: Source, limits: Limits) -> None:
        self.stream, self.limits = source.stream, limits
        self.buffer, self.place = b"", 0
        self.start = source.start
        self.item = 1

    def next(self) -> bytes:
        """The next byte that is not a space, which is not passed; empty at the end."""
        while True:
            found = NOT_SPACE.search(self.buffer, self.place)
            if found:
                self.place = found.start()
                return self.buffer[self.place : self.place + 1]
            self.place = len(self.buffer)
            if not self._more():
                return b""

    def take(self) -> bytes:
        byte = self.next()
        self.place += 1
        return byte

    def value(self, *, keep: bool = True) -> tuple[bytes | None, int]:
        """The text of the next value and its offset; None for one that is longer than a row or not to be kept."""
        self.next()
        begin = self.start + self.place
        pieces: list[bytes] = []
        size, depth, in_string = 0, 0, False
        while True:
            place, depth, in_string, ended = self._run(self.place, depth, in_string)
            size += place - self.place
            if keep and size <= self.limits.row_bytes:
                pieces.append(self.buffer[self.place : place])
            else:
                pieces.clear()
            self.place = place
            if ended:
                whole = keep and size <= self.limits.row_bytes
                return (b"".join(pieces).rstrip(SPACE) if whole else None), begin
            if not self._more():
                raise self.unreadable("the file ends in the middle of it")

    def _run(self, place: int, depth: int, in_string: bool) -> tuple[int, int, bool, bool]:
        """On through the buffer, to its end or that of the value: (place, depth, whether in a string, at the end)."""
        buffer = self.buffer
        end = len(buffer)
        while place < end:
            if in_string:
                inside = IN_STRING.match(buffer, place)
                assert inside is not None
                place = inside.end()
                if place == end or buffer[place] != QUOTE:  # the end, or a backslash before it
                    return place, depth, True, False
                in_string = False
                place += 1
                continue
            found = (INSIDE if depth else AT_TOP).search(buffer, place)
            if found is None:
                return end, depth, False, False
            place = found.start()
            byte = buffer[place]
            if byte == QUOTE:
                in_string = True
            elif byte in OPEN:
                depth += 1
            elif depth and byte in CLOSE:
                depth -= 1
            else:
                return place, depth, False, True
            place += 1
        return place, depth, in_string, False

    def _more(self) -> bool:
        chunk = self.stream.read1(BLOCK)
        left = self.buffer[self.place :]
        self.start += self.place
        self.buffer, self.place = left + chunk, 0
        return bool(chunk)

    def unreadable(self, message: str) -> Unreadable:
        return Unreadable(message, FIX, line=self.item, unit="item")


def items(source: Source, limits: Limits) -> Iterator[RawRow | Problem]:
    """(number, object) of every item of the array that the document is. Raises Unreadable where it isn't one."""
    scanner = Scanner(source, limits)
    if scanner.take() != b"[":
        raise scanner.unreadable("the file is not a JSON array")
    yield from _items(scanner)
    _check_end(scanner)


def items_below(source: Source, limits: Limits, name: str) -> Iterator[RawRow | Problem]:
    """(number, object) of every item of the list under that name of the object that the document is."""
    scanner = Scanner(source, limits)
    if scanner.take() != b"{":
        raise scanner.unreadable("the file is not a JSON object")
    found = False
    for key in _keys(scanner):
        if key == name and not found and scanner.next() == b"[":
            found = True
            scanner.take()
            yield from _items(scanner)
        else:
            scanner.value(keep=False)
    if not found:
        raise scanner.unreadable(f'the file has no list "{name}"')
    _check_end(scanner)


def first_values(source: Source, limits: Limits) -> dict[str, Any]:
    """The names of the object that the document is, as far as it goes, with the values that are whole."""
    scanner = Scanner(source, limits)
    values: dict[str, Any] = {}
    if scanner.take() != b"{":
        return values
    try:
        for key in _keys(scanner):
            values[key] = None
            text, _offset = scanner.value()
            values[key] = msgspec.json.decode(text or b"null")
    except (Unreadable, msgspec.MsgspecError, UnicodeError, RecursionError):
        pass
    return values


def source_of(text: bytes) -> Source:
    return Source(text, io.BufferedReader(io.BytesIO(text)))


def _items(scanner: Scanner) -> Iterator[RawRow | Problem]:
    if scanner.next() == b"]":
        scanner.take()
        return
    while True:
        number = scanner.item
        text, offset = scanner.value()
        if text is None:
            most = megabytes(scanner.limits.row_bytes)
            yield Problem(number, f"the row is longer than {most}", "shorten or remove it", "item")
        else:
            yield object_of(utf8(text, offset, number, "item"), number, scanner.limits, "item")
        byte = scanner.take()
        if byte == b"]":
            return
        if byte != b",":
            raise scanner.unreadable(f'"{byte.decode()}" stands where a comma or "]" is expected')
        scanner.item += 1


def _keys(scanner: Scanner) -> Iterator[str]:
    """The names of an object that was just opened; after each, its value has to be taken."""
    if scanner.next() == b"}":
        scanner.take()
        return
    while True:
        text, offset = scanner.value()
        if scanner.take() != b":":
            raise scanner.unreadable("a name without a value stands in the document")
        yield utf8(text or b"", offset, scanner.item, "item").strip('"')
        byte = scanner.take()
        if byte == b"}":
            return
        if byte != b",":
            raise scanner.unreadable("the document is not one JSON object")


def _check_end(scanner: Scanner) -> None:
    if scanner.next():
        raise scanner.unreadable("the file goes on after the end of its JSON document")
