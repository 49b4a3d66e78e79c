"""How a sleeve is, in one word."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Row

from backend.web.formats import HOUR_MS, MINUTE_MS
from backend.web.i18n import mark
from backend.web.words import Word

SILENT_MS: Final = 15 * MINUTE_MS
LOW_BATTERY: Final = 20


@dataclass(frozen=True, slots=True)
class Health:
    """A sleeve's row and what stands out about it."""

    row: Row[Any]
    word: Word


def health(row: Row[Any], now: int) -> Health:
    """The worst that is known of a sleeve at ``now`` (ms UTC)."""
    return Health(row, _word(row, now))


def _word(row: Row[Any], now: int) -> Word:
    if row.locked:
        return Word(mark("已远程锁定"), "bad")
    if row.gap_since is not None:
        return Word(mark("记录缺失，等待补传"), "bad")
    if not row.last_seen_at:
        return Word(mark("从未上线"), "mute")
    if not row.online:
        return Word(mark("离线"), "bad" if now - row.last_seen_at > HOUR_MS else "warn")
    if now - row.last_seen_at > SILENT_MS:
        return Word(mark("久无消息"), "warn")
    if row.battery is not None and row.battery < LOW_BATTERY:
        return Word(mark("电量低"), "warn")
    if row.clock_trusted is False:
        return Word(mark("时钟未校准"), "warn")
    if row.open_use:
        return Word(mark("正在用印"), "run")
    return Word(mark("正常"), "ok")
