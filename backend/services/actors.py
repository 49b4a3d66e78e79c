"""Who asks: an actor from the rows of a person, with only those roles that are in force."""

from __future__ import annotations

from sqlalchemy import Connection, or_, select

from backend.domain.actor import Actor, Role, RoleHeld
from backend.store.tables import person, role


def load_actor(conn: Connection, person_id: str, now: int) -> Actor | None:
    """The person as an actor at ``now`` (ms UTC, the clock of terms of office); ``None`` when
    there is none or they have left. Roles not yet begun, ended or revoked are left out (C33)."""
    found = conn.execute(
        select(person.c.locale, person.c.org_path).where(
            person.c.id == person_id, person.c.status == "active"
        )
    ).one_or_none()
    if found is None:
        return None
    rows = conn.execute(
        select(role.c.role, role.c.org_id, role.c.org_path)
        .where(
            role.c.person_id == person_id,
            role.c.starts_at <= now,
            or_(role.c.ends_at.is_(None), role.c.ends_at > now),
            role.c.revoked_at.is_(None),
        )
        .order_by(role.c.id)
    )
    held = tuple(RoleHeld(Role(row.role), row.org_id, row.org_path) for row in rows)
    return Actor(person_id, held, found.locale, found.org_path)
