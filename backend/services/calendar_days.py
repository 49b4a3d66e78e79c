"""An organisation's own exceptions from the published calendar of working days (C17)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from sqlalchemy import delete, select

from backend.domain.actor import Actor, Role
from backend.domain.errors import DomainError
from backend.services.context import ServiceContext
from backend.services.organisations import seen_organisation
from backend.services.people_rules import checked_name
from backend.services.recording import write_down
from backend.store.tables import calendar_day


@dataclass(frozen=True, slots=True)
class CalendarDay:
    """A local date that is (not) a working day here, whatever the published calendar says."""

    day: str
    working: bool
    name: str | None


class CalendarDayService:
    """Sets and lists exceptions."""

    def __init__(self, context: ServiceContext) -> None:
        self._context = context

    def days(self, actor: Actor, org_id: str) -> list[CalendarDay]:
        """The organisation's own exceptions from the published calendar.

        Raises:
            DomainError: ``not_found``.
        """
        with self._context.db.read() as conn:
            seen_organisation(conn, actor, org_id)
            rows = conn.execute(
                select(calendar_day)
                .where(calendar_day.c.org_id == org_id)
                .order_by(calendar_day.c.day)
            ).all()
        return [CalendarDay(row.day, row.working, row.name) for row in rows]

    def set_day(
        self, actor: Actor, org_id: str, day: str, working: bool | None, name: str | None = None
    ) -> None:
        """Say that a local date is (not) a working day here and below; ``None`` takes it back.

        Raises:
            DomainError: ``not_found``, ``denied``, ``bad_day``, ``bad_name``.
        """
        try:
            day = date.fromisoformat(day).isoformat()
        except ValueError as error:
            raise DomainError(
                "bad_day", "日期格式须为 2026-10-01", "a day is 2026-10-01"
            ) from error
        label = checked_name(name) if name else None
        with self._context.db.write() as conn:
            row = seen_organisation(conn, actor, org_id)
            actor.must(Role.ADMIN, row.path)
            conn.execute(
                delete(calendar_day).where(
                    calendar_day.c.org_id == org_id, calendar_day.c.day == day
                )
            )
            if working is not None:
                conn.execute(
                    calendar_day.insert(),
                    {"org_id": org_id, "day": day, "working": working, "name": label},
                )
            data = {"org": org_id, "day": day, "working": working}
            write_down(self._context, conn, actor, "organisation.day_set", row.path, data)
