"""What scripts act on: sleeves with simulated parts, and the world of applications around them."""

from __future__ import annotations

import random
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from typing import Protocol

from gateway.protocol import envelope
from gateway.protocol.errors import ProtocolError
from gateway.protocol.messages import Event, Position
from seal_firmware_sim.credentials import Credentials
from seal_firmware_sim.hardware.cameras import DeskPageCamera, OrlFaceCamera, Paper
from seal_firmware_sim.hardware.flash import MemoryFlash
from seal_firmware_sim.hardware.mechanism import SimMechanism, SimSwitches
from seal_firmware_sim.hardware.ports import Flash, Hardware
from seal_firmware_sim.hardware.senses import MotionSensor, SimBattery, SimClock, SimReceiver
from seal_firmware_sim.inputs import Moment
from seal_firmware_sim.sleeve import Sleeve
from seal_firmware_sim.transport import Endpoint, PieceToken, Transport

Wait = int | Callable[[], bool]
"""What a script yields: ms to let pass, or what it waits for."""

Script = Generator[Wait, None, None]


@dataclass(frozen=True, slots=True)
class Request:
    """What an applicant asks for. ``amount`` in yuan; ``paper`` is the sheet to be stamped."""

    village: int
    seal: str
    matter: str
    title: str
    purpose: str
    stamps: int
    paper: Paper
    amount: int | None = None
    counterparty: str | None = None


class World(Protocol):
    """The office side of a scenario; played by whoever has applications and approvers."""

    def apply(self, request: Request) -> str:
        """Hand an application in; its id."""
        ...

    def approve(self, application: str) -> bool:
        """The approver of the present step reads and approves; whether it is approved now."""
        ...

    def approve_own(self, request: Request) -> bool:
        """The approver applies and wants to approve; whether the door refused it."""
        ...

    def job(self, application: str) -> str:
        """The code that is typed at the sleeve."""
        ...

    def grant(self, application: str) -> str:
        """The id of the grant."""
        ...

    def face(self, village: int) -> int:
        """Which of the 40 people the village's operator is."""
        ...

    def pins(self, village: int) -> tuple[str, str, str]:
        """The operator's PIN, the witness's id, the witness's PIN."""
        ...

    def seal_text(self, village: int, seal: str) -> str:
        """What stands around the seal's star."""
        ...


class LeakyTransport:
    """A transport in cheating hands: it can withhold single events and slip forged ones in."""

    def __init__(self, inner: Transport) -> None:
        self._inner = inner
        self.withheld: set[int] = set()

    def open(self, endpoint: Endpoint, will: tuple[str, bytes]) -> None:
        """As the inner one."""
        self._inner.open(endpoint, will)

    def drop(self) -> None:
        """As the inner one."""
        self._inner.drop()

    def publish(
        self,
        topic: str,
        payload: bytes,
        *,
        qos: int,
        retain: bool,
        token: PieceToken | None = None,
    ) -> None:
        """Send, unless it is an event to be withheld."""
        if self.withheld and _counter(payload) in self.withheld:
            return
        self._inner.publish(topic, payload, qos=qos, retain=retain, token=token)


def _counter(payload: bytes) -> int:
    try:
        return envelope.open_event(payload).counter
    except ProtocolError:
        return 0


@dataclass(slots=True)
class Actor:
    """A sleeve on the stage, with its parts in reach of the scripts."""

    village: int
    seal: str
    sleeve: Sleeve
    mechanism: SimMechanism
    switches: SimSwitches
    face: OrlFaceCamera
    page: DeskPageCamera
    clock: SimClock
    motion: MotionSensor
    home: Position | None
    transport: LeakyTransport
    now: Callable[[], int]
    busy: bool = False
    seen: list[str] = field(default_factory=list)

    @property
    def idle(self) -> bool:
        """As the sleeve's; what is withheld on purpose is not waited for."""
        if self.sleeve.idle():
            return True
        pending = self.sleeve.pending()
        only_withheld = 0 < pending.events <= len(self.transport.withheld)
        return self.sleeve.online and only_withheld and not (pending.pictures or pending.awaiting)

    def inject(self, body: Event) -> int:
        """Changed firmware: sign and send an event that nothing in the sleeve gave reason for."""
        firmware = self.sleeve.firmware
        if firmware is None:
            raise RuntimeError(f"{self.sleeve.device} has no power")
        core = firmware.core
        core.begin(Moment(core.moment.mono, self.clock.read(), core.moment.link))
        counter = core.record(body)
        self.sleeve.tick()
        return counter


def assemble(
    credentials: Credentials,
    village: int,
    seal: str,
    transport: Transport,
    *,
    now: Callable[[], int],
    link_now: Callable[[], int],
    seed: int,
    flash: Flash | None = None,
) -> Actor:
    """A sleeve with all its simulated parts; it has no power yet."""
    dice = random.Random(f"{seed}-{credentials.device}")
    home = credentials.position()
    receiver = SimReceiver(home)
    motion = MotionSensor(receiver)
    mechanism = SimMechanism(credentials.start.total)
    switches = SimSwitches()
    face, page = OrlFaceCamera(dice), DeskPageCamera(dice)
    clock = SimClock(now)
    leaky = LeakyTransport(transport)
    hardware = Hardware(
        mechanism=mechanism,
        flash=flash or MemoryFlash(),
        face_camera=face,
        page_camera=page,
        clock=clock,
        receiver=receiver,
        battery=SimBattery(70 + dice.randrange(30), 18 + dice.random() * 8),
        switches=switches,
        sources=(motion,),
    )
    sleeve = Sleeve(
        credentials.identity(),
        hardware,
        leaky,
        clock=now,
        link_clock=link_now,
        entropy=dice.randbytes,
    )
    return Actor(
        village=village,
        seal=seal,
        sleeve=sleeve,
        mechanism=mechanism,
        switches=switches,
        face=face,
        page=page,
        clock=clock,
        motion=motion,
        home=home,
        transport=leaky,
        now=now,
    )
