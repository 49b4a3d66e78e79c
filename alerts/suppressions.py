"""What false alarms taught: alarms of one rule, from one sleeve or below one place, that are found
and kept but not told for a while. None is deleted; one may be ended early, on record."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, select, update

from backend.domain.actor import Actor, Role
from backend.domain.errors import conflict, missing
from backend.domain.record import Record
from backend.services.context import ServiceContext
from backend.store.scope import in_branches
from backend.store.tables import organisation, person, suppression

_SHOWN = 200


@dataclass(frozen=True, slots=True)
class Silence:
    """One suppression that holds. Times are ms UTC; ``may_end``: the reader may end it."""

    id: str
    code: str
    org_path: str
    org_name: str
    device: str | None
    reason: str
    by: str
    created_at: int
    expires_at: int
    may_end: bool


def put(
    conn: Connection,
    context: ServiceContext,
    actor: Actor,
    *,
    code: str,
    org_path: str,
    device: str | None,
    reason: str,
    until: int,
) -> str:
    """Write one, inside the caller's transaction; returns its id."""
    new = context.new_id()
    conn.execute(
        suppression.insert(),
        {
            "id": new,
            "code": code,
            "org_path": org_path,
            "device": device,
            "reason": reason,
            "created_by": actor.person_id,
            "created_at": context.now(),
            "expires_at": until,
        },
    )
    return new


class Suppressions:
    """Lists them and ends them."""

    def __init__(self, context: ServiceContext) -> None:
        self._context = context

    def active(self, actor: Actor) -> list[Silence]:
        """Those that hold now in the branches that the actor supervises, the next to end first."""
        s = suppression.c
        now = self._context.now()
        query: Select[Any] = (
            select(suppression, organisation.c.name.label("place"), person.c.name.label("by"))
            .outerjoin(organisation, organisation.c.path == s.org_path)
            .outerjoin(person, person.c.id == s.created_by)
            .order_by(s.expires_at, s.id)
            .limit(_SHOWN)
        )
        with self._context.db.read() as conn:
            rows = conn.execute(query.where(_seen(conn, actor), s.expires_at > now)).all()
        return [
            Silence(
                id=row.id,
                code=row.code,
                org_path=row.org_path,
                org_name=row.place or row.org_path,
                device=row.device,
                reason=row.reason,
                by=row.by or "",
                created_at=row.created_at,
                expires_at=row.expires_at,
                may_end=actor.may(Role.SUPERVISOR, row.org_path),
            )
            for row in rows
        ]

    def end(self, actor: Actor, suppression_id: str) -> None:
        """Let the alarm be told again from now on.

        Raises:
            DomainError: ``not_found``, also outside the actor's view; ``denied``; ``ended_before``.
        """
        now = self._context.now()
        with self._context.db.write() as conn:
            here = suppression.c.id == suppression_id
            row = conn.execute(
                select(suppression).where(here, _seen(conn, actor)).with_for_update()
            ).one_or_none()
            if row is None:
                raise missing("该暂停提醒", "suppression")
            actor.must(Role.SUPERVISOR, row.org_path)
            if row.expires_at <= now:
                raise conflict("ended_before", "这条暂停提醒已经结束了", "it has ended already")
            conn.execute(update(suppression).where(here).values(expires_at=now))
            self._context.journal.append(
                conn,
                [
                    Record(
                        kind="alert.unsuppressed",
                        org_path=row.org_path,
                        at=now,
                        happened_at=now,
                        device=row.device,
                        person=actor.person_id,
                        data={"suppression": row.id, "code": row.code},
                    )
                ],
            )


def _seen(conn: Connection, actor: Actor) -> ColumnElement[bool]:
    return in_branches(conn, suppression.c.org_path, actor.branches(Role.SUPERVISOR))
