"""What must never go unnoticed: opened switches, movement, motion without a job, full flash."""

from __future__ import annotations

from typing import Final

from gateway.protocol.limits import (
    JOURNAL_QUOTA_BYTES,
    MAX_EVENT_BYTES,
    PICTURE_QUOTA_BYTES,
)
from gateway.protocol.messages import MotionUnexpected, Moved, Position, Stamped, Tamper
from seal_firmware_sim import texts
from seal_firmware_sim.core import Core
from seal_firmware_sim.grants import No, metres, outside
from seal_firmware_sim.inputs import (
    LimitSwitch,
    MotorMoved,
    Movement,
    SealDropped,
    Sensed,
    TamperSwitch,
)
from seal_firmware_sim.session import Session
from seal_firmware_sim.state import DropEntry, SwitchEntry

BATTERY_EMPTY: Final = 5
BATTERY_GOOD: Final = 10
"""Per cent below which no use begins, and from which one may begin again."""

MOVED_AGAIN_MS: Final = 60_000
"""While the sleeve is being carried it says so once in this long."""

FAR_M: Final = 100.0
"""A sleeve at rest that is this far from where it rested was carried."""

PICTURE_RESERVE_BYTES: Final = 256 * 1024
"""Room that one more picture may need, unless a larger one was seen."""

USE_RESERVE_BYTES: Final = 64 * MAX_EVENT_BYTES
"""Room in the journal that a use may need before the next check."""

_CLEARED_AT: Final = 0.8
_BLOCKING: Final = frozenset({"jam", "not_closed", "flash", "battery", "other"})


class Guard:
    """Watches the hardware, and says whether a use may begin."""

    def __init__(self, core: Core, session: Session) -> None:
        self._core = core
        self._session = session
        self._moving = False
        self._astray = False
        self._at: Position | None = None
        self._told_at = 0
        self._largest = PICTURE_RESERVE_BYTES

    def gate(self, pictures: int) -> No | None:
        """Whether a use, or its next press, may begin that needs ``pictures`` pictures."""
        memory = self._core.memory
        if memory.lock.locked:
            return No("remote_lock", memory.lock.text or texts.LOCKED)
        if memory.switches or memory.faults & _BLOCKING:
            faults = sorted(memory.faults & _BLOCKING)
            text = texts.FAULTS[faults[0]] if faults and not memory.switches else ""
            return No("fault", text)
        return self.room(pictures)

    def room(self, pictures: int) -> No | None:
        """Whether flash can take what is to come."""
        memory = self._core.memory
        if (
            memory.event_bytes + USE_RESERVE_BYTES > JOURNAL_QUOTA_BYTES
            or self._core.picture_room < pictures * self._largest
        ):
            self._core.fault("flash_full")
            return No("flash_full")
        return None

    def saw_picture(self, size: int) -> None:
        """Learn how large this sleeve's pictures are."""
        self._largest = max(self._largest, size)

    def check_room(self) -> None:
        """The server took things over: is there room again?"""
        memory = self._core.memory
        if (
            "flash_full" in memory.faults
            and memory.event_bytes < _CLEARED_AT * JOURNAL_QUOTA_BYTES
            and memory.picture_bytes < _CLEARED_AT * PICTURE_QUOTA_BYTES
        ):
            self._core.fault("flash_full", cleared=True)

    @property
    def crowded(self) -> bool:
        """Whether the journal is beyond its quota: then mere refusals are no longer recorded."""
        return self._core.memory.event_bytes > JOURNAL_QUOTA_BYTES

    def tamper(self, report: TamperSwitch) -> None:
        """A tamper switch changed; an open one ends the use."""
        core = self._core
        if (report.switch in core.memory.switches) == report.open:
            return
        core.note(SwitchEntry(report.switch, report.open))
        core.record(Tamper(switch=report.switch, open=report.open))
        if report.open:
            core.show(texts.TAMPERED, "alarm")
            self._session.end("stopped", "tamper", texts.TAMPERED)

    def movement(self, report: Movement) -> None:
        """The sleeve is carried, or has come to rest."""
        core = self._core
        position = report.position or core.position
        core.sensed = Sensed(core.sensed.battery, core.sensed.temperature, position)
        due = report.moving and core.moment.mono - self._told_at >= MOVED_AGAIN_MS
        if report.moving != self._moving or due or self._elsewhere(position):
            self._moving = report.moving
            self._tell_place(position)
            if report.moving:
                core.show(texts.MOVED, "alarm")

    def sensed(self, report: Sensed) -> None:
        """Battery, temperature and position; a place far from the last one counts as movement."""
        core = self._core
        core.sensed = report
        if report.battery <= BATTERY_EMPTY:
            core.fault("battery", detail=f"{report.battery}%")
        elif report.battery >= BATTERY_GOOD:
            core.fault("battery", cleared=True)
        if self._at is None:
            self._at = report.position
        if not self._moving and self._elsewhere(report.position):
            self._tell_place(report.position)

    def _elsewhere(self, position: Position | None) -> bool:
        """Whether the sleeve is not where it last said it was, or has crossed its fence."""
        if position is None:
            return False
        if outside(self._session.config.fence, position) != self._astray:
            return True
        at = self._at
        return at is not None and metres(at, position) > FAR_M + at.accuracy + position.accuracy

    def _tell_place(self, position: Position | None) -> None:
        core = self._core
        if position is not None:
            self._astray = outside(self._session.config.fence, position)
            self._at = position
        self._told_at = core.moment.mono
        core.record(Moved(position=position, moving=self._moving))

    def motion(self, report: MotorMoved | LimitSwitch) -> None:
        """Motor or limit switch moved although no press is under way."""
        core = self._core
        stuck = core.memory.faults & {"jam", "not_closed"}
        if stuck and isinstance(report, LimitSwitch) and report.closed:
            core.fault("not_closed", cleared=True)
            core.fault("jam", cleared=True)
            return
        motor = isinstance(report, MotorMoved)
        core.record(MotionUnexpected(part="motor" if motor else "limit_switch"))
        core.show(texts.UNEXPECTED, "alarm")

    def forced(self, report: SealDropped) -> None:
        """The seal dropped although no press is under way: counted, and owned by no use."""
        core = self._core
        core.record(
            Stamped(
                use=0,
                press=0,
                total=report.total,
                contact_ms=report.contact_ms,
                contacts=report.contacts,
                position=core.position,
            )
        )
        core.note(DropEntry(report.total))
        core.show(texts.UNEXPECTED, "alarm")
