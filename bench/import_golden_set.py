"""How long importing a golden set takes, beside the floor: json.loads of its lines and COPY of its rows.

    make bench-import            100,000 rows, about 140 MB, on a PostgreSQL that it starts itself; ROWS=20000 for fewer

The import is what storing an upload does: parse and check every row, hash, and store with indexes, constraints and
triggers. The floor is one json.loads a line, then one COPY of each table's rows into a table like it, with its indexes
but without foreign keys and triggers. Both in one process, in turn, by the clock; the ratio is of the best of each.
Memory is measured in a process of its own that does the import alone. The slower scans are bench/preflight.py.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from bench.served import services  # noqa: E402


def make_file(path: Path, rows: int) -> None:
    from bench.preflight import make_rows

    with path.open("w", encoding="utf-8") as file:
        for row in make_rows(rows):
            given = {
                "id": row.key,
                "messages": row.messages,
                "tags": row.tags,
                "reference": row.reference,
                "lang": row.lang,
                "metadata": row.metadata,
            }
            file.write(json.dumps(given, ensure_ascii=False) + "\n")


def floor(path: Path) -> tuple[float, float]:
    """Seconds of json.loads of all lines, and of COPY of their rows."""
    from django.db import connection

    tables = ("models_registry_example", "models_registry_exampletag")
    with connection.cursor() as cursor:
        for table in tables:
            cursor.execute(f"DROP TABLE IF EXISTS floor_{table}")
            cursor.execute(f"CREATE TABLE floor_{table} (LIKE {table} INCLUDING ALL)")
    start = time.perf_counter()
    with path.open(encoding="utf-8") as file:
        for line in file:
            json.loads(line)
    loads = time.perf_counter() - start

    examples, tags = [], []
    with path.open(encoding="utf-8") as file:
        for pk, line in enumerate(file):
            row = json.loads(line)
            texts = (json.dumps(row[name], ensure_ascii=False) for name in ("messages", "metadata"))
            messages, metadata = texts
            examples.append((pk, 1, pk, row["id"], messages, row["reference"], row["lang"], metadata))
            tags += [(pk, position, tag) for position, tag in enumerate(row["tags"])]
    start = time.perf_counter()
    copy(f"floor_{tables[0]}", EXAMPLE_COLUMNS, examples)
    copy(f"floor_{tables[1]}", ("example_id", "position", "name"), tags)
    return loads, time.perf_counter() - start


EXAMPLE_COLUMNS = (
    *("id", "golden_set_version_id", "position", "key"),
    *("messages", "reference", "lang", "metadata"),
)


def copy(table: str, columns: tuple[str, ...], rows: list[tuple[Any, ...]]) -> None:
    from django.db import connection

    with (
        connection.cursor() as cursor,
        cursor.copy(f"COPY {table} ({', '.join(columns)}) FROM STDIN") as writer,
    ):
        for row in rows:
            writer.write_row(row)


def import_file(path: Path, name: str) -> tuple[float, float]:
    """Seconds until the rows are checked and hashed, and until the version stands."""
    from models_registry.importing.check import check_file
    from models_registry.importing.spool import Spool
    from models_registry.importing.store import store_spool

    start = time.perf_counter()
    with path.open("rb") as stream, Spool() as spool:
        checked = check_file(stream, path.name, spool, reports=False)
        parsed = time.perf_counter() - start
        _version, created = store_spool(
            name=name,
            spool=spool,
            sha256=checked.sha256,
            source=path.name,
            by=None,
            warnings=(),
        )
    assert created
    return parsed, time.perf_counter() - start


def child(path: Path) -> None:
    from models_registry.preflight import quick

    quick([])
    before = most_memory()
    import_file(path, "memory")
    print(most_memory() - before)


def most_memory() -> float:
    """MB that this process had at most (ru_maxrss would count what it was forked from)."""
    status = Path("/proc/self/status").read_text()
    return next(int(line.split()[1]) / 1024 for line in status.splitlines() if line.startswith("VmHWM"))


def set_up() -> None:
    os.environ |= {
        "DJANGO_SETTINGS_MODULE": "evalsite.settings",
        "REDIS_URL": "",
        "SECRET_KEY": "for-a-benchmark",
    }
    import django

    django.setup()


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--child", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        set_up()
        child(options.child)
        return
    with services("postgres") as folder:
        measure(folder / "rows.jsonl", options.rows, options.turns)


def measure(path: Path, rows: int, turns: int) -> None:
    set_up()
    from django.core.management import call_command
    from django.db import connection

    call_command("migrate", verbosity=0)
    make_file(path, rows)
    megabytes = path.stat().st_size / 1e6
    print(
        f"{rows:,} rows, {megabytes:.1f} MB of JSON Lines; Python {platform.python_version()}, "
        f"PostgreSQL {connection.pg_version // 10000}, {os.cpu_count()} cores; best of {turns}"
    )
    floors, imports = [], []
    for turn in range(turns):
        floors.append(floor(path))
        imports.append(import_file(path, f"set-{turn}"))
    loads, copied = min(floors, key=sum)
    parsed, whole = min(imports, key=lambda seconds: seconds[1])
    print(f"{'json.loads of the lines':<44}{loads:>8.2f} s{megabytes / loads:>8.1f} MB/s")
    print(f"{'COPY of the same rows':<44}{copied:>8.2f} s{megabytes / copied:>8.1f} MB/s")
    print(f"{'floor: both':<44}{loads + copied:>8.2f} s")
    print(f"{'import: parse, check, hash':<44}{parsed:>8.2f} s{megabytes / parsed:>8.1f} MB/s")
    print(f"{'import: store, with constraints and triggers':<44}{whole - parsed:>8.2f} s")
    print(f"{'import: all':<44}{whole:>8.2f} s{megabytes / whole:>8.1f} MB/s")
    print(f"import / floor: {whole / (loads + copied):.2f}")
    connection.close()
    grown = subprocess.run(
        [sys.executable, __file__, "--child", str(path)], stdout=subprocess.PIPE, text=True, check=True
    )
    print(f"memory of the importing process grew by {float(grown.stdout):.0f} MB")


if __name__ == "__main__":
    main()
