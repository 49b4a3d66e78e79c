"""Plays a scenario: runs scripts when their time has come, or when they got what they waited for.

The player owns no clock, and the sleeves' timers are the hub's. Whoever drives both asks each when
something happens next, moves the clock there once every part is idle, and lets both run; so the
same day runs at any speed, and no rule about time misfires because something was slow.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import count
from typing import Final

from seal_firmware_sim.scenarios.format import Scenario
from seal_firmware_sim.scenarios.scenes import Progress, Scene, Stage
from seal_firmware_sim.scenarios.scripts import script
from seal_firmware_sim.scenarios.stage import Actor, Script
from seal_firmware_sim.sleeve import Sleeve

PATIENCE_MS: Final = 15 * 60_000
"""How long (scenario time) a script waits for what it expects; then it gives up and says so."""


@dataclass(order=True, slots=True)
class _Running:
    at: int
    order: int
    name: str = field(compare=False)
    scene: Scene = field(compare=False)
    play: Script = field(compare=False)
    until: Callable[[], bool] | None = field(default=None, compare=False)

    @property
    def ready(self) -> bool:
        """Whether it got what it waited for."""
        return self.until is not None and self.until()


class Player:
    """Scripts and sleeves of one scenario, in one thread.

    ``before`` is how far an earlier run had come, by the actions' numbers: what has ended, or was
    interrupted at a sleeve, is not begun again. Make it before the sleeves have power: conditions
    that lasted when the earlier run ended are brought about again.
    """

    def __init__(
        self,
        scenario: Scenario,
        stage: Stage,
        *,
        now: Callable[[], int],
        before: Mapping[int, Progress] | None = None,
        tell: Callable[[str], None] = lambda _line: None,
    ) -> None:
        self._stage = stage
        self._now = now
        self._tell = tell
        self._order = count()
        self._waiting: list[_Running] = []
        self._actors = {actor.sleeve: actor for actor in stage.actors.values()}
        self._restless = set(self._actors)
        self.given_up: list[str] = []
        """Scripts that did not come to their end, with the reason."""
        self.progress: dict[int, Progress] = dict(before or {})
        """How far each action that has begun has come, by its number."""
        for number, action in enumerate(scenario.actions):
            known = self.progress.get(number)
            if known is not None and not known.goes_on:
                continue
            scene = Scene(stage, number, action, known or Progress())
            name = f"{number + 1}:{type(action).__name__} {action.at}"
            at = scenario.time(action.at) if known is None else now()
            item = _Running(at, next(self._order), name, scene, script(scene))
            if scene.progress.until is None:
                self._waiting.append(item)
            else:
                self._step(item)
        heapq.heapify(self._waiting)

    @property
    def actors(self) -> Mapping[tuple[int, str], Actor]:
        """The sleeves."""
        return self._stage.actors

    def changed(self, sleeve: Sleeve) -> None:
        """Something happened to ``sleeve``: it may no longer be idle."""
        self._restless.add(sleeve)

    @property
    def done(self) -> bool:
        """Whether every script has ended."""
        return not self._waiting

    @property
    def midway(self) -> bool:
        """Whether a script is where an interruption would end it."""
        begun = (self.progress.get(item.scene.number) for item in self._waiting)
        return any(one is not None and one.midway for one in begun)

    @property
    def idle(self) -> bool:
        """Whether no sleeve waits for the network, and no script could go on now."""
        return not self.restless and not any(item.ready for item in self._waiting)

    @property
    def restless(self) -> list[Actor]:
        """Sleeves that are not idle."""
        self._restless = {one for one in self._restless if not self._actors[one].idle}
        return [self._actors[one] for one in self._restless]

    def next_at(self) -> int | None:
        """When (scenario ms) a script goes on by itself at the earliest."""
        return self._waiting[0].at if self._waiting else None

    def run_due(self) -> None:
        """Run every script that is due now or got what it waited for."""
        now = self._now()
        waiting, self._waiting = sorted(self._waiting), []
        for item in waiting:
            if item.ready or (item.at <= now and item.until is None):
                self._step(item)
            elif item.at <= now:
                self._give_up(item, "waited in vain")
            else:
                self._waiting.append(item)
        heapq.heapify(self._waiting)

    def _step(self, item: _Running) -> None:
        progress = self.progress.setdefault(item.scene.number, item.scene.progress)
        try:
            wait = next(item.play)
        except StopIteration:
            progress.done = True
            return
        except Exception as error:  # one action that cannot be played must not end the day
            progress.done = True
            self._give_up(item, str(error) or type(error).__name__)
            return
        now = self._now()
        if callable(wait):
            item.at, item.until = now + PATIENCE_MS, wait
        else:
            item.at, item.until = now + max(0, wait), None
        item.order = next(self._order)
        self._waiting.append(item)

    def _give_up(self, item: _Running, reason: str) -> None:
        item.play.close()
        self.given_up.append(f"{item.name}: {reason}")
        self._tell(f"gave up: {item.name}: {reason}")
