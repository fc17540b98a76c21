"""Triggers that keep golden sets and model versions frozen, on both databases.

A migration that alters one of the tables named here runs `backwards` first and `forwards` last: SQLite rebuilds the
table, which loses its triggers, and refuses to rename it under a trigger that reads it. A test compares what a
migrated database has with what stands here.
"""

from __future__ import annotations

from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

from models_registry.models import GoldenSetVersion
from models_registry.models.golden_set import UNSEALED_COLUMNS
from models_registry.models.model_version import FROZEN_COLUMNS

SEALED = (
    "SELECT 1 FROM models_registry_goldensetversion v "
    "WHERE v.id = {row}.golden_set_version_id AND v.sealed_at IS NOT NULL"
)
SEALED_BY_EXAMPLE = (
    "SELECT 1 FROM models_registry_goldensetversion v JOIN models_registry_example e ON e.golden_set_version_id = v.id "
    "WHERE e.id = {row}.example_id AND v.sealed_at IS NOT NULL"
)
GOLDEN_SET_MESSAGE = "a sealed golden set version never changes; upload a new version"
MODEL_VERSION_MESSAGE = "this model version has answered already and is frozen; register a new version"
CHANGED = " OR ".join(f"NEW.{name} IS DISTINCT FROM OLD.{name}" for name in FROZEN_COLUMNS)
SEALED_COLUMNS = sorted(
    {str(field.column) for field in GoldenSetVersion._meta.concrete_fields} - UNSEALED_COLUMNS
)
CHANGED_SEALED = " OR ".join(f"NEW.{name} IS DISTINCT FROM OLD.{name}" for name in SEALED_COLUMNS)

# name: (table, event, condition, message)
TRIGGERS: dict[str, tuple[str, str, str, str]] = {
    "golden_set_version_update": (
        "models_registry_goldensetversion",
        "UPDATE",
        f"OLD.sealed_at IS NOT NULL AND ({CHANGED_SEALED})",
        GOLDEN_SET_MESSAGE,
    ),
    # or its examples, whose triggers ask whether it is sealed, could follow it
    "golden_set_version_delete": (
        "models_registry_goldensetversion",
        "DELETE",
        "OLD.sealed_at IS NOT NULL",
        GOLDEN_SET_MESSAGE,
    ),
    "model_version_frozen": (
        "models_registry_modelversion",
        "UPDATE",
        f"({CHANGED}) AND EXISTS (SELECT 1 FROM models_registry_response r WHERE r.model_version_id = OLD.id)",  # noqa: S608
        MODEL_VERSION_MESSAGE,
    ),
}
for _table, _condition in (("example", SEALED), ("exampletag", SEALED_BY_EXAMPLE)):
    # an update may neither change what is sealed nor move something into it
    for _event, _rows in (("INSERT", ["NEW"]), ("UPDATE", ["OLD", "NEW"]), ("DELETE", ["OLD"])):
        TRIGGERS[f"sealed_{_table}_{_event.lower()}"] = (
            f"models_registry_{_table}",
            _event,
            " OR ".join(f"EXISTS ({_condition.format(row=_row)})" for _row in _rows),
            GOLDEN_SET_MESSAGE,
        )


def install(connection: BaseDatabaseWrapper, triggers: dict[str, tuple[str, str, str, str]]) -> None:
    with connection.cursor() as cursor:
        for name, (table, event, condition, message) in triggers.items():
            if connection.vendor == "sqlite":
                cursor.execute(f"DROP TRIGGER IF EXISTS {name}")
                cursor.execute(
                    f"CREATE TRIGGER {name} BEFORE {event} ON {table} WHEN {condition} "
                    f"BEGIN SELECT RAISE(ABORT, '{message}'); END"
                )
            else:
                _install_on_postgresql(cursor, name, table, event, condition, message)


def _install_on_postgresql(
    cursor: Any, name: str, table: str, event: str, condition: str, message: str
) -> None:
    """PostgreSQL allows no subquery in WHEN, so a function decides.

    What is inserted is looked at once a statement: a call a row would make COPY of a golden set half as fast.
    """
    row = "OLD" if event == "DELETE" else "NEW"
    when = f"BEFORE {event} ON {table} FOR EACH ROW"
    if event == "INSERT":
        condition = f"EXISTS (SELECT 1 FROM inserted WHERE {condition.replace('NEW.', 'inserted.')})"  # noqa: S608
        when = f"AFTER INSERT ON {table} REFERENCING NEW TABLE AS inserted FOR EACH STATEMENT"
        row = "NULL"
    cursor.execute(
        f"CREATE OR REPLACE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        f"IF {condition} THEN RAISE EXCEPTION '{message}' "
        f"USING ERRCODE = 'integrity_constraint_violation'; "
        f"END IF; RETURN {row}; END $$"
    )
    cursor.execute(f"DROP TRIGGER IF EXISTS {name} ON {table}")
    cursor.execute(f"CREATE TRIGGER {name} {when} EXECUTE FUNCTION {name}()")


def uninstall(connection: BaseDatabaseWrapper, triggers: dict[str, tuple[str, str, str, str]]) -> None:
    with connection.cursor() as cursor:
        for name, (table, *_rest) in triggers.items():
            if connection.vendor == "sqlite":
                cursor.execute(f"DROP TRIGGER IF EXISTS {name}")
            else:
                cursor.execute(f"DROP TRIGGER IF EXISTS {name} ON {table}")
                cursor.execute(f"DROP FUNCTION IF EXISTS {name}()")


def forwards(apps: object, schema_editor: BaseDatabaseSchemaEditor) -> None:
    install(schema_editor.connection, TRIGGERS)


def backwards(apps: object, schema_editor: BaseDatabaseSchemaEditor) -> None:
    uninstall(schema_editor.connection, TRIGGERS)
