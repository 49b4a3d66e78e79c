"""Chinese public holidays and make-up workdays, from the kept library chinesecalendar."""

from __future__ import annotations

from datetime import date

import chinese_calendar


def published(day: date) -> bool | None:
    """Whether ``day`` is a working day by the State Council's notice of that year; None when the
    library does not know that year (yet)."""
    try:
        return bool(chinese_calendar.is_workday(day))
    except NotImplementedError:
        return None
