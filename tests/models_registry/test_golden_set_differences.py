"""The page that compares two versions of a golden set, and the query behind it."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from models_registry.models import Example, GoldenSetVersion
from models_registry.queries.differences import (
    VersionDifference,
    language_coverage,
    shown_changes,
    tag_coverage,
    version_difference,
)
from tests.factories import make_golden_set_version, make_rows

pytestmark = pytest.mark.django_db

ClientFor = Callable[..., Client]
COMPARE = "/golden-sets/support/compare/"
BEFORE: list[dict[str, Any]] = [
    {"id": "same", "prompt": "Hello?", "tags": ["greeting"], "metadata": {"a": 1, "b": 2}},
    {"id": "prompt", "prompt": "Where is my refund?", "tags": ["refunds"], "lang": "en"},
    {"id": "reference", "prompt": "How long?", "reference": "30 days", "tags": ["refunds"]},
    {"id": "lang", "prompt": "Hola", "lang": "en"},
    {"id": "metadata", "prompt": "Order?", "metadata": {"order": 1}},
    {"id": "moved", "prompt": "Both", "tags": ["refunds", "billing"]},
    {"id": "both", "prompt": "I was charged", "tags": ["refunds"]},
    {"id": "gone", "prompt": "Old one", "tags": ["refunds"]},
]
AFTER: list[dict[str, Any]] = [
    {"id": "new", "prompt": "New <b>one</b>", "tags": ["sizing"], "lang": "es"},
    {"id": "both", "prompt": "I was charged twice", "tags": ["billing"]},
    {"id": "moved", "prompt": "Both", "tags": ["billing", "refunds"]},
    {"id": "metadata", "prompt": "Order?", "metadata": {"order": 2}},
    {"id": "lang", "prompt": "Hola", "lang": "es"},
    {"id": "reference", "prompt": "How long?", "reference": "14 days", "tags": ["refunds"]},
    {"id": "prompt", "prompt": "Where is my full refund?", "tags": ["refunds"], "lang": "en"},
    {"id": "same", "prompt": "Hello?", "tags": ["greeting"], "metadata": {"b": 2, "a": 1}},
]


@pytest.fixture
def versions(db: None) -> tuple[GoldenSetVersion, GoldenSetVersion]:
    return make_golden_set_version(BEFORE, name="support"), make_golden_set_version(AFTER, name="support")


def keys(difference: VersionDifference, kind: str) -> list[str]:
    return [change.row.key for change in shown_changes(difference.of_kind(kind))]


def text_of(page: Any) -> str:
    return re.sub(r"\s+", " ", page.text)


# --- the query ---------------------------------------------------------------------------------------------


def test_each_example_is_in_the_kind_of_its_change(
    versions: tuple[GoldenSetVersion, GoldenSetVersion],
) -> None:
    difference = version_difference(*versions)
    assert keys(difference, "added") == ["new"]
    assert keys(difference, "removed") == ["gone"]
    assert keys(difference, "changed") == ["both", "metadata", "lang", "reference", "prompt"]
    assert keys(difference, "tags") == ["both", "moved"]
    assert difference.counts == {"added": 1, "removed": 1, "changed": 5, "tags": 2}
    assert difference.unchanged == 1
    assert difference.prompts_kept == 5  # all but new, both and prompt


def test_compared_the_other_way_round_what_came_has_gone(
    versions: tuple[GoldenSetVersion, GoldenSetVersion],
) -> None:
    before, after = versions
    difference = version_difference(after, before)
    assert keys(difference, "added") == ["gone"]
    assert keys(difference, "removed") == ["new"]
    assert keys(difference, "changed") == ["prompt", "reference", "lang", "metadata", "both"]


def test_order_of_rows_and_of_names_is_no_change() -> None:
    before = make_golden_set_version([*BEFORE], name="support")
    rows = [dict(reversed(row.items())) for row in reversed(BEFORE)]
    rows[-1]["metadata"] = {"b": 2, "a": 1}
    # or it would be the same content, which a set has only once
    rows.append({"id": "new", "prompt": "New"})
    after = make_golden_set_version(rows, name="support")
    assert keys(version_difference(before, after), "") == ["new"]


def test_number_that_became_another_number_of_equal_value_is_a_change() -> None:
    before = make_golden_set_version([{"id": "a", "prompt": "Hi", "metadata": {"n": 1}}], name="support")
    after = make_golden_set_version([{"id": "a", "prompt": "Hi", "metadata": {"n": 1.5}}], name="support")
    assert version_difference(before, after).counts["changed"] == 1


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (["a"], ["a", "b"]),
        (["a", "b"], ["a"]),
        (["a", "b"], ["b", "a"]),
        ([], ["a"]),
        (["a"], []),
        (["a"], ["b"]),
    ],
)
def test_tags_that_came_went_or_changed_places_have_moved(before: list[str], after: list[str]) -> None:
    one, other = (
        make_golden_set_version([{"id": "x", "prompt": "Hi", "tags": tags}], name="support")
        for tags in (before, after)
    )
    assert version_difference(one, other).counts == {"added": 0, "removed": 0, "changed": 0, "tags": 1}


def test_example_is_compared_within_its_own_set_only() -> None:
    make_golden_set_version([{"id": "row-0000", "prompt": "Of another set"}])
    before = make_golden_set_version(3, name="support")
    after = make_golden_set_version([*make_rows(3), {"id": "more", "prompt": "More"}], name="support")
    difference = version_difference(before, after)
    assert difference.counts == {"added": 1, "removed": 0, "changed": 0, "tags": 0}


def test_next_page_of_a_comparison_compares_nothing_again(
    versions: tuple[GoldenSetVersion, GoldenSetVersion],
) -> None:
    first = version_difference(*versions)
    with CaptureQueriesContext(connection) as captured:
        assert version_difference(*versions) == first
    assert len(captured) == 0


def test_coverage_counts_both_versions(versions: tuple[GoldenSetVersion, GoldenSetVersion]) -> None:
    tags = {row.name: (row.before, row.after, row.difference) for row in tag_coverage(*versions)}
    assert tags == {
        "refunds": (5, 3, -2),
        "untagged": (2, 2, 0),
        "billing": (1, 2, 1),
        "greeting": (1, 1, 0),
        "sizing": (0, 1, 1),
    }
    assert next(iter(tags)) == "refunds"
    languages = {row.name: (row.before, row.after) for row in language_coverage(*versions)}
    assert languages == {"": (6, 5), "en": (2, 1), "es": (0, 2)}


# --- the page ----------------------------------------------------------------------------------------------


def test_page_shows_words_that_came_and_went(
    versions: tuple[GoldenSetVersion, GoldenSetVersion], client_for: ClientFor, lead: User
) -> None:
    page = client_for(lead).get(COMPARE)
    assert "Where is my <ins>full </ins>refund?" in page.text
    assert "<del>30</del><ins>14</ins> days" in page.text
    assert '<del class="tag">refunds</del><ins class="tag">billing</ins>' in page.text
    assert "<del>refunds, billing</del> <ins>billing, refunds</ins>" in page.text
    assert "<del>1</del> <ins>2</ins>" in page.text
    assert "New &lt;b&gt;one&lt;/b&gt;" in page.text
    said = text_of(page)
    assert "5 prompts are the same in both." in said
    assert "Votes stay with the evaluations of the version they were cast on." in said


def test_line_breaks_of_a_prompt_stay_as_they_are(client_for: ClientFor, lead: User) -> None:
    make_golden_set_version([{"id": "a", "prompt": "One.\n\n  Two."}], name="support")
    make_golden_set_version([{"id": "a", "prompt": "One.\n\n  Three."}], name="support")
    page = client_for(lead).get(COMPARE)
    assert '<div class="plain" dir="auto">One.\n\n  <del>Two</del><ins>Three</ins>.</div>' in page.text


@pytest.mark.parametrize(
    ("kind", "shown", "hidden"),
    [
        ("added", ["new"], ["gone", "moved", "prompt"]),
        ("removed", ["gone"], ["new", "moved", "prompt"]),
        ("changed", ["both", "prompt"], ["new", "gone", "moved"]),
        ("tags", ["both", "moved"], ["new", "gone", "prompt"]),
        ("nonsense", ["new", "gone", "moved", "prompt"], ["same"]),
    ],
)
def test_filter_shows_one_kind(
    versions: tuple[GoldenSetVersion, GoldenSetVersion],
    client_for: ClientFor,
    lead: User,
    kind: str,
    shown: list[str],
    hidden: list[str],
) -> None:
    page = client_for(lead).get(COMPARE, {"kind": kind})
    found = re.findall(r'<strong class="difference-key">([^<]+)</strong>', page.text)
    assert set(shown) <= set(found)
    assert not set(hidden) & set(found)


def test_without_a_choice_the_newest_stands_beside_the_one_before(client_for: ClientFor, lead: User) -> None:
    for number in (1, 2, 3):
        make_golden_set_version(number, name="support")
    client = client_for(lead)
    assert "From version 2 to version 3" in client.get(COMPARE).text
    assert "From version 1 to version 2" in client.get(COMPARE, {"to": "2"}).text
    assert "From version 1 to version 3" in client.get(COMPARE, {"from": "1"}).text
    assert "From version 3 to version 1" in client.get(COMPARE, {"from": "3", "to": "1"}).text
    assert "From version 2 to version 1" in client.get(COMPARE, {"from": "", "to": "1"}).text


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"from": "1", "to": "1"}, "Choose two different versions."),
        ({"from": "2"}, "Choose two different versions."),
        ({"from": "9"}, "There is no such version"),
        ({"to": "x"}, "There is no such version"),
        ({"to": "\x00", "from": "-1"}, "There is no such version"),
    ],
)
def test_choice_that_can_not_be_compared_says_what_to_do(
    versions: tuple[GoldenSetVersion, GoldenSetVersion],
    client_for: ClientFor,
    lead: User,
    given: dict[str, str],
    said: str,
) -> None:
    page = client_for(lead).get(COMPARE, given)
    assert page.status_code == 200
    assert said in page.text
    assert "Coverage" not in page.text


@pytest.mark.parametrize("page", ["0", "-1", "99", "x", "\x00"])
def test_page_that_is_not_there_falls_back(
    versions: tuple[GoldenSetVersion, GoldenSetVersion], client_for: ClientFor, lead: User, page: str
) -> None:
    assert client_for(lead).get(COMPARE, {"page": page}).status_code == 200


def test_sets_without_two_versions_say_what_is_needed(
    client_for: ClientFor, lead: User, admin_user: User
) -> None:
    make_golden_set_version(name="support")
    make_golden_set_version(name="support", rows=2, sealed=False)
    assert "Nothing to compare yet" in client_for(lead).get(COMPARE).text
    assert "/golden-sets/upload/?name=support" in client_for(admin_user).get(COMPARE).text
    assert client_for(lead).get("/golden-sets/none/compare/").status_code == 404


def test_kind_without_an_example_says_so(client_for: ClientFor, lead: User) -> None:
    make_golden_set_version(2, name="support")
    make_golden_set_version(3, name="support")
    assert "Nothing of this kind" in client_for(lead).get(COMPARE, {"kind": "removed"}).text


def test_queries_do_not_grow_with_what_changed(client_for: ClientFor, lead: User) -> None:
    client = client_for(lead)
    asked = []
    for name, number in (("few", 3), ("many", 60)):
        before = [{"id": f"k{index}", "prompt": f"Before {index}", "tags": ["a"]} for index in range(number)]
        after = [
            {"id": f"k{index}", "prompt": f"After {index}", "tags": ["b", "a"]} for index in range(number)
        ]
        make_golden_set_version([*before, {"id": "gone", "prompt": "x"}], name=name)
        make_golden_set_version([*after, {"id": "new", "prompt": "x"}], name=name)
        with CaptureQueriesContext(
            connection,
        ) as captured:
            page = client.get(f"/golden-sets/{name}/compare/")
        assert page.text.count('class="difference-key"') == min(25, number + 2)
        asked.append(len(captured))
    assert asked[0] == asked[1]


def test_versions_page_leads_to_the_comparison(client_for: ClientFor, lead: User) -> None:
    for number in (1, 2, 3):
        make_golden_set_version(number, name="support", changelog=f"Now {number}" if number > 1 else "")
    page = client_for(lead).get("/golden-sets/support/")
    assert f"{COMPARE}?from=2&amp;to=3" in page.text
    assert f"{COMPARE}?from=1&amp;to=2" in page.text
    assert f'action="{COMPARE}"' in page.text
    assert "Now 3" in page.text
    assert "The first version." in page.text
    assert "/retire/" not in page.text


def test_versions_page_asks_no_more_for_more_versions(client_for: ClientFor, admin_user: User) -> None:
    client = client_for(admin_user)
    asked = []
    for name, number in (("few", 2), ("many", 8)):
        for rows in range(1, number + 1):
            make_golden_set_version(rows, name=name, by=admin_user)
        with CaptureQueriesContext(connection) as captured:
            client.get(f"/golden-sets/{name}/")
        asked.append(len(captured))
    assert asked[0] == asked[1]


def test_only_what_is_shown_is_read(versions: tuple[GoldenSetVersion, GoldenSetVersion]) -> None:
    difference = version_difference(*versions)
    with CaptureQueriesContext(connection) as captured:
        (shown,) = shown_changes(difference.of_kind("added")[:1])
    assert shown.row.key == "new"
    assert len(captured) == 2  # the example and its tags
    assert Example.objects.count() == len(BEFORE) + len(AFTER)
