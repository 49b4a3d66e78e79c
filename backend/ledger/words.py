"""Times as people read them, and strangers' text as a terminal may show it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

_SHANGHAI = timezone(timedelta(hours=8))
"""Asia/Shanghai has had no other offset since 1991; the verifier must not need a zone database."""

_LAST = 253402300799999


def moment(at: int) -> str:
    """A time in ms as ``2026-10-10 09:30:00.123 +08:00``; the bare number when out of range."""
    if not 0 <= at <= _LAST - 86_400_000:
        return str(at)
    whole = datetime.fromtimestamp(at // 1000, UTC).astimezone(_SHANGHAI)
    return f"{whole:%Y-%m-%d %H:%M:%S}.{at % 1000:03} +08:00"


def printable(text: str) -> str:
    """``text`` without control characters, which could make a terminal show something else."""
    return "".join(letter if letter.isprintable() else "�" for letter in text)
