"""What is said of a file's rows in another language, from the sentences that the readers wrote in English."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import translation

from models_registry.actions.uploads import receive_upload
from models_registry.golden_files import read
from models_registry.queries.file_words import OF_A_KIND, SENTENCES, file_said, form

ROOT = Path(__file__).resolve().parent.parent.parent / "models_registry"


@cache
def written() -> set[str]:
    """Every sentence of the readers, with an x where a value stands."""
    found = set()
    for path in [*(ROOT / "golden_files").glob("*.py"), *(ROOT / "response_files").glob("*.py")]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                found.add(node.value)
            elif isinstance(node, ast.JoinedStr):
                found.add(
                    "".join(
                        str(part.value) if isinstance(part, ast.Constant) else "x" for part in node.values
                    )
                )
    return {sentence for sentence in found if len(sentence) < 200}


@pytest.mark.parametrize("sentence", [*SENTENCES, OF_A_KIND])
def test_form_is_a_sentence_of_the_readers(sentence: str) -> None:
    assert any(form(sentence).fullmatch(said) for said in written())


@pytest.mark.parametrize("sentence", SENTENCES)
def test_form_is_not_hidden_by_one_before_it(sentence: str) -> None:
    text = sentence
    for name in form(sentence).groupindex:
        text = text.replace(f"%({name})s", "x")
    assert next(other for other in SENTENCES if form(other).fullmatch(text)) == sentence


@pytest.mark.parametrize(
    ("english", "spanish"),
    [
        ('"id" is missing', "falta «id»"),
        ('"tags" is a number', "«tags» es un número"),
        ("message 2 has no \"role\"", "el mensaje 2 no tiene «role»"),
        ('the id "a" was used in line 3 already', "el id «a» ya se usó en la línea 3"),
        ("message 2 is not an assistant message", "el mensaje 2 no es un mensaje del asistente"),
        ("the file is packed with gzip twice", "el archivo está comprimido dos veces con gzip"),
        ('"latency" is 412, which in seconds is more than ten minutes',
         "«latency» es 412, que en segundos son más de diez minutos"),
        ("the Parquet file can't be read: no magic bytes", "no se puede leer el archivo Parquet: no magic bytes"),
        ("nobody wrote a form for this", "nobody wrote a form for this"),
        # a text of the file, not a kind
        ('"lang" is "a number of them"', '"lang" is "a number of them"'),
    ],
)  # fmt: skip
def test_sentence_in_spanish(english: str, spanish: str) -> None:
    with translation.override("es"):
        assert file_said(english) == spanish
    with translation.override("en"):
        assert file_said(english) == english


@pytest.mark.django_db
def test_upload_page_says_it_in_spanish(client: Client, admin_user: User) -> None:
    client.force_login(admin_user)
    upload = receive_upload(
        name="support",
        filename="rows.jsonl",
        pieces=[b'{"id": "one", "prompt": "Hello?"}\n{"prompt": "Hi"}\n{"id": "one", "prompt": "Again?"}\n'],
        by=None,
    )

    page = client.get(upload.get_absolute_url(), headers={"Accept-Language": "es"}).text

    assert "el id «one» ya se usó en la línea 1" in page
    assert "da a cada fila un id propio" in page


def test_problems_of_a_file_are_known_again() -> None:
    rows = [
        '{"id": true, "prompt": "a"}',
        '{"id": "b"}',
        '{"id": "c", "messages": []}',
        '{"id": "d", "prompt": "a", "tags": 3}',
        '{"id": "e", "prompt": "a"',
    ]
    errors = read("\n".join(rows).encode()).errors
    assert len(errors) == len(rows)
    with translation.override("es"):
        for problem in errors:
            assert file_said(problem.message) != problem.message
            assert file_said(problem.fix) != problem.fix
