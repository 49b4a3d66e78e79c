"""Seals: which there are, who keeps them, whether they may be used."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, Row, and_, select, update

from backend.domain.actor import Actor, Role
from backend.domain.errors import conflict, missing
from backend.domain.matter import SealKind
from backend.services.context import ServiceContext
from backend.services.organisations import seen_organisation
from backend.services.paging import Page, decode_cursor, page
from backend.services.people_rules import checked_name
from backend.services.recording import write_down
from backend.store import standing
from backend.store.scope import in_branches
from backend.store.tables import device, person, seal

ACTIVE: Final = "active"
SUSPENDED: Final = "suspended"
DESTROYED: Final = "destroyed"


@dataclass(frozen=True, slots=True)
class SealInfo:
    """A seal; ``device_id`` is the sleeve that holds it now."""

    id: str
    org_id: str
    org_path: str
    kind: str
    name: str
    custodian_id: str | None
    status: str
    device_id: str | None
    created_at: int


@dataclass(frozen=True, slots=True)
class NewSeal:
    """A seal to register."""

    org_id: str
    kind: SealKind
    name: str
    custodian_id: str | None = None


class SealService:
    """Registers seals and changes who keeps them and whether they may be used."""

    def __init__(self, context: ServiceContext) -> None:
        self._context = context

    def register(self, actor: Actor, new: NewSeal) -> SealInfo:
        """Enter a seal. An organisation has one of each kind: a second would be one too many
        (C31); the old one is entered as destroyed first.

        Raises:
            DomainError: ``not_found``, ``denied``, ``bad_name``, ``seal_exists``,
                ``approver_is_custodian``.
        """
        seal_id = self._context.new_id()
        name = checked_name(new.name, 100)
        with self._context.db.write() as conn:
            # The organisation's row lock makes two registrations at once stand in line.
            org = seen_organisation(conn, actor, new.org_id)
            actor.must(Role.ADMIN, org.path)
            there = conn.execute(
                select(seal.c.id).where(
                    seal.c.org_id == new.org_id,
                    seal.c.kind == new.kind.value,
                    seal.c.status != DESTROYED,
                )
            ).first()
            if there is not None:
                raise conflict(
                    "seal_exists",
                    "该组织已登记同类印章；如已销毁旧章，请先办理销毁登记",
                    "the organisation has a seal of that kind; enter the old one as destroyed",
                )
            self._check_custodian(conn, actor, new.custodian_id, org.path)
            conn.execute(
                seal.insert(),
                {
                    "id": seal_id,
                    "org_id": new.org_id,
                    "org_path": org.path,
                    "kind": new.kind.value,
                    "name": name,
                    "custodian_id": new.custodian_id,
                    "status": ACTIVE,
                    "created_at": self._context.now(),
                },
            )
            data = {"kind": new.kind.value, "custodian": new.custodian_id}
            write_down(self._context, conn, actor, "seal.registered", org.path, data, seal=seal_id)
            return self._one(conn, seal_id)

    def entrust(self, actor: Actor, seal_id: str, custodian_id: str | None) -> SealInfo:
        """Name who keeps the seal.

        Raises:
            DomainError: ``not_found``, ``denied``, ``seal_destroyed``, ``approver_is_custodian``.
        """
        with self._context.db.write() as conn:
            row = self._administered(conn, actor, seal_id)
            self._check_custodian(conn, actor, custodian_id, row.org_path)
            conn.execute(update(seal).where(seal.c.id == seal_id).values(custodian_id=custodian_id))
            data = {"custodian": custodian_id, "before": row.custodian_id}
            write_down(
                self._context, conn, actor, "seal.entrusted", row.org_path, data, seal=seal_id
            )
            return self._one(conn, seal_id)

    def set_status(self, actor: Actor, seal_id: str, status: str, reason: str) -> SealInfo:
        """Suspend a seal, make it active again, or enter it as destroyed (for good; it must be out
        of its sleeve).

        Raises:
            DomainError: ``not_found``, ``denied``, ``seal_destroyed``, ``seal_in_sleeve``,
                ``bad_name`` (no reason).
        """
        reason = checked_name(reason, 200)
        with self._context.db.write() as conn:
            row = self._administered(conn, actor, seal_id)
            if status == DESTROYED and self._one(conn, seal_id).device_id is not None:
                raise conflict(
                    "seal_in_sleeve",
                    "请先将印章从套筒中解除绑定",
                    "unbind the seal from its sleeve first",
                )
            conn.execute(update(seal).where(seal.c.id == seal_id).values(status=status))
            data = {"status": status, "before": row.status, "reason": reason}
            write_down(
                self._context, conn, actor, "seal.status_set", row.org_path, data, seal=seal_id
            )
            return self._one(conn, seal_id)

    def get(self, actor: Actor, seal_id: str) -> SealInfo:
        """One seal of the actor's branches.

        Raises:
            DomainError: ``not_found``.
        """
        with self._context.db.read() as conn:
            self._seen(conn, actor, seal_id)
            return self._one(conn, seal_id)

    def find(
        self,
        actor: Actor,
        *,
        branch: str | None = None,
        status: str | None = None,
        cursor: str | None = None,
        limit: int = 50,
    ) -> Page[SealInfo]:
        """Seals of the actor's branches, newest first.

        Raises:
            DomainError: ``bad_cursor``.
        """
        with self._context.db.read() as conn:
            query = _SEALS.where(in_branches(conn, seal.c.org_path, actor.branches()))
            if branch is not None:
                query = query.where(in_branches(conn, seal.c.org_path, [branch]))
            if status is not None:
                query = query.where(seal.c.status == status)
            if cursor is not None:
                (last,) = decode_cursor(cursor, (str,))
                query = query.where(seal.c.id < last)
            rows = conn.execute(query.order_by(seal.c.id.desc()).limit(limit + 1)).all()
        return page([SealInfo(*row) for row in rows], limit, lambda one: (one.id,))

    def _administered(self, conn: Connection, actor: Actor, seal_id: str) -> Row[Any]:
        row = self._seen(conn, actor, seal_id)
        actor.must(Role.ADMIN, row.org_path)
        if row.status == DESTROYED:
            raise conflict("seal_destroyed", "该印章已登记销毁", "the seal is entered as destroyed")
        return row

    def _check_custodian(
        self, conn: Connection, actor: Actor, custodian_id: str | None, path: str
    ) -> None:
        if custodian_id is None:
            return
        row = conn.execute(select(person).where(person.c.id == custodian_id)).one_or_none()
        if row is None or row.status != "active" or not actor.may(Role.ADMIN, row.org_path):
            raise missing("该人员", "person")
        approvers = standing.holders(conn, Role.APPROVER, [path], self._context.now())[path]
        if custodian_id in approvers:
            raise conflict(
                "approver_is_custodian",
                "同一组织的审批人不能兼任印章管理员",
                "at one organisation the approver may not also be the custodian",
            )

    @staticmethod
    def _one(conn: Connection, seal_id: str) -> SealInfo:
        return SealInfo(*conn.execute(_SEALS.where(seal.c.id == seal_id)).one())

    @staticmethod
    def _seen(conn: Connection, actor: Actor, seal_id: str) -> Row[Any]:
        row = conn.execute(select(seal).where(seal.c.id == seal_id).with_for_update()).one_or_none()
        if row is None or not actor.may_any(tuple(Role), row.org_path):
            raise missing("该印章", "seal")
        return row


_SEALS: Final = select(
    seal.c.id,
    seal.c.org_id,
    seal.c.org_path,
    seal.c.kind,
    seal.c.name,
    seal.c.custodian_id,
    seal.c.status,
    device.c.id.label("device_id"),
    seal.c.created_at,
).select_from(
    seal.join(
        device, and_(device.c.seal_id == seal.c.id, device.c.status == "active"), isouter=True
    )
)
