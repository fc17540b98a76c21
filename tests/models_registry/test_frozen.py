"""The database itself refuses to change what is sealed or frozen, whatever asks it to."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction

from models_registry.actions.responses import RecordedAnswer, record_responses, request_responses
from models_registry.content_hash import request_sha256
from models_registry.generation.messages import request_messages
from models_registry.models import Example, ExampleTag, GoldenSetVersion, KnownLimitation, ModelVersion
from tests.factories import make_endpoint, make_golden_set_version, make_model_version, make_response

pytestmark = pytest.mark.django_db


def refused(sql: str, *params: Any) -> bool:
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(sql, params)
    except IntegrityError:
        return True
    return False


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE models_registry_example SET reference = 'changed'",
        "UPDATE models_registry_example SET messages = '[]'",
        "DELETE FROM models_registry_exampletag",
        "UPDATE models_registry_exampletag SET name = 'changed'",
        "UPDATE models_registry_goldensetversion SET rows = 1",
        "UPDATE models_registry_goldensetversion SET sealed_at = NULL",
        "INSERT INTO models_registry_exampletag (example_id, position, name) "
        "SELECT id, 9, 'new' FROM models_registry_example",
    ],
)
def test_sealed_version_refuses_sql(sql: str) -> None:
    make_golden_set_version()
    assert refused(sql)
    assert not Example.objects.filter(reference="changed").exists()
    assert not ExampleTag.objects.filter(name__in=["changed", "new"]).exists()


def test_sealed_version_refuses_deletion_and_growth() -> None:
    version = make_golden_set_version()
    with pytest.raises(IntegrityError), transaction.atomic():
        ExampleTag.objects.all().delete()
    with pytest.raises(IntegrityError), transaction.atomic():
        Example.objects.create(golden_set_version=version, position=99, key="new", messages=[])
    assert version.examples.count() == version.rows


def test_version_not_yet_sealed_can_change() -> None:
    version = make_golden_set_version(sealed=False)
    assert not refused("UPDATE models_registry_example SET reference = 'changed'")
    GoldenSetVersion.objects.filter(pk=version.pk).update(rows=1)


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("version", "other"),
        ("endpoint_id", None),
        ("served_name", "other"),
        ("system_prompt", "other"),
        ("parameters", '{"temperature": 1}'),
        ("input_price", 9),
        ("output_price", 9),
        ("training_data_sha256", "0" * 64),
    ],
)
def test_model_version_is_frozen_by_its_first_response(column: str, value: object) -> None:
    version = make_model_version()
    sql = f"UPDATE models_registry_modelversion SET {column} = %s WHERE id = %s"  # noqa: S608 - names above
    assert not refused(sql, value, version.pk)
    before = ModelVersion.objects.values().get(pk=version.pk)
    version = ModelVersion.objects.get(pk=version.pk)
    example = make_golden_set_version().examples.get(position=0)
    make_response(version, example, status="pending")
    other = {"version": "yet-another", "endpoint_id": make_endpoint().pk, "parameters": "{}"}.get(column, "1")
    assert refused(sql, other, version.pk)
    assert ModelVersion.objects.values().get(pk=version.pk) == before


def test_what_is_said_about_a_frozen_version_may_grow() -> None:
    version = make_model_version()
    make_response(version, make_golden_set_version().examples.get(position=0))
    assert not refused("UPDATE models_registry_modelversion SET changelog = 'x', intended_use = 'y'")
    KnownLimitation.objects.create(model_version=version, limitation="Slow")


def test_a_request_is_for_the_version_as_it_stands_not_as_it_was_read() -> None:
    read_before = make_model_version(system_prompt="Be brief.")
    ModelVersion.objects.filter(pk=read_before.pk).update(system_prompt="Be kind.")
    examples = list(make_golden_set_version(1).examples.all())

    (asked,) = request_responses(model_version=read_before, examples=examples).values()

    now = ModelVersion.objects.get(pk=read_before.pk)
    assert now.system_prompt == "Be kind."
    assert asked == request_responses(model_version=now, examples=examples)[examples[0].pk]
    answers = {examples[0].key: RecordedAnswer("")}
    assert (
        asked
        == record_responses(model_version=read_before, examples=examples, answers=answers)[examples[0].pk]
    )
    assert asked.request_sha256 == request_sha256(
        messages=request_messages("Be kind.", examples[0].messages), parameters=now.parameters
    )


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_a_change_waits_for_a_first_request_and_is_then_refused(in_threads: Any) -> None:
    version = make_model_version(system_prompt="Be brief.")
    examples = list(make_golden_set_version(1).examples.all())
    reading, refusals = threading.Event(), []

    def slowly() -> Iterator[Example]:
        reading.set()
        time.sleep(0.5)  # in which the change would slip through
        yield from examples

    def one(what: str) -> None:
        if what == "request":
            request_responses(model_version=version, examples=slowly())
        else:
            assert reading.wait(60)
            refusals.append(refused("UPDATE models_registry_modelversion SET system_prompt = 'changed'"))

    in_threads(one, ["request", "change"])
    assert refusals == [True]
    assert ModelVersion.objects.get().system_prompt == "Be brief."
