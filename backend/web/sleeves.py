"""How a sleeve is, in one word."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Row

from backend.web.i18n import mark
from backend.web.words import Word

WORDS: Final[Mapping[str, Word]] = {
    "locked": Word(mark("已远程锁定"), "bad"),
    "gap": Word(mark("记录缺失，等待补传"), "bad"),
    "never": Word(mark("从未上线"), "mute"),
    "gone": Word(mark("离线"), "bad"),
    "away": Word(mark("离线"), "warn"),
    "silent": Word(mark("久无消息"), "warn"),
    "battery": Word(mark("电量低"), "warn"),
    "clock": Word(mark("时钟未校准"), "warn"),
    "busy": Word(mark("正在用印"), "run"),
    "fine": Word(mark("正常"), "ok"),
}
"""Words of backend.store.sleeve_states."""

SICK: Final = tuple(code for code, word in WORDS.items() if word.tone in ("warn", "bad"))
"""States that somebody should look at."""


@dataclass(frozen=True, slots=True)
class Health:
    """A sleeve's row and what stands out about it."""

    row: Row[Any]
    word: Word


def health(row: Row[Any]) -> Health:
    """A row of backend.store.today.sleeves with its word."""
    return Health(row, WORDS[row.state])
