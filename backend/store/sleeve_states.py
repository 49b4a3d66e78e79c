"""How a sleeve is, in one code, decided by the database: so that lists, filters and counts agree.

The worst that is known of it counts. Lengths of time in ms.
"""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import ColumnElement, case, literal

from backend.store.tables import device

MINUTE_MS: Final = 60_000
SILENT_MS: Final = 15 * MINUTE_MS
"""On line and yet not heard for so long: silent."""

GONE_MS: Final = 60 * MINUTE_MS
"""Off line for so long: no passing trouble any more."""

LOW_BATTERY: Final = 20
"""Percent."""

STATES: Final = (
    "locked",
    "gap",
    "never",
    "gone",
    "away",
    "silent",
    "battery",
    "clock",
    "busy",
    "fine",
)
"""Every code, the worst first. ``gap``: records are missing; ``gone`` and ``away``: off line."""


def state(now: int) -> ColumnElement[Any]:
    """The code of a row of ``device`` at ``now`` (ms UTC)."""
    d = device.c
    return case(
        (d.locked, "locked"),
        (d.gap_since.is_not(None), "gap"),
        (d.last_seen_at == 0, "never"),
        (d.online.is_(False) & (d.last_seen_at < now - GONE_MS), "gone"),
        (d.online.is_(False), "away"),
        (d.last_seen_at < now - SILENT_MS, "silent"),
        (d.battery < LOW_BATTERY, "battery"),
        (d.clock_trusted.is_(False), "clock"),
        (d.open_use.is_not(None), "busy"),
        else_=literal("fine"),
    )
