"""SQL of our own, run through Django's cursor: for what is asked at every vote."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from functools import cache
from typing import Any

from django.db import connection


def changed(sql: str, values: dict[str, Any]) -> bool:
    """Whether an UPDATE found its row."""
    with _cursor() as cursor:
        cursor.execute(sql, values)
        return bool(cursor.rowcount == 1)


def first_value(sql: str, values: dict[str, Any]) -> int | None:
    found = rows(sql, values)
    return int(found[0][0]) if found else None


def rows(sql: str, values: dict[str, Any]) -> Sequence[Sequence[Any]]:
    with _cursor() as cursor:
        cursor.execute(sql, values)
        found: Sequence[Sequence[Any]] = cursor.fetchall()
    return found


def moment(when: datetime) -> Any:
    """A time as this database is given it."""
    return connection.ops.adapt_datetimefield_value(when)


def as_time(value: datetime | None) -> datetime | None:
    """A time as this database gives it: SQLite's have no zone, and are of UTC."""
    return value.replace(tzinfo=UTC) if value is not None and value.tzinfo is None else value


def _cursor() -> Any:
    """Django's. PostgreSQL prepares each statement once a connection: to plan them took longer than to run them."""
    cursor = connection.cursor()
    if connection.vendor == "postgresql":
        cursor.cursor = _preparing()(cursor.cursor.connection)
    return cursor


@cache
def _preparing() -> Any:
    from django.db.backends.postgresql.base import ServerBindingCursor

    class PreparingCursor(ServerBindingCursor):
        def execute(self, query: Any, params: Any = None) -> Any:
            return super().execute(query, params, prepare=True)  # type: ignore[misc]  # psycopg's, not in the stubs

    return PreparingCursor
