"""Evaluations that others ran and published, loaded by the command, come out with the published figures.

Reads the data beside the checkout; nothing of its texts is copied here.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.test import Client

from models_registry.models import GoldenSetVersion
from reviews.models import Evaluation, Vote

pytestmark = [pytest.mark.django_db, pytest.mark.shared_data]


def run(command: str, *arguments: str, **options: Any) -> Any:
    out = io.StringIO()
    call_command(command, *arguments, "--json", stdout=out, **options)
    return json.loads(out.getvalue())


def load(folder: Path, name: str, candidate: str, baseline: str, **options: Any) -> tuple[Any, Any]:
    """Import it; the report of the command and the figures that winrates prints."""
    suffix = ".gz" if (folder / "items.jsonl.gz").exists() else ""
    report = run(
        "import_evaluation",
        name=name,
        golden_set=folder / f"items.jsonl{suffix}",
        responses=folder / f"outputs.jsonl{suffix}",
        votes=options.pop("votes", folder / f"votes.jsonl{suffix}"),
        candidate=candidate,
        baseline=baseline,
        **options,
    )
    return report, run("winrates", name)


def counts(row: dict[str, Any]) -> tuple[int, ...]:
    return tuple(row[name] for name in ("votes", "wins", "ties", "both_bad", "losses"))


def test_alpaca_eval_reproduces_the_published_leaderboard(shared_data: Path) -> None:
    folder = shared_data / "alpaca_eval"
    with (folder / "published.csv").open(newline="") as stream:
        published = {row["model"]: row for row in csv.DictReader(stream)}
    assert set(published) == {"vicuna-13b", "alpaca-7b"}
    for model, row in published.items():
        report, figures = load(folder, f"AlpacaEval {model}", model, "text_davinci_003")
        overall = figures["overall"]
        assert report["comparisons"] == 805
        assert overall["examples"] == int(row["n_total"])
        assert counts(overall) == (
            int(row["n_total"]),
            int(row["n_wins"]),
            int(row["n_draws"]),
            0,
            int(row["n_wins_base"]),
        )
        assert overall["win_rate"] == pytest.approx(float(row["win_rate"]) / 100, abs=1e-8)
        assert overall["standard_error"] == pytest.approx(float(row["standard_error"]) / 100, abs=1e-8)
        assert len(figures["tags"]) == 5
        assert sum(tag["votes"] for tag in figures["tags"].values()) == 805
    # both runs are on the same golden set, and the baseline answered once
    assert GoldenSetVersion.objects.count() == 1
    first, second = Evaluation.objects.all()
    assert first.baseline == second.baseline


@pytest.mark.parametrize(
    ("turn", "expected", "win_rate", "pairs", "percent"),
    [
        # counted from the file by a few lines of plain Python
        (1, (70, 11, 28, 0, 31), 0.3586021505, 67, 0.5904761905),
        (2, (68, 19, 24, 0, 25), 0.4706989247, 60, 0.5349206349),
    ],
)
def test_mt_bench_turns_are_evaluations_of_their_own(
    shared_data: Path, turn: int, expected: tuple[int, ...], win_rate: float, pairs: int, percent: float
) -> None:
    report, figures = load(
        shared_data / "mt_bench", f"MT-bench, turn {turn}", "gpt-3.5-turbo", "gpt-4", turn=turn
    )
    overall, agreement = figures["overall"], figures["agreement"]
    assert (report["votes"], report["comparisons"], report["raters"]) == (expected[0], 40, 36)
    assert report["replaced"] == []
    assert counts(overall) == expected
    assert overall["examples"] == 31  # nobody voted on the other nine
    assert overall["win_rate"] == pytest.approx(win_rate, abs=1e-9)
    assert (agreement["raters"], agreement["pairs"]) == (36, pairs)
    assert agreement["percent"] == pytest.approx(percent, abs=1e-9)
    for figure in ("gwet_ac1", "krippendorff_alpha"):
        assert 0 < agreement[figure] < 1
    assert set(figures["position_bias"]) == {"effect", "se", "p"}
    assert figures["position_bias"]["p"] is not None
    # in the files the same two models stand now left, now right
    sides = set(Vote.objects.values_list("assignment__candidate_on_left", flat=True))
    assert sides == {True, False}


def test_mt_bench_second_turn_shows_each_models_own_first_answer(
    shared_data: Path, client_for: Callable[..., Client], lead: User
) -> None:
    load(shared_data / "mt_bench", "MT-bench, turn 2", "gpt-3.5-turbo", "gpt-4", turn=2)
    evaluation = Evaluation.objects.get()
    with (shared_data / "mt_bench" / "outputs.jsonl").open() as stream:
        answers = {
            (row["item_id"], row["model"]): [
                message["content"] for message in row["messages"] if message["role"] == "assistant"
            ]
            for row in map(json.loads, stream)
        }
    for comparison in evaluation.comparisons.select_related(
        "example", "candidate_response", "baseline_response"
    ):
        for response, model in (
            (comparison.candidate_response, "gpt-3.5-turbo"),
            (comparison.baseline_response, "gpt-4"),
        ):
            said = answers[comparison.example.key, model]
            assert (response.earlier_answers, response.text) == (said[:1], said[1])
        assert [message["role"] for message in comparison.example.messages] == ["user", "user"]
    page = client_for(lead).get(evaluation.comparisons.get(position=0).get_absolute_url())
    assert page.status_code == 200
    assert page.text.count("turn-assistant") == 2


def test_vicuna80_is_counted_as_it_was_judged(shared_data: Path) -> None:
    folder = shared_data / "vicuna80"
    report, figures = load(folder, "Vicuna 80", "vicuna-13b", "bard", votes=folder / "judge_votes.jsonl")
    assert (report["votes"], report["raters"], report["replaced"]) == (80, 1, [])
    assert counts(figures["overall"]) == (80, 40, 10, 0, 30)
    assert figures["overall"]["win_rate"] == pytest.approx(45 / 80)
    assert len(figures["tags"]) == 9
    # one rater: nothing to agree with; the candidate always stood on the right
    assert figures["agreement"]["pairs"] == 0
    assert figures["agreement"]["percent"] is None
    assert figures["position_bias"] == {"effect": None, "se": None, "p": None}


@pytest.mark.parametrize("model", ["llama-13b", "alpaca-13b", "gpt-3.5-turbo"])
def test_vicuna80_loads_with_every_model_an_empty_answer_too(shared_data: Path, model: str) -> None:
    folder = shared_data / "vicuna80"
    report, figures = load(folder, model, model, "vicuna-13b", votes=folder / "judge_votes.jsonl")
    assert report["comparisons"] == figures["overall"]["examples"] == 80


@pytest.mark.parametrize(
    ("folder", "candidate", "baseline", "options", "examples", "verdict"),
    [
        ("alpaca_eval", "alpaca-7b", "text_davinci_003", {}, 805, "REJECT"),
        ("alpaca_eval", "vicuna-13b", "text_davinci_003", {}, 805, "PROMOTE"),
        # nobody is told anything by 31 examples
        ("mt_bench", "gpt-3.5-turbo", "gpt-4", {"turn": 1}, 31, "INCONCLUSIVE"),
        ("vicuna80", "vicuna-13b", "bard", {"votes": "judge_votes.jsonl"}, 80, "INCONCLUSIVE"),
    ],
)
def test_gate_says_what_imported_votes_would_have_decided(
    shared_data: Path,
    folder: str,
    candidate: str,
    baseline: str,
    options: dict[str, Any],
    examples: int,
    verdict: str,
) -> None:
    given = options | ({"votes": shared_data / folder / options["votes"]} if "votes" in options else {})
    _report, figures = load(shared_data / folder, "imported", candidate, baseline, **given)
    out = io.StringIO()
    try:
        call_command("gate", "imported", "--json", stdout=out)
        status = 0
    except SystemExit as ended:
        status = int(str(ended.code))
    told = json.loads(out.getvalue())
    assert (told["verdict"], told["retrospective"]) == (verdict, True)
    assert status == {"PROMOTE": 0, "REJECT": 1}.get(verdict, 3)
    assert told["overall"]["examples"] == told["plan"]["examples"] == examples
    # with the golden set's own shares the weighted win rate is the plain one
    assert told["overall"]["win_rate"] == pytest.approx(figures["overall"]["win_rate"], abs=1e-9)
