from __future__ import annotations

import hashlib

import pytest

from models_registry.actions.golden_sets import rows_sha256
from models_registry.content_hash import canonical_row, golden_set_sha256
from models_registry.golden_files import read

JSON_LINES = (
    '{"id": "a", "messages": [{"role": "user", "content": "¿Qué tal?"}], "tags": ["x", "y"], "lang": "es"}\n'
    '{"id": 2, "prompt": "Hi", "system": "Be kind.", "reference": "Hello", "metadata": {"b": 1, "a": [2]}}\n'
)


def sha256(source: str) -> str:
    reading = read(source.encode())
    assert reading.errors == ()
    return rows_sha256(reading.rows)


@pytest.mark.parametrize(
    "same",
    [
        "\n".join(reversed(JSON_LINES.splitlines())),
        JSON_LINES.replace("\n", "\r\n"),
        JSON_LINES.replace("¿Qué", "\\u00bfQu\\u00e9"),
        JSON_LINES.replace('{"b": 1, "a": [2]}', '{"a": [2], "b": 1}').replace(
            '"lang": "es"', '"lang": "ES"'
        ),
        "id,prompt,system,tags,lang,reference,metadata\n"
        "a,¿Qué tal?,,x;y,es,,\n"
        '2,Hi,Be kind.,,,Hello,"{""a"": [2], ""b"": 1}"\n',
        "b;id;prompt;system;tags;lang;reference;metadata\n"
        ";a;¿Qué tal?;;x|y;es;;\n"
        ';2;Hi;Be kind.;;;Hello;"{""a"": [2], ""b"": 1}"\n',
    ],
)
def test_order_and_format_do_not_matter(same: str) -> None:
    assert sha256(same) == sha256(JSON_LINES)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('"x", "y"', '"y", "x"'),
        ("tal?", "tal? "),
        ('"es"', '"es-MX"'),
        ('"id": 2', '"id": 3'),
        ("Hello", "Hello."),
        ('"b": 1', '"b": 2'),
        ("Be kind.", "Be brief."),
    ],
)
def test_any_change_of_content_matters(before: str, after: str) -> None:
    assert before in JSON_LINES
    assert sha256(JSON_LINES.replace(before, after)) != sha256(JSON_LINES)


def test_hash_is_of_canonical_lines_in_the_order_of_their_keys() -> None:
    lines = [(key, canonical_row(key=key, messages=[{"role": "user", "content": "é"}])) for key in "ba"]
    text = "".join(f'{{"id":"{key}","messages":[{{"content":"é","role":"user"}}]}}\n' for key in "ab")
    assert golden_set_sha256(lines) == hashlib.sha256(text.encode()).hexdigest()
