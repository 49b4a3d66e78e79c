"""Rows of the catalogue: every version of every matter is kept, the newest one holds."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Row, func, select, update

from backend.domain.matter import Matter, from_plain, to_plain
from backend.domain.organisation import ancestors
from backend.store.tables import matter


def insert_matters(conn: Connection, matters: list[Matter], now: int) -> None:
    """New versions of matters."""
    if matters:
        conn.execute(
            matter.insert(),
            [
                {
                    "id": item.id,
                    "version": item.version,
                    "org_path": item.org_path,
                    "name": item.name,
                    "category": item.category,
                    "forbidden": item.forbidden is not None,
                    "spec": to_plain(item),
                    "created_at": now,
                    "retired_at": None,
                }
                for item in matters
            ],
        )


def to_matter(row: Row[Any]) -> Matter:
    """A matter from its row."""
    return from_plain(
        row.spec,
        id=row.id,
        version=row.version,
        org_path=row.org_path,
        name=row.name,
        category=row.category,
    )


def load(
    conn: Connection, matter_id: str, version: int | None = None, *, lock: bool = False
) -> tuple[Matter, bool]:
    """A matter, its newest version when none is named, and whether it is retired.

    Raises:
        LookupError: when there is none.
    """
    query = select(matter).where(matter.c.id == matter_id)
    if version is not None:
        query = query.where(matter.c.version == version)
    query = query.order_by(matter.c.version.desc()).limit(1)
    row = conn.execute(query.with_for_update() if lock else query).one_or_none()
    if row is None:
        raise LookupError(matter_id)
    return to_matter(row), row.retired_at is not None


def catalogue(
    conn: Connection, path: str, *, forbidden: bool | None = None, retired: bool = False
) -> list[Matter]:
    """What holds for the organisation at ``path``: the newest versions of the matters of every
    organisation above it, by category and name; only (or no) forbidden ones when asked."""
    newest = (
        select(matter.c.id, func.max(matter.c.version).label("version"))
        .where(matter.c.org_path.in_(["/", *ancestors(path)]))
        .group_by(matter.c.id)
        .subquery()
    )
    query = (
        select(matter)
        .join(newest, (newest.c.id == matter.c.id) & (newest.c.version == matter.c.version))
        .order_by(matter.c.forbidden, matter.c.category, matter.c.id)
    )
    if forbidden is not None:
        query = query.where(matter.c.forbidden.is_(forbidden))
    if not retired:
        query = query.where(matter.c.retired_at.is_(None))
    return [to_matter(row) for row in conn.execute(query)]


def retire(conn: Connection, matter_id: str, now: int) -> None:
    """No new applications for it."""
    conn.execute(
        update(matter)
        .where(matter.c.id == matter_id, matter.c.retired_at.is_(None))
        .values(retired_at=now)
    )
