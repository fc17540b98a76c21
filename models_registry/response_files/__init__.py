"""Files of responses that were made elsewhere: bytes in, rows or numbered problems out. Pure.

    opened = open_responses(stream, "answers.csv")
    for item in opened.rows:    # ResponseRow | Problem, one at a time
    opened.format, opened.warnings

Files come as golden sets do: JSON Lines, JSON arrays, CSV or Parquet; in UTF-8, or in UTF-16 with a mark; packed with
gzip or not. What a row holds is told in row.py.
"""

from __future__ import annotations

from models_registry.response_files.reading import OpenedResponses, open_responses
from models_registry.response_files.row import COLUMNS, ResponseRow, check_row

__all__ = ["COLUMNS", "OpenedResponses", "ResponseRow", "check_row", "open_responses"]
