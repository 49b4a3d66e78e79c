"""What the eyes saw of a use, for its page."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import Connection, Row, Select, select

from backend.store.tables import look, picture, seal


def looks_of(conn: Connection, use_id: str) -> dict[int, Row[Any]]:
    """The looks at a use that ended, by the number of the record that says what was seen."""
    query: Select[Any] = select(look.c.seq, look.c.kind, look.c.finding, look.c.result)
    rows = conn.execute(query.where(look.c.use_id == use_id, look.c.seq.is_not(None)))
    return {row.seq: row for row in rows}


def seal_names(conn: Connection, ids: Collection[str]) -> dict[str, str]:
    """What the seals are called, by id."""
    if not ids:
        return {}
    rows = conn.execute(select(seal.c.id, seal.c.name).where(seal.c.id.in_(list(ids))))
    return {row.id: row.name for row in rows}


def crops(conn: Connection, ids: Collection[str]) -> Sequence[Row[Any]]:
    """The places to look at, as :func:`backend.store.today.pictures_of` gives pictures."""
    if not ids:
        return []
    p = picture.c
    query: Select[Any] = select(
        *(p.id, p.kind, p.state, p.use_id, p.press, p.frame, p.counter, p.org_path)
    )
    return conn.execute(query.where(p.id.in_(list(ids)))).all()
