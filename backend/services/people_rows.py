"""Rows of people as services read and record them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from sqlalchemy import Connection, Row, select

from backend.domain.actor import Actor, Role
from backend.domain.errors import missing
from backend.services.context import ServiceContext
from backend.services.recording import write_down
from backend.store.tables import person

SEES_PEOPLE: Final = (Role.ADMIN, Role.SUPERVISOR, Role.CUSTODIAN, Role.APPROVER)
"""Roles that see the people of their branch."""


def person_row(conn: Connection, person_id: str) -> Row[Any]:
    """The row of somebody who is known to be there."""
    return conn.execute(select(person).where(person.c.id == person_id)).one()


def seen_person(conn: Connection, actor: Actor, person_id: str) -> Row[Any]:
    """The row, locked, of oneself or of somebody of a branch that the actor sees.

    Raises:
        DomainError: ``not_found``.
    """
    row = conn.execute(
        select(person).where(person.c.id == person_id).with_for_update()
    ).one_or_none()
    if row is None or not (
        person_id == actor.person_id or actor.may_any(SEES_PEOPLE, row.org_path)
    ):
        raise missing("该人员", "person")
    return row


def record_of_person(
    context: ServiceContext,
    conn: Connection,
    actor: Actor,
    kind: str,
    path: str,
    subject: str,
    data: Mapping[str, Any],
) -> None:
    """Record what ``actor`` did to the person ``subject``."""
    write_down(context, conn, actor, kind, path, {"subject": subject, **data})
