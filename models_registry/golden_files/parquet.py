"""Parquet, in and out, by DuckDB. Pure: it works in a folder of its own that is gone afterwards.

Rows have the columns of JSON Lines, with lists and structures as such ("metadata" as an object or as JSON text), or
those of any other format known here, as data sets on Hugging Face do. Each row comes out of DuckDB as JSON text, so
that dates, decimals, maps and bytes arrive as what JSON calls them. DuckDB is kept from the network, from every
other file and from more memory than it needs.
Source: https://duckdb.org/docs/stable/operations_manual/securing_duckdb/overview
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import duckdb
import msgspec
from duckdb.sqltypes import DuckDBPyType

from models_registry.golden_files.json_text import BadJson, decode
from models_registry.golden_files.jsonl import object_of
from models_registry.golden_files.limits import Limits, megabytes
from models_registry.golden_files.raw import raw_of
from models_registry.golden_files.row import Problem, RawRow, Row, shorten
from models_registry.golden_files.source import BLOCK, Source, Unreadable

# DuckDB works through 2,048 rows at once; so many may stand in memory a few times over
MEMORY = "512MB"
ROWS_AT_ONCE = 64
ROW_GROUP = 2048
# each level of lists makes DuckDB think twice as long about how to write them as JSON, before the first row
MOST_TYPE_DEPTH = 10
# no column of a file is called so
ROW = "evalsite_row"
COLUMNS = {
    "id": "VARCHAR",
    "system": "VARCHAR",
    "messages": "STRUCT(role VARCHAR, content VARCHAR)[]",
    "user_turns": "VARCHAR[]",
    "tags": "VARCHAR[]",
    "reference": "VARCHAR",
    "lang": "VARCHAR",
    "metadata": "VARCHAR",
}
NESTED = ("list", "array", "struct", "map", "union")
BROKEN = "write it again with the program it comes from, or export it as JSON Lines"


def raw_rows(source: Source, limits: Limits) -> Iterator[RawRow | Problem]:
    """`objects`, with "metadata" that is JSON text as the object it tells of."""
    for found in objects(source, limits):
        yield _with_metadata(found, limits)


def objects(source: Source, limits: Limits) -> Iterator[RawRow | Problem]:
    """(number, columns) of every row, in order; a Problem for any that can't be read. Raises Unreadable.

    The whole file is written to a temporary folder first: Parquet is read from its end.
    """
    with tempfile.TemporaryDirectory(prefix="evalsite-") as folder:
        path = Path(folder, "rows.parquet")
        with path.open("wb") as copy:
            shutil.copyfileobj(source.stream, copy, BLOCK)
        try:
            with _connection(folder) as database:
                yield from _rows(database, path, limits)
        except duckdb.OutOfMemoryException:
            raise Unreadable(
                "the rows of the Parquet file are too large together", "write smaller row groups", unit="item"
            ) from None
        except (duckdb.Error, UnicodeError, RuntimeError) as error:
            raise Unreadable(
                f"the Parquet file can't be read: {_reason(error)}", BROKEN, unit="item"
            ) from None


def _connection(folder: str) -> duckdb.DuckDBPyConnection:
    """An empty database that reaches that folder and nothing else."""
    config: dict[str, str | bool | int | float | list[str]] = {
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
        "allow_community_extensions": False,
        "memory_limit": MEMORY,
        "temp_directory": "",
        "threads": 1,
    }
    database = duckdb.connect(config=config)
    database.execute("SET allowed_directories = [$folder]", {"folder": folder})
    database.execute("SET allocator_flush_threshold = '8MB'")
    database.execute("SET allocator_bulk_deallocation_flush_threshold = '8MB'")
    database.execute("SET enable_external_access = false")
    database.execute("SET lock_configuration = true")
    return database


def _rows(database: duckdb.DuckDBPyConnection, path: Path, limits: Limits) -> Iterator[RawRow | Problem]:
    table = "read_parquet($path, hive_partitioning = false)"
    given: dict[str, Any] = {"path": str(path)}
    columns = database.sql(f"FROM {table}", params=given)
    if len(columns.columns) > limits.columns:
        raise Unreadable(
            f"the file has {len(columns.columns):,} columns", "remove those that are not needed", unit="item"
        )
    for name, kind in zip(columns.columns, columns.types, strict=True):
        if _is_deep(kind):
            raise Unreadable(
                f'the column "{shorten(name)}" is nested more than {MOST_TYPE_DEPTH} deep',
                "flatten it, or write it as JSON text",
                unit="item",
            )
    text = f"to_json({ROW})::VARCHAR"
    query = f"SELECT CASE WHEN strlen(j) <= $most THEN j END FROM (SELECT {text} AS j FROM {table} {ROW})"  # noqa: S608
    result = database.execute(query, given | {"most": limits.row_bytes})
    number = 0
    while batch := result.fetchmany(ROWS_AT_ONCE):
        for (row,) in batch:
            number += 1
            if row is None:
                most = megabytes(limits.row_bytes)
                yield Problem(number, f"the row is longer than {most}", "shorten or remove it", "item")
            else:
                yield object_of(row, number, limits, "item")


def _is_deep(kind: DuckDBPyType) -> bool:
    level = [kind]
    for _ in range(MOST_TYPE_DEPTH + 1):
        nested = [one for one in level if one.id in NESTED]
        level = [inner for one in nested for _name, inner in one.children if isinstance(inner, DuckDBPyType)]
    return bool(level)


def _with_metadata(found: RawRow | Problem, limits: Limits) -> RawRow | Problem:
    if isinstance(found, Problem) or not isinstance(found[1].get("metadata"), str):
        return found
    number, row = found
    try:
        return number, row | {"metadata": decode(row["metadata"], '"metadata"', depth=limits.json_depth)}
    except BadJson as bad:
        return Problem(number, bad.message, 'write an object such as {"source": "chat"}', "item")


def _reason(error: Exception) -> str:
    """What DuckDB says, without its own class of error and without paths."""
    line = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
    line = line.split(": ", 1)[-1]
    if "evalsite-" in line or not line.isprintable():
        return "it is damaged, or cut off before its end"
    return line[:200].rstrip(".").encode("utf-8", "replace").decode()


def write(rows: Iterable[Row]) -> Iterator[bytes]:
    """A Parquet file with the columns of JSON Lines, the metadata as JSON text; compressed with Zstandard."""
    encode = msgspec.json.Encoder().encode
    with tempfile.TemporaryDirectory(prefix="evalsite-") as folder:
        lines, path = Path(folder, "rows.jsonl"), Path(folder, "rows.parquet")
        largest = 0
        with lines.open("wb") as stream:
            for row in rows:
                raw = raw_of(row)
                if "metadata" in raw:
                    raw["metadata"] = json.dumps(raw["metadata"], ensure_ascii=False)
                largest = max(largest, stream.write(encode(raw) + b"\n"))
        given = {"lines": str(lines), "path": str(path), "columns": COLUMNS, "largest": max(largest, 1) * 2}
        with _connection(folder) as database:
            database.execute(
                "COPY (FROM read_json($lines, columns = $columns, format = 'newline_delimited', "
                "maximum_object_size = $largest)) "
                f"TO $path (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE {ROW_GROUP})",
                given,
            )
        with path.open("rb") as stream:
            while piece := stream.read(BLOCK):
                yield piece
