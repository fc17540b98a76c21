from __future__ import annotations

import pytest

from models_registry.preflight.vocabularies import vocabulary


@pytest.mark.parametrize(
    ("served_name", "encoding"),
    [
        ("gpt-4o", "o200k_base"),
        ("gpt-4o-mini-2024-07-18", "o200k_base"),
        ("ft:gpt-4o-mini:aurora::9x", "o200k_base"),
        ("openai/gpt-4.1-nano", "o200k_base"),
        ("gpt-5.1", "o200k_base"),
        ("gpt-5-mini", "o200k_base"),
        ("GPT-OSS-120b", "o200k_base"),
        ("o3-mini", "o200k_base"),
        ("gpt-4", "cl100k_base"),
        ("gpt-4-turbo", "cl100k_base"),
        ("gpt-35-turbo-16k", "cl100k_base"),
        ("gpt-3.5-turbo", "cl100k_base"),
        ("", None),
        ("llama-3.1-8b", None),
        ("o1s-of-our-own", None),
        ("someone/gpt-4o", None),
        ("our-gpt-4o", None),
    ],
)
def test_vocabulary_is_told_by_the_served_name(served_name: str, encoding: str | None) -> None:
    assert vocabulary(served_name) == encoding
