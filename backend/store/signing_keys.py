"""Rows of people's signing keys."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, func, select, update

from backend.store.tables import person, signing_key


def insert(conn: Connection, row: dict[str, Any]) -> None:
    """A key, registered."""
    conn.execute(signing_key.insert(), row)


def of_person(conn: Connection, person_id: str) -> Sequence[Row[Any]]:
    """All keys that a person ever registered, newest first."""
    query = select(signing_key).where(signing_key.c.person_id == person_id)
    return conn.execute(query.order_by(signing_key.c.id.desc())).all()


def in_force(conn: Connection, person_id: str) -> int:
    """How many keys of a person are not revoked."""
    query = select(func.count()).where(
        signing_key.c.person_id == person_id, signing_key.c.revoked_at.is_(None)
    )
    return int(conn.execute(query).scalar_one())


def is_known(conn: Connection, public: bytes) -> bool:
    """Whether anybody ever registered this key."""
    query = select(signing_key.c.id).where(signing_key.c.public == public)
    return conn.execute(query).first() is not None


def owner_path(conn: Connection, person_id: str) -> str | None:
    """Where a person belongs."""
    return conn.execute(select(person.c.org_path).where(person.c.id == person_id)).scalar()


def lock_owner(conn: Connection, person_id: str) -> None:
    """Let nobody else register a key for this person until the transaction ends."""
    conn.execute(select(person.c.id).where(person.c.id == person_id).with_for_update())


def lock(conn: Connection, key_id: str) -> Row[Any] | None:
    """One key, locked."""
    query = select(signing_key).where(signing_key.c.id == key_id).with_for_update()
    return conn.execute(query).one_or_none()


def change(conn: Connection, key_id: str, **values: Any) -> None:
    """Write columns of a locked key."""
    conn.execute(update(signing_key).where(signing_key.c.id == key_id).values(**values))
