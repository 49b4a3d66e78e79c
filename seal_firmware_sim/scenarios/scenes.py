"""What a script stands on: the stage, one action of it, and how far that has come."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from seal_firmware_sim.hardware.cameras import COARSE, FINE, Paper
from seal_firmware_sim.scenarios.stage import Actor, Request, Wait, World

SECOND: Final = 1_000
MINUTE: Final = 60 * SECOND

Part = Generator[Wait, None, None]


@dataclass(frozen=True, slots=True)
class Stage:
    """Everything a script may use. ``actors`` by (village, seal); ``seed`` makes the papers."""

    world: World
    actors: Mapping[tuple[int, str], Actor]
    seed: int


@dataclass(slots=True)
class Progress:
    """How far an action has come; kept, so that an interrupted day goes on.

    It can be interrupted in the office, and while a condition lasts (see :func:`in_turn`): then
    ``until`` (scenario ms) says how long that is, ``turn`` which one it is, and ``withheld`` the
    counter from which the sleeve keeps events back. What was interrupted elsewhere is over: the
    sleeve lost its power and says so itself.
    """

    application: str | None = None
    at_sleeve: bool = False
    done: bool = False
    turn: int = 0
    until: int | None = None
    withheld: int = 0

    @property
    def goes_on(self) -> bool:
        """Whether it has something left to do after an interruption."""
        return not (self.done or self.midway)

    @property
    def midway(self) -> bool:
        """Whether it would be lost if it were interrupted now."""
        in_office = self.application is not None and not self.at_sleeve
        return not (self.done or self.until is not None or in_office)


@dataclass(frozen=True, slots=True)
class Scene:
    """One action on the stage. ``number`` is its place in the scenario."""

    stage: Stage
    number: int
    action: Any
    progress: Progress

    @property
    def actor(self) -> Actor:
        """The sleeve that the action names."""
        return self.stage.actors[self.action.village, self.action.seal]

    @property
    def world(self) -> World:
        """The office side."""
        return self.stage.world

    @property
    def application(self) -> str:
        """The application that the action began with."""
        if self.progress.application is None:
            raise RuntimeError(f"action {self.number} has not applied yet")
        return self.progress.application

    def request(self) -> Request:
        """What is applied for; the same each time it is asked."""
        action = self.action
        text = self.world.seal_text(action.village, action.seal)
        return Request(
            village=action.village,
            seal=action.seal,
            matter=action.matter,
            title=action.title,
            purpose=action.purpose,
            stamps=action.stamps,
            paper=Paper(
                action.paper,
                self.stage.seed + self.number,
                text,
                action.amount,
                FINE if action.eyes else COARSE,
            ),
            amount=action.amount,
            counterparty=action.counterparty,
            within=action.within,
            eyes=action.eyes,
        )


@dataclass(frozen=True, slots=True)
class Turn:
    """A condition that lasts ``ms``. ``begin`` brings it about; ``again`` does so at a sleeve
    without power, where an interrupted day goes on (None: as ``begin``)."""

    ms: int
    begin: Callable[[], object]
    again: Callable[[], object] | None = None


def in_turn(scene: Scene, *turns: Turn) -> Part:
    """One condition after the other. A day that was interrupted goes on in the same one, for as
    long as was left of it."""
    progress, now = scene.progress, scene.actor.now
    for nth, turn in enumerate(turns):
        if nth < progress.turn:
            continue
        if progress.until is None:
            turn.begin()
            progress.turn, progress.until = nth, now() + turn.ms
        else:
            (turn.again or turn.begin)()
        yield max(0, progress.until - now())
        progress.turn, progress.until = nth + 1, None
