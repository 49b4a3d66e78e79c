"""What device services share: who may see a sleeve, who looks after it."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Row

from backend.domain.actor import Actor, Role
from backend.domain.errors import conflict, missing
from backend.store import commissioning


def seen_device(conn: Connection, actor: Actor, device_id: str) -> Row[Any]:
    """The row, locked, of a sleeve of a branch where the actor holds any role.

    Raises:
        DomainError: ``not_found``.
    """
    row = commissioning.lock_device(conn, device_id)
    if row is None or not actor.may_any(tuple(Role), row.org_path):
        raise missing("该套筒", "sleeve")
    return row


def active_device(
    conn: Connection, actor: Actor, device_id: str, roles: tuple[Role, ...] = (Role.ADMIN,)
) -> Row[Any]:
    """The row, locked, of a sleeve in service that the actor may command.

    Raises:
        DomainError: ``not_found``, ``denied``, ``device_revoked``.
    """
    row = seen_device(conn, actor, device_id)
    actor.must_any(roles, row.org_path)
    if row.status != commissioning.ACTIVE:
        raise conflict("device_revoked", "该套筒已注销", "the sleeve is revoked")
    return row
