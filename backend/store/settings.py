"""Values that an installation keeps about itself, by name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, select, update

from backend.store.tables import setting


def get(conn: Connection, name: str, *, lock: bool = False) -> Mapping[str, Any] | None:
    """The value, if there is one; locked until the transaction ends if so wanted."""
    query = select(setting.c.value).where(setting.c.name == name)
    found = conn.execute(query.with_for_update() if lock else query).scalar_one_or_none()
    return None if found is None else dict(found)


def put(conn: Connection, name: str, value: Mapping[str, Any], now: int) -> None:
    """Keep ``value`` in place of what was there."""
    values = {"value": dict(value), "updated_at": now}
    if get(conn, name) is None:
        conn.execute(setting.insert(), {"name": name, **values})
    else:
        conn.execute(update(setting).where(setting.c.name == name).values(**values))
