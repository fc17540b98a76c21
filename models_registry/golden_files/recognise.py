"""Which format a file has, told by its content; the name only decides where the content does not. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from typing import Any

from models_registry.golden_files import (
    alpaca_eval,
    arena_hard,
    csv_file,
    json_array,
    jsonl,
    llm_comparator,
    mt_bench,
    openai_chat,
    openai_preference,
    trl,
)
from models_registry.golden_files.json_text import ROW_EXAMPLE
from models_registry.golden_files.limits import Limits
from models_registry.golden_files.row import COLUMNS, Problem, RawRow, shorten
from models_registry.golden_files.source import Line, Source, Unreadable, check_head

ROWS_TO_RECOGNISE_BY = 20
JSON_LINES_SUFFIXES = (".jsonl", ".ndjson", ".jsonl.gz", ".ndjson.gz")
CONTAINERS = ("jsonl", "json", "csv", "parquet")


@dataclass(frozen=True)
class Shape:
    """What the rows of another tool look like, in whatever file; `left_out` are columns that are no prompts."""

    recognises: Callable[[Mapping[str, Any]], bool]
    as_raw: Callable[[Mapping[str, Any]], dict[str, Any]]
    left_out: frozenset[str] = frozenset()


# in this order: the first that recognises a row has it
SHAPES: dict[str, Shape] = {
    openai_preference.NAME: Shape(openai_preference.recognises, openai_preference.as_raw),
    llm_comparator.NAME: Shape(llm_comparator.recognises, llm_comparator.as_raw, llm_comparator.LEFT_OUT),
    mt_bench.NAME: Shape(mt_bench.recognises, mt_bench.as_raw),
    arena_hard.NAME: Shape(arena_hard.recognises, arena_hard.as_raw),
    alpaca_eval.NAME: Shape(alpaca_eval.recognises, alpaca_eval.as_raw, alpaca_eval.LEFT_OUT),
    trl.NAME: Shape(trl.recognises, trl.as_raw),
    openai_chat.NAME: Shape(openai_chat.recognises, openai_chat.as_raw),
}
FORMATS = (*CONTAINERS, *SHAPES)

# (names that stand together, what such a file holds)
NOT_PROMPTS = (
    ({"answer_id", "choices"}, "a model's answers"),
    ({"ans_id", "model"}, "a model's answers"),
    ({"item_id", "model"}, "models' answers"),
    ({"judge", "winner"}, "votes"),
    ({"item_id", "choice"}, "votes"),
)


@dataclass(frozen=True)
class Recognised:
    """`container` says how to find the rows, `shape` what they look like ("" for the project's own)."""

    container: str
    shape: str = ""
    delimiter: str = ","

    @property
    def format(self) -> str:
        return self.shape or self.container


def recognise(
    source: Source, filename: str, limits: Limits, columns: Mapping[str, str] | None, wanted: str | None
) -> Recognised:
    """The format. `wanted` is one of FORMATS and wins; `columns` mean CSV. Raises Unreadable, also ValueError."""
    if wanted is not None and wanted not in FORMATS:
        raise ValueError(f"{wanted!r} is no format known here; give one of {', '.join(FORMATS)}")
    if source.is_parquet or wanted == "parquet":
        if not source.is_parquet:
            raise Unreadable(
                'the file is not Parquet: it does not begin with "PAR1"', "choose another format"
            )
        # what its rows look like is told by the rows
        return Recognised("parquet", wanted if wanted in SHAPES else "")
    texts = [text for text in source.head.decode("utf-8", "replace").split("\n") if text.strip()]
    if columns is not None or wanted == "csv":
        return Recognised("csv", delimiter=_delimiter(texts, columns))
    container = wanted if wanted in CONTAINERS else _container(texts, source, filename, limits)
    if container == "csv":
        return Recognised("csv", delimiter=_delimiter(texts, None))
    if container == "document":
        return Recognised("document", llm_comparator.NAME)
    if wanted is not None:
        return Recognised(container, wanted if wanted in SHAPES else "")
    return Recognised(container, shape_of(_first_rows(source, container, limits)))


def shape_of(rows: list[dict[str, Any]]) -> str:
    """What most of the rows look like: one of SHAPES, or "". Raises Unreadable for answers and votes."""
    for names, what in NOT_PROMPTS:
        if rows and names <= rows[0].keys() and "prompt" not in rows[0]:
            raise Unreadable(f"the file holds {what}, not prompts", "give the file with the questions")
    shapes = Counter(
        next((name for name, shape in SHAPES.items() if shape.recognises(row)), "") for row in rows
    )
    return shapes.most_common(1)[0][0] if shapes else ""


def _header(texts: list[str]) -> str:
    # a first line that only tells Excel the delimiter
    without = texts[1:] if texts and texts[0].startswith("sep=") and len(texts) > 1 else texts
    return without[0].strip() if without else ""


def _delimiter(texts: list[str], columns: Mapping[str, str] | None) -> str:
    header = _header(texts)
    names = COLUMNS if columns is None else [name for name in columns.values() if name]
    return csv_file.delimiter_of(header, names) or max(
        csv_file.DELIMITERS, key=lambda delimiter: len(csv_file.cells_of(header, delimiter))
    )


def _container(texts: list[str], source: Source, filename: str, limits: Limits) -> str:
    header = _header(texts)
    if not header:
        return "jsonl"
    if header.startswith("["):
        return "json"
    if header.startswith("<"):
        raise Unreadable("the file is HTML or XML", "give JSON Lines or CSV")
    if header.startswith("{"):
        if llm_comparator.is_document(json_array.first_values(json_array.source_of(source.head), limits)):
            return "document"
        if header == "{":
            raise Unreadable(
                "the file is one JSON document spread over several lines",
                f"write each row on one line: {ROW_EXAMPLE}",
            )
        return "jsonl"
    if csv_file.delimiter_of(header) is not None:
        return "csv"
    some_json = any(text.lstrip().startswith("{") for text in texts[:ROWS_TO_RECOGNISE_BY])
    if some_json or filename.lower().endswith(JSON_LINES_SUFFIXES):
        return "jsonl"
    check_head(source)
    blank = source.head[: len(source.head) - len(source.head.lstrip())]
    raise Unreadable(
        "the file is neither JSON Lines nor CSV with the columns known here: "
        f'it begins with "{shorten(header)}"',
        f'write rows such as {ROW_EXAMPLE}, or a CSV whose header has "id" and "prompt"',
        line=1 + blank.count(b"\n"),
    )


def _first_rows(source: Source, container: str, limits: Limits) -> list[dict[str, Any]]:
    """The first rows that can be read, from the head of the file."""
    found: Iterator[RawRow | Problem]
    if container == "json":
        found = json_array.items(json_array.source_of(source.head), limits)
    else:
        texts = source.head.decode("utf-8", "replace").split("\n")
        whole = texts[:-1] if len(texts) > 1 else texts
        found = jsonl.raw_rows((Line(number, text) for number, text in enumerate(whole, start=1)), limits)
    rows: list[dict[str, Any]] = []
    with suppress(Unreadable):
        rows.extend(item[1] for item in islice(found, ROWS_TO_RECOGNISE_BY) if not isinstance(item, Problem))
    if not rows and container == "jsonl":
        # a first line longer than the head still tells its names
        rows = [json_array.first_values(json_array.source_of(source.head), limits)]
    return rows
