"""Column kinds that every table shares."""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger, Column, Integer, String, Text
from sqlalchemy.types import JSON

# SQLite only auto-numbers INTEGER primary keys.
Big = BigInteger().with_variant(Integer, "sqlite")


def key(name: str = "id") -> Column[str]:
    """A text primary key: a UUIDv7 or a code."""
    return Column(name, String(64), primary_key=True)


def ref(name: str, **options: Any) -> Column[str]:
    """A text reference to another row. Not a database foreign key where rows of the hot path are
    written: the journal, not the constraint, is what proves them."""
    return Column(name, String(64), **options)


def path(name: str = "org_path", **options: Any) -> Column[str]:
    """Organisation path like ``/330109/330109103/330109103201/``; a branch is a prefix of it."""
    return Column(name, String(200), nullable=False, **options)


def millis(name: str, **options: Any) -> Column[int]:
    """A time in milliseconds since the epoch, UTC."""
    return Column(name, BigInteger, **options)


def state(name: str = "state", **options: Any) -> Column[str]:
    """A short stable code."""
    return Column(name, String(32), nullable=False, **options)


def text(name: str, **options: Any) -> Column[str]:
    """Words of a person."""
    return Column(name, Text, **options)


def data(name: str = "data") -> Column[Any]:
    """Structured values that are never searched by."""
    return Column(name, JSON, nullable=False, default=dict)
