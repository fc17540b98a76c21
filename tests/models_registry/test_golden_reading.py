"""How a golden set file is read: columns that are mapped, limits, and memory that stays flat."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import tracemalloc
from pathlib import Path

import pytest

from models_registry.golden_files import (
    CsvColumns,
    Limits,
    Problem,
    Reading,
    Row,
    csv_columns,
    derived_id,
    open_golden_set,
    read,
    write,
)
from tests.models_registry.test_golden_formats import ROWS, as_lines, written

# --- CSV whose columns are mapped --------------------------------------------------------------------------

SHEET = 'Ticket;Question;Topic;prompt\n17;"Where; why?";billing|refunds;x\n18;Hi;;\n'.encode("utf-16")


def test_mapped_columns_are_read() -> None:
    reading = read(SHEET, columns={"id": "Ticket", "prompt": "Question", "tags": "Topic", "lang": ""})
    assert reading.errors == ()
    first, second = reading.rows
    assert (first.key, first.messages[0]["content"], first.tags) == (
        "17",
        "Where; why?",
        ("billing", "refunds"),
    )
    assert (first.metadata, second.tags, second.metadata) == ({"column prompt": "x"}, (), {})
    without_ids = read(SHEET, columns={"prompt": "Question"})
    assert [row.key for row in without_ids.rows] == [derived_id(row.messages) for row in reading.rows]


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        ({"prompt": "Query"}, 'the header has no column "Query", only "Ticket", "Question"'),
        ({"id": "Ticket"}, "no column is chosen for the prompt"),
        ({"prompt": "Question", "tags": "Question"}, "map each column once"),
        ({"prompt": "Question", "topic": "Topic"}, 'can\'t be "topic" here'),
    ],
)
def test_mapping_that_does_not_fit_is_told(columns: dict[str, str], said: str) -> None:
    (problem,) = read(SHEET, columns=columns).errors
    assert said in str(problem)


def test_columns_of_a_csv_are_shown_and_suggested() -> None:
    found = csv_columns(io.BytesIO(SHEET), rows=1)
    assert isinstance(found, CsvColumns)
    assert found.header == ("Ticket", "Question", "Topic", "prompt")
    assert found.rows == (("17", "Where; why?", "billing|refunds", "x"),)
    assert found.delimiter == ";"
    assert found.suggested == {"id": "Ticket", "prompt": "prompt", "tags": "Topic"}


@pytest.mark.parametrize("source", [b"", b"PAR1", b'"', b"\x1f\x8b\x00", b"\xff", b"a,b\n\xff"])
def test_columns_of_what_is_no_csv_are_a_problem(source: bytes) -> None:
    assert isinstance(csv_columns(io.BytesIO(source)), Problem)


# --- limits ------------------------------------------------------------------------------------------------


def limited(source: bytes, **limits: int) -> Reading:
    return read(source, limits=Limits(**limits))


@pytest.mark.parametrize("format", ["jsonl", "csv", "parquet"])
def test_limit_ends_the_reading(format: str) -> None:
    source = written(ROWS, format)
    for reading, said in (
        (limited(source, rows=4), "more than 4 rows"),
        (limited(source, file_bytes=40), "holds more than"),
    ):
        assert reading.rows == ()
        assert said in str(reading.errors[0])
        assert reading.errors[0].whole_file


def test_row_beyond_a_limit_does_not_hide_the_next() -> None:
    rows = [
        {"id": "a", "prompt": "x" * 90},
        {"id": "b", "prompt": "[[[[", "metadata": [[[]]]},
        {"id": "c", "prompt": "[[[["},
    ]
    for source in (as_lines(*rows), json.dumps(rows).encode()):
        reading = limited(source, row_bytes=80, json_depth=3)
        assert [row.key for row in reading.rows] == ["c"]
        assert [problem.message for problem in reading.errors] == [
            "the row is longer than 7.63e-05 MB",
            "the row is nested more than 3 deep",
        ]


CHILD = """
import sys
from pathlib import Path
from models_registry.golden_files import open_golden_set, Row
with open(sys.argv[1], "rb") as stream:
    rows = sum(isinstance(row, Row) for row in open_golden_set(stream).rows)
status = dict(line.split(":") for line in Path("/proc/self/status").read_text().splitlines())
print(rows, status["VmHWM"].split()[0])
"""


@pytest.mark.skipif(sys.platform != "linux", reason="asks Linux for the highest memory of a process")
# DuckDB holds 2,048 rows a few times over, however many there are
@pytest.mark.parametrize(("form", "most"), [("jsonl", 60), ("json", 60), ("csv", 60), ("parquet", 120)])
def test_memory_stays_flat_with_the_size_of_the_file(form: str, most: int, tmp_path: Path) -> None:
    """50 MB, read by a process of its own, cost so many MB more than a file of one row does."""
    peaks = []
    for count in (1, 12_500):
        rows = (
            Row(n, f"id-{n}", ({"role": "user", "content": f"{n} " * (4000 // len(f"{n} "))},))
            for n in range(count)
        )
        path = tmp_path / f"{count}.{form}"
        with path.open("wb") as stream:
            pieces = write(rows, "jsonl" if form == "json" else form)
            if form == "json":
                lines = b"".join(pieces).splitlines()
                pieces = iter([b"[", b",".join(lines), b"]"])
            stream.writelines(pieces)
        child = subprocess.run(
            [sys.executable, "-c", CHILD, path],
            check=True,
            capture_output=True,
            text=True,
            cwd=Path(__file__).parents[2],
        )
        found, peak = map(int, child.stdout.split())
        assert found == count
        peaks.append(peak)
    assert peaks[1] - peaks[0] < most * 1024


def test_reader_holds_no_more_than_a_row_and_the_ids() -> None:
    class Lines(io.RawIOBase):
        left, ready = 10_000, b""

        def read(self, size: int = -1) -> bytes:
            while self.left and len(self.ready) < size:
                self.ready += b'{"id": "%d", "prompt": "%s"}\n' % (self.left, b"Hi " * 300)
                self.left -= 1
            piece, self.ready = self.ready[:size], self.ready[size:]
            return piece

    tracemalloc.start()
    try:
        assert sum(isinstance(row, Row) for row in open_golden_set(Lines()).rows) == 10_000  # type: ignore[arg-type]
        assert tracemalloc.get_traced_memory()[1] < 6 * 1024 * 1024
    finally:
        tracemalloc.stop()
