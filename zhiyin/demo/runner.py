"""Runs the day: moves the one clock whenever every part is idle."""

from __future__ import annotations

import json
import queue
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, Protocol

from alerts.service import Alerts
from gateway.service import Gateway
from seal_firmware_sim.scenarios.format import Scenario
from seal_firmware_sim.scenarios.player import Player
from zhiyin.demo.clock import DemoClock

STUCK_S: Final = 60.0
"""Real seconds without any progress after which the demo says who is not idle, and ends."""

GRAIN_MS: Final = 500
"""The clock moves in steps of at least this much."""

SAVE_S: Final = 2.0
LOOK_S: Final = 0.002


class Stopping(Protocol):
    """Being told to stop."""

    def is_set(self) -> bool:
        """Whether we were."""
        ...

    def wait(self, seconds: float, /) -> bool:
        """Whether we are within ``seconds``."""
        ...


class Stuck(RuntimeError):
    """A part did not get idle; the text names it."""


class Runner:
    """The demo's loop, in one thread: sleeves, scripts, rules and deliveries run here; gateway and
    web in their own.

    ``written`` is how many records there are. ``calls`` is where the sleeves' network threads leave
    what they heard.
    """

    def __init__(
        self,
        *,
        scenario: Scenario,
        clock: DemoClock,
        player: Player,
        gateway: Gateway,
        alerts: Alerts,
        written: Callable[[], int],
        calls: queue.SimpleQueue[Callable[[], None]],
        state: Path,
        progress: Callable[[int, Player], None],
    ) -> None:
        self._scenario = scenario
        self._clock = clock
        self._player = player
        self._gateway = gateway
        self._alerts = alerts
        self._written = written
        self._read = -1
        self._due: int | None = None
        self._calls = calls
        self._state = state
        self._progress = progress
        self._saved_at = 0.0

    def run(self, stopping: Stopping) -> bool:
        """Until the day is over (True) or ``stopping`` is set (False).

        Raises:
            Stuck: when a part does not get idle.
        """
        end = self._scenario.time(self._scenario.end)
        quiet_since = time.monotonic()
        while not stopping.is_set():
            if self._hear() or not self._settled():
                if time.monotonic() - quiet_since > STUCK_S:
                    raise Stuck(self._who())
                continue
            quiet_since = time.monotonic()
            now = self._clock()
            if now >= end and self._player.done:
                self._save()
                return True
            following = self._next(end)
            if not self._pace(following, stopping):
                continue
            self._clock.move_to(following)
            self._player.run_due()
            self._progress(following, self._player)
            if time.monotonic() - self._saved_at > SAVE_S:
                self._save()
        self._save()
        return False

    def settle(self, stopping: Stopping) -> None:
        """Until every part is idle, with the clock standing: after power-on, before counting."""
        since = time.monotonic()
        while not stopping.is_set() and (self._hear() or not self._settled()):
            if time.monotonic() - since > STUCK_S:
                raise Stuck(self._who())

    def _next(self, end: int) -> int:
        candidates = [self._player.next_at(), self._due, end]
        now = self._clock()
        times = [at for at in candidates if at is not None]
        # Never stand still; and what is due within the same moment is done together.
        following = max(now + 1, min(times))
        return -(-following // GRAIN_MS) * GRAIN_MS

    def _pace(self, at: int, stopping: Stopping) -> bool:
        left = self._clock.wall_left_s(at)
        if left > 0:
            # Short waits, so that what the network brings meanwhile is heard.
            stopping.wait(min(left, 0.02))
            return self._clock.wall_left_s(at) <= 0
        return True

    def _hear(self) -> bool:
        heard = False
        while True:
            try:
                call = self._calls.get_nowait()
            except queue.Empty:
                break
            call()
            heard = True
        return heard

    def _settled(self) -> bool:
        """Whether nothing more happens unless time passes; does what is to be done meanwhile."""
        if not self._player.idle:
            self._player.run_due()
        quiet = self._player.idle and self._gateway.idle and self._calls.empty()
        if not quiet:
            try:
                self._calls.get(timeout=LOOK_S)()
            except queue.Empty:
                return False
            return False
        if self._tell_people():
            # What was raised may have told a sleeve something.
            self._gateway.background.wake()
            return False
        return self._gateway.idle and self._player.idle and self._calls.empty()

    def _tell_people(self) -> bool:
        """Rules, timers and deliveries, where there are new records or their time has come."""
        written = self._written()
        if written == self._read and (self._due is None or self._clock() < self._due):
            return False
        worked = bool(self._alerts.run_once())
        self._read = self._written() if worked else written
        self._due = self._alerts.next_due()
        return worked

    def _who(self) -> str:
        busy = [
            f"{actor.sleeve.device} {actor.sleeve.phase} {actor.sleeve.pending()}"
            for actor in self._player.actors.values()
            if not actor.idle
        ]
        if not self._gateway.idle:
            busy.append("gateway")
        return "not idle: " + ("; ".join(busy) or "alerts")

    def _save(self) -> None:
        self._saved_at = time.monotonic()
        self._clock.store()
        told: dict[str, Any] = {
            "started": sorted(self._player.started),
            "totals": {
                actor.sleeve.device: actor.mechanism.total for actor in self._player.actors.values()
            },
        }
        fresh = self._state.with_suffix(".new")
        fresh.write_text(json.dumps(told))
        fresh.replace(self._state)


def saved(state: Path) -> tuple[set[int], dict[str, int]]:
    """What an earlier run had started, and where the mechanical counters stand."""
    try:
        told = json.loads(state.read_text())
        return set(told["started"]), dict(told["totals"])
    except (OSError, ValueError, KeyError):
        return set(), {}
