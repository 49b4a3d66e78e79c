"""Plays a scenario: runs scripts when their time has come, sleeves when their timers are due.

The player owns no clock. Whoever drives it asks :meth:`next_at`, moves the clock there once every
part is idle, and calls :meth:`run_due`; so the same day runs at any speed, and no rule about time
misfires because something was slow.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from itertools import count
from typing import Final

from seal_firmware_sim.scenarios.format import Scenario
from seal_firmware_sim.scenarios.scripts import Stage, script
from seal_firmware_sim.scenarios.stage import Actor, Script, Wait

PATIENCE_MS: Final = 15 * 60_000
"""How long (scenario time) a script waits for what it expects; then it gives up and says so."""


@dataclass(order=True, slots=True)
class _Running:
    at: int
    number: int
    name: str = field(compare=False)
    play: Script = field(compare=False)
    until: Callable[[], bool] | None = field(default=None, compare=False)
    action: int = field(default=-1, compare=False)


class Player:
    """Scripts and sleeves of one scenario, in one thread."""

    def __init__(
        self,
        scenario: Scenario,
        stage: Stage,
        *,
        now: Callable[[], int],
        done_before: Iterable[int] = (),
        tell: Callable[[str], None] = lambda _line: None,
    ) -> None:
        self._stage = stage
        self._now = now
        self._tell = tell
        self._order = count()
        self._waiting: list[_Running] = []
        self.given_up: list[str] = []
        self.started: set[int] = set(done_before)
        """Numbers of the actions that have begun: an unfinished one is not begun again."""
        for number, action in enumerate(scenario.actions):
            if number not in self.started:
                name = f"{number}:{type(action).__name__} {action.at}"
                start = scenario.time(action.at)
                heapq.heappush(
                    self._waiting,
                    _Running(start, next(self._order), name, script(stage, action), action=number),
                )

    @property
    def actors(self) -> Mapping[tuple[int, str], Actor]:
        """The sleeves."""
        return self._stage.actors

    @property
    def done(self) -> bool:
        """Whether every script has ended."""
        return not self._waiting

    @property
    def idle(self) -> bool:
        """Whether no sleeve waits for the network, and no script could go on now."""
        return all(actor.idle for actor in self.actors.values()) and not any(
            item.until is not None and item.until() for item in self._waiting
        )

    def next_at(self) -> int | None:
        """When (scenario ms) something happens by itself at the earliest."""
        times = [item.at for item in self._waiting]
        times += [
            at for actor in self.actors.values() if (at := actor.sleeve.next_timer()) is not None
        ]
        return min(times, default=None)

    def run_due(self) -> None:
        """Run every script and sleeve timer that is due now, and scripts that got what they
        waited for."""
        now = self._now()
        for actor in self.actors.values():
            due = actor.sleeve.due()
            if (due.mono is not None and due.mono <= now) or due.link is not None:
                actor.sleeve.tick()
        again: list[_Running] = []
        ready: list[_Running] = []
        for item in sorted(self._waiting):
            expired = item.at <= now
            if expired or (item.until is not None and item.until()):
                if expired and item.until is not None and not item.until():
                    self.given_up.append(item.name)
                    self._tell(f"gave up: {item.name}")
                    item.play.close()
                    continue
                ready.append(item)
            else:
                again.append(item)
        for item in ready:
            follow = self._step(item)
            if follow is not None:
                again.append(follow)
        self._waiting = again
        heapq.heapify(self._waiting)

    def _step(self, item: _Running) -> _Running | None:
        self.started.add(item.action)
        try:
            wait: Wait = next(item.play)
        except StopIteration:
            return None
        now = self._now()
        if callable(wait):
            at = now + PATIENCE_MS
            return _Running(at, next(self._order), item.name, item.play, wait, item.action)
        at = now + max(0, wait)
        return _Running(at, next(self._order), item.name, item.play, None, item.action)
