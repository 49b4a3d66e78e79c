"""One sleeve under load: who works it, and what took how long."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from seal_firmware_sim import inputs
from seal_firmware_sim.credentials import Credentials, Job
from seal_firmware_sim.hardware.cameras import OrlFaceCamera
from seal_firmware_sim.hardware.ports import CameraFailure, Challenge
from seal_firmware_sim.inputs import Stage
from seal_firmware_sim.session import Phase
from seal_firmware_sim.sleeve import Sleeve

NO_JOB: Final = "00000000"
"""A job code that nobody has: its request is answered by a refusal, which is a round trip too."""


class StillCamera:
    """Both cameras of a load test: always the same picture, or person after person."""

    def __init__(self, picture: bytes, faces: OrlFaceCamera | None = None) -> None:
        self._picture = picture
        self._faces = faces
        self.who: int | None = None

    def burst(self, frames: int, challenge: Challenge) -> tuple[bytes, ...]:
        """The person who works here, or the still picture."""
        if self.who is None:
            return (self._picture,) * frames
        if self._faces is None:
            raise CameraFailure("no faces here")
        self._faces.who = self.who
        return self._faces.burst(frames, challenge)

    def photograph(self, stage: Stage, press: int) -> bytes:
        """The still picture."""
        return self._picture


@dataclass(slots=True)
class Tally:
    """What was measured, in ms: connecting, request → grant, request → locked again, and from
    there to the last receipt and the last picture."""

    connect: list[int] = field(default_factory=list)
    unlock: list[int] = field(default_factory=list)
    use: list[int] = field(default_factory=list)
    receipt: list[int] = field(default_factory=list)
    done: int = 0
    refused: int = 0
    stamps: int = 0

    def add(self, other: Tally) -> None:
        """Take in another process's tally."""
        self.connect += other.connect
        self.unlock += other.unlock
        self.use += other.use
        self.receipt += other.receipt
        self.done += other.done
        self.refused += other.refused
        self.stamps += other.stamps


class Worker:
    """Works one sleeve: reacts to each phase as an operator without hesitation does."""

    def __init__(
        self,
        credentials: Credentials,
        camera: StillCamera,
        tally: Tally,
        *,
        clock: Callable[[], int],
        later: Callable[[Callable[[], None]], None],
    ) -> None:
        self._jobs = deque(credentials.jobs)
        self._had_jobs = bool(credentials.jobs)
        self._camera = camera
        self._tally = tally
        self._clock = clock
        self._later = later
        self._powered_at = 0
        self._asked_at = 0
        self._ended_at: int | None = None
        self._job = Job(job=NO_JOB)
        self._phase = Phase.IDLE
        self._greeted = False
        self.sleeve: Sleeve | None = None

    def power_on(self, sleeve: Sleeve) -> None:
        """Start the sleeve."""
        self.sleeve = sleeve
        self._powered_at = self._clock()
        sleeve.power_on("commissioned")

    @property
    def spent(self) -> bool:
        """Whether the sleeve had jobs and has begun them all."""
        return self._had_jobs and not self._jobs

    @property
    def free(self) -> bool:
        """Whether a use may begin."""
        sleeve = self.sleeve
        if sleeve is None or self.spent:
            return False
        return sleeve.online and self._phase is Phase.IDLE

    def begin(self) -> None:
        """Begin a use with the next job."""
        if self.sleeve is None:
            return
        self._job = self._jobs.popleft() if self._jobs else Job(job=NO_JOB)
        self._camera.who = self._job.face
        self._asked_at, self._ended_at = self._clock(), None
        self.sleeve.do(inputs.RequestUnlock(job=self._job.job))

    def changed(self, sleeve: Sleeve) -> None:
        """To be told after each input."""
        now = self._clock()
        if sleeve.online and not self._greeted:
            self._greeted = True
            self._tally.connect.append(now - self._powered_at)
        before, self._phase = self._phase, sleeve.phase
        if before is not self._phase:
            self._step(sleeve, now)
        if self._ended_at is not None and sleeve.online and not sleeve.pending().events:
            self._tally.receipt.append(now - self._ended_at)
            self._ended_at = None

    def _step(self, sleeve: Sleeve, now: int) -> None:
        match self._phase:
            case Phase.COUNT:
                self._tally.unlock.append(now - self._asked_at)
                self._do(sleeve, inputs.EnterCount(self._job.stamps))
            case Phase.IDENTIFY:
                self._identify(sleeve)
            case Phase.READY:
                self._do(sleeve, inputs.Press(), inputs.Release())
            case Phase.IDLE:
                self._ended(sleeve, now)
            case _:
                return

    def _identify(self, sleeve: Sleeve) -> None:
        job = self._job
        if job.pin is None:
            self._do(sleeve, inputs.PresentFace())
        else:
            self._do(sleeve, inputs.EnterPin(job.pin, job.witness, job.witness_pin))

    def _ended(self, sleeve: Sleeve, now: int) -> None:
        tally, firmware = self._tally, sleeve.firmware
        if firmware is None:
            return
        if firmware.session.last_done:
            tally.done += 1
            tally.stamps += self._job.stamps
            tally.use.append(now - self._asked_at)
        else:
            tally.refused += 1
        self._ended_at = now

    def _do(self, sleeve: Sleeve, *actions: inputs.OperatorAction) -> None:
        # Not from within the sleeve's own report.
        def act() -> None:
            for action in actions:
                sleeve.do(action)

        self._later(act)
