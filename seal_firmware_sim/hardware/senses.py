"""Clock, position, battery and motion sensor in software."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from gateway.protocol.messages import Position
from seal_firmware_sim.inputs import Input, Movement


class SimClock:
    """A battery clock beside the true time ``source``; ``drift`` ms wrong until it is set."""

    def __init__(self, source: Callable[[], int], drift: int = 0) -> None:
        self._source = source
        self._drift = drift

    def read(self) -> int:
        """What it shows, epoch ms."""
        return self._source() + self._drift

    def set(self, time: int) -> None:
        """Make it show ``time``."""
        self._drift = time - self._source()

    def shift(self, by_ms: int) -> None:
        """Somebody turns it by ``by_ms``."""
        self._drift += by_ms


class SimReceiver:
    """A receiver at a place that a scenario chooses."""

    def __init__(self, home: Position | None) -> None:
        self.home = home
        self.position = home

    def fix(self) -> Position | None:
        """Where the sleeve is."""
        return self.position


class SimBattery:
    """A battery that a scenario sets."""

    def __init__(self, charge: int = 86, degrees: float = 21.5) -> None:
        self.charge = charge
        self.degrees = degrees

    def percent(self) -> int:
        """Charge, 0 to 100."""
        return self.charge

    def temperature(self) -> float:
        """Degrees Celsius."""
        return self.degrees


class MotionSensor:
    """Says when the sleeve is picked up and when it comes to rest."""

    def __init__(self, receiver: SimReceiver) -> None:
        self._receiver = receiver
        self._news: deque[Input] = deque()

    def carry(self, to: Position, *, moving: bool) -> None:
        """The sleeve is at ``to``, on the way or put down there."""
        self._receiver.position = to
        self._news.append(Movement(moving, to))

    def poll(self, mono: int) -> list[Input]:
        """What was felt."""
        news = list(self._news)
        self._news.clear()
        return news

    def next_at(self) -> int | None:
        """Now, if there is news."""
        return 0 if self._news else None
