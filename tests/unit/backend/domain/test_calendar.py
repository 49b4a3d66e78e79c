"""Working days and hours."""

from datetime import date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.domain.calendar import (
    DAY_MS,
    HOUR_MS,
    ZONE,
    Source,
    WorkingCalendar,
    local_day,
    parse_hours,
)
from backend.domain.errors import DomainError
from backend.services.holidays import published


def at(text: str) -> int:
    """Local time, ms UTC."""
    return int(datetime.fromisoformat(text).replace(tzinfo=ZONE).timestamp() * 1000)


def unpublished(_day: date) -> bool | None:
    return None


WEEK = WorkingCalendar(unpublished)
NATIONAL = WorkingCalendar(published)


def test_the_day_is_the_local_one() -> None:
    assert local_day(at("2026-01-01T00:30")) == date(2026, 1, 1)
    assert local_day(at("2026-01-01T00:30") - HOUR_MS) == date(2025, 12, 31)


@pytest.mark.parametrize(
    ("day", "working"),
    [
        ("2026-10-01", False),  # national day
        ("2026-10-10", True),  # a Saturday to make up for it
        ("2026-06-03", True),
        ("2026-06-06", False),
    ],
)
def test_published_holidays_and_make_up_days(day: str, working: bool) -> None:
    found = NATIONAL.day(date.fromisoformat(day))
    assert found.working is working
    assert found.source is Source.PUBLISHED
    assert found.known


def test_a_year_not_yet_published_falls_back_to_weekdays_and_says_so() -> None:
    monday, saturday = NATIONAL.day(date(2093, 6, 1)), NATIONAL.day(date(2093, 6, 6))
    assert (monday.working, saturday.working) == (True, False)
    assert not monday.known
    assert monday.source is Source.WEEKDAY


def test_the_organisations_own_day_goes_first() -> None:
    fair = date(2026, 10, 1)
    calendar = WorkingCalendar(published, {fair: True})
    assert calendar.day(fair).working
    assert calendar.day(fair).source is Source.ORGANISATION


@pytest.mark.parametrize(
    ("moment", "working"),
    [
        ("2026-06-03T08:29", False),
        ("2026-06-03T08:30", True),
        ("2026-06-03T11:59", True),
        ("2026-06-03T12:00", False),
        ("2026-06-03T23:00", False),
        ("2026-06-06T10:00", False),
    ],
)
def test_working_hours(moment: str, working: bool) -> None:
    assert WEEK.at(at(moment)).working is working


def test_a_step_opened_on_friday_evening_is_due_on_monday() -> None:
    assert WEEK.after_working(at("2026-06-05T17:00"), HOUR_MS) == at("2026-06-08T09:00")


def test_a_limit_runs_over_the_lunch_break() -> None:
    assert WEEK.after_working(at("2026-06-03T11:00"), 2 * HOUR_MS) == at("2026-06-03T14:30")


def test_without_any_working_time_the_plain_clock_counts() -> None:
    never = WorkingCalendar(lambda _day: False)
    assert never.after_working(at("2026-06-03T11:00"), HOUR_MS) == at("2026-06-03T12:00")


@given(st.integers(0, 20 * DAY_MS), st.integers(1, 60 * HOUR_MS))
def test_working_time_passed_until_the_deadline_is_the_limit(start: int, limit: int) -> None:
    begin = at("2026-05-20T00:00") + start
    due = WEEK.after_working(begin, limit)
    assert WEEK.working_between(begin, due) == limit


def test_working_time_is_never_negative() -> None:
    assert WEEK.working_between(at("2026-06-03T11:00"), at("2026-06-01T11:00")) == 0


def test_hours_from_settings() -> None:
    assert parse_hours([["08:00", "11:30"], ["14:00", "18:00"]]) == ((480, 690), (840, 1080))


@pytest.mark.parametrize(
    "value",
    [None, [], "08:00-12:00", [["12:00", "08:00"]], [["08:00", "12:00"], ["11:00", "13:00"]]],
)
def test_hours_that_make_no_sense_are_refused(value: object) -> None:
    with pytest.raises(DomainError, match="bad_hours"):
        parse_hours(value)
