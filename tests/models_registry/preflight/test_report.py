from __future__ import annotations

import gzip
import json
import random
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models_registry.golden_files.row import Row, check_row
from models_registry.preflight import Options, Quick, Report, preflight, quick, replaced_row, slow
from models_registry.preflight.report import SLOW_CODES
from tests.models_registry.preflight.rows import row, row_lists


def troubled() -> list[Row]:
    return [
        row(1, "I would like to return the shoes that I bought last week.", lang="en", tags=("returns",)),
        row(2, "i would like to return the shoes that I bought last week", lang="en", tags=("returns",)),
        row(3, "Quiero devolver los zapatos que compré la semana pasada.", lang="en", tags=("returns",)),
        row(4, "My e-mail is ana@example.com, and luis@example.com is his.", lang="en"),
        row(5, "word " * 300, lang="en", tags=("billing",)),
    ]


OPTIONS = Options(context_window=300, answer_tokens=100)


def test_the_whole_report_names_what_is_wrong_and_where() -> None:
    report = preflight(troubled(), OPTIONS)
    assert {warning.code: warning.count for warning in report.warnings} == {
        "few_examples": 5,
        "untagged": 1,
        "small_intents": 4,
        "no_refusals_or_edge_cases": 0,
        "personal_data": 1,
        "over_budget": 1,
        "other_language": 1,
        "near_duplicates": 2,
    }
    by_code = {warning.code: warning for warning in report.warnings}
    assert [(behind.key, behind.note) for behind in by_code["personal_data"].rows] == [
        ("row-4", "e-mail (2)")
    ]
    assert [(behind.key, behind.note) for behind in by_code["over_budget"].rows] == [("row-5", "308 tokens")]
    assert by_code["other_language"].keys == ("row-3",)
    assert by_code["other_language"].subjects[0].name == "en → es"
    assert [behind.note for behind in by_code["near_duplicates"].rows] == [
        "like row-2 (100% or more alike)",
        "like row-1 (100% or more alike)",
    ]
    assert report.coverage.tokens is not None
    assert report.coverage.tokens.rows == report.rows == 5
    assert report.complete


def test_a_report_copies_no_personal_data() -> None:
    written = json.dumps(preflight(troubled(), OPTIONS).as_json())
    assert "ana@" not in written
    assert "luis" not in written


def test_the_quick_part_knows_nothing_slow_and_streams() -> None:
    report = quick(iter(troubled()))
    assert not report.complete
    assert report.coverage.tokens is None
    assert not {warning.code for warning in report.warnings} & set(SLOW_CODES)
    streamed = Quick()
    for each in troubled():
        streamed.add(each)
    assert streamed.report() == report


def test_the_slow_part_completes_the_quick_one_and_twice_is_the_same() -> None:
    rows = troubled()
    report = slow(quick(rows, OPTIONS), iter(rows))
    assert report == preflight(rows, OPTIONS)
    assert slow(report, rows) == report


def test_progress_rises_from_reading_to_comparing() -> None:
    rows = [row(line, f"Question number {line} about parcels") for line in range(1, 451)]
    seen: list[tuple[int, int]] = []
    preflight(rows, progress=lambda done, total: seen.append((done, total)))
    assert len(seen) > 5
    assert all(before[0] <= after[0] for before, after in pairwise(seen))
    assert {total for _, total in seen} == {900}
    assert seen[-1] == (900, 900)


@pytest.mark.parametrize("change", [-1, 1])
def test_other_rows_than_the_quick_reports_are_refused(change: int) -> None:
    rows = troubled()
    with pytest.raises(ValueError, match="quick report"):
        slow(quick(rows), rows[:change] if change < 0 else [*rows, row(9)])


def test_no_rows_make_a_report_too() -> None:
    report = preflight([])
    assert [warning.code for warning in report.warnings] == ["few_examples"]
    assert report.coverage.tokens is None
    assert Report.from_json(report.as_json()) == report


@given(row_lists(), st.randoms(use_true_random=False))
@settings(deadline=None, max_examples=60)
def test_any_rows_in_any_order_give_the_same_report_there_and_back(
    rows: list[Row], rng: random.Random
) -> None:
    report = preflight(rows, OPTIONS)
    shuffled = list(rows)
    rng.shuffle(shuffled)
    assert preflight(shuffled, OPTIONS) == report
    assert Report.from_json(json.loads(json.dumps(report.as_json()))) == report
    assert all(len(warning.rows) == min(warning.count, 200) for warning in report.warnings if warning.rows)
    assert all(warning.message.endswith(".") and warning.fix.endswith(".") for warning in report.warnings)
    mended = preflight([replaced_row(each) for each in rows], OPTIONS)
    assert "personal_data" not in {warning.code for warning in mended.warnings}


@pytest.mark.parametrize(
    "data",
    [{}, [], None, {"form": 0}, {"form": 1}, {"form": 1, "rows": 1, "warnings": [1], "coverage": {}}],
)
def test_what_is_no_report_is_refused(data: Any) -> None:
    with pytest.raises(ValueError, match="make it again"):
        Report.from_json(data)


@pytest.mark.parametrize(
    "options",
    [
        {"encoding": "gpt2"},
        {"context_window": 1000, "answer_tokens": 1000},
        {"near_duplicate": 0},
        {"least_per_intent": -1},
        {"seed": 2**63},
    ],
)
def test_options_that_make_no_sense_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        Options(**options)


PROMPT_FILES = {
    "mt_bench/items.jsonl": 40,
    "vicuna80/items.jsonl": 80,
    "arena_hard_v0.1/items.jsonl.gz": 500,
    "alpaca_eval/items.jsonl.gz": 805,
    "support_bitext/items.jsonl": 540,
    "banking_en/banking77.jsonl": 385,
    "banking_en/nlupp_banking_multilabel.jsonl": 311,
    "intents_en_es/en.jsonl": 250,
    "intents_en_es/es.jsonl": 250,
}


def shared_rows(path: Path) -> list[Row]:
    data = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    columns = ("id", "lang", "tags", "messages")
    raw = [
        {name: value for name, value in json.loads(line).items() if name in columns}
        for line in data.splitlines()
    ]
    checked = [check_row(line, each) for line, each in enumerate(raw, start=1)]
    return [each for each in checked if isinstance(each, Row)]


@pytest.mark.parametrize("name", PROMPT_FILES)
def test_real_prompts_give_plausible_counts(shared_data: Path, name: str) -> None:
    report = preflight(shared_rows(shared_data / name))
    counts = {warning.code: warning.count for warning in report.warnings}
    assert report.rows == PROMPT_FILES[name]
    # real prompts of well-kept sets: declared as what they are, hardly ever twice, with hardly anybody's data
    assert counts.get("other_language", 0) == 0
    assert counts.get("near_duplicates", 0) <= 0.05 * report.rows
    assert counts.get("personal_data", 0) <= 0.02 * report.rows
    assert counts.get("over_budget", 0) == 0
    assert counts.get("untagged", 0) == (20 if "nlupp" in name else 0)
    coverage = report.coverage
    assert coverage.evenness is not None
    assert 0.5 < coverage.evenness <= 1
    assert coverage.dissimilarity is not None
    assert 0.85 < coverage.dissimilarity.value <= 1
    assert coverage.tokens is not None
    assert 5 < coverage.tokens.median < 200
