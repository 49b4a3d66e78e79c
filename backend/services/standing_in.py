"""Away for a while: an approver lets a colleague decide in their place, until a day that is set.

The colleague holds the approver's role with a term of office like any other (C33), so that lists,
notices and refusals (C26) know it, and it ends by itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, Row, or_, select, update

from backend.domain.actor import Actor, Role
from backend.domain.calendar import DAY_MS
from backend.domain.errors import DomainError, conflict, missing
from backend.domain.organisation import ancestors
from backend.services.context import ServiceContext
from backend.services.people_rows import record_of_person
from backend.services.people_rules import refuse_clash
from backend.store import personal
from backend.store.tables import organisation, person, role

LONGEST_MS: Final = 60 * DAY_MS
TITLE: Final = "（代）"
"""How the title of somebody who stands in begins; what was lent is not lent on."""

_KEPT: Final = "away"


@dataclass(frozen=True, slots=True)
class StandIn:
    """Somebody decides for the actor. Times ms UTC."""

    role_id: str
    person_id: str
    name: str
    org_path: str
    starts_at: int
    ends_at: int


class StandInService:
    """Lets approvers name who decides while they are away."""

    def __init__(self, context: ServiceContext) -> None:
        self._context = context

    def seats(self, actor: Actor) -> tuple[str, ...]:
        """Where the actor decides by an office of their own; only that can be lent."""
        with self._context.db.read() as conn:
            return tuple(row.org_path for row in self._offices(conn, actor))

    def candidates(self, actor: Actor) -> Sequence[Row[Any]]:
        """Colleagues of those places and the ones above (id, name, title), by name."""
        now = self._context.now()
        paths = sorted({one for path in self.seats(actor) for one in ancestors(path)})
        query = (
            select(person.c.id, person.c.name, role.c.title, role.c.role)
            .join(role, role.c.person_id == person.c.id)
            .where(
                person.c.status == "active",
                person.c.id != actor.person_id,
                role.c.org_path.in_(paths),
                role.c.role != Role.CUSTODIAN.value,
                role.c.starts_at <= now,
                or_(role.c.ends_at.is_(None), role.c.ends_at > now),
                role.c.revoked_at.is_(None),
            )
            .order_by(person.c.name, person.c.id)
        )
        with self._context.db.read() as conn:
            rows = conn.execute(query).all()
        found: dict[str, Any] = {row.id: row for row in rows}
        return list(found.values())

    def find(self, actor: Actor) -> list[StandIn]:
        """Who stands in for the actor, now or soon."""
        with self._context.db.read() as conn:
            return self._given(conn, actor.person_id)

    def begin(self, actor: Actor, to: str, starts_at: int | None, ends_at: int) -> list[StandIn]:
        """Let ``to`` decide at all of the actor's own places.

        Raises:
            DomainError: ``nothing_to_lend``, ``bad_term``, ``bad_delegate``, ``already_away``,
                ``role_held``, ``approver_is_custodian``.
        """
        now = self._context.now()
        begin = max(now, starts_at or now)
        if not begin < ends_at <= begin + LONGEST_MS:
            raise DomainError(
                "bad_term", "请选择结束时间，最长60天", "choose an end, at most 60 days ahead"
            )
        if to not in {one.id for one in self.candidates(actor)}:
            raise DomainError(
                "bad_delegate", "只能请本组织或上级组织的同事代办", "choose a colleague"
            )
        with self._context.db.write() as conn:
            offices = self._offices(conn, actor, lock=True)
            if not offices:
                raise conflict("nothing_to_lend", "您没有可以转托的审批职务", "no office to lend")
            if self._given(conn, actor.person_id):
                raise conflict(
                    "already_away", "已经有人代您审批，请先收回", "somebody stands in already"
                )
            name = conn.execute(
                select(person.c.name).where(person.c.id == actor.person_id)
            ).scalar_one()
            made = []
            for office in offices:
                refuse_clash(conn, to, Role.APPROVER, office.org_path, now)
                # Nobody lends for longer than they have it.
                until = min(ends_at, office.ends_at or ends_at)
                made.append(self._lend(conn, actor, office, to, name, begin, until))
            personal.save(conn, _KEPT, actor.person_id, [str(row["role_id"]) for row in made], now)
            for data in made:
                path = str(data.pop("path"))
                record_of_person(self._context, conn, actor, "role.granted", path, to, data)
        return self.find(actor)

    def end(self, actor: Actor, role_id: str) -> None:
        """Take it back at once.

        Raises:
            DomainError: ``not_found``.
        """
        now = self._context.now()
        with self._context.db.write() as conn:
            found = [one for one in self._given(conn, actor.person_id) if one.role_id == role_id]
            if not found:
                raise missing("该代办", "stand-in")
            (one,) = found
            conn.execute(update(role).where(role.c.id == role_id).values(revoked_at=now))
            data = {"role": Role.APPROVER.value, "role_id": role_id}
            record_of_person(
                self._context, conn, actor, "role.ended", one.org_path, one.person_id, data
            )

    def _offices(self, conn: Connection, actor: Actor, *, lock: bool = False) -> list[Row[Any]]:
        now = self._context.now()
        query = select(role).where(
            role.c.person_id == actor.person_id,
            role.c.role == Role.APPROVER.value,
            role.c.starts_at <= now,
            or_(role.c.ends_at.is_(None), role.c.ends_at > now),
            role.c.revoked_at.is_(None),
            or_(role.c.title.is_(None), role.c.title.not_like(f"{TITLE}%")),
        )
        return list(conn.execute(query.with_for_update() if lock else query))

    def _given(self, conn: Connection, giver: str) -> list[StandIn]:
        now = self._context.now()
        kept = personal.load(conn, _KEPT, giver) or []
        query = (
            select(role, person.c.name)
            .join(person, person.c.id == role.c.person_id)
            .where(role.c.id.in_(kept), role.c.ends_at > now, role.c.revoked_at.is_(None))
            .order_by(role.c.id)
        )
        return [
            StandIn(row.id, row.person_id, row.name, row.org_path, row.starts_at, row.ends_at)
            for row in conn.execute(query)
        ]

    def _lend(
        self,
        conn: Connection,
        actor: Actor,
        office: Row[Any],
        to: str,
        name: str,
        begin: int,
        until: int,
    ) -> dict[str, Any]:
        new = self._context.new_id()
        org_id = conn.execute(
            select(organisation.c.id).where(organisation.c.path == office.org_path)
        ).scalar_one()
        conn.execute(
            role.insert(),
            {
                "id": new,
                "person_id": to,
                "org_id": org_id,
                "org_path": office.org_path,
                "role": Role.APPROVER.value,
                "title": f"{TITLE}{name}"[:60],
                "starts_at": begin,
                "ends_at": until,
            },
        )
        return {
            "path": office.org_path,
            "role": Role.APPROVER.value,
            "role_id": new,
            "starts_at": begin,
            "ends_at": until,
            "stands_in_for": actor.person_id,
        }
