"""One use at the sleeve: where it stands, and how it ends."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Literal

from gateway.protocol.messages import Config, Grant, GrantBurnt, UseFinished
from seal_firmware_sim import texts
from seal_firmware_sim.core import Core, clean
from seal_firmware_sim.effects import Actuate, Tone
from seal_firmware_sim.grants import Shelf
from seal_firmware_sim.state import EndEntry, UseEntry
from seal_firmware_sim.timekeeping import Timekeeper

EndReason = Literal["done", "early", "timeout", "refused", "fault", "power", "stopped"]

_END_TEXTS: Final[dict[str, tuple[str, Tone]]] = {
    "done": (texts.DONE, "ok"),
    "early": (texts.ENDED_EARLY, "ok"),
    "timeout": (texts.TIMED_OUT, "alarm"),
}


class Phase(StrEnum):
    """What the sleeve waits for."""

    IDLE = "idle"
    REQUESTED = "requested"
    COUNT = "count"
    IDENTIFY = "identify"
    CAPTURING = "capturing"
    CHECKING = "checking"
    READY = "ready"
    BEFORE = "before"
    PAGE_CHECKING = "page_checking"
    PRESSING = "pressing"
    AFTER = "after"


DEFAULTS: Final = Config(revision=1)
"""The settings of a sleeve to which the server has sent none."""

BOLTING_MS: Final = 2_000
"""How long the motor may move after it was told to bolt the seal."""

AWAITING: Final = frozenset({Phase.REQUESTED, Phase.CHECKING, Phase.PAGE_CHECKING})
"""Phases in which an answer of the server is awaited."""


@dataclass(slots=True)
class Use:
    """The open use. ``number`` is its name on the wire; ``answer_to`` the event whose answer is
    awaited; ``stop`` why it must end once the seal is in again."""

    number: int
    grant: Grant
    offline: bool
    count: int = 0
    presses: int = 0
    faces: int = 0
    pins: int = 0
    answer_to: int = 0
    burst_kept: bool = False
    burst_failed: bool = False
    dropped: bool = False
    stop: tuple[EndReason, str] | None = None


@dataclass(frozen=True, slots=True)
class Request:
    """An unlock request: the counter of its event, its nonce, the grant it named, if any, and when
    (mono) it was made."""

    counter: int
    nonce: bytes
    grant: str | None
    at: int


@dataclass(slots=True)
class Deadlines:
    """When what is given up: ``use`` and ``close`` in mono, ``answer`` in link ms."""

    use: int | None = None
    close: int | None = None
    answer: int | None = None


class Session:
    """The state of the conversation, shared by those who lead it."""

    def __init__(self, core: Core, time: Timekeeper, shelf: Shelf) -> None:
        self.core = core
        self.time = time
        self.shelf = shelf
        self.config = DEFAULTS
        self.phase = Phase.IDLE
        self.use: Use | None = None
        self.request: Request | None = None
        self.deadlines = Deadlines()
        self.last_done = 0
        """Number of the use that was just finished in full; 0 once something else happened."""
        self.still_from = 0
        """From when (mono) no motor movement is expected any more."""
        self.asked: dict[int, Request] = {}
        """Unlock requests of this boot, by counter."""
        self.answered: set[tuple[int | None, str]] = set()
        """Requests of this boot with the grants that answered them in time."""

    def configure(self, config: Config) -> None:
        """Put settings in force."""
        self.config = config

    def open(self, grant: Grant, *, number: int, offline: bool) -> None:
        """Burn the grant and open the use. Everything here is durable before any answer to it."""
        core = self.core
        age = self.time.age or 0
        self.shelf.burn(grant)
        core.record(GrantBurnt(grant=grant.grant, use=number, offline=offline, clock_age=age))
        core.note(UseEntry(number, grant.grant))
        self.use = Use(number, grant, offline)
        self.request = None
        self.last_done = 0
        self.phase = Phase.COUNT
        self.deadlines.answer = None
        self.progress()
        core.show(texts.granted(grant.title, grant.stamps))

    def progress(self) -> None:
        """The operator did something: the time to do the next thing starts anew."""
        self.deadlines.use = self.core.moment.mono + self.config.use_timeout_ms

    def wait(self, phase: Phase, answer_to: int, wait_ms: int) -> None:
        """Wait for the server's answer to event ``answer_to``."""
        self.phase = phase
        if self.use is not None:
            self.use.answer_to = answer_to
        self.deadlines.answer = self.core.moment.link + wait_ms

    def end(self, reason: EndReason, note: str = "", text: str = "") -> None:
        """End the use now, or as soon as the seal is in again."""
        use = self.use
        if use is None:
            return
        if self.phase in (Phase.PRESSING, Phase.AFTER):
            use.stop = use.stop or (reason, note)
            return
        self.finish(reason, note, text)

    def finish(self, reason: EndReason, note: str = "", text: str = "") -> None:
        """The use is over: say so, and bolt the seal."""
        core, use = self.core, self.use
        if use is None:
            return
        core.record(
            UseFinished(use=use.number, presses=use.presses, reason=reason, note=clean(note))
        )
        core.note(EndEntry())
        core.act(Actuate("lock"))
        self.still_from = core.moment.mono + BOLTING_MS
        usual, tone = _END_TEXTS.get(reason, (texts.ENDED, "refused"))
        core.show(text or usual, tone)
        self.last_done = use.number if reason == "done" else 0
        self.use = None
        self.phase = Phase.IDLE
        self.deadlines = Deadlines()
