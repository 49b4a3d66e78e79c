"""Everything that the journal says about one use, one application, one sleeve."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Select, or_, select

from backend.domain.record import Record
from backend.store.journal import from_row
from backend.store.tables import record

MOST: Final = 1500
"""Records of one story that are read, at most."""


def of_use(
    conn: Connection, use_id: str, application_id: str | None, grant_id: str | None
) -> list[Record]:
    """Records of the use, of its application and of its grant, in log order."""
    r = record.c
    named: list[ColumnElement[bool]] = [r.use_id == use_id]
    if application_id is not None:
        # Other uses of the same application tell their own story.
        named.append(
            (r.application == application_id) & or_(r.use_id.is_(None), r.use_id == use_id)
        )
    if grant_id is not None and application_id is None:
        named.append((r.grant_id == grant_id) & or_(r.use_id.is_(None), r.use_id == use_id))
    return _read(conn, or_(*named))


def of_application(conn: Connection, application_id: str) -> list[Record]:
    """Records of an application with all its uses, in log order."""
    return _read(conn, record.c.application == application_id)


def of_device(conn: Connection, device_id: str, limit: int) -> Sequence[Record]:
    """The newest records of a sleeve, newest first."""
    query: Select[Any] = (
        select(record).where(record.c.device == device_id).order_by(record.c.seq.desc())
    )
    return [from_row(row) for row in conn.execute(query.limit(limit))]


def _read(conn: Connection, condition: ColumnElement[bool]) -> list[Record]:
    query: Select[Any] = select(record).where(condition).order_by(record.c.seq).limit(MOST)
    return [from_row(row) for row in conn.execute(query)]
