"""Exact token counts, offline, and how they are spread. Pure."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from models_registry.golden_files.row import Row

ENCODINGS = ("o200k_base", "cl100k_base")
TOKENS_PER_MESSAGE = 4  # its frame and its role
TOKENS_PER_ROW = 3  # the frame of the answer that is to come

_loaded: dict[str, Any] = {}
_loading = threading.Lock()


@dataclass(frozen=True, slots=True)
class Histogram:
    """Rows by tokens. Bin i counts rows with edges[i] <= tokens < edges[i + 1]; edges double, the first is 0.

    `median`, `p95`: order statistics (the smallest count that at least half, 95 % of the rows don't exceed).
    """

    edges: tuple[int, ...]
    counts: tuple[int, ...]
    rows: int
    total: int
    median: int
    p95: int
    most: int


def count(text: str, encoding: str = ENCODINGS[0]) -> int:
    """Tokens of a text as tiktoken counts them without special tokens; half surrogate pairs count as "?".

    The first call for an encoding takes a second and about 100 MB, and downloads nothing. Threads may share it.
    Raises ValueError for an encoding that is not in ENCODINGS. Source: bpe-openai.
    """
    tokenizer = _loaded.get(encoding) or _load(encoding)
    try:
        return int(tokenizer.count(text))
    except UnicodeEncodeError:
        return int(tokenizer.count(text.encode("utf-8", "replace").decode("utf-8")))


def row_tokens(row: Row, encoding: str = ENCODINGS[0]) -> int:
    """Tokens of the prompt as OpenAI bills it: every message's content and 4 for its frame, and 3 for the answer's.

    Other models frame messages otherwise, by a few tokens. Raises ValueError as `count`.
    Source: OpenAI cookbook, "How to count tokens with tiktoken".
    """
    return TOKENS_PER_ROW + sum(
        TOKENS_PER_MESSAGE + count(message["content"], encoding) for message in row.messages
    )


def histogram(tokens: Mapping[int, int]) -> Histogram | None:
    """The spread of token counts; `tokens`: how many rows have each count. None where there is no row."""
    values = sorted((value, rows) for value, rows in tokens.items() if rows > 0)
    if not values:
        return None
    edges = [0, 16]
    while edges[-1] <= values[-1][0]:
        edges.append(edges[-1] * 2)
    counts = [sum(rows for value, rows in values if low <= value < high) for low, high in pairwise(edges)]
    rows = sum(counts)
    return Histogram(
        tuple(edges),
        tuple(counts),
        rows,
        sum(value * rows for value, rows in values),
        _quantile(values, rows, 50),
        _quantile(values, rows, 95),
        values[-1][0],
    )


def _quantile(values: list[tuple[int, int]], rows: int, percent: int) -> int:
    passed = 0
    for value, number in values:
        passed += number
        if passed * 100 >= percent * rows:
            return value
    raise AssertionError("the counts do not add up")


def count_rows(rows: list[Row], encoding: str = ENCODINGS[0]) -> Counter[int]:
    """How many rows have each number of tokens, as `histogram` takes it. Raises ValueError as `count`."""
    return Counter(row_tokens(row, encoding) for row in rows)


def _load(encoding: str) -> Any:
    if encoding not in ENCODINGS:
        raise ValueError(f'"{encoding}" is not known; use {" or ".join(ENCODINGS)}')
    with _loading:
        if encoding not in _loaded:
            # The bindings themselves: the package's own `Encoding` makes a list of every count, refuses texts of
            # more than 200,000 tokens and holds the vocabulary a second time.
            from bpe_openai import _bindings

            _loaded[encoding] = _bindings.tokenizer_for_encoding(encoding)
        return _loaded[encoding]
