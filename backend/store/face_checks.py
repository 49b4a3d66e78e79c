"""What was looked at when a use's person was checked, attempt by attempt."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, Final

from sqlalchemy import Connection, Row, Select, select

from backend.store.tables import check_job, picture

EARLIER: Final = 120
"""Checks at one sleeve that are searched for a capture that was shown again."""

_JOB: Final = (check_job.c.id, check_job.c.counter, check_job.c.input, check_job.c.result)


def of_use(conn: Connection, use_id: str) -> Sequence[Row[Any]]:
    """The face checks of a use that are done, in order."""
    query: Select[Any] = (
        select(*_JOB, check_job.c.device_id)
        .where(
            check_job.c.use_id == use_id, check_job.c.kind == "face", check_job.c.state == "done"
        )
        .order_by(check_job.c.counter)
    )
    return conn.execute(query).all()


def before(conn: Connection, device_id: str, counter: int) -> Sequence[Row[Any]]:
    """Face checks at a sleeve before the event ``counter``, newest first."""
    query: Select[Any] = (
        select(*_JOB)
        .where(
            check_job.c.device_id == device_id,
            check_job.c.kind == "face",
            check_job.c.counter < counter,
        )
        .order_by(check_job.c.counter.desc())
        .limit(EARLIER)
    )
    return conn.execute(query).all()


def pictures(conn: Connection, ids: Collection[str]) -> dict[str, Row[Any]]:
    """Captures by id, as :func:`backend.store.today.pictures_of` gives pictures."""
    if not ids:
        return {}
    p = picture.c
    query: Select[Any] = select(
        *(p.id, p.kind, p.state, p.use_id, p.press, p.frame, p.counter, p.org_path)
    )
    return {row.id: row for row in conn.execute(query.where(p.id.in_(list(ids))))}
