"""How much a golden set file may hold. Pure; the values come from the settings."""

from __future__ import annotations

from dataclasses import dataclass

MEGABYTE = 1024 * 1024


@dataclass(frozen=True)
class Limits:
    """What is read at most; more is a Problem.

    file_bytes    of the file, packed and unpacked alike
    rows          rows of any kind, bad ones too; a file may have twice as many lines
    row_bytes     of one row; in JSON Lines and arrays a longer row is an error and the next one is read
    json_depth    lists and objects within each other, in one row
    gzip_ratio    times its own size to which a gzip file may unpack, once that is more than 16 MB
    columns       of a CSV or Parquet file
    """

    file_bytes: int = 1024 * MEGABYTE
    rows: int = 1_000_000
    row_bytes: int = 4 * MEGABYTE
    json_depth: int = 64
    gzip_ratio: int = 200
    columns: int = 1000


def megabytes(count: int) -> str:
    return f"{count / MEGABYTE:.3g} MB"
