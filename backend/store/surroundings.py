"""What an organisation inherits from those above it: places, settings, days off, its position."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import Connection, select

from backend.domain.calendar import DEFAULT_HOURS, Lookup, WorkingCalendar, parse_hours
from backend.domain.organisation import Level, ancestors
from backend.store.tables import calendar_day, organisation


@dataclass(frozen=True, slots=True)
class Surroundings:
    """``places``: path by level, from the top to the organisation itself. ``settings``: merged,
    the nearest wins. ``exceptions``: its own and inherited days. ``position``: latitude, longitude,
    fence (metres, None: not set) of the organisation itself."""

    org_id: str
    places: Mapping[Level, str]
    settings: Mapping[str, Any]
    exceptions: Mapping[date, bool]
    position: tuple[float, float, float | None] | None

    def calendar(self, lookup: Lookup) -> WorkingCalendar:
        """The working calendar that holds here."""
        hours = self.settings.get("working_hours")
        return WorkingCalendar(
            lookup, self.exceptions, parse_hours(hours) if hours else DEFAULT_HOURS
        )


def surroundings(conn: Connection, path: str) -> Surroundings | None:
    """Of the organisation at ``path``; None when there is none."""
    query = select(organisation).where(organisation.c.path.in_(ancestors(path)))
    rows = sorted(conn.execute(query), key=lambda row: len(row.path))  # from the top down
    if not rows or rows[-1].path != path:
        return None
    settings: dict[str, Any] = {}
    for row in rows:
        settings |= row.settings or {}
    days: dict[date, bool] = {}
    by_org: dict[str, dict[date, bool]] = {row.id: {} for row in rows}
    for day in conn.execute(select(calendar_day).where(calendar_day.c.org_id.in_(by_org))):
        by_org[day.org_id][date.fromisoformat(day.day)] = day.working
    for own in by_org.values():
        days |= own
    here = rows[-1]
    known = here.lat is not None and here.lon is not None
    return Surroundings(
        org_id=here.id,
        places={Level(row.level): row.path for row in rows},
        settings=settings,
        exceptions=days,
        position=(here.lat, here.lon, here.fence_m) if known else None,
    )
