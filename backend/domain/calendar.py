"""Working days and hours in China: whose clock a village keeps, and what counts as “at night”.

The published calendar (public holidays and make-up workdays) is handed in as a lookup; the
organisation's own exceptions go before it; a year that is not published falls back to weekdays and
says so.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta, timezone
from enum import StrEnum
from itertools import pairwise
from typing import Any, Final

from backend.domain.errors import DomainError

# China has had one zone and no daylight saving since 1991, so no zone data is read.
ZONE: Final = timezone(timedelta(hours=8), "Asia/Shanghai")
MINUTE_MS: Final = 60_000
HOUR_MS: Final = 60 * MINUTE_MS
DAY_MS: Final = 24 * HOUR_MS

Lookup = Callable[[date], bool | None]
"""Whether a date is a working day as published; None: not published."""

_SEARCH_DAYS: Final = 400


class Source(StrEnum):
    """Who says whether a day is a working day."""

    ORGANISATION = "organisation"
    PUBLISHED = "published"
    WEEKDAY = "weekday"


@dataclass(frozen=True, slots=True)
class Day:
    """One local day. ``known`` is false when only the weekday could be asked."""

    day: date
    working: bool
    source: Source

    @property
    def known(self) -> bool:
        """Whether anybody decided it."""
        return self.source is not Source.WEEKDAY


@dataclass(frozen=True, slots=True)
class Moment:
    """A time, seen by a working calendar. ``working`` is false at night and on days off."""

    local: datetime
    day: Day
    working: bool


Hours = tuple[tuple[int, int], ...]
"""Working hours as (from, until) in minutes after local midnight, in order."""

DEFAULT_HOURS: Final[Hours] = ((8 * 60 + 30, 12 * 60), (13 * 60 + 30, 17 * 60 + 30))


def local(at: int) -> datetime:
    """``at`` (ms UTC) as a person in China reads it."""
    return datetime.fromtimestamp(at // 1000, ZONE).replace(microsecond=at % 1000 * 1000)


def local_day(at: int) -> date:
    """The local date of ``at`` (ms UTC)."""
    return local(at).date()


def midnight(day: date) -> int:
    """When ``day`` begins locally, ms UTC."""
    return int(datetime.combine(day, time(), ZONE).timestamp()) * 1000


def parse_hours(value: Any) -> Hours:
    """Working hours from settings: ``[["08:30", "12:00"], ["13:30", "17:30"]]``.

    Raises:
        DomainError: ``bad_hours`` when they are no times, overlap or run backwards.
    """
    try:
        periods = tuple((_minutes(begin), _minutes(end)) for begin, end in value)
    except (TypeError, ValueError, AttributeError) as error:
        raise _bad_hours() from error
    edges = [edge for period in periods for edge in period]
    if not edges or any(a >= b for a, b in pairwise(edges)):
        raise _bad_hours()
    return periods


@dataclass(frozen=True, slots=True)
class WorkingCalendar:
    """The working calendar of one organisation. ``exceptions`` are its own days (and those of the
    organisations above it, the nearest winning)."""

    lookup: Lookup
    exceptions: Mapping[date, bool] = field(default_factory=dict)
    hours: Hours = DEFAULT_HOURS

    def day(self, day: date) -> Day:
        """Whether ``day`` is a working day, and who says so."""
        own = self.exceptions.get(day)
        if own is not None:
            return Day(day, own, Source.ORGANISATION)
        published = self.lookup(day)
        if published is not None:
            return Day(day, published, Source.PUBLISHED)
        return Day(day, day.weekday() < 5, Source.WEEKDAY)

    def at(self, at: int) -> Moment:
        """How ``at`` (ms UTC) stands to the working calendar (C17)."""
        here = local(at)
        day = self.day(here.date())
        minute = here.hour * 60 + here.minute
        inside = any(begin <= minute < end for begin, end in self.hours)
        return Moment(here, day, day.working and inside)

    def after_working(self, start: int, duration: int) -> int:
        """When ``duration`` ms of working time have passed since ``start`` (both ms): a step that
        opens on a Friday evening is not late on Saturday (C28).

        Where there is no working time for over a year, the plain clock counts.
        """
        left = duration
        day = local_day(start)
        for _ in range(_SEARCH_DAYS):
            if self.day(day).working:
                begin_of_day = midnight(day)
                for begin, end in self.hours:
                    opens = max(begin_of_day + begin * MINUTE_MS, start)
                    closes = begin_of_day + end * MINUTE_MS
                    if opens >= closes:
                        continue
                    if left <= closes - opens:
                        return opens + left
                    left -= closes - opens
            day += timedelta(days=1)
        return start + duration

    def working_between(self, start: int, end: int) -> int:
        """Working time from ``start`` to ``end``, in ms; 0 when they are the wrong way round."""
        total = 0
        day, last = local_day(start), local_day(end)
        while day <= last:
            if self.day(day).working:
                begin_of_day = midnight(day)
                for begin, until in self.hours:
                    opens = max(begin_of_day + begin * MINUTE_MS, start)
                    closes = min(begin_of_day + until * MINUTE_MS, end)
                    total += max(0, closes - opens)
            day += timedelta(days=1)
        return total


def _minutes(text: str) -> int:
    hour, minute = text.split(":")
    value = int(hour) * 60 + int(minute)
    if not (0 <= int(minute) < 60 and 0 <= value <= 24 * 60):
        raise ValueError(text)
    return value


def _bad_hours() -> DomainError:
    return DomainError(
        "bad_hours",
        "工作时间请写成“08:30 到 12:00”这样的时段，从早到晚、互不重叠",
        "working hours are periods such as 08:30 to 12:00, in order and without overlap",
    )
