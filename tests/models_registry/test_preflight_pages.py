"""The preflight report on the page of a version: warnings and their rows, the heat map, tokens, diversity."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.template.loader import render_to_string
from django.test import Client
from django.utils import timezone

from models_registry.golden_files import Row
from models_registry.models import GoldenSetVersion
from models_registry.preflight import (
    DEFINITIONS,
    Coverage,
    Options,
    Report,
    RowBehind,
    Subject,
    Warning,
    preflight,
    quick,
)
from models_registry.preflight.coverage import CoverageCount
from models_registry.preflight.tokens import histogram
from models_registry.views.preflight import shown
from models_registry.views.preflight_plots import FIRST_LINES, SHADES, heat_map, level, token_plot
from tests.factories import make_golden_set_version

ClientFor = Callable[..., Client]
PAGE = "/golden-sets/support/1/"


def row(line: int, text: str = "", tags: tuple[str, ...] = ("refunds",), lang: str = "en") -> Row:
    messages = ({"role": "user", "content": text or f"Where is parcel number {line}?"},)
    return Row(
        line=line, key=f"row-{line}", messages=messages, tags=tags, reference="", lang=lang, metadata={}
    )


def rows(**sizes: int) -> list[Row]:
    """So many rows of each intent, every third in Spanish."""
    tags = [tag for tag, size in sizes.items() for _ in range(size)]
    return [
        row(line, tags=(tag,), lang="es" if line % 3 == 0 else "en") for line, tag in enumerate(tags, start=1)
    ]


def covering(made: list[Row]) -> Coverage:
    count = CoverageCount(seed=0)
    for one in made:
        count.add(one)
    return count.coverage()


def report_of(*warnings: Warning, complete: bool = True, made: list[Row] | None = None) -> Report:
    made = made if made is not None else rows(refunds=30)
    return Report(len(made), warnings, covering(made), complete=complete)


def page_of(report: Report, version: GoldenSetVersion | None = None) -> str:
    return render_to_string("models_registry/_preflight.html", {"preflight": shown(report, version)})


# --- shades and totals ---------------------------------------------------------------------------------------


def test_no_example_has_a_shade_of_its_own_and_the_largest_count_the_darkest() -> None:
    for most in (1, 2, 7, 126, 100_000):
        assert level(0, most) == 0
        assert level(1, most) >= 1
        assert level(most, most) == SHADES


def test_shades_never_fall_as_counts_rise() -> None:
    shades = [level(count, 500) for count in range(501)]
    assert shades == sorted(shades)
    assert set(shades) == set(range(SHADES + 1))


@pytest.mark.parametrize("most", [1, 2, 3, 10, 126, 999])
def test_legend_says_which_counts_have_which_shade(most: int) -> None:
    heat = heat_map(report_of(made=rows(refunds=most)), "")
    assert heat
    of = max(max(counts) for counts in covering(rows(refunds=most)).examples)
    assert heat.legend[0].count == "0"
    for cell in heat.legend[1:]:
        low, _, high = cell.count.partition("–")
        assert {level(int(low), of), level(int(high or low), of)} == {cell.level}
    assert heat.legend[-1].count.endswith(str(of))


def test_totals_stand_at_the_end_of_rows_and_columns() -> None:
    heat = heat_map(report_of(made=[*rows(refunds=30, sizing=12), row(99, tags=(), lang="")]), "")
    assert heat
    assert heat.languages == ("en", "es", "not given")
    assert [(line.name, line.total) for line in heat.lines] == [
        ("refunds", "30"),
        ("sizing", "12"),
        ("untagged", "1"),
    ]
    assert [cell.count for cell in heat.lines[0].cells] == ["20", "10", "0"]
    assert [cell.count for cell in heat.total.cells] == ["28", "14", "1"]
    assert heat.total.total == "43"
    # untagged is no intent, so the gate's fewest don't concern it
    assert [line.is_few for line in heat.lines] == [False, True, False]


def test_many_intents_are_folded_and_their_sum_stays() -> None:
    heat = heat_map(report_of(made=rows(**{f"intent-{number:03}": 3 for number in range(500)})), "")
    assert heat
    assert heat.rest
    assert (len(heat.lines), len(heat.folded)) == (FIRST_LINES, 500 - FIRST_LINES)
    assert (heat.rest.name, heat.rest.total, heat.total.total) == ("485 more", "1,455", "1,500")


def test_a_few_lines_more_are_not_folded() -> None:
    heat = heat_map(report_of(made=rows(**{f"intent-{number}": 2 for number in range(FIRST_LINES + 2)})), "")
    assert heat
    assert heat.rest is None
    assert not heat.folded


# --- tokens --------------------------------------------------------------------------------------------------


def plot(tokens: dict[int, int], budget: int) -> Any:
    counted = histogram(tokens)
    assert counted
    return token_plot(counted, budget)


def share(value: str) -> float:
    assert re.fullmatch(r"\d+\.\d+%", value)
    return float(value[:-1])


def test_bars_stand_beside_each_other_and_the_highest_fills_the_plot() -> None:
    bars = plot({20: 5, 40: 10, 130: 1}, 200).bars
    assert [(bar.low, bar.high, bar.count) for bar in bars] == [
        ("16", "31", "5"),
        ("32", "63", "10"),
        ("64", "127", "0"),
        ("128", "255", "1"),
    ]
    assert [share(bar.height) for bar in bars] == [50, 100, 0, 10]
    assert all(share(bar.top) + share(bar.height) == pytest.approx(100) for bar in bars)
    ends = [(share(bar.left), share(bar.left) + share(bar.width)) for bar in bars]
    assert all(one[1] < other[0] for one, other in pairwise(ends))
    assert 0 <= ends[0][0] < ends[-1][1] <= 100


def test_single_example_among_many_is_seen() -> None:
    assert share(plot({20: 100_000, 40: 1}, 60).bars[1].height) == 2


@pytest.mark.parametrize(
    ("budget", "at"), [(16, 0), (32, 25), (64, 50), (128, 75), (90, 62.3), (255, 99.8), (5, 0)]
)
def test_budget_is_marked_where_it_stands_on_the_axis(budget: int, at: float) -> None:
    assert share(plot({20: 5, 200: 1}, budget).budget_at) == pytest.approx(at, abs=0.1)


def test_axis_reaches_to_a_budget_that_is_near() -> None:
    shown_plot = plot({20: 5, 40: 1}, 200)
    assert [bar.count for bar in shown_plot.bars] == ["5", "1", "0", "0"]
    assert 75 < share(shown_plot.budget_at) < 100


def test_budget_far_beyond_is_named_and_not_drawn() -> None:
    far = plot({20: 5, 40: 1}, 100_000)
    assert (len(far.bars), far.budget_at, far.budget) == (2, "", "100,000")
    counted = replace(report_of(), coverage=replace(covering(rows(refunds=30)), tokens=histogram({20: 30})))
    page = page_of(counted)
    assert "budget 7,168 →" in page
    assert 'class="histogram-budget"' not in page


def test_bars_beyond_the_budget_are_marked() -> None:
    assert [bar.is_over for bar in plot({20: 5, 40: 1, 100: 1}, 40).bars] == [False, False, True]


# --- the partial ---------------------------------------------------------------------------------------------


def test_warning_shows_message_fix_count_subjects_and_rows() -> None:
    warning = Warning(
        "personal_data",
        "2 examples have an e-mail.",
        "Replace it.",
        2,
        (RowBehind(3, "row-3", "e-mail"), RowBehind(7, "row-7", "e-mail (2)")),
        (Subject("e-mail", 2),),
    )
    page = page_of(report_of(warning))
    for said in (
        "Personal data",
        "2 examples have an e-mail.",
        "Replace it.",
        "The 2 rows",
        "row-7",
        "e-mail (2)",
    ):
        assert said in page
    assert "<a " not in page[: page.index("Coverage")]
    assert "No warnings" not in page


def test_rows_beyond_those_kept_are_told() -> None:
    kept = tuple(RowBehind(line, f"row-{line}") for line in range(1, 201))
    page = page_of(report_of(Warning("untagged", "Many.", "Tag them.", 3412, kept)))
    assert "The first 200 rows" in page
    assert "3,412 examples" in page


def test_many_subjects_are_folded() -> None:
    subjects = tuple(Subject(f"intent-{number}", 1) for number in range(200))
    page = page_of(report_of(Warning("small_intents", "Small.", "Add.", 200, (), subjects)))
    assert "188 more" in page
    assert "intent-199" in page


def test_warning_of_a_code_not_known_here_is_shown_all_the_same() -> None:
    assert "of_tomorrow" in page_of(report_of(Warning("of_tomorrow", "New.", "Look.", 0)))


def test_names_from_a_file_are_escaped() -> None:
    evil = "<script>alert(1)</script>"
    warning = Warning("untagged", evil, evil, 1, (RowBehind(1, evil, evil),), (Subject(evil, 1),))
    page = page_of(report_of(warning, made=[row(1, tags=(evil,), lang=evil)]))
    assert evil not in page


def test_complete_report_without_warnings_is_calm() -> None:
    page = page_of(report_of())
    assert "No warnings" in page
    assert "still to come" not in page


def test_report_that_is_not_complete_says_what_is_to_come() -> None:
    page = page_of(quick(rows(refunds=150)))
    assert "The slow scans are still to come" in page
    assert "Counted by the slow scans" in page
    assert "No warnings</strong>" not in page


def test_report_of_no_rows_is_shown() -> None:
    assert "over 0 examples" in page_of(preflight([]))
    assert "The set has 0 examples" in page_of(preflight([]))


def test_diversity_stands_beside_its_definition() -> None:
    page = page_of(preflight(rows(refunds=30, sizing=30)))
    assert "Evenness of intents <small>over 2 intents" in page
    assert "exact, over all 1,770 pairs of 60 prompts" in page
    for name in ("evenness", "dissimilarity"):
        assert DEFINITIONS[name][:60] in page


def test_sample_is_called_one() -> None:
    assert "sampled: 8,000 pairs of 400 prompts drawn by a seed" in page_of(quick(rows(refunds=400)))


def test_options_are_told() -> None:
    page = page_of(quick(rows(refunds=30), Options(near_duplicate=0.9, context_window=4096, seed=7)))
    assert "from 90% alike" in page
    assert "a context window of 4,096, of which 1,024 are for the answer; seed 7." in page


# --- the page of a version -----------------------------------------------------------------------------------


@pytest.mark.django_db
def test_stored_report_is_shown_and_leads_to_the_examples(client_for: ClientFor, lead: User) -> None:
    warned = Warning(
        "small_intents", "Small.", "Add.", 1, (RowBehind(1, "row 1&"),), (Subject("sizing & fit", 1),)
    )
    made = [*rows(refunds=30), row(31, tags=("sizing & fit",))]
    make_golden_set_version(name="support", preflight=report_of(warned, made=made).as_json())
    page = client_for(lead).get(PAGE).text
    assert f'href="{PAGE}?q=row+1%26#examples">row 1&amp;</a>' in page
    assert f'href="{PAGE}?tag=sizing+%26+fit#examples"' in page
    assert 'css/golden_sets.css"' in page


@pytest.mark.django_db
@pytest.mark.parametrize("preflight", [None, {}, {"form": 0}, {"form": 1}, [], "text"])
def test_version_without_a_report_of_today_says_so(client_for: ClientFor, lead: User, preflight: Any) -> None:
    make_golden_set_version(name="support", preflight=preflight)
    page = client_for(lead).get(PAGE)
    assert page.status_code == 200
    assert "No report that can be shown" in page.text


@pytest.mark.django_db
def test_changelog_is_plain_text_in_paragraphs(client_for: ClientFor, lead: User) -> None:
    make_golden_set_version(name="support", changelog="Adds <b>sizes</b>.\n\nMends **tags**.")
    page = client_for(lead).get(PAGE).text
    assert "<p>Adds &lt;b&gt;sizes&lt;/b&gt;.</p>" in page
    assert "<p>Mends **tags**.</p>" in page


@pytest.mark.django_db
def test_version_without_a_changelog_has_no_heading_for_it(client_for: ClientFor, lead: User) -> None:
    make_golden_set_version(name="support")
    page = client_for(lead).get(PAGE).text
    assert "What is new" not in page
    assert "Retired" not in page


@pytest.mark.django_db
def test_retired_version_says_when_by_whom_and_why(
    client_for: ClientFor, lead: User, admin_user: User
) -> None:
    version = make_golden_set_version(name="support")
    GoldenSetVersion.objects.filter(pk=version.pk).update(
        retired_at=timezone.now(), retired_by=admin_user, retired_reason="Wrong answers.\n\nUse <v2>."
    )
    page = client_for(lead).get(PAGE).text
    assert "<strong>Retired</strong>" in page
    assert f"by {admin_user}" in page
    assert (
        "New evaluations can&#x27;t use this version" in page
        or "New evaluations can't use this version" in page
    )
    assert "<p>Use &lt;v2&gt;.</p>" in page


@pytest.mark.django_db
def test_warnings_of_the_file_stay(client_for: ClientFor, lead: User) -> None:
    make_golden_set_version(name="support", warnings=["The column is not known."])
    assert "The column is not known." in client_for(lead).get(PAGE).text


@pytest.mark.django_db
def test_untagged_examples_are_called_so(client_for: ClientFor, lead: User) -> None:
    make_golden_set_version(
        [{"id": "a", "prompt": "Hi"}], name="support", preflight=preflight([row(1, tags=())]).as_json()
    )
    page = client_for(lead).get(PAGE).text
    assert f'<th scope="row"><a href="{PAGE}?tag=untagged#examples">untagged</a></th>' in page
