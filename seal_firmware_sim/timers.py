"""Timers of many sleeves by one clock."""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable

from seal_firmware_sim.sleeve import Sleeve


class Timers:
    """Which sleeve is due when, by one clock."""

    def __init__(self, clock: Callable[[], int]) -> None:
        self._clock = clock
        self._armed: dict[Sleeve, int] = {}
        self._heap: list[tuple[int, int, Sleeve]] = []
        self._number = 0

    def arm(self, sleeve: Sleeve, at: int | None) -> None:
        """``sleeve`` is due at ``at`` now, and no longer when it was before."""
        if at is None:
            self._armed.pop(sleeve, None)
        elif self._armed.get(sleeve) != at:
            self._armed[sleeve] = at
            self._number += 1
            heapq.heappush(self._heap, (at, self._number, sleeve))

    def pop(self) -> Sleeve | None:
        """One that is due; it must be armed anew."""
        at = self.next_at()
        if at is None or at > self._clock():
            return None
        sleeve = heapq.heappop(self._heap)[2]
        del self._armed[sleeve]
        return sleeve

    def next_at(self) -> int | None:
        """When the first is due."""
        while self._heap and self._armed.get(self._heap[0][2]) != self._heap[0][0]:
            heapq.heappop(self._heap)
        return self._heap[0][0] if self._heap else None

    def left_s(self) -> float:
        """How many of the clock's seconds are left until then."""
        at = self.next_at()
        return math.inf if at is None else (at - self._clock()) / 1000
