"""Bytes into numbered lines of text: unpacks gzip, wants UTF-8, reads no more than it may. Pure."""

from __future__ import annotations

import gzip
import io
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from models_registry.golden_files.row import Problem

MOST_LINE_BYTES = 4 * 1024 * 1024
# a small file can unpack into millions of empty lines, each of which takes time
MOST_LINES = 2_000_000
UTF8_FIX = "save it as UTF-8 (in a spreadsheet: CSV UTF-8) and try again"

# What people upload by mistake: (first bytes, what it is, what to do)
NOT_TEXT = (
    (b"PK\x03\x04", "is a ZIP archive or an Excel workbook", "unpack it, or save the sheet as CSV UTF-8"),
    (b"\xd0\xcf\x11\xe0", "is an old Excel workbook", "save the sheet as CSV UTF-8"),
    (b"PAR1", "is a Parquet file", "export it as JSON Lines or CSV"),
    (b"%PDF", "is a PDF", "give JSON Lines or CSV"),
    (b"BZh", "is packed with bzip2", "unpack it, or pack it with gzip"),
    (b"\xfd7zXZ\x00", "is packed with xz", "unpack it, or pack it with gzip"),
    (b"\x28\xb5\x2f\xfd", "is packed with Zstandard", "unpack it, or pack it with gzip"),
    (b"\xff\xfe", "is UTF-16: its byte order mark stands at byte offset 0", UTF8_FIX),
    (b"\xfe\xff", "is UTF-16: its byte order mark stands at byte offset 0", UTF8_FIX),
    (b"SQLite format 3\x00", "is an SQLite database", "export the table as CSV"),
)


class Unreadable(Exception):
    """The file as a whole can't be read; no row of it counts."""

    def __init__(self, message: str, fix: str, line: int = 1) -> None:
        self.problem = Problem(line, message, fix)


@dataclass(frozen=True, slots=True)
class Line:
    """A line with its end; `text` is None where it is longer than MOST_LINE_BYTES."""

    number: int
    text: str | None


class _Bounded(io.RawIOBase):
    def __init__(self, stream: BinaryIO | gzip.GzipFile, most: int) -> None:
        self.stream, self.most, self.seen = stream, most, 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        try:
            chunk = self.stream.read(len(buffer))
        except EOFError:
            raise Unreadable("the gzip file is cut off before its end", "pack or upload it again") from None
        except (gzip.BadGzipFile, zlib.error):
            raise Unreadable("the gzip file is damaged", "pack or upload it again") from None
        self.seen += len(chunk)
        if self.seen > self.most:
            raise Unreadable(f"the file holds more than {megabytes(self.most)}", "split it into several")
        buffer[: len(chunk)] = chunk
        return len(chunk)


def megabytes(count: int) -> str:
    return f"{count / 1024 / 1024:.3g} MB"


def lines_of(stream: BinaryIO, most_bytes: int) -> Iterator[Line]:
    """The lines, numbered from 1. `most_bytes` bounds what is read, packed and unpacked alike.

    Raises Unreadable for anything that is not UTF-8 text, or not whole.
    """
    source = io.BufferedReader(_Bounded(stream, most_bytes), 1 << 16)
    if source.peek(2)[:2] == b"\x1f\x8b":
        source = io.BufferedReader(_Bounded(gzip.GzipFile(fileobj=source), most_bytes), 1 << 16)
        if source.peek(2)[:2] == b"\x1f\x8b":
            raise Unreadable("the file is packed with gzip twice", "pack it once")
    head = source.peek(16)[:16]
    for magic, what, fix in NOT_TEXT:
        if head.startswith(magic):
            raise Unreadable(f"the file {what}", fix)
    if b"\x00" in head[:4]:
        raise Unreadable(
            f"the file is not UTF-8 text: byte offset {head.index(0)} holds a zero byte", UTF8_FIX
        )
    offset = 0
    number = 0
    while raw := source.readline(MOST_LINE_BYTES + 1):
        number += 1
        if number > MOST_LINES:
            raise Unreadable(
                f"the file has more than {MOST_LINES:,} lines", "split it into several", line=number
            )
        size = len(raw)
        if size > MOST_LINE_BYTES:
            while raw and not raw.endswith(b"\n"):
                raw = source.readline(1 << 16)
                size += len(raw)
            yield Line(number, None)
        else:
            try:
                text = raw.decode()
            except UnicodeDecodeError as error:
                where = f"byte offset {offset + error.start} holds 0x{raw[error.start]:02x}"
                raise Unreadable(f"the file is not UTF-8: {where}", UTF8_FIX, line=number) from None
            yield Line(number, text.removeprefix("\ufeff") if number == 1 else text)
        offset += size
