"""Alerts as one thing that starts, stops and says how it is."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from alerts.cases import Cases
from alerts.channels.base import Channel
from alerts.delivery import Delivery
from alerts.preferences import Preferences
from alerts.settings import AlertSettings
from alerts.timers import Sweep, Timers
from alerts.worker import Worker
from backend.background import Background
from backend.services.context import ServiceContext
from backend.store.pictures import PictureStore

TIMER_EVERY_S = 2.0
LOOK_EVERY_S = 0.5
"""How often a thread looks by itself, unwoken: records may come from other processes."""


@dataclass(frozen=True, slots=True)
class Status:
    """For health pages."""

    records: int
    findings: int
    failed: int
    resting: Mapping[str, int]
    """Channels that rest after failing, and until when (ms UTC)."""


class Alerts:
    """Rules over the journal, timers, cases and the outbox. A thread for the worker, one for the
    timers, one for each channel."""

    def __init__(
        self,
        context: ServiceContext,
        channels: Mapping[str, Channel],
        settings: AlertSettings | None = None,
        sweeps: Sequence[Sweep] = (),
        pictures: PictureStore | None = None,
    ) -> None:
        """``sweeps`` are called when timers are due (backend.services.sweeps.Sweeps.run);
        ``pictures`` keeps the evidence of cases."""
        self.settings = settings or AlertSettings()
        self._context = context
        self.channels = channels
        self.worker = Worker(context, self.settings)
        self.timers = Timers(context, self.settings, sweeps)
        self.delivery = Delivery(context, self.settings, channels)
        self.cases = Cases(context, self.settings, pictures)
        self.preferences = Preferences(context, self.settings, channels)
        self._timed_at: int | None = None
        self._reader = Background("alerts-worker", [self._read], LOOK_EVERY_S)
        self._timer = Background("alerts-timers", [self._time], TIMER_EVERY_S)
        self._senders = [
            Background(f"alerts-send-{name or 'none'}", [self._sender(name)], LOOK_EVERY_S)
            for name in self.delivery.channels
        ]

    def start(self) -> None:
        """Start the threads."""
        for loop in self._loops:
            loop.start()

    def stop(self) -> None:
        """Finish what is in hand and stop."""
        for loop in self._loops:
            loop.stop()

    def wake(self) -> None:
        """There are new records, or the clock has moved."""
        self._reader.wake()
        self._timer.wake()
        self._wake_senders()

    @property
    def idle(self) -> bool:
        """Nothing to read, nothing due by the clock, nothing to send: time may pass. Whoever moves
        a clock by hand calls :meth:`wake` afterwards, so that the timers look at it."""
        return (
            all(loop.idle for loop in self._loops)
            and self._on_time()
            and self.worker.idle
            and self.delivery.idle
        )

    def next_due(self) -> int | None:
        """When there is something to do by the clock (ms UTC); None: nothing is foreseen."""
        moments = [self.timers.next_due(), self.delivery.next_due()]
        return min((one for one in moments if one is not None), default=None)

    def run_once(self) -> int:
        """Everything that can be done now, in the caller's thread; how much was done.

        What is due by the clock is looked at once: the clock does not move meanwhile."""
        now = self._context.now()
        done = self._read_all() + self.timers.due(now)
        while step := self._read_all() + self.delivery.step(now):
            done += step
        return done

    @property
    def status(self) -> Status:
        """Counts since the start, and channels in trouble."""
        stats = self.worker.stats
        return Status(
            stats.records,
            stats.findings,
            stats.failed,
            self.delivery.health.resting(self._context.now()),
        )

    @property
    def _loops(self) -> list[Background]:
        return [self._reader, self._timer, *self._senders]

    def _on_time(self) -> bool:
        timed = self._timed_at
        return timed is not None and self._context.now() - timed < self.settings.timer_grain_ms

    def _wake_senders(self) -> None:
        for loop in self._senders:
            loop.wake()

    def _read_all(self) -> int:
        done = 0
        while step := self.worker.step():
            done += step
        return done

    def _read(self) -> int:
        done = self.worker.step()
        if done:
            self._wake_senders()
        return done

    def _time(self) -> int:
        if self._on_time():
            # Woken by records; what these look at is read whole, and the clock has hardly moved.
            return 0
        now = self._context.now()
        done = self.timers.due(now)
        self._timed_at = now
        if done:
            self._reader.wake()
            self._wake_senders()
        return 0

    def _sender(self, name: str) -> Callable[[], int]:
        def send() -> int:
            return self.delivery.step_channel(name, self._context.now())

        return send


def describe(channels: Mapping[str, Channel]) -> list[dict[str, Any]]:
    """The channels as a settings page shows them; no secret is among it."""
    shown: list[dict[str, Any]] = []
    for name, channel in channels.items():
        about = channel.describe()
        shown.append(
            {
                "name": name,
                "title": about.title,
                "address_hint": about.address_hint,
                "one_person": about.one_person,
                "targets": list(about.targets),
            }
        )
    return shown
