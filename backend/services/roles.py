"""Who is what to whom, and until when: roles with terms of office (C33)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, or_, select, update

from backend.domain.actor import Actor, Role
from backend.domain.errors import DomainError, conflict, denied, missing
from backend.services.context import ServiceContext
from backend.services.paging import Page, decode_cursor, page
from backend.services.people_rows import SEES_PEOPLE, record_of_person, seen_person
from backend.services.people_rules import checked_name, must_grant, parent_of, refuse_clash
from backend.store.scope import in_branches
from backend.store.tables import organisation, role


@dataclass(frozen=True, slots=True)
class RoleInfo:
    """A role, present, past or to come. Times are ms UTC; authority ends with ``ends_at``."""

    id: str
    person_id: str
    org_id: str
    org_path: str
    role: str
    title: str | None
    starts_at: int
    ends_at: int | None
    revoked_at: int | None


@dataclass(frozen=True, slots=True)
class NewRole:
    """A role to give. ``starts_at`` defaults to now; without ``ends_at`` the term is open."""

    person_id: str
    org_id: str
    role: Role
    title: str | None = None
    starts_at: int | None = None
    ends_at: int | None = None


class RoleService:
    """Gives roles, ends them, lists them."""

    def __init__(self, context: ServiceContext) -> None:
        self._context = context

    def grant(self, actor: Actor, new: NewRole) -> RoleInfo:
        """Give a role at an organisation to a person of the actor's branch.

        Raises:
            DomainError: ``not_found``, ``denied``, ``own_role``, ``bad_term``, ``role_held``,
                ``approver_is_custodian``, ``person_left``.
        """
        now = self._context.now()
        starts_at = now if new.starts_at is None else new.starts_at
        if new.ends_at is not None and new.ends_at <= max(starts_at, now):
            raise DomainError(
                "bad_term",
                "任期结束时间须晚于开始时间和现在",
                "a term ends after its beginning and after now",
            )
        title = checked_name(new.title) if new.title else None
        with self._context.db.write() as conn:
            row = seen_person(conn, actor, new.person_id)
            path = conn.execute(
                select(organisation.c.path).where(organisation.c.id == new.org_id)
            ).scalar()
            if path is None or not actor.may_any(tuple(Role), path):
                raise missing("该组织", "organisation")
            must_grant(actor, new.role, path, parent_of(path))
            # Somebody of another branch is that branch's to lend.
            actor.must(Role.ADMIN, row.org_path)
            if new.person_id == actor.person_id:
                raise _own_role()
            if row.status != "active":
                raise conflict("person_left", "该人员已离任", "the person has left")
            refuse_clash(conn, new.person_id, new.role, path, now)
            info = RoleInfo(
                self._context.new_id(),
                new.person_id,
                new.org_id,
                path,
                new.role.value,
                title,
                starts_at,
                new.ends_at,
                None,
            )
            conn.execute(
                role.insert(),
                {
                    "id": info.id,
                    "person_id": info.person_id,
                    "org_id": info.org_id,
                    "org_path": info.org_path,
                    "role": info.role,
                    "title": info.title,
                    "starts_at": info.starts_at,
                    "ends_at": info.ends_at,
                },
            )
            data = {
                "role": info.role,
                "role_id": info.id,
                "starts_at": starts_at,
                "ends_at": new.ends_at,
            }
            record_of_person(self._context, conn, actor, "role.granted", path, new.person_id, data)
        return info

    def end(self, actor: Actor, role_id: str) -> None:
        """End a role at once.

        Raises:
            DomainError: ``not_found``, ``denied``, ``own_role``, ``role_ended``.
        """
        now = self._context.now()
        with self._context.db.write() as conn:
            row = self._seen(conn, actor, role_id)
            must_grant(actor, Role(row.role), row.org_path, parent_of(row.org_path))
            if row.person_id == actor.person_id:
                raise _own_role()
            if row.revoked_at is not None or (row.ends_at is not None and row.ends_at <= now):
                raise conflict("role_ended", "该任期已经结束", "the role has ended already")
            conn.execute(update(role).where(role.c.id == role_id).values(revoked_at=now))
            data = {"role": row.role, "role_id": role_id}
            record_of_person(
                self._context, conn, actor, "role.ended", row.org_path, row.person_id, data
            )

    def find(
        self,
        actor: Actor,
        *,
        person_id: str | None = None,
        branch: str | None = None,
        kind: Role | None = None,
        in_force: bool = True,
        cursor: str | None = None,
        limit: int = 50,
    ) -> Page[RoleInfo]:
        """Roles at organisations of the actor's branches, and the actor's own; newest first.

        Raises:
            DomainError: ``bad_cursor``.
        """
        now = self._context.now()
        with self._context.db.read() as conn:
            query = select(role).where(
                or_(
                    in_branches(conn, role.c.org_path, actor.branches(*SEES_PEOPLE)),
                    role.c.person_id == actor.person_id,
                )
            )
            if person_id is not None:
                query = query.where(role.c.person_id == person_id)
            if branch is not None:
                query = query.where(in_branches(conn, role.c.org_path, [branch]))
            if kind is not None:
                query = query.where(role.c.role == kind.value)
            if in_force:
                query = query.where(
                    role.c.starts_at <= now,
                    or_(role.c.ends_at.is_(None), role.c.ends_at > now),
                    role.c.revoked_at.is_(None),
                )
            if cursor is not None:
                (last,) = decode_cursor(cursor, (str,))
                query = query.where(role.c.id < last)
            rows = conn.execute(query.order_by(role.c.id.desc()).limit(limit + 1)).all()
        return page([_info(row) for row in rows], limit, lambda one: (one.id,))

    @staticmethod
    def _seen(conn: Connection, actor: Actor, role_id: str) -> Row[Any]:
        row = conn.execute(select(role).where(role.c.id == role_id).with_for_update()).one_or_none()
        if row is None or not actor.may_any(SEES_PEOPLE, row.org_path):
            raise missing("该任职", "role")
        return row


def _own_role() -> DomainError:
    return denied("不能为自己任免角色，请由其他管理员办理", "nobody gives or ends their own role")


def _info(row: Row[Any]) -> RoleInfo:
    return RoleInfo(
        row.id,
        row.person_id,
        row.org_id,
        row.org_path,
        row.role,
        row.title,
        row.starts_at,
        row.ends_at,
        row.revoked_at,
    )
