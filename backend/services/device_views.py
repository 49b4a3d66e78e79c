"""Sleeves as people see them: where they are, how they are, what is wrong."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, Row, exists, select

from backend.domain.actor import Actor, Role
from backend.domain.errors import missing
from backend.services.context import ServiceContext
from backend.services.paging import Page, decode_cursor, page
from backend.store import commissioning
from backend.store.scope import in_branches
from backend.store.tables import device, downlink
from gateway.protocol.limits import JOURNAL_QUOTA_BYTES, SILENT_AFTER_MS

LOW_BATTERY: Final = 20
"""Per cent."""


@dataclass(frozen=True, slots=True)
class DeviceInfo:
    """A sleeve in a list. ``problems`` are codes: ``never_seen``, ``offline``, ``silent``,
    ``gap`` (an event is missing), ``withheld`` (it has events that we have not), ``battery``,
    ``clock``, ``flash``, ``locked``, ``no_seal``. Times are ms UTC."""

    id: str
    org_id: str
    org_path: str
    seal_id: str | None
    status: str
    online: bool
    locked: bool
    battery: int | None
    firmware: str | None
    last_seen_at: int | None
    problems: tuple[str, ...]
    enrolled_at: int
    revoked_at: int | None


@dataclass(frozen=True, slots=True)
class DeviceKeyInfo:
    """A key of a sleeve. ``alg`` is COSE's number: -8 EdDSA, -7 ES256."""

    kid: str
    alg: int
    from_counter: int
    until_counter: int | None
    created_at: int
    revoked_at: int | None


@dataclass(frozen=True, slots=True)
class OpenOrder:
    """An order that the sleeve has not confirmed yet."""

    type: str
    subject: str | None
    created_at: int
    sends: int


@dataclass(frozen=True, slots=True)
class DeviceDetail:
    """Everything about one sleeve that may be shown."""

    info: DeviceInfo
    temperature: float | None
    clock_trusted: bool | None
    pending_events: int | None
    flash_free: int | None
    lat: float | None
    lon: float | None
    home_lat: float | None
    home_lon: float | None
    fence_m: float | None
    counter: int
    claimed: int
    total: int
    duplicates: int
    gap_since: int | None
    open_use: str | None
    config: Mapping[str, Any]
    config_revision: int
    lock_order: int
    keys: tuple[DeviceKeyInfo, ...]
    open_orders: tuple[OpenOrder, ...]


class DeviceViewService:
    """Lists and shows sleeves."""

    def __init__(self, context: ServiceContext) -> None:
        self._context = context

    def find(
        self,
        actor: Actor,
        *,
        branch: str | None = None,
        status: str | None = None,
        online: bool | None = None,
        unconfirmed: bool = False,
        cursor: str | None = None,
        limit: int = 50,
    ) -> Page[DeviceInfo]:
        """Sleeves of the actor's branches, by id; ``unconfirmed``: only those with an open order.

        Raises:
            DomainError: ``bad_cursor``.
        """
        now = self._context.now()
        with self._context.db.read() as conn:
            query = select(device).where(in_branches(conn, device.c.org_path, actor.branches()))
            if branch is not None:
                query = query.where(in_branches(conn, device.c.org_path, [branch]))
            if status is not None:
                query = query.where(device.c.status == status)
            if online is not None:
                query = query.where(device.c.online.is_(online))
            if unconfirmed:
                query = query.where(
                    exists().where(
                        downlink.c.device_id == device.c.id, downlink.c.confirmed_at.is_(None)
                    )
                )
            if cursor is not None:
                (last,) = decode_cursor(cursor, (str,))
                query = query.where(device.c.id > last)
            rows = conn.execute(query.order_by(device.c.id).limit(limit + 1)).all()
        return page([_info(row, now) for row in rows], limit, lambda one: (one.id,))

    def get(self, actor: Actor, device_id: str) -> DeviceDetail:
        """One sleeve of the actor's branches.

        Raises:
            DomainError: ``not_found``.
        """
        now = self._context.now()
        with self._context.db.read() as conn:
            row = conn.execute(select(device).where(device.c.id == device_id)).one_or_none()
            if row is None or not actor.may_any(tuple(Role), row.org_path):
                raise missing("该套筒", "sleeve")
            return _detail(conn, row, now)


def _detail(conn: Connection, row: Row[Any], now: int) -> DeviceDetail:
    orders = conn.execute(
        select(downlink)
        .where(downlink.c.device_id == row.id, downlink.c.confirmed_at.is_(None))
        .order_by(downlink.c.id)
    ).all()
    return DeviceDetail(
        info=_info(row, now),
        temperature=row.temperature,
        clock_trusted=row.clock_trusted,
        pending_events=row.pending_events,
        flash_free=row.flash_free,
        lat=row.lat,
        lon=row.lon,
        home_lat=row.home_lat,
        home_lon=row.home_lon,
        fence_m=row.fence_m,
        counter=row.counter,
        claimed=row.claimed,
        total=row.total,
        duplicates=row.duplicates,
        gap_since=row.gap_since,
        open_use=row.open_use,
        config=row.config,
        config_revision=row.config_revision,
        lock_order=row.lock_order,
        keys=tuple(
            DeviceKeyInfo(
                key.kid.hex(),
                key.alg,
                key.from_counter,
                key.until_counter,
                key.created_at,
                key.revoked_at,
            )
            for key in commissioning.keys_of(conn, row.id)
        ),
        open_orders=tuple(
            OpenOrder(one.type, one.subject, one.created_at, one.sends) for one in orders
        ),
    )


def _info(row: Row[Any], now: int) -> DeviceInfo:
    return DeviceInfo(
        row.id,
        row.org_id,
        row.org_path,
        row.seal_id,
        row.status,
        row.online,
        row.locked,
        row.battery,
        row.firmware,
        row.last_seen_at or None,
        tuple(_problems(row, now)) if row.status == commissioning.ACTIVE else (),
        row.enrolled_at,
        row.revoked_at,
    )


def _problems(row: Row[Any], now: int) -> list[str]:
    if not row.last_seen_at:
        return ["never_seen"]
    found = {
        "offline": not row.online,
        "silent": now - row.last_seen_at > SILENT_AFTER_MS,
        "gap": row.gap_since is not None,
        "withheld": row.claimed > row.counter,
        "battery": row.battery is not None and row.battery < LOW_BATTERY,
        "clock": row.clock_trusted is False,
        "flash": row.flash_free is not None and row.flash_free < JOURNAL_QUOTA_BYTES // 10,
        "locked": row.locked,
        "no_seal": row.seal_id is None,
    }
    return [name for name, is_so in found.items() if is_so]
