"""Times, lengths of time, amounts and counts as people read them. All times are ms UTC."""

from __future__ import annotations

from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from backend.web.i18n import ENGLISH, mark, say

ZONE: Final = ZoneInfo("Asia/Shanghai")
MINUTE_MS: Final = 60_000
HOUR_MS: Final = 60 * MINUTE_MS
DAY_MS: Final = 24 * HOUR_MS
_WEEKDAYS: Final = (
    mark("星期一"),
    mark("星期二"),
    mark("星期三"),
    mark("星期四"),
    mark("星期五"),
    mark("星期六"),
    mark("星期日"),
)


def local(ms: int) -> datetime:
    """The local time of ``ms``; one that no calendar can hold becomes the epoch."""
    try:
        return datetime.fromtimestamp(ms / 1000, ZONE)
    except (OverflowError, OSError, ValueError):
        # A sleeve's clock may say anything.
        return datetime.fromtimestamp(0, ZONE)


def clock(ms: int | None, seconds: bool = False) -> str:
    """``09:05`` or ``09:05:07``."""
    if ms is None:
        return "—"
    return local(ms).strftime("%H:%M:%S" if seconds else "%H:%M")


def day(ms: int | None) -> str:
    """``2026-09-22``."""
    return "—" if ms is None else local(ms).strftime("%Y-%m-%d")


def when(ms: int | None, now: int, locale: str) -> str:
    """The shortest that is clear: time today, day and time this year, else all."""
    if ms is None:
        return "—"
    then, today = local(ms), local(now)
    if then.date() == today.date():
        return then.strftime("%H:%M")
    if then.year != today.year:
        return then.strftime("%Y-%m-%d %H:%M")
    if locale == ENGLISH:
        return then.strftime("%d %b %H:%M")
    return f"{then.month}月{then.day}日 {then:%H:%M}"


def full(ms: int | None) -> str:
    """``2026-09-22 09:05:07``."""
    return "—" if ms is None else local(ms).strftime("%Y-%m-%d %H:%M:%S")


def day_and_time(ms: int | None) -> str:
    """``2026-09-22 09:05``: for lists that are taken away."""
    return "—" if ms is None else local(ms).strftime("%Y-%m-%d %H:%M")


def long_day(ms: int, locale: str) -> str:
    """``2026年9月22日 星期二``."""
    then = local(ms)
    weekday = say(_WEEKDAYS[then.weekday()], locale)
    if locale == ENGLISH:
        return f"{weekday}, {then.day} {then:%B %Y}"
    return f"{then.year}年{then.month}月{then.day}日 {weekday}"


def duration(ms: int | None, locale: str) -> str:
    """The largest unit that counts, two where it helps: ``3小时5分``."""
    if ms is None:
        return "—"
    left = abs(ms)
    days, left = divmod(left, DAY_MS)
    hours, left = divmod(left, HOUR_MS)
    minutes, left = divmod(left, MINUTE_MS)
    seconds = left // 1000
    if days:
        return say(mark("{d}天{h}小时"), locale, d=days, h=hours)
    if hours:
        return say(mark("{h}小时{m}分"), locale, h=hours, m=minutes)
    if minutes:
        return say(mark("{m}分{s}秒"), locale, m=minutes, s=seconds)
    return say(mark("{s}秒"), locale, s=seconds)


def yuan(fen: int | None) -> str:
    """``¥50,000.00``."""
    return "—" if fen is None else f"¥{fen / 100:,.2f}"


def local_midnight(ms: int) -> int:
    """When the local day of ``ms`` began."""
    start = local(ms).replace(hour=0, minute=0, second=0, microsecond=0)
    return int(start.timestamp() * 1000)


def from_local(text: str) -> int | None:
    """ms UTC of a ``YYYY-MM-DD`` or ``YYYY-MM-DDTHH:MM`` of a form; ``None`` when it is neither."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    if found.tzinfo is None:
        found = found.replace(tzinfo=ZONE)
    return int(found.timestamp() * 1000)


def field_time(ms: int | None) -> str:
    """What a ``datetime-local`` field takes."""
    return "" if ms is None else local(ms).strftime("%Y-%m-%dT%H:%M")
