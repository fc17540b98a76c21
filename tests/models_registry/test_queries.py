from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from models_registry import queries
from models_registry.models import GoldenSetVersion
from tests.factories import make_golden_set_version, make_model_version, make_response

pytestmark = pytest.mark.django_db

ROWS: list[dict[str, Any]] = [
    {"id": "a", "prompt": "Where is my REFUND?", "tags": ["refunds", "billing"], "lang": "en"},
    {
        "id": "b",
        "prompt": "¿Dónde está el niño?",
        "tags": ["refunds"],
        "lang": "es",
        "reference": "In 30 days",
    },
    {"id": "c", "prompt": '100% "sure"\\ [no_thing]', "tags": ["billing"]},
    {"id": "d", "prompt": "Hello", "system": "You are Aurora."},
]


@pytest.fixture
def version(db: None) -> GoldenSetVersion:
    return make_golden_set_version(ROWS)


def keys(version: GoldenSetVersion, **chosen: Any) -> str:
    return "".join(example.key for example in queries.examples_of(version, **chosen))


def test_counts_per_tag_and_language(version: GoldenSetVersion) -> None:
    make_golden_set_version(ROWS)
    assert queries.tag_counts(version) == [
        queries.TagCount("billing", 2, 1),
        queries.TagCount("refunds", 2, 2),
        queries.TagCount("untagged", 1, 1),
    ]
    assert queries.language_counts(version) == [
        queries.LanguageCount("", 2),
        queries.LanguageCount("en", 1),
        queries.LanguageCount("es", 1),
    ]


@pytest.mark.parametrize(
    ("chosen", "expected"),
    [
        ({}, "abcd"),
        ({"tag": "billing"}, "ac"),
        ({"tag": "untagged"}, "d"),
        ({"tag": "nothing"}, ""),
        ({"lang": "es"}, "b"),
        ({"lang": ""}, "cd"),
        ({"text": "refund"}, "a"),
        ({"text": "niño"}, "b"),
        ({"text": "30 DAYS"}, "b"),
        ({"text": "100%"}, "c"),
        ({"text": "%"}, "c"),
        ({"text": "no_"}, "c"),
        ({"text": '"sure"\\ [no'}, "c"),
        ({"text": "aurora"}, "d"),
        ({"text": "user"}, ""),
        ({"text": "content"}, ""),
        ({"text": "\x00"}, "abcd"),
        ({"tag": "refunds", "lang": "en", "text": "where"}, "a"),
    ],
)
def test_examples_are_found(version: GoldenSetVersion, chosen: dict[str, Any], expected: str) -> None:
    assert keys(version, **chosen) == expected


def test_queries_do_not_grow_with_rows() -> None:
    def count() -> int:
        with CaptureQueriesContext(connection) as captured:
            for summary in queries.golden_sets():
                str(summary.newest)
            for model in queries.models_with_versions():
                assert [
                    (version.endpoint and version.endpoint.name, version.model.name)
                    for version in model.versions
                ]
            for example in queries.examples_of(newest):
                assert example.tag_names is not None
        return len(captured)

    newest = make_golden_set_version(ROWS[:2])
    make_model_version()
    before = count()
    for _ in range(3):
        newest = make_golden_set_version(ROWS)
        make_model_version()
    assert count() == before == 6


def test_newest_sealed_version_is_shown() -> None:
    first = make_golden_set_version(ROWS, name="support")
    newest = make_golden_set_version(ROWS[:2], name="support")
    make_golden_set_version(ROWS[:1], name="support", sealed=False)
    (summary,) = queries.golden_sets()
    assert (summary.newest, summary.versions) == (newest, 2)
    assert list(queries.golden_set_versions(first.golden_set)) == [newest, first]


def test_responses_are_counted_by_status(version: GoldenSetVersion) -> None:
    model_version = make_model_version()
    first, second, third, _fourth = version.examples.all()
    make_response(model_version, first)
    make_response(model_version, second, status="pending")
    make_response(model_version, third, status="failed")
    make_response(make_model_version(), first)
    assert queries.response_counts(model_version) == {"pending": 1, "done": 1, "failed": 1}
    summaries = queries.models_with_versions()
    assert all(getattr(version, "answered", False) for summary in summaries for version in summary.versions)
