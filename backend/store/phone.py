"""What the phone pages ask: seals of a branch with their sleeves, who may stamp, who could decide,
which matters a place uses most."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, func, or_, select

from backend.domain.actor import Role
from backend.domain.organisation import ancestors
from backend.store.tables import application, device, organisation, person, role, seal


def seals(conn: Connection, seen: ColumnElement[bool]) -> Sequence[Row[Any]]:
    """Seals in use with place and sleeve, in the order of the tree; at most 400."""
    query: Select[Any] = (
        select(
            seal.c.id,
            seal.c.kind,
            seal.c.name,
            seal.c.org_path,
            seal.c.custodian_id,
            organisation.c.name.label("org_name"),
            device.c.id.label("device_id"),
        )
        .outerjoin(organisation, organisation.c.path == seal.c.org_path)
        .outerjoin(device, device.c.seal_id == seal.c.id)
        .where(seen, seal.c.status == "active")
        .order_by(seal.c.org_path, seal.c.kind)
        .limit(400)
    )
    return conn.execute(query).all()


def sleeve_names(conn: Connection, devices: Collection[str]) -> dict[str, Row[Any]]:
    """Seal, its custodian and place by sleeve: ``seal_name``, ``custodian_id``, ``org_name``."""
    query: Select[Any] = (
        select(
            device.c.id,
            seal.c.name.label("seal_name"),
            seal.c.custodian_id,
            organisation.c.name.label("org_name"),
        )
        .outerjoin(seal, seal.c.id == device.c.seal_id)
        .outerjoin(organisation, organisation.c.path == device.c.org_path)
        .where(device.c.id.in_(sorted(devices)))
    )
    return {row.id: row for row in conn.execute(query)}


def holders(
    conn: Connection, kinds: Collection[Role], paths: Collection[str], now: int
) -> Sequence[Row[Any]]:
    """Active people who hold one of ``kinds`` at exactly one of ``paths`` at ``now``, by name."""
    query: Select[Any] = (
        select(person.c.id, person.c.name, role.c.org_path, role.c.role, role.c.title)
        .join(role, role.c.person_id == person.c.id)
        .where(
            person.c.status == "active",
            role.c.role.in_([one.value for one in kinds]),
            role.c.org_path.in_(list(paths)),
            role.c.starts_at <= now,
            or_(role.c.ends_at.is_(None), role.c.ends_at > now),
            role.c.revoked_at.is_(None),
        )
        .order_by(person.c.name, person.c.id)
        .limit(200)
    )
    return conn.execute(query).all()


def stampers(conn: Connection, path: str, now: int) -> dict[str, str]:
    """Who may be named as operator at ``path``: id → name, operators before custodians."""
    found = holders(conn, (Role.OPERATOR, Role.CUSTODIAN), ancestors(path), now)
    ordered = sorted(found, key=lambda row: row.role != Role.OPERATOR.value)
    return {row.id: row.name for row in ordered}


def matter_counts(conn: Connection, path: str, since: int) -> dict[str, int]:
    """How often each matter was asked for at ``path`` since then (ms UTC)."""
    query: Select[Any] = (
        select(application.c.matter_id, func.count())
        .where(application.c.org_path == path, application.c.created_at >= since)
        .group_by(application.c.matter_id)
    )
    return {row[0]: int(row[1]) for row in conn.execute(query)}
