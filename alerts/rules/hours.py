"""C17: used at night, on a day off or on a public holiday.

The calendar is the organisation's own; where the year's public holidays are not published yet it
goes by weekdays, and the finding says so.
"""

from __future__ import annotations

from datetime import date
from typing import Final

from alerts.rules.context import Context
from alerts.rules.finding import Judged, Severity, State, event, found, of_use, rule
from backend.domain.calendar import MINUTE_MS, Moment, WorkingCalendar
from backend.domain.record import Record

UNPUBLISHED: Final = "calendar_unpublished"


def off_hours(calendar: WorkingCalendar, at: int, grace_ms: int, *, midday: bool) -> str | None:
    """Why ``at`` (ms UTC) is no working time: ``holiday`` (a day off that is no plain weekend day
    or of which only the calendar knows), ``rest_day``, ``night``; None: it is working time.

    ``midday``: whether the break in the middle of a working day counts as outside.
    """
    moment = calendar.at(at)
    if not moment.day.working:
        return "rest_day" if moment.local.weekday() >= 5 else "holiday"
    if moment.working:
        return None
    return "night" if _outside(calendar, moment, grace_ms, midday=midday) else None


def _outside(calendar: WorkingCalendar, moment: Moment, grace_ms: int, *, midday: bool) -> bool:
    grace = grace_ms / MINUTE_MS
    minute = moment.local.hour * 60 + moment.local.minute
    periods = calendar.hours
    if not midday:
        periods = ((periods[0][0], periods[-1][1]),)
    return not any(begin - grace <= minute < end + grace for begin, end in periods)


def _note(context: Context, day: date, *, known: bool) -> str | None:
    return UNPUBLISHED if not known else context.holiday(day)


def _judge(state: State, record: Record, context: Context) -> Judged:
    if record.kind == "event.use_finished":
        return {}, ()
    calendar = context.calendar(record.org_path)
    settings = context.settings
    at = record.happened_at
    cause = off_hours(calendar, at, settings.hours_grace_ms, midday=settings.midday_counts)
    if cause is None:
        return state, ()
    day = calendar.at(at).day
    note = _note(context, day.day, known=day.known)
    if note and note != UNPUBLISHED and cause == "rest_day":
        cause = "holiday"
    stamps = int(state.get("stamps", 0)) + 1
    data = {"cause": cause, "stamps": stamps, "calendar": day.source.value}
    if note:
        data["calendar_note"] = note
    where = record.use_id or f"{record.device}:{event(record).get('total')}"
    finding = found("C17", where, Severity.MAJOR, record, **data)
    return {"stamps": stamps}, (finding,)


RULES: Final = (
    rule(
        "outside_working_hours",
        "C17",
        ("event.stamped", "event.use_finished"),
        _judge,
        lambda record: of_use(record) or (record.device and f"{record.device}:none"),
    ),
)
