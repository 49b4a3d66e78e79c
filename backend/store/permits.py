"""Rows of off-site permits."""

from __future__ import annotations

from dataclasses import fields
from typing import Any, Final

from sqlalchemy import Connection, Row, select, update

from backend.domain.permit import SLACK_MS, Permit, PermitState
from backend.store.tables import offsite_permit

_COLUMNS: Final = tuple(field.name for field in fields(Permit))


def insert(conn: Connection, item: Permit) -> None:
    """A new permit."""
    conn.execute(offsite_permit.insert(), _row(item))


def save(conn: Connection, item: Permit) -> None:
    """A permit that this transaction has locked."""
    conn.execute(update(offsite_permit).where(offsite_permit.c.id == item.id), _row(item))


def lock(conn: Connection, permit_id: str) -> Permit | None:
    """One permit, locked."""
    row = conn.execute(
        select(offsite_permit).where(offsite_permit.c.id == permit_id).with_for_update()
    ).one_or_none()
    return None if row is None else to_permit(row)


def lock_late(conn: Connection, now: int, limit: int) -> list[Permit]:
    """Permits whose sleeve should be back, locked."""
    query = (
        select(offsite_permit)
        .where(
            offsite_permit.c.state.in_([PermitState.APPROVED.value, PermitState.OUT.value]),
            offsite_permit.c.until_at < now - SLACK_MS,
        )
        .order_by(offsite_permit.c.id)
        .limit(limit)
        .with_for_update()
    )
    return [to_permit(row) for row in conn.execute(query)]


def approved_place(conn: Connection, application_id: str) -> tuple[float, float, float] | None:
    """Where an approved permit allows this application to be carried out."""
    query = (
        select(offsite_permit)
        .where(
            offsite_permit.c.application_id == application_id,
            offsite_permit.c.state.in_([PermitState.APPROVED.value, PermitState.OUT.value]),
        )
        .order_by(offsite_permit.c.id.desc())
        .limit(1)
    )
    row = conn.execute(query).one_or_none()
    return None if row is None else to_permit(row).circle


def to_permit(row: Row[Any]) -> Permit:
    """A permit from its row."""
    values = row._asdict()
    plain: dict[str, Any] = {name: values[name] for name in _COLUMNS}
    return Permit(**plain | {"state": PermitState(row.state)})


def _row(item: Permit) -> dict[str, Any]:
    return {name: getattr(item, name) for name in _COLUMNS} | {"state": item.state.value}
