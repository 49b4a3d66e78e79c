"""Everything that can happen to a sleeve: what operators do, what the network and hardware report.

The firmware takes one of these at a time together with a :class:`Moment`. Nothing here does I/O.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from gateway.protocol.messages import Position

Switch = Literal["case", "sleeve", "seal"]
SWITCHES: Final[tuple[Switch, ...]] = ("case", "sleeve", "seal")
Stage = Literal["before", "after"]


@dataclass(frozen=True, slots=True)
class Moment:
    """The clocks of one instant, in ms.

    ``mono`` never goes backwards while the sleeve has power. ``wall`` is what the sleeve's own
    clock shows (epoch ms), which anybody may have set wrong. ``link`` times the waiting for the
    network; it equals ``mono`` except where a scenario's time runs faster than the wire.
    """

    mono: int
    wall: int
    link: int


@dataclass(frozen=True, slots=True)
class Tick:
    """Time passed. Timers that are due fire at every input, so this one has no content."""


# ── what the operator does ───────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class RequestUnlock:
    """Ask to unlock, by the ``job`` code typed in or by a ``grant`` picked from the list."""

    job: str | None = None
    grant: str | None = None


@dataclass(frozen=True, slots=True)
class EnterCount:
    """The number of stamps wanted."""

    count: int


@dataclass(frozen=True, slots=True)
class PresentFace:
    """The operator stands before the camera and starts the capture."""


@dataclass(frozen=True, slots=True)
class EnterPin:
    """The operator's PIN, who is the witness (an id), and the witness's PIN."""

    pin: str
    witness: str
    witness_pin: str


@dataclass(frozen=True, slots=True)
class Press:
    """The button “盖章” goes down."""


@dataclass(frozen=True, slots=True)
class Release:
    """The button comes up again."""


@dataclass(frozen=True, slots=True)
class FinishEarly:
    """The operator ends the use before the count is reached, with a reason in words."""

    note: str = ""


@dataclass(frozen=True, slots=True)
class RotateKey:
    """Maintenance: make a new signing key and retire the present one."""


# ── what the network reports ─────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Connected:
    """The connection stands and the subscription is confirmed."""


@dataclass(frozen=True, slots=True)
class Disconnected:
    """The connection is gone."""


@dataclass(frozen=True, slots=True)
class Received:
    """A message for this sleeve."""

    topic: str
    payload: bytes


@dataclass(frozen=True, slots=True)
class PieceDelivered:
    """The broker took over one piece of a picture (which does not mean that it is stored)."""

    commit: bytes
    index: int


# ── what the hardware reports ────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class PowerFailing:
    """Brown-out: the supply falls, a few milliseconds are left."""


@dataclass(frozen=True, slots=True)
class TamperSwitch:
    """A tamper switch changed."""

    switch: Switch
    open: bool


@dataclass(frozen=True, slots=True)
class Movement:
    """The motion sensor: carried (``moving``) or come to rest, and where, if known."""

    moving: bool
    position: Position | None = None


@dataclass(frozen=True, slots=True)
class MotorMoved:
    """The motor's encoder moved."""


@dataclass(frozen=True, slots=True)
class LimitSwitch:
    """The switch that closes when the seal is drawn in and locked."""

    closed: bool


@dataclass(frozen=True, slots=True)
class Jammed:
    """The motor runs against a resistance."""


@dataclass(frozen=True, slots=True)
class SealDropped:
    """The seal went down and up again. ``total`` is the mechanical counter afterwards."""

    contact_ms: int
    contacts: int
    total: int


@dataclass(frozen=True, slots=True)
class FacesTaken:
    """What the face camera delivered for attempt ``attempt`` of use ``use``.

    No pictures means that the camera failed; ``failure`` says how. ``matched`` is the verdict of
    the matcher inside the sleeve, ``None`` where there is none.
    """

    use: int
    attempt: int
    pictures: tuple[bytes, ...]
    failure: str = ""
    matched: bool | None = None


@dataclass(frozen=True, slots=True)
class PageTaken:
    """What the page camera delivered; no picture means that it failed."""

    use: int
    press: int
    stage: Stage
    picture: bytes | None
    failure: str = ""


@dataclass(frozen=True, slots=True)
class Sensed:
    """Battery in per cent, temperature in °C, position if there is a fix."""

    battery: int
    temperature: float
    position: Position | None


OperatorAction = (
    RequestUnlock | EnterCount | PresentFace | EnterPin | Press | Release | FinishEarly | RotateKey
)
NetworkReport = Connected | Disconnected | Received | PieceDelivered
HardwareReport = (
    PowerFailing
    | TamperSwitch
    | Movement
    | MotorMoved
    | LimitSwitch
    | Jammed
    | SealDropped
    | FacesTaken
    | PageTaken
    | Sensed
)
Input = Tick | OperatorAction | NetworkReport | HardwareReport
