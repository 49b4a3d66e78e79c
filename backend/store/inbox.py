"""What a person finds in the app itself: notices, read or not; and who was told of a use."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, Select, func, select, update

from backend.store.tables import delivery, inbox_notice, organisation, person


def badge(conn: Connection, person_id: str) -> Row[Any] | None:
    """Name, place and number of unread notices of a person."""
    unread = (
        select(func.count())
        .where(inbox_notice.c.person_id == person_id, inbox_notice.c.read_at.is_(None))
        .scalar_subquery()
    )
    query: Select[Any] = (
        select(person.c.name, organisation.c.name.label("org_name"), unread.label("unread"))
        .outerjoin(organisation, organisation.c.path == person.c.org_path)
        .where(person.c.id == person_id)
    )
    return conn.execute(query).one_or_none()


def notices(conn: Connection, person_id: str, before: str | None, limit: int) -> Sequence[Row[Any]]:
    """A person's notices, newest first, those older than ``before``."""
    query = (
        select(inbox_notice)
        .where(inbox_notice.c.person_id == person_id)
        .order_by(inbox_notice.c.id.desc())
        .limit(limit)
    )
    if before is not None:
        query = query.where(inbox_notice.c.id < before)
    return conn.execute(query).all()


def newest(conn: Connection, person_id: str) -> str:
    """The id of a person's newest notice; empty when there is none."""
    query = select(func.max(inbox_notice.c.id)).where(inbox_notice.c.person_id == person_id)
    return conn.execute(query).scalar() or ""


def notice(conn: Connection, person_id: str, notice_id: str) -> Row[Any] | None:
    """One notice, if it is that person's."""
    return conn.execute(
        select(inbox_notice).where(
            inbox_notice.c.id == notice_id, inbox_notice.c.person_id == person_id
        )
    ).one_or_none()


def mark_read(conn: Connection, person_id: str, now: int, notice_id: str | None = None) -> None:
    """One notice, or all of a person's, were seen at ``now`` (ms UTC)."""
    change = update(inbox_notice).where(
        inbox_notice.c.person_id == person_id, inbox_notice.c.read_at.is_(None)
    )
    if notice_id is not None:
        change = change.where(inbox_notice.c.id == notice_id)
    conn.execute(change.values(read_at=now))


def deliveries_of_use(conn: Connection, use_id: str) -> Sequence[Row[Any]]:
    """Messages sent about a use, oldest first: to whom, how, and whether they arrived."""
    query: Select[Any] = (
        select(
            delivery.c.id,
            delivery.c.kind,
            delivery.c.channel,
            delivery.c.state,
            delivery.c.created_at,
            delivery.c.delivered_at,
            delivery.c.attempts,
            delivery.c.last_error,
            person.c.name.label("person_name"),
        )
        .outerjoin(person, person.c.id == delivery.c.person_id)
        .where(delivery.c.use_id == use_id)
        .order_by(delivery.c.created_at, delivery.c.id)
    )
    return conn.execute(query).all()
