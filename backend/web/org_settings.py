"""An organisation's own rules: where it stands, its working hours and days, what it allows."""

from __future__ import annotations

import calendar as months
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Any, Final

from fastapi import Form, Query
from starlette.requests import Request
from starlette.responses import Response

from backend.api.deps import service
from backend.domain.actor import Role
from backend.domain.calendar import DEFAULT_HOURS, Source, WorkingCalendar
from backend.domain.calendar import local as local_time
from backend.domain.errors import DomainError
from backend.services.calendar_days import CalendarDayService
from backend.services.facts import load_surroundings, rules_of
from backend.web.admin import Day, Name, admin_of
from backend.web.numbers import Number, number, whole
from backend.web.ports import Web
from backend.web.site import Concerned, WebPort, go, page, pages, showable

_CHOICE: Final = {"yes": True, "no": False}
_HOUR_MS: Final = 3_600_000
_YEARS: Final = (2000, 2100)

Days = Annotated[CalendarDayService, service(CalendarDayService)]
Choice = Annotated[str, Form(max_length=3)]
Clock = Annotated[str, Form(max_length=5)]

router = pages()


@dataclass(frozen=True, slots=True)
class Cell:
    """A day of the calendar. ``own``: an exception set here or above."""

    day: int
    working: bool
    own: bool
    odd: bool
    """Not what the weekday says."""


@router.get("/admin/orgs/{org_id}/settings")
def settings_page(request: Request, who: Concerned, web: WebPort, org_id: str) -> Response:
    """What is set here, and what holds because it is set above."""
    return _settings(request, web, who, org_id)


@router.post("/admin/orgs/{org_id}/settings")
def save_settings(
    request: Request,
    who: Concerned,
    web: WebPort,
    org_id: str,
    name: Name = "",
    lat: Number = "",
    lon: Number = "",
    fence: Number = "",
    custodian_alone: Choice = "",
    approver_may_stamp: Choice = "",
    public_page: Choice = "",
    liveness: Annotated[str, Form(max_length=10)] = "",
    from1: Clock = "",
    until1: Clock = "",
    from2: Clock = "",
    until2: Clock = "",
    emergency_window_h: Number = "",
    emergency_confirm_h: Number = "",
    emergency_stamps: Number = "",
) -> Response:
    """Keep them; an empty field takes the setting back, so that the one from above holds."""
    switches = {
        "custodian_alone": custodian_alone,
        "approver_may_stamp": approver_may_stamp,
        "public_page": public_page,
    }
    hours = [list(one) for one in ((from1, until1), (from2, until2)) if any(one)]
    try:
        window, confirm = number(emergency_window_h), number(emergency_confirm_h)
        settings: dict[str, Any] = {key: _CHOICE.get(value) for key, value in switches.items()}
        settings |= {
            "liveness": liveness or None,
            "working_hours": hours or None,
            "emergency_window_ms": None if window is None else round(window * _HOUR_MS),
            "emergency_confirm_ms": None if confirm is None else round(confirm * _HOUR_MS),
            "emergency_stamps": whole(emergency_stamps),
        }
        admin_of(web).organisations.change(
            who.actor,
            org_id,
            {
                "name": name,
                "lat": number(lat),
                "lon": number(lon),
                "fence_m": number(fence),
                "settings": settings,
            },
        )
    except DomainError as error:
        showable(error)
        return _settings(request, web, who, org_id, error)
    return go(f"/admin/orgs/{org_id}/settings")


@router.get("/admin/orgs/{org_id}/calendar")
def calendar_page(
    request: Request,
    who: Concerned,
    web: WebPort,
    days: Days,
    org_id: str,
    year: Annotated[int | None, Query(ge=_YEARS[0], le=_YEARS[1])] = None,
) -> Response:
    """A year of working days: as published, with this organisation's exceptions."""
    return _calendar(request, web, who, days, org_id, year)


@router.post("/admin/orgs/{org_id}/calendar")
def set_day(
    request: Request,
    who: Concerned,
    web: WebPort,
    days: Days,
    org_id: str,
    day: Day = "",
    working: Choice = "",
    name: Name = "",
) -> Response:
    """Say that a day is (not) worked; without ``working`` the exception is taken back."""
    try:
        days.set_day(who.actor, org_id, day, _CHOICE.get(working), name.strip() or None)
    except DomainError as error:
        showable(error)
        return _calendar(request, web, who, days, org_id, None, error)
    return go(f"/admin/orgs/{org_id}/calendar?year={day[:4]}")


def _settings(
    request: Request, web: Web, who: Concerned, org_id: str, error: DomainError | None = None
) -> Response:
    org = admin_of(web).organisations.get(who.actor, org_id)
    with web.context.db.read() as conn:
        around = load_surroundings(conn, org.path)
    own = org.settings
    hours = [list(one) for one in own.get("working_hours") or ()]
    values = {
        "org": org,
        "tab": "settings",
        "own": own,
        "inherited": around.settings,
        "rules": rules_of(around.settings),
        "hours": [*hours, ["", ""], ["", ""]][:2],
        "default_hours": _hours_text(around.settings),
        "administers": who.actor.may(Role.ADMIN, org.path),
        "error": error,
    }
    return page(request, web, who, "org_settings.html", values, 422 if error else 200)


def _hours_text(settings: Any) -> str:
    chosen = settings.get("working_hours")
    if chosen:
        return "、".join(f"{begin}–{end}" for begin, end in chosen)
    return "、".join(
        f"{begin // 60:02d}:{begin % 60:02d}–{end // 60:02d}:{end % 60:02d}"
        for begin, end in DEFAULT_HOURS
    )


def _calendar(
    request: Request,
    web: Web,
    who: Concerned,
    days: CalendarDayService,
    org_id: str,
    year: int | None,
    error: DomainError | None = None,
) -> Response:
    org = admin_of(web).organisations.get(who.actor, org_id)
    today = local_time(web.context.now()).date()
    year = today.year if year is None else year
    with web.context.db.read() as conn:
        worked = load_surroundings(conn, org.path).calendar(web.context.holidays)
    values = {
        "org": org,
        "tab": "calendar",
        "year": year,
        "today": today.isoformat(),
        "months": [_month(worked, year, month) for month in range(1, 13)],
        "published": worked.lookup(date(year, 1, 1)) is not None,
        "own_days": [one for one in days.days(who.actor, org_id) if one.day.startswith(str(year))],
        "administers": who.actor.may(Role.ADMIN, org.path),
        "error": error,
    }
    return page(request, web, who, "org_calendar.html", values, 422 if error else 200)


def _month(worked: WorkingCalendar, year: int, month: int) -> list[list[Cell | None]]:
    return [
        [None if day.month != month else _cell(worked, day) for day in week]
        for week in months.Calendar().monthdatescalendar(year, month)
    ]


def _cell(worked: WorkingCalendar, day: date) -> Cell:
    found = worked.day(day)
    return Cell(
        day.day,
        found.working,
        found.source is Source.ORGANISATION,
        found.working != (day.weekday() < 5),
    )
