"""Typed readers of the process environment. A missing or wrong value explains its own fix."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured
from django.core.management.utils import get_random_secret_key


def text(name: str, default: str | None = None) -> str:
    value = os.environ.get(name, "").strip()
    if value:
        return value
    if default is None:
        raise ImproperlyConfigured(f"{name} is not set; see .env.example for what it holds")
    return default


def flag(name: str, default: bool) -> bool:
    value = text(name, "1" if default else "0").lower()
    if value in {"1", "true", "yes", "on"}:
        return True
    if value in {"0", "false", "no", "off"}:
        return False
    raise ImproperlyConfigured(f"{name}={value!r} is neither on nor off; write 1 or 0")


def integer(name: str, default: int, *, least: int = 0) -> int:
    value = text(name, str(default))
    try:
        number = int(value)
    except ValueError:
        raise ImproperlyConfigured(
            f"{name}={value!r} is not a whole number; write one such as {default}"
        ) from None
    if number < least:
        raise ImproperlyConfigured(f"{name}={number} is too small; write {least} or more")
    return number


def words(name: str, default: str = "") -> list[str]:
    return [word.strip() for word in text(name, default or " ").split(",") if word.strip()]


def token(name: str, *, least: int = 16) -> str:
    """A secret that lets someone in, or an empty one that lets nobody in."""
    value = text(name, "")
    if value and len(value) < least:
        raise ImproperlyConfigured(
            f"{name} is short enough to be guessed; write {least} characters or more, or leave it out"
        )
    return value


def secret_key(name: str, kept_in: Path | None) -> str:
    """Django's secret key from the environment; without one, made once and kept in a file only its owner reads."""
    if os.environ.get(name) or kept_in is None:
        return text(name)
    kept_in.parent.mkdir(parents=True, exist_ok=True)
    try:
        with os.fdopen(os.open(kept_in, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(get_random_secret_key())
    except FileExistsError:
        pass
    return kept_in.read_text().strip()


def database(name: str, default: str, *, base_dir: Path) -> dict[str, Any]:
    """Django's settings for one database, from `sqlite:///path/to/file` or `postgresql://user:password@host/name`.

    The path of an SQLite file is relative to the project unless it starts with a further slash.
    """
    url = text(name, default)
    parts = urlsplit(url)
    if parts.scheme == "sqlite":
        path = parts.path.removeprefix("/")
        if not path:
            raise ImproperlyConfigured(f"{name}={url!r} names no file; write sqlite:///var/evalsite.sqlite3")
        return {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": base_dir / unquote(path),
            "OPTIONS": {
                # writers queue for the lock instead of failing half-way through a transaction
                "transaction_mode": "IMMEDIATE",
                "timeout": 20,
                "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA foreign_keys=ON;",
            },
        }
    if parts.scheme in {"postgresql", "postgres"}:
        if not parts.path.strip("/"):
            raise ImproperlyConfigured(
                f"{name} names no database; write postgresql://user:password@host/name"
            )
        query = dict(parse_qsl(parts.query))
        # a libpq query parameter lets a socket folder be the host, which a URL's host cannot spell
        host = query.pop("host", None) or unquote(parts.hostname or "")
        return {
            "ENGINE": "django.db.backends.postgresql",
            "NAME": unquote(parts.path.strip("/")),
            "USER": unquote(parts.username or ""),
            "PASSWORD": unquote(parts.password or ""),
            "HOST": host,
            "PORT": str(parts.port or ""),
            # a connection that a restart of the server has ended is replaced before a request gets it
            "CONN_HEALTH_CHECKS": True,
            # and one that is away is asked for again soon: left to itself the pool would wait longer and longer
            "OPTIONS": {
                "pool": {"min_size": 1, "max_size": 16, "timeout": 20, "reconnect_timeout": 10},
                **query,
            },
        }
    raise ImproperlyConfigured(
        f"{name} starts with {parts.scheme or 'nothing'!r}; write sqlite:///path/to/file or "
        "postgresql://user:password@host/name"
    )
