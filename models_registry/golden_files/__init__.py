"""Golden set files: bytes in, rows or numbered problems out; rows in, bytes out. One module per format; pure.

    opened = open_golden_set(stream, "support.csv", columns={"prompt": "Question", "tags": "Topic"})
    for item in opened.rows:    # Row | Problem, one at a time
    opened.format, opened.warnings

    for piece in write(rows, "parquet"):

Files come as JSON Lines, JSON arrays, CSV or Parquet; in UTF-8, or in UTF-16 with a mark; packed with gzip or not.
Rows have the project's own columns (row.py) or those of another tool, each described in the module of its name.
"""

from __future__ import annotations

from models_registry.golden_files.csv_columns import CsvColumns, csv_columns
from models_registry.golden_files.limits import Limits
from models_registry.golden_files.reading import Opened, Reading, derived_id, open_golden_set, read
from models_registry.golden_files.recognise import FORMATS
from models_registry.golden_files.row import COLUMNS, UNTAGGED, Problem, Row, check_row
from models_registry.golden_files.writing import WRITTEN_FORMATS, Unwritable, write

__all__ = [
    "COLUMNS",
    "FORMATS",
    "UNTAGGED",
    "WRITTEN_FORMATS",
    "CsvColumns",
    "Limits",
    "Opened",
    "Problem",
    "Reading",
    "Row",
    "Unwritable",
    "check_row",
    "csv_columns",
    "derived_id",
    "open_golden_set",
    "read",
    "write",
]
