"""China's published public holidays and make-up workdays, from the library that keeps them."""

from __future__ import annotations

from datetime import date

import chinese_calendar


def published(day: date) -> bool | None:
    """Whether ``day`` is a working day as the State Council published; None: that year is not (or
    not yet) published, and weekdays must do."""
    try:
        return bool(chinese_calendar.is_workday(day))
    except NotImplementedError:
        return None
