"""The sentences of preflight, put together for the page: the report's own in English, and another language's."""

from __future__ import annotations

from dataclasses import replace

import pytest
from django.utils import translation

from models_registry.golden_files import Row
from models_registry.preflight import DEFINITIONS, KINDS, Options, Report, preflight
from models_registry.preflight.findings import MOST_SUBJECTS
from models_registry.queries import preflight_words
from models_registry.queries.preflight_words import NOTES, SENTENCES, note_said, said

LONG = "Please tell me where the parcel is that I ordered for my mother in law last spring. "


def row(line: int, text: str, *tags: str, lang: str = "en") -> Row:
    messages = ({"role": "user", "content": text},)
    return Row(
        line=line, key=f"row-{line}", messages=messages, tags=tags, reference="", lang=lang, metadata={}
    )


def many() -> list[Row]:
    """Rows with everything that preflight warns of, several of each."""
    rows = [row(line, f"{LONG}Parcel {line}, ana@aurora.example, thanks.", "parcels") for line in (1, 2, 3)]
    rows += [row(4, "Where is it? Call 612 345 678 or 612 345 679, please.", "calls", lang="es")]
    rows += [row(line, f"word{line} " * 6000, "billing") for line in (5, 6)]
    rows += [row(line, f"Nothing is like question number {line}") for line in (7, 8)]
    rows += [
        row(9, "¿Dónde está mi paquete? Lo pedí hace dos semanas y todavía no me ha llegado nada.", "sizes"),
        row(
            10, "Me han cobrado dos veces el mismo pedido y quiero que me devuelvan el dinero ya.", "returns"
        ),
    ]
    return rows


def one() -> list[Row]:
    """The same, one of each, where there is a singular."""
    return [
        row(1, f"{LONG}Write to ana@aurora.example.", "parcels"),
        row(2, f"{LONG}Write to me.", "parcels"),
        row(3, "word " * 9000, "parcels"),
        row(4, "Nobody said what this is about"),
        row(5, "¿Dónde está mi paquete? Lo pedí hace dos semanas y todavía no me ha llegado nada.", "parcels"),
        row(6, "¿Cuánto tarda un reembolso? Llevo más de dos semanas esperando y no llega.", "parcels", lang="es"),
    ]  # fmt: skip


REPORTS = [preflight(many(), Options(seed=1)), preflight(one(), Options(seed=1, near_duplicate=0.6))]


def test_reports_have_every_warning() -> None:
    for report in REPORTS[:1]:
        assert {warning.code for warning in report.warnings} == set(SENTENCES)


@pytest.mark.parametrize("report", REPORTS)
def test_sentences_are_those_of_the_report(report: Report) -> None:
    with translation.override("en"):
        for warning in report.warnings:
            assert SENTENCES[warning.code](warning, report) == (warning.message, warning.fix)
            assert [note_said(behind.note) for behind in warning.rows] == [
                behind.note for behind in warning.rows
            ]


def test_definitions_and_kinds_are_those_of_the_report() -> None:
    with translation.override("en"):
        assert {code: str(text) for code, text in preflight_words.DEFINITIONS.items()} == dict(DEFINITIONS)
        assert {kind: str(text) for kind, text in preflight_words.KINDS.items()} == {
            kind: kind for kind in KINDS
        }


@pytest.mark.parametrize("report", REPORTS)
def test_sentences_are_translated(report: Report) -> None:
    with translation.override("es"):
        for warning in report.warnings:
            message, fix = said(warning, report)
            assert message != warning.message
            assert fix != warning.fix
    notes = {behind.note for warning in report.warnings for behind in warning.rows if behind.note}
    known = [note for note in notes if any(pattern.fullmatch(note) for pattern, _say in NOTES)]
    assert known


def test_what_a_report_holds_only_in_part_is_said_as_it_is_stored() -> None:
    report = REPORTS[0]
    warning = next(found for found in report.warnings if found.code == "small_intents")
    warning = replace(warning, subjects=warning.subjects[:1] * MOST_SUBJECTS)

    with translation.override("es"):
        assert said(warning, report) == (warning.message, warning.fix)
