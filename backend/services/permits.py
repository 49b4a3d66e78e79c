"""Off-site permits: asked for, decided, carried out, returned."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection, Row, or_, select

from backend.domain import permit as domain
from backend.domain.actor import Actor, Role
from backend.domain.application_actions import READERS
from backend.domain.application_checks import AtTheDoor
from backend.domain.errors import DomainError, missing
from backend.domain.grant import LIVE, pushed_until
from backend.domain.matter import Matter, PlaceRule
from backend.domain.permit import PERMIT_ZH, Permit
from backend.domain.record import Record
from backend.services import issuing
from backend.services.application_reader import visible
from backend.services.context import ServiceContext
from backend.services.facts import load_matter, load_seal
from backend.services.paging import Page, decode_cursor, page
from backend.services.views import Named, PermitView
from backend.store import applications, grants, permits, standing
from backend.store.scope import in_branches
from backend.store.tables import device, offsite_permit

ASKERS = (Role.CUSTODIAN, Role.APPLICANT, Role.OPERATOR)


@dataclass(frozen=True, slots=True)
class PermitForm:
    """What is asked for. Times ms UTC, place in words and, if known, as a circle."""

    device_id: str
    purpose: str
    place: str
    from_at: int
    until_at: int
    carrier_id: str | None = None
    application_id: str | None = None
    lat: float | None = None
    lon: float | None = None
    radius_m: float | None = None


@dataclass(frozen=True, slots=True)
class PermitFilter:
    """What a list is narrowed to."""

    state: str | None = None
    device_id: str | None = None
    org_path: str | None = None


class PermitService:
    """Every change to a permit is one transaction and one record."""

    def __init__(self, context: ServiceContext) -> None:
        self._context = context

    def want(self, actor: Actor, form: PermitForm) -> PermitView:
        """Ask to take a sleeve outside its fence; the carrier is the asker unless named.

        Raises:
            DomainError: ``not_found``, ``denied``, ``permit_…``, ``operator_not_allowed``,
                ``bad_application``.
        """
        now = self._context.now()
        with self._context.db.write() as conn:
            row = conn.execute(
                select(device.c.org_path, device.c.seal_id).where(
                    device.c.id == form.device_id, device.c.status == "active"
                )
            ).one_or_none()
            if row is None or not actor.may_any(tuple(Role), row.org_path):
                raise missing("该套筒", "sleeve")
            actor.must_any(ASKERS, row.org_path)
            wanted = Permit(
                id=self._context.new_id(),
                org_path=row.org_path,
                device_id=form.device_id,
                carrier_id=form.carrier_id or actor.person_id,
                purpose=form.purpose.strip(),
                place=form.place.strip()[:200],
                from_at=form.from_at,
                until_at=form.until_at,
                created_at=now,
                application_id=form.application_id,
                lat=form.lat,
                lon=form.lon,
                radius_m=form.radius_m,
            )
            domain.check(wanted, now)
            keepers = self._custodians(conn, row.seal_id, now)
            if not standing.may_stamp(conn, [wanted.carrier_id], row.org_path, keepers, now):
                raise DomainError(
                    "operator_not_allowed",
                    "携带人须是本组织的用章人或印章管理员",
                    "the carrier must be an operator or custodian of the organisation",
                )
            if wanted.application_id is not None:
                item = visible(conn, actor, wanted.application_id, lock=False)
                if item.seal_id != row.seal_id:
                    raise DomainError(
                        "bad_application",
                        "所选申请用的不是这枚印章",
                        "the application is for another seal",
                    )
            permits.insert(conn, wanted)
            self._append(conn, wanted, "permit.wanted", actor, now)
            return _shown(conn, wanted)

    def approve(self, actor: Actor, permit_id: str) -> PermitView:
        """Allow it. Live grants of its application, where the matter says so, are from now on good
        at the permit's place.

        Raises:
            DomainError: ``not_found``, ``denied``, ``wrong_status``, ``permit_over``.
            AtTheDoor: ``approver_is_applicant``, ``approver_is_custodian``; recorded.
        """

        def change(conn: Connection, item: Permit, keepers: frozenset[str], now: int) -> Permit:
            approved = domain.approve(item, actor, keepers, now)
            self._move_grants(conn, approved, now)
            return approved

        return self._change(actor, permit_id, change, "permit.approved")

    def reject(self, actor: Actor, permit_id: str, reason: str) -> PermitView:
        """Refuse it; raises as :meth:`approve`, and ``reason_missing``."""
        return self._change(
            actor,
            permit_id,
            lambda _conn, item, keepers, _now: domain.reject(item, actor, keepers, reason),
            "permit.rejected",
        )

    def take_out(self, actor: Actor, permit_id: str) -> PermitView:
        """The carrier leaves with the sleeve; raises as :meth:`approve`."""
        return self._change(
            actor,
            permit_id,
            lambda _conn, item, _keepers, now: domain.take_out(item, actor, now),
            "permit.out",
        )

    def give_back(self, actor: Actor, permit_id: str) -> PermitView:
        """The sleeve is back; raises as :meth:`approve`."""
        return self._change(
            actor,
            permit_id,
            lambda _conn, item, keepers, now: domain.give_back(item, actor, keepers, now),
            "permit.returned",
        )

    def get(self, actor: Actor, permit_id: str) -> PermitView:
        """One permit.

        Raises:
            DomainError: ``not_found``, also outside the actor's view.
        """
        with self._context.db.read() as conn:
            row = conn.execute(
                select(offsite_permit).where(offsite_permit.c.id == permit_id)
            ).one_or_none()
            if row is None or not _may_see(row, actor):
                raise missing("该外带申请", "permit")
            return _shown(conn, permits.to_permit(row))

    def list(
        self,
        actor: Actor,
        wanted: PermitFilter | None = None,
        *,
        after: str | None = None,
        limit: int | None = None,
    ) -> Page[PermitView]:
        """Newest first; ``after`` is the cursor of the page before.

        Raises:
            DomainError: ``bad_cursor``.
        """
        wanted = wanted or PermitFilter()
        size = self._context.settings.clamp(limit)
        p = offsite_permit.c
        with self._context.db.read() as conn:
            query = select(offsite_permit).where(
                or_(
                    p.carrier_id == actor.person_id,
                    in_branches(conn, p.org_path, actor.branches(*READERS)),
                )
            )
            if wanted.state is not None:
                query = query.where(p.state == wanted.state)
            if wanted.device_id is not None:
                query = query.where(p.device_id == wanted.device_id)
            if wanted.org_path is not None:
                query = query.where(in_branches(conn, p.org_path, [wanted.org_path]))
            if after is not None:
                query = query.where(p.id < str(decode_cursor(after, (str,))[0]))
            rows = conn.execute(query.order_by(p.id.desc()).limit(size + 1)).all()
            shown = page(rows, size, lambda row: (row.id,))
            items = [permits.to_permit(row) for row in shown.items]
            people = standing.names(conn, _people(items))
            return Page([_view(one, people) for one in items], shown.next)

    def _change(self, actor: Actor, permit_id: str, change: _Change, kind: str) -> PermitView:
        now = self._context.now()
        self.get(actor, permit_id)  # outside the actor's view it does not exist
        try:
            with self._context.db.write() as conn:
                item = permits.lock(conn, permit_id)
                assert item is not None  # permits are never deleted
                seal_id = conn.execute(
                    select(device.c.seal_id).where(device.c.id == item.device_id)
                ).scalar()
                changed = change(conn, item, self._custodians(conn, seal_id, now), now)
                permits.save(conn, changed)
                self._append(conn, changed, kind, actor, now)
                return _shown(conn, changed)
        except AtTheDoor as refused:
            self._record_refusal(actor, permit_id, refused)
            raise

    def _move_grants(self, conn: Connection, item: Permit, now: int) -> None:
        """A copy that lies in the sleeve for off-line use is pushed again, with the new place."""
        if item.application_id is None or item.circle is None:
            return
        matter = self._matter_of(conn, item.application_id)
        if matter.place is not PlaceRule.PERMIT:
            return
        live = grants.lock_of_application(conn, item.application_id)
        movable = [one for one in live if one.state in LIVE and one.device == item.device_id]
        grants.move(conn, [one.id for one in movable], item.circle)
        for one in movable:
            if one.policy.get("offline"):
                moved = replace(one, place=item.circle)
                until = pushed_until(matter, one.not_before, one.not_after)
                issuing.push_ahead(conn, self._context, moved, until, now)

    @staticmethod
    def _matter_of(conn: Connection, application_id: str) -> Matter:
        item = applications.load(conn, application_id)
        assert item is not None  # the permit was asked for with it
        return load_matter(conn, item.matter_id, item.matter_version, item.org_path)[0]

    @staticmethod
    def _custodians(conn: Connection, seal_id: str | None, now: int) -> frozenset[str]:
        return frozenset() if seal_id is None else load_seal(conn, seal_id, now).custodians

    def _append(self, conn: Connection, item: Permit, kind: str, actor: Actor, now: int) -> None:
        self._context.journal.append(conn, [permit_record(conn, item, kind, actor, now)])

    def _record_refusal(self, actor: Actor, permit_id: str, refused: AtTheDoor) -> None:
        now = self._context.now()
        with self._context.db.write() as conn:
            item = permits.lock(conn, permit_id)
            assert item is not None  # it was refused, so it was there
            record = permit_record(conn, item, "permit.refused", actor, now)
            refusal = replace(record, data={**record.data, "reason": refused.code})
            self._context.journal.append(conn, [refusal])


_Change = Callable[[Connection, Permit, frozenset[str], int], Permit]


def permit_record(
    conn: Connection, item: Permit, kind: str, actor: Actor | None, now: int
) -> Record:
    """What a change of a permit leaves in the journal."""
    return Record(
        kind=kind,
        org_path=item.org_path,
        at=now,
        happened_at=now,
        device=item.device_id,
        seal=conn.execute(select(device.c.seal_id).where(device.c.id == item.device_id)).scalar(),
        application=item.application_id,
        person=None if actor is None else actor.person_id,
        data={
            "permit": item.id,
            "carrier": item.carrier_id,
            "from_at": item.from_at,
            "until_at": item.until_at,
            "circle": None if item.circle is None else list(item.circle),
            "reason": item.reason or "",
        },
    )


def _may_see(row: Row[Any], actor: Actor) -> bool:
    return row.carrier_id == actor.person_id or actor.may_any(
        (*READERS, Role.OPERATOR, Role.APPLICANT), row.org_path
    )


def _people(items: list[Permit]) -> list[str | None]:
    return [one for item in items for one in (item.carrier_id, item.approved_by)]


def _shown(conn: Connection, item: Permit) -> PermitView:
    return _view(item, standing.names(conn, _people([item])))


def _view(item: Permit, people: Mapping[str, str]) -> PermitView:
    return PermitView(
        id=item.id,
        org_path=item.org_path,
        device_id=item.device_id,
        application_id=item.application_id,
        carrier=Named(item.carrier_id, people.get(item.carrier_id, "")),
        approved_by=None
        if item.approved_by is None
        else Named(item.approved_by, people.get(item.approved_by, "")),
        state=item.state.value,
        state_zh=PERMIT_ZH[item.state],
        reason=item.reason,
        purpose=item.purpose,
        place=item.place,
        lat=item.lat,
        lon=item.lon,
        radius_m=item.radius_m,
        from_at=item.from_at,
        until_at=item.until_at,
        returned_at=item.returned_at,
        created_at=item.created_at,
    )
