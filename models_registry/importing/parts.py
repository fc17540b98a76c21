"""A file kept in the database in pieces: in from any chunks, out as a stream. Neither holds more than one piece."""

from __future__ import annotations

import gzip
import io
import zlib
from collections.abc import Iterable, Iterator

from models_registry.golden_files.source import BLOCK, GZIP, PARQUET
from models_registry.models import Upload, UploadPart

PART_BYTES = 1024 * 1024


def write_parts(upload: Upload, pieces: Iterable[bytes]) -> int:
    """Store a file's pieces, of whatever size they come; how many bytes it had."""
    size = 0
    for position, part in enumerate(_of_one_size(pieces)):
        UploadPart.objects.create(upload=upload, position=position, content=part)
        size += len(part)
    return size


def open_parts(upload: Upload) -> io.BufferedReader:
    return io.BufferedReader(_Parts(upload), PART_BYTES)


def unpacked_size(upload: Upload, most: int) -> int:
    """How many bytes there are to read, counted up to `most`; what Parquet holds can't be told, so it is `most`."""
    with open_parts(upload) as stream:
        head = stream.peek(len(PARQUET))
        if head.startswith(GZIP):
            return _gzip_size(stream, most)
        return most if head.startswith(PARQUET) else min(upload.size, most)


def _gzip_size(stream: io.BufferedReader, most: int) -> int:
    size = 0
    try:
        with gzip.GzipFile(fileobj=stream) as unpacked:
            while size < most and (block := unpacked.read(min(BLOCK, most - size))):
                if block.startswith(PARQUET) and not size:
                    return most
                size += len(block)
    except (EOFError, gzip.BadGzipFile, zlib.error):
        pass  # reading it ends at the same place
    return size


def _of_one_size(pieces: Iterable[bytes]) -> Iterator[bytes]:
    waiting = bytearray()
    for piece in pieces:
        waiting += piece
        while len(waiting) >= PART_BYTES:
            yield bytes(waiting[:PART_BYTES])
            del waiting[:PART_BYTES]
    if waiting:
        yield bytes(waiting)


class _Parts(io.RawIOBase):
    """The parts one after the other. A query each: a cursor held open would hold a transaction."""

    def __init__(self, upload: Upload) -> None:
        self._parts, self._next, self._left = upload.parts.order_by(), 0, memoryview(b"")
        self._given = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        if not self._left:
            content = self._parts.filter(position=self._next).values_list("content", flat=True).first()
            if content is None:
                return 0
            self._left, self._next = memoryview(content), self._next + 1
        taken = min(len(buffer), len(self._left))
        buffer[:taken] = self._left[:taken]
        self._left = self._left[taken:]
        self._given += taken
        return taken

    def tell(self) -> int:
        """How far it is read, for those who show progress."""
        return self._given
