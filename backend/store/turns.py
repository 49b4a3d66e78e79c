"""Whose turn it is: a row that stays locked until its holder has committed."""

from __future__ import annotations

from sqlalchemy import Connection, select

from backend.store.dialect import insert_or_ignore
from backend.store.tables import worker_cursor


def take(conn: Connection, name: str, now: int) -> int:
    """Wait for the turn named ``name`` and take it; how far the one before had come (``seq``)."""
    query = select(worker_cursor.c.seq).where(worker_cursor.c.name == name).with_for_update()
    seq = conn.execute(query).scalar()
    if seq is None:
        row = {"name": name, "seq": 0, "updated_at": now}
        conn.execute(insert_or_ignore(conn, worker_cursor), row)
        seq = conn.execute(query).scalar_one()
    return int(seq)
