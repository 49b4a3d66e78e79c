"""Runs the day: moves the one clock whenever every part is idle."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

from backend.domain.errors import DomainError
from seal_firmware_sim.scenarios.format import Scenario
from seal_firmware_sim.scenarios.stage import Actor
from zhiyin.demo.clock import DemoClock

STUCK_S: Final = 60.0
"""Real seconds without any progress after which the demo says who is not idle, and ends."""

GRAIN_MS: Final = 500
"""The clock moves in steps of at least this much."""

LOOK_S: Final = 0.003
"""How long the network is listened to before others are asked again whether they are idle."""

PACE_S: Final = 0.05
"""The same while real time must pass: pages may be used meanwhile."""


WIND_UP_S: Final = 1.2
"""Real seconds that those who are at a sleeve are given when the demo is told to stop."""


class Stopping(Protocol):
    """Being told to stop."""

    def is_set(self) -> bool:
        """Whether we were."""
        ...


class Sleeves(Protocol):
    """Connections and timers of the sleeves: a :class:`seal_firmware_sim.hub.Hub`."""

    def poll(self, timeout_s: float) -> None:
        """Take in what the network brings and fire the timers that are due."""
        ...

    def next_at(self) -> int | None:
        """When (scenario ms) the next timer is due."""
        ...


class Scripts(Protocol):
    """A :class:`seal_firmware_sim.scenarios.player.Player`."""

    @property
    def idle(self) -> bool:
        """Whether no sleeve waits for the network, and no script could go on now."""
        ...

    @property
    def done(self) -> bool:
        """Whether every script has ended."""
        ...

    @property
    def midway(self) -> bool:
        """Whether a script is where an interruption would end it."""
        ...

    @property
    def restless(self) -> list[Actor]:
        """Sleeves that are not idle."""
        ...

    def next_at(self) -> int | None:
        """When (scenario ms) a script goes on."""
        ...

    def run_due(self) -> None:
        """Let them go on."""
        ...


class Gateway(Protocol):
    """A :class:`gateway.service.Gateway`."""

    @property
    def idle(self) -> bool:
        """Whether nothing waits and nothing runs."""
        ...


class Alerts(Protocol):
    """An :class:`alerts.service.Alerts`, run in our thread."""

    def run_once(self) -> int:
        """Everything that can be done now."""
        ...

    def next_due(self) -> int | None:
        """When (scenario ms) something is due by the clock."""
        ...


class Stuck(DomainError):
    """A part did not get idle; the text names it."""

    def __init__(self, who: str) -> None:
        super().__init__(
            "demo_stuck",
            f"演示停住了：{STUCK_S:.0f} 秒内没有进展，还在忙的有 {who}。请再运行一次，会接着演；"
            "仍然如此请用 --fresh 重新开始",
            f"no progress for {STUCK_S:.0f} s, busy: {who}; run it again to go on, or start over"
            " with --fresh",
        )


@dataclass(frozen=True, slots=True)
class _Late:
    """Stopping, once ``steady`` has come to ``at``."""

    at: float
    steady: Callable[[], float]

    def is_set(self) -> bool:
        return self.steady() >= self.at


class Runner:
    """The demo's loop, in one thread: sleeves, scripts, rules and deliveries run here; gateway and
    web in their own.

    ``written`` is how many records there are; ``look`` makes the gateway look at what concerns a
    sleeve; ``looked`` says whether the eyes have seen what there is to see; ``keep`` is called
    after each step; ``steady`` is real time in seconds.
    """

    def __init__(
        self,
        *,
        scenario: Scenario,
        clock: DemoClock,
        sleeves: Sleeves,
        scripts: Scripts,
        gateway: Gateway,
        alerts: Alerts,
        written: Callable[[], int],
        look: Callable[[], None],
        looked: Callable[[], bool],
        keep: Callable[[], None],
        steady: Callable[[], float] = time.monotonic,
    ) -> None:
        self._end = scenario.time(scenario.end)
        self._clock = clock
        self._sleeves = sleeves
        self._scripts = scripts
        self._gateway = gateway
        self._alerts = alerts
        self._written = written
        self._look = look
        self._looked = looked
        self._keep = keep
        self._steady = steady
        self._read = -1
        self._due: int | None = None

    def run(self, stopping: Stopping) -> bool:
        """Until the day is over (True) or ``stopping`` is set (False).

        Raises:
            Stuck: when a part does not get idle.
        """
        while self.settle(stopping):
            if self._clock() >= self._end and self._scripts.done:
                return True
            following = self._next()
            if self._paced(following):
                self._move(following)
        return False

    def wind_up(self) -> None:
        """Told to stop: whoever is at a sleeve comes to an end first, and the clock does not wait;
        so that the next start finds nothing cut off that nobody cut off. Bounded in real time.
        """
        late = _Late(self._steady() + WIND_UP_S, self._steady)
        while self._scripts.midway and self.settle(late):
            if self._scripts.midway:
                self._move(self._next())
        self._keep()

    def settle(self, stopping: Stopping) -> bool:
        """Until every part is idle, with the clock standing; False: told to stop before.

        Raises:
            Stuck: when a part does not get idle.
        """
        since = self._steady()
        while not stopping.is_set():
            if self._settled():
                return True
            if self._steady() - since > STUCK_S:
                raise Stuck(self._who())
        return False

    def _move(self, at: int) -> None:
        self._clock.move_to(at)
        self._sleeves.poll(0)
        self._scripts.run_due()
        self._keep()

    def _next(self) -> int:
        times = [self._sleeves.next_at(), self._scripts.next_at(), self._due, self._end]
        now = self._clock()
        # Never stand still; and what is due within the same moment is done together.
        following = max(now + 1, min(at for at in times if at is not None))
        return -(-following // GRAIN_MS) * GRAIN_MS

    def _paced(self, at: int) -> bool:
        left = self._clock.wall_left_s(at)
        if left > 0:
            self._sleeves.poll(min(left, PACE_S))
            return self._clock.wall_left_s(at) <= 0
        return True

    def _settled(self) -> bool:
        """Whether nothing more happens unless time passes; does what is to be done meanwhile."""
        self._sleeves.poll(0)
        if not self._idle():
            self._scripts.run_due()
            self._sleeves.poll(LOOK_S)
            return False
        if self._tell_people():
            # What was raised may have told a sleeve something.
            self._look()
            return False
        return self._idle()

    def _idle(self) -> bool:
        # The eyes first: a sleeve may wait for what they say.
        return self._looked() and self._scripts.idle and self._gateway.idle

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
            for actor in self._scripts.restless
        ]
        if not self._gateway.idle:
            busy.append("gateway")
        if not self._looked():
            busy.append("eyes")
        return "; ".join(busy) or "alerts"
