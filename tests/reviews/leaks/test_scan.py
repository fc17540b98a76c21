"""The scan as a whole: what it reports of pairs that were made to differ in one known way."""

from __future__ import annotations

import json
import random
from dataclasses import asdict

import pytest

from reviews.leaks import MOST_PAIRS, Answer, Finding, Level, Pair, Report, scan

WORDS = "your order left our house on Monday and arrives within three days so please look at the page".split()  # noqa: SIM905


def sentence(dice: random.Random, words: int = 20) -> str:
    return " ".join(dice.choice(WORDS) for _ in range(words)).capitalize() + "."


def pairs_of(number: int = 60, seed: int = 1) -> list[tuple[str, str]]:
    """Two texts of the same kind each."""
    dice = random.Random(seed)
    return [
        (sentence(dice, dice.randint(10, 40)), sentence(dice, dice.randint(10, 40))) for _ in range(number)
    ]


def report_of(texts: list[tuple[str, str]], *own: str, seed: int = 3) -> Report:
    return scan(
        [
            Pair(100 + number, "Where is it?", Answer(candidate), Answer(baseline))
            for number, (candidate, baseline) in enumerate(texts)
        ],
        own_words=own,
        seed=seed,
    )


def finding(report: Report, code: str) -> Finding:
    return next(found for found in report.findings if found.code == code)


def test_texts_of_the_same_kind_have_no_findings() -> None:
    report = report_of(pairs_of())
    assert report.findings == ()
    assert report.guess is not None
    assert report.guess.low < 0.6
    assert not report.is_serious


def test_no_pairs_no_findings() -> None:
    assert report_of([]) == Report(0, (), None, None)


def test_own_name_on_one_side_is_serious_from_the_first() -> None:
    texts = pairs_of()
    texts[7] = ("I am aurora-ft, " + texts[7][0], texts[7][1])
    report = report_of(texts, "aurora-ft", "bell")
    found = finding(report, "names_itself")
    assert (found.level, found.candidate, found.baseline) == (Level.SERIOUS, 1, 0)
    assert found.pairs == (107,)
    assert found.words == (("aurora-ft", 1),)
    assert report.is_serious


def test_own_word_that_both_sides_use_alike_is_a_warning() -> None:
    texts = [(f"Aurora: {one}", f"Aurora: {other}") for one, other in pairs_of()]
    assert finding(report_of(texts, "aurora"), "names_itself").level == Level.WARNING


def test_vendor_is_a_warning_and_description_is_serious() -> None:
    texts = pairs_of()
    texts[0] = ("As an AI language model I can't say.", texts[0][1])
    texts[1] = (texts[1][0], "ChatGPT says so.")
    report = report_of(texts)
    assert finding(report, "describes_itself").level == Level.SERIOUS
    vendor = finding(report, "names_a_vendor")
    assert (vendor.level, vendor.candidate, vendor.baseline) == (Level.WARNING, 0, 1)
    assert [found.level for found in report.findings] == sorted(
        (found.level for found in report.findings),
        key=[Level.SERIOUS, Level.WARNING, Level.NOTE].index,
    )


def test_one_side_that_is_nearly_always_longer_is_told_with_its_pairs() -> None:
    texts = [(f"{one} {one}", other[:60]) for one, other in pairs_of()]
    texts[0] = (texts[0][1], texts[0][0])
    report = report_of(texts)
    longer = finding(report, "length")
    assert (longer.candidate, longer.baseline) == (59, 1)
    assert longer.accuracy == pytest.approx(59 / 60)
    assert longer.level == Level.SERIOUS
    assert 100 not in longer.pairs
    assert longer.count == 59
    assert report.guess is not None
    assert report.guess.accuracy > 0.9
    assert report.guess.by[0][0] == "length"
    assert report.guess_level == Level.SERIOUS


@pytest.mark.parametrize(
    ("code", "written"),
    [
        ("lists", "- {}"),
        ("headings", "# It\n\n{}"),
        ("bold", "**Yes** {}"),
        ("tables_code", "`x` {}"),
        ("emoji", "{} 🙂"),
        ("greeting", "Hello Ana, {}"),
        ("closing", "{} Let me know."),
        ("apology", "Sorry, {}"),
        ("curly_quotes", "“{}”"),
        ("dashes", "{} — yes"),
        ("exclamations", "{}!"),
        ("links", "{} https://aurora.example/x"),
    ],
)
def test_habit_of_one_side_is_told(code: str, written: str) -> None:
    texts = [(one, written.format(other)) for one, other in pairs_of()]
    found = finding(report_of(texts), code)
    assert (found.candidate, found.baseline, found.accuracy) == (0, 60, 1.0)
    assert found.level == Level.SERIOUS


def test_habit_of_both_sides_tells_nothing() -> None:
    texts = [(f"- {one}", f"- {other}") for one, other in pairs_of()]
    assert report_of(texts).findings == ()


def test_half_a_habit_is_a_warning_and_markdown_sums_it_up() -> None:
    texts = [
        ((f"- {one}" if number % 2 else f"**{one}**") if number % 10 < 6 else one, other)
        for number, (one, other) in enumerate(pairs_of(100))
    ]
    report = report_of(texts)
    markdown = finding(report, "markdown")
    assert markdown.accuracy == pytest.approx(0.8)
    assert markdown.level == Level.WARNING
    assert {found.code for found in report.findings} == {"markdown"}


def test_faults_are_named_wherever_they_are() -> None:
    texts = pairs_of()
    pairs = [
        Pair(
            number,
            "?",
            Answer(one, other_language=number < 20, cut_short=number == 5),
            Answer("" if number == 9 else other + "  " * (number < 30), cut_short=number == 5),
        )
        for number, (one, other) in enumerate(texts)
    ]
    report = scan(pairs, own_words=(), seed=1)
    language, cut, empty = (finding(report, code) for code in ("language", "cut_short", "empty"))
    assert (language.candidate, language.level) == (20, Level.WARNING)
    assert (cut.candidate, cut.baseline, cut.level, cut.pairs) == (1, 1, Level.NOTE, (5,))
    assert (empty.baseline, empty.pairs) == (1, (9,))
    assert finding(report, "white_space").level == Level.NOTE


def test_report_can_be_stored_as_json() -> None:
    texts = [(f"- {one} {one} ChatGPT", other) for one, other in pairs_of()]
    assert json.loads(json.dumps(asdict(report_of(texts))))["guess"]["pairs"] == 60


def test_first_two_hundred_pairs_stand_behind_a_finding() -> None:
    texts = [(f"- {one}", other) for one, other in pairs_of(MOST_PAIRS + 50)]
    found = finding(report_of(texts), "lists")
    assert found.count == MOST_PAIRS + 50
    assert found.pairs == tuple(range(100, 100 + MOST_PAIRS))
