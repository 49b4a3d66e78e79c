"""The moving parts in software: a seal that drops in its own time, and everything that can go wrong
with it."""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from itertools import count
from typing import Final, Literal

from seal_firmware_sim.inputs import (
    SWITCHES,
    Input,
    Jammed,
    LimitSwitch,
    MotorMoved,
    SealDropped,
    Switch,
    TamperSwitch,
)

OPEN_MS: Final = 150
DROP_MS: Final = 500
CLOSE_MS: Final = 600
"""After the command: the bolt opens; the seal touches the paper; after contact, it is in again."""


@dataclass(slots=True)
class Habits:
    """How the next drop goes. Each except ``contact_ms`` is good for one drop.

    ``contact_ms``: how long the seal is pressed onto the paper; ``contacts``: how often it touches;
    ``jam``: the motor sticks before the seal leaves; ``stuck_ms``: the seal comes back that much
    late; ``misses``: the seal meets no paper and no contact is felt.
    """

    contact_ms: int = 450
    contacts: int = 1
    jam: bool = False
    stuck_ms: int = 0
    misses: bool = False


class SimMechanism:
    """Motor, lock and seal. ``total`` counts contacts, as the mechanical counter of a sleeve."""

    def __init__(self, total: int = 0) -> None:
        self.total = total
        self.closed = True
        self.habits = Habits()
        self._queue: list[tuple[int, int, Input]] = []
        self._order = count()

    def actuate(self, command: Literal["release", "lock"], mono: int) -> None:
        """Carry out a command of the firmware."""
        if command == "release":
            self._drop(mono)
        elif not self.closed and not self._queue:
            self._report(mono + CLOSE_MS, LimitSwitch(True))

    def force(self, mono: int, times: int = 1) -> None:
        """Somebody moves the motor from outside: the seal drops without any command."""
        for nth in range(times):
            self._drop(mono + nth * 2 * (DROP_MS + CLOSE_MS))

    def nudge(self, part: Literal["motor", "limit_switch"], mono: int) -> None:
        """Motor or limit switch move a little, and no seal drops."""
        if part == "motor":
            self._report(mono, MotorMoved())
        else:
            self._report(mono, LimitSwitch(False))
            self._report(mono + OPEN_MS, LimitSwitch(True))

    def poll(self, mono: int) -> list[Input]:
        """What happened up to ``mono``."""
        reports: list[Input] = []
        while self._queue and self._queue[0][0] <= mono:
            reports.append(self._happen(heapq.heappop(self._queue)[2]))
        return reports

    def next_at(self) -> int | None:
        """When the next movement is."""
        return self._queue[0][0] if self._queue else None

    def power_lost(self) -> None:
        """A drop under way is completed by its spring; nobody is there to report it."""
        for _, _, report in sorted(self._queue):
            self._happen(report)
        self._queue.clear()

    def _drop(self, mono: int) -> None:
        habits = self.habits
        self.habits = Habits(contact_ms=habits.contact_ms)
        self._report(mono, MotorMoved())
        if habits.jam:
            self._report(mono + OPEN_MS, Jammed())
            return
        self._report(mono + OPEN_MS, LimitSwitch(False))
        if habits.misses:
            self._report(mono + DROP_MS + CLOSE_MS + habits.stuck_ms, LimitSwitch(True))
            return
        up = mono + DROP_MS + habits.contact_ms
        self._report(up, SealDropped(habits.contact_ms, habits.contacts, 0))
        self._report(up + CLOSE_MS + habits.stuck_ms, LimitSwitch(True))

    def _happen(self, report: Input) -> Input:
        if isinstance(report, LimitSwitch):
            self.closed = report.closed
        elif isinstance(report, SealDropped):
            # The counter is read when the seal touches, whoever let it go.
            self.total += 1
            return SealDropped(report.contact_ms, report.contacts, self.total)
        return report

    def _report(self, at: int, report: Input) -> None:
        heapq.heappush(self._queue, (at, next(self._order), report))


class SimSwitches:
    """Tamper switches that a scenario opens and closes."""

    def __init__(self) -> None:
        self._open: set[Switch] = set()
        self._news: list[Input] = []

    def set(self, switch: Switch, *, is_open: bool) -> None:
        """Open or close ``switch``."""
        if is_open == (switch in self._open):
            return
        self._open ^= {switch}
        self._news.append(TamperSwitch(switch, is_open))

    def open_now(self) -> frozenset[Switch]:
        """Those that are open."""
        return frozenset(switch for switch in SWITCHES if switch in self._open)

    def poll(self, mono: int) -> list[Input]:
        """What changed."""
        news, self._news = self._news, []
        return news

    def next_at(self) -> int | None:
        """Now, if there is news."""
        return 0 if self._news else None
