"""Responses from a file become those of a model version: all of them or none, and twice is the same as once."""

from __future__ import annotations

import io
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.core.management import CommandError, call_command

from models_registry.actions import recorded_responses
from models_registry.actions.recorded_responses import ImportedResponses, import_responses
from models_registry.actions.responses import AnswerDiffers, RecordedAnswer, record_responses
from models_registry.generation.answered import answered_versions, unanswered
from models_registry.models import GoldenSetVersion, Model, ModelVersion, Response
from tests.factories import ROWS, make_golden_set_version, make_model_version, make_response

pytestmark = pytest.mark.django_db

KEYS = [row["id"] for row in ROWS]
TURNS = [
    {"role": "user", "content": "Hi"},
    {"role": "user", "content": "And then?"},
    {"role": "user", "content": "And now?"},
]


def rows(*keys: str, **fields: Any) -> list[dict[str, Any]]:
    return [{"id": key, "text": f"On {key}"} | fields for key in keys or KEYS]


def as_lines(given: list[dict[str, Any]]) -> bytes:
    return "\n".join(json.dumps(row) for row in given).encode()


def record(
    given: list[dict[str, Any]] | bytes,
    golden_set_version: GoldenSetVersion,
    model_version: ModelVersion | tuple[str, str] = ("bot", "1"),
    **options: Any,
) -> ImportedResponses:
    return import_responses(
        model_version=model_version,
        golden_set_version=golden_set_version,
        stream=given if isinstance(given, bytes) else as_lines(given),
        filename="answers.jsonl",
        by=None,
        **options,
    )


@pytest.fixture
def support() -> GoldenSetVersion:
    return make_golden_set_version(name="support")


def assert_nothing_is_stored() -> None:
    assert not Response.objects.exists()
    assert not ModelVersion.objects.exists()
    assert not Model.objects.exists()


# --- storing ---------------------------------------------------------------------------------------------------


def test_all_that_a_file_tells_is_stored(support: GoldenSetVersion, admin_user: User) -> None:
    given = rows(latency_ms=250, prompt_tokens=1000, completion_tokens=500, finish_reason="length")
    imported = import_responses(
        model_version=("bot", "shadow"),
        golden_set_version=support,
        stream=as_lines(given),
        filename="answers.jsonl",
        by=admin_user,
        fields={"input_price": Decimal(2), "output_price": Decimal(4), "changelog": "As in May"},
    )
    version = ModelVersion.objects.get()
    assert imported.model_version == version
    assert (imported.rows, imported.stored, imported.missing, imported.errors) == (5, 5, 0, ())
    assert (version.endpoint, version.changelog, version.created_by) == (None, "As in May", admin_user)
    assert version.is_frozen
    responses = Response.objects.order_by("example__position")
    assert [response.text for response in responses] == [f"On {key}" for key in KEYS]
    for response in responses:
        assert (response.status, response.latency_seconds, response.finish_reason) == ("done", 0.25, "length")
        assert (response.input_tokens, response.output_tokens) == (1000, 500)
        assert response.cost == Decimal("0.004")
        assert response.done_at is not None


def test_what_was_not_measured_stays_unknown(support: GoldenSetVersion) -> None:
    record(rows(), support)
    assert set(Response.objects.values_list("latency_seconds", "input_tokens", "cost")) == {
        (None, None, None)
    }


def test_without_prices_there_is_no_cost(support: GoldenSetVersion) -> None:
    record(rows(input_tokens=5, output_tokens=5), support)
    assert set(Response.objects.values_list("cost", flat=True)) == {None}


def test_price_that_can_not_be_is_refused_and_nothing_stored(support: GoldenSetVersion) -> None:
    given = rows(input_tokens=10_000_000, output_tokens=1)
    with pytest.raises(ValidationError, match="prices are per million tokens"):
        record(given, support, fields={"input_price": Decimal(900_000)})
    assert_nothing_is_stored()


def test_same_file_twice_is_the_same_as_once(support: GoldenSetVersion) -> None:
    record(rows(), support)
    before = list(Response.objects.values())
    again = record(rows(), support)
    assert (again.model_version, again.rows, again.stored, again.missing) == (
        ModelVersion.objects.get(),
        5,
        0,
        0,
    )
    assert list(Response.objects.values()) == before


def test_examples_without_a_response_are_counted_and_named(support: GoldenSetVersion) -> None:
    imported = record(rows(*KEYS[:2]), support)
    assert (imported.stored, imported.missing, imported.missing_named) == (2, 3, tuple(KEYS[2:]))
    later = record(rows(*KEYS[2:]), support)
    assert (later.stored, later.missing, later.missing_named) == (3, 0, ())


def test_batches_are_stored_together(support: GoldenSetVersion, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recorded_responses, "BATCH", 2)
    assert record(rows(), support).stored == 5
    changed = [*rows(*KEYS[:4]), {"id": KEYS[4], "text": "Other"}]
    assert record(changed, support, ("bot", "2")).stored == 5
    refused = record(rows(), support, ("bot", "2"))
    assert [error.line for error in refused.errors] == [5]


def test_examples_with_the_same_prompt_share_a_response() -> None:
    version = make_golden_set_version([{"id": "a", "prompt": "Hi"}, {"id": "b", "prompt": "Hi"}])
    same = [{"id": "a", "text": "x"}, {"id": "b", "text": "x"}]
    imported = record(same, version)
    assert (imported.rows, imported.stored, imported.missing) == (2, 1, 0)
    other = record([{"id": "a", "text": "x"}, {"id": "b", "text": "y"}], version, ("bot", "2"))
    assert 'has answered "b" already, as "a", with another text' in str(other.errors[0])


def test_conversation_needs_the_answers_in_between() -> None:
    version = make_golden_set_version([{"id": "a", "messages": TURNS}, {"id": "b", "prompt": "Hello"}])
    without = record(rows("a", "b"), version)
    assert str(without.errors[0]) == (
        'line 1: the row gives 0 earlier answers where the conversation "a" has 2; '
        'give 2 earlier answers of the model\'s own as a list in "earlier_answers"'
    )
    assert "leave" in record(rows("b", earlier_answers=["x"]), version).errors[0].fix
    given = [*rows("a", earlier_answers=["One", "Two"]), *rows("b")]
    assert record(given, version).stored == 2
    assert Response.objects.get(example__key="a").earlier_answers == ["One", "Two"]
    refused = record(rows("a", earlier_answers=["One", "Three"]), version)
    assert "with other earlier answers" in str(refused.errors[0])


def test_record_responses_refuses_other_earlier_answers() -> None:
    version = make_golden_set_version([{"id": "a", "messages": TURNS[:2]}])
    recorded = make_recorded()
    examples = list(version.examples.all())
    record_responses(model_version=recorded, examples=examples, answers={"a": RecordedAnswer("x", ["One"])})
    with pytest.raises(AnswerDiffers, match="with other earlier answers"):
        record_responses(
            model_version=recorded, examples=examples, answers={"a": RecordedAnswer("x", ["Two"])}
        )


def make_recorded(**fields: Any) -> ModelVersion:
    version = make_model_version(**fields)
    ModelVersion.objects.filter(pk=version.pk).update(endpoint=None, served_name="")
    return ModelVersion.objects.get(pk=version.pk)


def test_response_that_was_asked_for_in_vain_is_answered(support: GoldenSetVersion) -> None:
    recorded = make_recorded()
    for example, status in zip(support.examples.all(), ["pending", "failed"], strict=False):
        make_response(recorded, example, status=status, last_error="No endpoint")
    assert list(unanswered(recorded, support)) == KEYS
    assert record(rows(), support, recorded).stored == 5
    assert set(Response.objects.values_list("status", "last_error")) == {("done", "")}


# --- refusing --------------------------------------------------------------------------------------------------


def test_bad_rows_are_told_with_their_lines_and_nothing_is_stored(support: GoldenSetVersion) -> None:
    given = [{"id": "nowhere", "text": "x"}, *rows(KEYS[0]), {"id": KEYS[1]}, *rows(KEYS[0])]
    imported = record(given, support)
    assert imported.model_version is None
    assert (imported.rows, imported.bad_rows) == (1, 3)
    assert [error.line for error in imported.errors] == [1, 3, 4]
    assert str(imported.errors[0]) == (
        'line 1: support v1 has no example "nowhere"; give the id of one, such as "refund-1", '
        "or choose the golden set version that was answered"
    )
    assert_nothing_is_stored()


def test_bad_rows_are_skipped_where_that_is_asked_for(support: GoldenSetVersion) -> None:
    imported = record([{"id": "nowhere", "text": "x"}, *rows()], support, skip_invalid=True)
    assert (imported.stored, imported.bad_rows, len(imported.errors)) == (5, 1, 1)


def test_file_that_breaks_off_stores_nothing_whatever_is_skipped(support: GoldenSetVersion) -> None:
    imported = record(as_lines(rows()) + b"\n\xff", support, skip_invalid=True)
    assert "is not UTF-8" in imported.errors[0].message
    assert imported.model_version is None
    assert_nothing_is_stored()


def test_only_so_many_problems_are_kept(support: GoldenSetVersion, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recorded_responses, "MOST_PROBLEMS", 3)
    imported = record([{"id": f"no-{number}", "text": ""} for number in range(9)], support)
    assert (len(imported.errors), imported.more_errors, imported.bad_rows) == (3, 6, 9)


@pytest.mark.parametrize("skip_invalid", [False, True])
def test_another_text_is_refused_with_its_line(support: GoldenSetVersion, skip_invalid: bool) -> None:
    record(rows(*KEYS[:3]), support)
    before = list(Response.objects.values())
    given = [*rows(KEYS[0]), {"id": KEYS[1], "text": "Other"}, *rows(*KEYS[2:])]
    imported = record(given, support, skip_invalid=skip_invalid)
    assert imported.model_version is None
    assert [str(error) for error in imported.errors] == [
        f'line 2: bot 1 has answered "{KEYS[1]}" already, with another text; '
        "give these responses a version of their own"
    ]
    assert list(Response.objects.values()) == before


@pytest.mark.parametrize("by_name", [False, True])
def test_version_with_an_endpoint_answers_for_itself(support: GoldenSetVersion, by_name: bool) -> None:
    live = make_model_version("bot", version="1")
    with pytest.raises(ValidationError, match="bot 1 has an endpoint"):
        record(rows(), support, ("bot", "1") if by_name else live)
    assert not Response.objects.exists()


def test_golden_set_version_has_to_be_whole() -> None:
    with pytest.raises(ValidationError, match="still being stored"):
        record(rows(), make_golden_set_version(sealed=False))


# --- what is answered ------------------------------------------------------------------------------------------


def test_prompt_that_a_later_version_holds_too_is_answered_there(support: GoldenSetVersion) -> None:
    later = make_golden_set_version([*ROWS[1:], {"id": "new", "prompt": "New?"}], name="support")
    make_golden_set_version([{"id": "x", "prompt": "Elsewhere"}], name="elsewhere")
    record(rows(), support)
    version = ModelVersion.objects.get()
    assert list(unanswered(version, later)) == ["new"]
    found = answered_versions(version)
    assert [(row.golden_set_version, row.examples, row.at_least) for row in found] == [
        (later, 4, False),
        (support, 5, False),
    ]


def test_large_golden_set_is_counted_by_what_was_first_asked(
    support: GoldenSetVersion, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("models_registry.generation.answered.MOST_EXAMPLES_LOOKED_AT", 4)
    record(rows(*KEYS[:3]), support)
    (found,) = answered_versions(ModelVersion.objects.get())
    assert (found.examples, found.at_least) == (3, True)


# --- the command -----------------------------------------------------------------------------------------------


def command(path: Path, *flags: str, golden_set: str = "support") -> str:
    out = io.StringIO()
    names = ("--golden-set", golden_set, "--model", "bot", "--version", "1")
    call_command("import_responses", str(path), *names, *flags, stdout=out, stderr=out)
    return out.getvalue()


def refusal(path: Path, *flags: str, golden_set: str = "support") -> str:
    with pytest.raises(CommandError) as caught:
        command(path, *flags, golden_set=golden_set)
    assert caught.value.returncode == 2
    return str(caught.value)


@pytest.fixture
def answers(tmp_path: Path) -> Path:
    path = tmp_path / "answers.jsonl"
    path.write_bytes(as_lines(rows(*KEYS[:4], input_tokens=10, output_tokens=5, trace="t")))
    return path


def test_command_tells_what_it_stored(support: GoldenSetVersion, answers: Path) -> None:
    said = command(answers, "--input-price", "0.4", "--intended-use", "Chat")
    assert "bot 1 on support v1: 4 rows, 4 responses stored" in said
    assert "1 of 5 examples of support v1 have no response, such as hello-1." in said
    version = ModelVersion.objects.get()
    assert (version.input_price, version.intended_use) == (Decimal("0.4"), "Chat")
    assert "4 rows, unchanged, all are stored already" in command(answers, golden_set="support@1")


def test_command_prints_json(support: GoldenSetVersion, answers: Path) -> None:
    told = json.loads(command(answers, "--json"))
    assert told["golden_set_sha256"] == support.sha256
    assert (told["model"], told["version"], told["golden_set"], told["golden_set_version"]) == (
        *("bot", "1"),
        *("support", 1),
    )
    assert (told["rows"], told["stored"], told["missing"], told["missing_examples"]) == (4, 4, 1, ["hello-1"])
    assert '"trace"' in told["warnings"][0]


def test_command_takes_the_newest_version_that_is_not_retired(
    support: GoldenSetVersion, answers: Path
) -> None:
    make_golden_set_version([{"id": "new", "prompt": "New?"}], name="support")
    newest = make_golden_set_version(ROWS[:4], name="support")
    assert "on support v3" in command(answers)
    GoldenSetVersion.objects.filter(pk=newest.pk).update(retired_at=newest.sealed_at)
    assert "support v2 has no example" in refusal(answers)


def test_command_refuses_bad_rows_unless_they_are_skipped(support: GoldenSetVersion, answers: Path) -> None:
    answers.write_bytes(answers.read_bytes() + b'\n{"id": "nowhere", "text": ""}\n')
    said = refusal(answers)
    assert said.startswith('line 5: support v1 has no example "nowhere"')
    assert said.endswith("answers.jsonl: nothing was stored.")
    assert_nothing_is_stored()
    assert "skipped line 5: " in command(answers, "--skip-invalid")


@pytest.mark.parametrize(
    ("golden_set", "flags", "said"),
    [
        ("other", [], "there is no golden set 'other' with a version to use; import it with"),
        ("support@2", [], "its versions are 1"),
        ("support@99999999999999999999", [], "its versions are 1"),
        ("support@x", [], "write its name, or name and version such as support@3"),
        ("support", ["--model", "a b"], "--model: A name is made of"),
        ("support", ["--version", "a b"], "--version: Letters, digits"),
        ("support", ["--input-price", "cheap"], "--input-price is 'cheap'; write dollars"),
    ],
)
def test_command_says_which_flag_is_wrong(
    support: GoldenSetVersion, answers: Path, golden_set: str, flags: list[str], said: str
) -> None:
    assert said in refusal(answers, *flags, golden_set=golden_set)
    assert_nothing_is_stored()


def test_command_says_that_there_is_no_file(support: GoldenSetVersion, tmp_path: Path) -> None:
    assert "can't be read" in refusal(tmp_path / "nowhere.jsonl")
