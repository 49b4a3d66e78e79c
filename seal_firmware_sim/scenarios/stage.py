"""What scripts act on: sleeves with simulated parts, and the world of applications around them."""

from __future__ import annotations

import random
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from typing import Final, Protocol

from gateway.protocol import envelope
from gateway.protocol.errors import ProtocolError
from gateway.protocol.messages import Event, Heartbeat, Position, Stamped, Time
from seal_firmware_sim import device
from seal_firmware_sim.credentials import Credentials
from seal_firmware_sim.device import Device
from seal_firmware_sim.firmware import Firmware
from seal_firmware_sim.hardware.cameras import DeskPageCamera, OrlFaceCamera, Paper
from seal_firmware_sim.hardware.ports import Flash
from seal_firmware_sim.hub import Hub
from seal_firmware_sim.inputs import Moment
from seal_firmware_sim.sleeve import Sleeve
from seal_firmware_sim.state import DropEntry
from seal_firmware_sim.transport import Endpoint, PieceToken, Transport

ANSWER_MS: Final = 1_000
"""Network time that a heartbeat's answer is waited for; then it counts as lost."""

Wait = int | Callable[[], bool]
"""What a script yields: ms to let pass, or what it waits for."""

Script = Generator[Wait, None, None]


@dataclass(frozen=True, slots=True)
class Request:
    """What an applicant asks for. ``amount`` in yuan; ``paper`` is the sheet to be stamped;
    ``within`` so many minutes, or as long as the matter allows; ``eyes``: paper and imprint are
    looked at."""

    village: int
    seal: str
    matter: str
    title: str
    purpose: str
    stamps: int
    paper: Paper
    amount: int | None = None
    counterparty: str | None = None
    within: int | None = None
    eyes: bool = False


class World(Protocol):
    """The office side of a scenario; played by whoever has applications and approvers."""

    def apply(self, request: Request, *, own: bool = False) -> str:
        """Hand an application in; its id. ``own``: the approver does so in person."""
        ...

    def approve(self, application: str) -> None:
        """An approver of the present step, who is not the applicant, reads and approves."""
        ...

    def approve_own(self, application: str) -> bool:
        """Whoever applied tries to approve it too; whether the door refused that."""
        ...

    def approved(self, application: str) -> bool:
        """Whether every step has been approved."""
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


class Wire:
    """A transport in a scenario's hands: single events can be withheld, and it is known whether a
    heartbeat has not been answered yet. ``now`` is network time."""

    def __init__(self, inner: Transport, now: Callable[[], int]) -> None:
        self._inner = inner
        self._now = now
        self._asked_at: int | None = None
        self._withheld: dict[int, tuple[str, bytes] | None] = {}

    def open(self, endpoint: Endpoint, will: tuple[str, bytes]) -> None:
        """As the inner one."""
        self._inner.open(_Listening(endpoint, self), will)

    def drop(self) -> None:
        """As the inner one."""
        self.forget()
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
        if self._withheld and (counter := _counter(payload)) in self._withheld:
            self._withheld[counter] = (topic, payload)
            return
        if topic.endswith(f"/{Heartbeat.type}"):
            self._asked_at = self._now()
        self._inner.publish(topic, payload, qos=qos, retain=retain, token=token)

    def withhold(self, counter: int) -> None:
        """Keep the event with ``counter`` back, however often the sleeve sends it."""
        self._withheld.setdefault(counter, None)

    def let_go(self) -> None:
        """Send what was withheld after all."""
        kept, self._withheld = self._withheld, {}
        for message in kept.values():
            if message is not None:
                self._inner.publish(*message, qos=1, retain=False)

    @property
    def withheld(self) -> int:
        """How many events are kept back."""
        return len(self._withheld)

    def forget(self) -> None:
        """Nothing is asked any more."""
        self._asked_at = None

    @property
    def asks(self) -> bool:
        """Whether a heartbeat is under way, or its answer."""
        return self._asked_at is not None and self._now() - self._asked_at < ANSWER_MS


@dataclass(frozen=True, slots=True)
class _Listening:
    """Hears with the sleeve what the network says."""

    endpoint: Endpoint
    wire: Wire

    def connected(self) -> None:
        self.endpoint.connected()

    def disconnected(self) -> None:
        self.wire.forget()
        self.endpoint.disconnected()

    def received(self, topic: str, payload: bytes) -> None:
        if topic.endswith(f"/{Time.type}"):
            self.wire.forget()
        self.endpoint.received(topic, payload)

    def piece_delivered(self, token: PieceToken) -> None:
        self.endpoint.piece_delivered(token)


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
    device: Device
    face: OrlFaceCamera
    page: DeskPageCamera
    wire: Wire
    now: Callable[[], int]
    busy: bool = False
    seen: list[str] = field(default_factory=list)
    """What its display said, for whoever looks into a script that went wrong."""

    @property
    def sleeve(self) -> Sleeve:
        """The sleeve."""
        return self.device.sleeve

    @property
    def home(self) -> Position | None:
        """Where it belongs."""
        return self.device.credentials.position()

    @property
    def firmware(self) -> Firmware:
        """The running firmware.

        Raises:
            RuntimeError: without power.
        """
        firmware = self.sleeve.firmware
        if firmware is None:
            raise RuntimeError(f"{self.sleeve.device} has no power")
        return firmware

    @property
    def idle(self) -> bool:
        """As the sleeve's, and no heartbeat under way; what is withheld on purpose is not waited
        for."""
        if self.wire.asks:
            return False
        if self.sleeve.idle():
            return True
        pending = self.sleeve.pending()
        only_withheld = 0 < pending.events <= self.wire.withheld
        return self.sleeve.online and only_withheld and not (pending.pictures or pending.awaiting)

    def holds(self, grant: str) -> bool:
        """Whether ``grant`` was pushed ahead and is kept here."""
        firmware = self.sleeve.firmware
        return firmware is not None and firmware.shelf.find(grant) is not None

    def inject(self, body: Event) -> int:
        """Changed firmware: sign and send an event that nothing in the sleeve gave reason for.

        Raises:
            RuntimeError: without power.
        """
        core = self.firmware.core
        core.begin(Moment(core.moment.mono, self.device.clock.read(), core.moment.link))
        if isinstance(body, Stamped):
            core.note(DropEntry(body.total))  # so that the next start misses no drop
        counter = core.record(body)
        self.sleeve.tick()
        return counter

    def stamp_secretly(self, use: int, press: int) -> None:
        """Changed firmware: the seal drops where none may, and says so as if one might."""
        self.device.mechanism.total += 1
        self.inject(
            Stamped(
                use=use,
                press=press,
                total=self.device.mechanism.total,
                contact_ms=430,
                position=self.home,
            )
        )


def assemble(
    credentials: Credentials,
    village: int,
    seal: str,
    hub: Hub,
    *,
    dice: random.Random,
    secrets: random.Random,
    flash: Flash | None = None,
    on_change: Callable[[Sleeve], None] | None = None,
) -> Actor:
    """A sleeve with all its simulated parts; it has no power yet.

    ``dice`` is the chance in what its cameras see; ``secrets`` what its keys and nonces are made
    of, never the same ones twice.

    Raises:
        CredentialsError: when a key is none.
    """
    # Each its own: how often somebody shows a face does not change what a paper looks like.
    face, page = OrlFaceCamera(dice), DeskPageCamera(random.Random(dice.getrandbits(64)))
    made = device.assemble(
        credentials,
        hub,
        face_camera=face,
        page_camera=page,
        dice=secrets,
        flash=flash,
        on_change=on_change,
    )
    made.battery.charge = 70 + dice.randrange(30)
    made.battery.degrees = 18 + dice.random() * 8
    wire = Wire(made.sleeve.transport, hub.link_clock)
    made.sleeve.transport = wire
    return Actor(village, seal, made, face, page, wire, hub.clock)
