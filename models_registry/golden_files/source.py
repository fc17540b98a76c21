"""Bytes into UTF-8 and numbered lines of it: unpacks gzip, knows the byte order marks, reads no more than it may.

UTF-8 with or without a byte order mark and UTF-16 with one are read; anything else is refused with the byte
offset at which it stops being that. Pure.
"""

from __future__ import annotations

import codecs
import gzip
import io
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO, NamedTuple

from models_registry.golden_files.limits import MEGABYTE, Limits, megabytes
from models_registry.golden_files.row import Problem

HEAD_BYTES = 256 * 1024
BLOCK = 1 << 16
GZIP = b"\x1f\x8b"
PARQUET = b"PAR1"
RATIO_COUNTS_FROM = 16 * MEGABYTE
UTF8_FIX = "save it as UTF-8 (in a spreadsheet: CSV UTF-8) and try again"

# What people upload by mistake: (first bytes, what it is, what to do)
NOT_TEXT = (
    (b"PK\x03\x04", "is a ZIP archive or an Excel workbook", "unpack it, or save the sheet as CSV UTF-8"),
    (b"\xd0\xcf\x11\xe0", "is an old Excel workbook", "save the sheet as CSV UTF-8"),
    (b"PARE", "is an encrypted Parquet file", "write it without encryption"),
    (b"%PDF", "is a PDF", "give JSON Lines, CSV or Parquet"),
    (b"BZh", "is packed with bzip2", "unpack it, or pack it with gzip"),
    (b"\xfd7zXZ\x00", "is packed with xz", "unpack it, or pack it with gzip"),
    (b"\x28\xb5\x2f\xfd", "is packed with Zstandard", "unpack it, or pack it with gzip"),
    (b"\xff\xfe\x00\x00", "is UTF-32: its byte order mark stands at byte offset 0", UTF8_FIX),
    (b"\x00\x00\xfe\xff", "is UTF-32: its byte order mark stands at byte offset 0", UTF8_FIX),
    (b"SQLite format 3\x00", "is an SQLite database", "export the table as CSV"),
    (b"ARROW1", "is an Arrow file", "write it as Parquet"),
    (b"Obj\x01", "is an Avro file", "write it as Parquet or JSON Lines"),
)


class Unreadable(Exception):
    """The file as a whole can't be read, or not to its end; no row of it counts."""

    def __init__(self, message: str, fix: str, line: int = 1, unit: str = "line") -> None:
        self.problem = Problem(line, message, fix, unit, whole_file=True)


class Line(NamedTuple):
    """A line with its end; `text` is None where it is longer than a row may be."""

    number: int
    text: str | None


# the same before it is decoded, and the byte offset at which it begins
type RawLine = tuple[int, bytes | None, int]


@dataclass(frozen=True)
class Source:
    """`stream` is the whole of it, unpacked, in UTF-8 and without a mark (or Parquet); `head` how it begins.

    `start` is the byte offset of its first byte, so that messages can tell the offset in the file.
    """

    head: bytes
    stream: io.BufferedReader[Any]
    start: int = 0

    @property
    def is_parquet(self) -> bool:
        return self.head.startswith(PARQUET)


class _Bounded(io.RawIOBase):
    """A stream that may not be longer than `most`, nor than `ratio` times what `packed` has given."""

    def __init__(self, stream: Any, most: int, packed: _Bounded | None = None, ratio: int = 0) -> None:
        self.stream, self.most, self.packed, self.ratio, self.seen = stream, most, packed, ratio, 0

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
        if self.packed and self.seen > max(RATIO_COUNTS_FROM, self.ratio * self.packed.seen):
            raise Unreadable(
                f"the gzip file unpacks to more than {self.ratio} times its size", "upload it unpacked"
            )
        buffer[: len(chunk)] = chunk
        return len(chunk)


class _Rejoined(io.RawIOBase):
    """What was read of a stream already, and then the rest of it."""

    def __init__(self, head: bytes, rest: io.BufferedReader[Any]) -> None:
        self.head, self.rest = head, rest

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        if self.head:
            chunk, self.head = self.head[: len(buffer)], self.head[len(buffer) :]
        else:
            chunk = self.rest.read1(len(buffer))
        buffer[: len(chunk)] = chunk
        return len(chunk)


class _Utf8OfUtf16(io.RawIOBase):
    def __init__(self, stream: io.BufferedReader[Any], encoding: str) -> None:
        self.stream, self.encoding = stream, encoding
        self.decoder = codecs.getincrementaldecoder(encoding)()
        self.offset = 2
        self.lines = 1
        self.ready = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        while not self.ready:
            chunk = self.stream.read(BLOCK)
            pending = len(self.decoder.getstate()[0])
            try:
                text = self.decoder.decode(chunk, final=not chunk)
            except UnicodeDecodeError as error:
                where = self.offset - pending + error.start
                what = "ends in the middle of a character" if not chunk else "is not UTF-16"
                raise Unreadable(
                    f"the file {what}: see byte offset {where}", UTF8_FIX, line=self.lines
                ) from None
            if not chunk and not text:
                return 0
            self.offset += len(chunk)
            self.lines += text.count("\n")
            self.ready = text.encode()
        chunk, self.ready = self.ready[: len(buffer)], self.ready[len(buffer) :]
        buffer[: len(chunk)] = chunk
        return len(chunk)


def open_source(stream: BinaryIO, limits: Limits) -> Source:
    """The file as UTF-8, or as Parquet. Raises Unreadable for whatever it can tell from the first bytes."""
    packed = _Bounded(stream, limits.file_bytes)
    source: io.BufferedReader[Any] = io.BufferedReader(packed, BLOCK)
    if source.peek(2)[:2] == GZIP:
        unpacked = _Bounded(gzip.GzipFile(fileobj=source), limits.file_bytes, packed, limits.gzip_ratio)
        source = io.BufferedReader(unpacked, BLOCK)
        if source.peek(2)[:2] == GZIP:
            raise Unreadable("the file is packed with gzip twice", "pack it once")
    head = source.read(HEAD_BYTES)
    for magic, what, fix in NOT_TEXT:
        if head.startswith(magic):
            raise Unreadable(f"the file {what}", fix)
    if head.startswith(PARQUET):
        return Source(head, _rejoined(head, source))
    for mark, encoding in ((codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be")):
        if head.startswith(mark):
            source = io.BufferedReader(_Utf8OfUtf16(_rejoined(head[2:], source), encoding), BLOCK)
            head = source.read(HEAD_BYTES)
            return Source(head, _rejoined(head, source), 2)
    if b"\x00" in head[:4]:
        raise Unreadable(
            f"the file is not UTF-8 text: byte offset {head.index(0)} holds a zero byte", UTF8_FIX
        )
    start = len(codecs.BOM_UTF8) if head.startswith(codecs.BOM_UTF8) else 0
    head = head[start:]
    return Source(head, _rejoined(head, source), start)


def _rejoined(head: bytes, rest: io.BufferedReader[Any]) -> io.BufferedReader[Any]:
    return io.BufferedReader(_Rejoined(head, rest), BLOCK)


def check_head(source: Source) -> None:
    """Raise Unreadable where the beginning is not UTF-8: then that is what is wrong, whatever else seems to be."""
    offset = source.start
    for number, raw in enumerate(source.head.split(b"\n")[:-1] or [source.head], start=1):
        utf8(raw, offset, number)
        offset += len(raw) + 1


def lines_of(source: Source, limits: Limits) -> Iterator[Line]:
    """The lines, numbered from 1. Raises Unreadable for anything that is not UTF-8 text, or not whole."""
    for raw in raw_lines(source, limits):
        yield line_of(*raw)


def line_of(number: int, raw: bytes | None, offset: int) -> Line:
    """The line as text. Raises Unreadable."""
    if raw is None:
        return Line(number, None)
    return Line(number, raw.decode() if raw.isascii() else utf8(raw, offset, number))


def raw_lines(source: Source, limits: Limits) -> Iterator[RawLine]:
    """The lines, not decoded. Raises Unreadable for too many of them, and for a file that is not whole."""
    readline, row_bytes, offset = source.stream.readline, limits.row_bytes, source.start
    # a small file can unpack into millions of empty lines, each of which takes time
    most_lines = 2 * limits.rows
    number = 0
    while raw := readline(row_bytes + 1):
        number += 1
        if number > most_lines:
            raise Unreadable(
                f"the file has more than {most_lines:,} lines", "split it into several", line=number
            )
        size = len(raw)
        if size > row_bytes:
            while raw and not raw.endswith(b"\n"):
                raw = readline(BLOCK)
                size += len(raw)
            yield number, None, offset
        else:
            yield number, raw, offset
        offset += size


def utf8(raw: bytes, offset: int, number: int, unit: str = "line") -> str:
    """The text. Raises Unreadable with the byte offset where it is none; `offset` is that of its first byte."""
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        where = f"byte offset {offset + error.start} holds 0x{raw[error.start]:02x}"
        raise Unreadable(f"the file is not UTF-8: {where}", UTF8_FIX, line=number, unit=unit) from None
