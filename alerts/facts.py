"""The rules' context out of the database, remembered for one batch."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

import chinese_calendar
from sqlalchemy import Connection, select

from alerts import recipients
from alerts.rules.context import Circle
from alerts.rules.settings import RuleSettings
from backend.domain.calendar import DEFAULT_HOURS, Lookup, WorkingCalendar
from backend.domain.permit import Permit, PermitState
from backend.store.permits import to_permit
from backend.store.surroundings import Surroundings, surroundings
from backend.store.tables import device, offsite_permit

HolidayName = Callable[[date], str | None]

_APPROVED = [
    state.value
    for state in (
        PermitState.APPROVED,
        PermitState.OUT,
        PermitState.RETURNED,
        PermitState.OVERDUE,
    )
]


def published_name(day: date) -> str | None:
    """The Chinese name of the public holiday on ``day``; None where it is none, or the year is not
    published."""
    try:
        free, name = chinese_calendar.get_holiday_detail(day)
    except NotImplementedError:
        return None
    if not free or name is None:
        return None
    return next((one.chinese for one in chinese_calendar.Holiday if one.value == name), None)


class DatabaseContext:
    """`alerts.rules.context.Context` over one connection."""

    def __init__(
        self,
        conn: Connection,
        settings: RuleSettings,
        lookup: Lookup,
        now: int,
        holiday_name: HolidayName = published_name,
    ) -> None:
        self._conn = conn
        self._settings = settings
        self._lookup = lookup
        self._now = now
        self._holiday_name = holiday_name
        self._around: dict[str, Surroundings | None] = {}
        self._homes: dict[str, Circle | None] = {}
        self._permits: dict[str, tuple[Permit, ...]] = {}
        self._keepers: dict[str, frozenset[str]] = {}

    @property
    def settings(self) -> RuleSettings:
        """Every threshold."""
        return self._settings

    def calendar(self, org_path: str) -> WorkingCalendar:
        """Of the organisation; the plain one where there is no such organisation."""
        around = self._surroundings(org_path)
        if around is None:
            return WorkingCalendar(self._lookup, {}, DEFAULT_HOURS)
        return around.calendar(self._lookup)

    def holiday(self, day: date) -> str | None:
        """By the library that keeps China's calendar."""
        return self._holiday_name(day)

    def home(self, device_id: str) -> Circle | None:
        """As commissioned, else its organisation's position."""
        if device_id not in self._homes:
            self._homes[device_id] = self._find_home(device_id)
        return self._homes[device_id]

    def permits(self, device_id: str) -> tuple[Permit, ...]:
        """Those that were approved, newest first."""
        if device_id not in self._permits:
            query = (
                select(offsite_permit)
                .where(
                    offsite_permit.c.device_id == device_id,
                    offsite_permit.c.state.in_(_APPROVED),
                )
                .order_by(offsite_permit.c.id.desc())
                .limit(20)
            )
            self._permits[device_id] = tuple(to_permit(row) for row in self._conn.execute(query))
        return self._permits[device_id]

    def custodians(self, seal_id: str) -> frozenset[str]:
        """Named for the seal, or by role where it belongs."""
        if seal_id not in self._keepers:
            self._keepers[seal_id] = recipients.custodians(self._conn, seal_id, self._now)
        return self._keepers[seal_id]

    def _surroundings(self, path: str) -> Surroundings | None:
        if path not in self._around:
            self._around[path] = surroundings(self._conn, path)
        return self._around[path]

    def _find_home(self, device_id: str) -> Circle | None:
        row = self._conn.execute(
            select(device.c.org_path, device.c.home_lat, device.c.home_lon, device.c.fence_m).where(
                device.c.id == device_id
            )
        ).one_or_none()
        if row is None:
            return None
        if row.home_lat is not None and row.home_lon is not None:
            return row.home_lat, row.home_lon, row.fence_m or self._settings.fence_m
        around = self._surroundings(row.org_path)
        if around is None or around.position is None:
            return None
        lat, lon, fence = around.position
        return lat, lon, row.fence_m or fence or self._settings.fence_m
