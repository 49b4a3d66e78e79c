"""Small things that belong to one person, kept among the settings."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, delete, select

from backend.store.tables import setting


def load(conn: Connection, topic: str, person_id: str) -> Any:
    """What is kept, or ``None``."""
    query = select(setting.c.value).where(setting.c.name == _name(topic, person_id))
    return conn.execute(query).scalar()


def lock(conn: Connection, topic: str, person_id: str) -> Any:
    """As :func:`load`, locked until the transaction ends."""
    query = select(setting.c.value).where(setting.c.name == _name(topic, person_id))
    return conn.execute(query.with_for_update()).scalar()


def save(conn: Connection, topic: str, person_id: str, value: Any, now: int) -> None:
    """Keep ``value`` (plain data) in place of what was kept; ``now`` is ms UTC."""
    name = _name(topic, person_id)
    conn.execute(delete(setting).where(setting.c.name == name))
    row = {"name": name, "value": value, "updated_at": now, "updated_by": person_id}
    conn.execute(setting.insert(), row)


def _name(topic: str, person_id: str) -> str:
    return f"{topic}:{person_id}"
