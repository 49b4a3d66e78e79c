"""Trusted time: only what the server signed, never backwards, lost with the power.

A signed time proves that it is *at least* that late. How much later it may be is bounded by
something the sleeve made itself and the server must have seen first: a heartbeat's nonce, an
unlock request, an event that a receipt covers. So a signed time that somebody held back is worth
only as much as its question is old.

The battery clock is shown in events and can be set by anybody who opens the sleeve, so it earns no
trust: after a reboot the sleeve has none until a signed time that answers something of this boot.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Final

from gateway.protocol.messages import ClockSet, Time
from seal_firmware_sim.core import Core, sayable
from seal_firmware_sim.effects import SetClock
from seal_firmware_sim.state import TimeEntry

SET_ABOVE_MS: Final = 2_000
"""The sleeve's clock is set when it is wrong by more than this."""

FRESH_MS: Final = 10_000
"""A signed time whose question is older than this is too vague to set the clock by."""

FLOOR_STEP_MS: Final = 10 * 60_000
"""How far signed time runs ahead before the floor in flash follows."""

_NONCES: Final = 4


class Timekeeper:
    """What the sleeve knows about time, and the upkeep of its own clock."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._asked: int | None = None
        self._base = 0
        self._base_mono = 0
        self._high_water = 0
        self._offset: int | None = None
        self._nonces: OrderedDict[bytes, int] = OrderedDict()

    @property
    def trusted(self) -> bool:
        """Whether a signed server time was received since boot."""
        return self._asked is not None

    @property
    def age(self) -> int | None:
        """How old, at most, the last signed server time is, in ms."""
        return None if self._asked is None else self._core.moment.mono - self._asked

    @property
    def earliest(self) -> int:
        """It is at least this late (epoch ms); 0 without trust."""
        if self._asked is None:
            return 0
        estimate = self._base + self._core.moment.mono - self._base_mono
        self._high_water = max(self._high_water, estimate)
        return self._high_water

    @property
    def latest(self) -> int:
        """It is at most this late (epoch ms). Only meaningful with trust."""
        if self._asked is None:
            return 0
        return max(self.earliest, self._base + self._core.moment.mono - self._asked)

    def mono_at(self, time: int) -> int | None:
        """The mono at which it is certainly ``time``; ``None`` without trust."""
        return None if self._asked is None else self._base_mono + time - self._base

    def nonce(self) -> bytes:
        """A fresh nonce for a heartbeat, which a ``time`` message may answer."""
        nonce = self._core.entropy(16)
        self._nonces[nonce] = self._core.moment.mono
        while len(self._nonces) > _NONCES:
            self._nonces.popitem(last=False)
        return nonce

    def answer(self, message: Time) -> None:
        """A signed ``time``; without a nonce of ours it is a replay and says nothing."""
        asked = self._nonces.pop(message.nonce, None)
        if asked is not None:
            self.learn(message.time, asked)

    def learn(self, server_time: int, asked: int) -> None:
        """Signed ``server_time`` answers something that the sleeve made at mono ``asked``."""
        core = self._core
        if server_time < core.memory.floor:
            return  # older than what the server signed before: time does not go backwards
        if self._asked is not None and asked <= self._asked:
            return
        self._asked = asked
        self._base, self._base_mono = server_time, core.moment.mono
        if server_time >= core.memory.floor + FLOOR_STEP_MS:
            core.note(TimeEntry(server_time), urgent=False)
        core.trusted_now = self.earliest
        self._correct(core.moment.mono - asked)

    def _correct(self, doubt: int) -> None:
        if doubt > FRESH_MS:
            return
        core, now = self._core, self.earliest
        before = core.wall
        if now - SET_ABOVE_MS <= before <= now + doubt + SET_ABOVE_MS:
            return
        core.act(SetClock(now))
        core.clock_shift = now - core.moment.wall
        self._offset = now - core.moment.mono
        core.record(ClockSet(before=before, after=core.wall, signed=True))

    def watch(self) -> None:
        """At the start of each step: has somebody set the sleeve's clock?"""
        core = self._core
        offset = core.moment.wall - core.moment.mono
        if self._offset is not None and abs(offset - self._offset) > SET_ABOVE_MS:
            before = sayable(core.moment.mono + self._offset)
            core.record(ClockSet(before=before, after=core.wall, signed=False))
            # The server's signed time still stands, and sets the clock right with its next word.
        self._offset = offset
        core.trusted_now = self.earliest
