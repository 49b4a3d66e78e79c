"""What many ask for at the same moment, made once: the others wait for it and share it."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import Final, Generic, TypeVar

T = TypeVar("T")

KEPT: Final = 256
"""Things kept; the one not asked for the longest goes first."""


@dataclass(slots=True)
class _Slot(Generic[T]):
    lock: threading.Lock = field(default_factory=threading.Lock)
    version: int = -1
    made_at: float = 0.0
    value: T | None = None


class Once(Generic[T]):
    """Values by key, each good for a version and a length of time. For threads."""

    def __init__(self, ticks: Callable[[], float], fresh_s: float, kept: int = KEPT) -> None:
        """``ticks`` counts seconds; a value older than ``fresh_s`` is made anew."""
        self._ticks = ticks
        self._fresh_s = fresh_s
        self._kept = kept
        self._slots: OrderedDict[Hashable, _Slot[T]] = OrderedDict()
        self._guard = threading.Lock()

    def get(self, key: Hashable, version: int, make: Callable[[], T]) -> T:
        """The value of ``key``, of at least this version. What ``make`` raises is raised."""
        slot = self._slot(key)
        with slot.lock:
            found = slot.value
            old = self._ticks() - slot.made_at >= self._fresh_s
            if found is None or slot.version < version or old:
                found = make()
                slot.value, slot.version, slot.made_at = found, version, self._ticks()
            return found

    def _slot(self, key: Hashable) -> _Slot[T]:
        with self._guard:
            slot = self._slots.setdefault(key, _Slot())
            self._slots.move_to_end(key)
            if len(self._slots) > self._kept:
                self._slots.popitem(last=False)
            return slot
