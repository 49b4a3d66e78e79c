"""Everything that the journal says about one use, one application, one sleeve."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Row, Select, or_, select

from backend.domain.record import Record
from backend.store.journal import from_row
from backend.store.tables import document, picture, record

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


_PICTURE: Final = (
    *(picture.c.id, picture.c.kind, picture.c.state, picture.c.use_id, picture.c.press),
    *(picture.c.frame, picture.c.counter, picture.c.org_path, picture.c.mime),
)


def enrolled(conn: Connection, person_id: str) -> Row[Any] | None:
    """The newest picture with which a person was enrolled, if there is one."""
    query: Select[Any] = (
        select(*_PICTURE)
        .where(
            picture.c.kind == "enrolment",
            picture.c.person_id == person_id,
            picture.c.state != "erased",
        )
        .order_by(picture.c.created_at.desc(), picture.c.id.desc())
        .limit(1)
    )
    return conn.execute(query).one_or_none()


def approved_pages(conn: Connection, application_id: str) -> Sequence[Row[Any]]:
    """The pictures of the pages that were approved, with the ``document`` that each belongs to."""
    query: Select[Any] = (
        select(*_PICTURE, document.c.id.label("document_id"))
        .join(document, document.c.picture_id == picture.c.id)
        .where(document.c.application_id == application_id, document.c.kind == "page")
        .order_by(document.c.position, document.c.id)
    )
    return conn.execute(query).all()


def _read(conn: Connection, condition: ColumnElement[bool]) -> list[Record]:
    query: Select[Any] = select(record).where(condition).order_by(record.c.seq).limit(MOST)
    return [from_row(row) for row in conn.execute(query)]
