"""Who stands where right now: approvers of a place, custodians of a seal, who may stamp (C33)."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

from sqlalchemy import Connection, Row, Select, or_, select

from backend.domain.actor import Role
from backend.domain.organisation import within
from backend.store.tables import person, role


def _in_force(now: int) -> Select[Any]:
    return (
        select(role.c.person_id, role.c.org_path, role.c.role)
        .join(person, person.c.id == role.c.person_id)
        .where(
            person.c.status == "active",
            role.c.starts_at <= now,
            or_(role.c.ends_at.is_(None), role.c.ends_at > now),
            role.c.revoked_at.is_(None),
        )
    )


def holders(
    conn: Connection, held: Role, paths: Collection[str], now: int
) -> dict[str, frozenset[str]]:
    """Who holds ``held`` at exactly each of ``paths``."""
    query = _in_force(now).where(role.c.role == held.value, role.c.org_path.in_(list(paths)))
    found: dict[str, set[str]] = {path: set() for path in paths}
    for row in conn.execute(query):
        found[row.org_path].add(row.person_id)
    return {path: frozenset(people) for path, people in found.items()}


def may_stamp(
    conn: Connection, people: Iterable[str], path: str, custodians: Collection[str], now: int
) -> frozenset[str]:
    """Those of ``people`` who may stamp with a seal at ``path``: operators and custodians of the
    place or of one above it, and those of the seal's own ``custodians`` who have not left."""
    wanted = set(people)
    query = _in_force(now).where(
        role.c.person_id.in_(wanted),
        role.c.role.in_([Role.OPERATOR.value, Role.CUSTODIAN.value]),
    )
    found = {row.person_id for row in conn.execute(query) if within(path, row.org_path)}
    found |= {one for one in wanted.intersection(custodians) if is_active(conn, one)}
    return frozenset(found)


def is_active(conn: Connection, person_id: str) -> bool:
    """Whether the person is there and has not left."""
    query = select(person.c.id).where(person.c.id == person_id, person.c.status == "active")
    return conn.execute(query).first() is not None


def names(conn: Connection, people: Iterable[str | None]) -> dict[str, str]:
    """Names by person id; those not known are left out."""
    wanted = {one for one in people if one is not None}
    if not wanted:
        return {}
    query = select(person.c.id, person.c.name).where(person.c.id.in_(wanted))
    rows: list[Row[Any]] = list(conn.execute(query))
    return {row.id: row.name for row in rows}
