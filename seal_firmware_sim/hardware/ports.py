"""What a sleeve is made of, as ports: whoever builds a sleeve fills these in.

Parts that report by themselves (the mechanism, switches) are :class:`Source`; the rest is asked;
what the keypad says arrives as operator actions. ``mono`` is the sleeve's monotonic time in ms.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from gateway.protocol.messages import Position
from seal_firmware_sim.inputs import Input, Stage, Switch

Challenge = Literal["none", "left", "right"]


class CameraFailure(Exception):
    """The camera gave no picture; the text says why."""


class FlashFailure(Exception):
    """Flash could not be written or read: full, worn out or torn off."""


class Source(Protocol):
    """A part that reports by itself."""

    def poll(self, mono: int) -> Sequence[Input]:
        """What happened up to ``mono``, in order; each report once."""
        ...

    def next_at(self) -> int | None:
        """When (mono) it will next have something to report, if that is known."""
        ...


class Mechanism(Source, Protocol):
    """Motor, lock, seal, limit switch and mechanical counter."""

    @property
    def total(self) -> int:
        """The mechanical counter: drops of the seal in the sleeve's life."""
        ...

    @property
    def closed(self) -> bool:
        """Whether the seal is in and locked."""
        ...

    def actuate(self, command: Literal["release", "lock"], mono: int) -> None:
        """``release`` lets the seal drop once; ``lock`` bolts it."""
        ...

    def power_lost(self) -> None:
        """The supply is gone; what is mechanically under way ends by itself."""
        ...


class FaceCamera(Protocol):
    """The camera that looks at whoever presses."""

    def burst(self, frames: int, challenge: Challenge) -> tuple[bytes, ...]:
        """``frames`` JPEG pictures in a row.

        Raises:
            CameraFailure: when it gives none.
        """
        ...


class FaceMatcher(Protocol):
    """Matching inside the sleeve, where policy chose it (``check = face_in_sleeve``)."""

    def match(self, pictures: Sequence[bytes], people: Sequence[str]) -> bool | None:
        """Whether the pictures show one of ``people`` (pseudonyms); ``None``: cannot tell."""
        ...


class PageCamera(Protocol):
    """The camera that looks at the page under the seal."""

    def photograph(self, stage: Stage, press: int) -> bytes:
        """A JPEG picture of the page.

        Raises:
            CameraFailure: when it gives none.
        """
        ...


class Receiver(Protocol):
    """Satellite positioning."""

    def fix(self) -> Position | None:
        """Where the sleeve is; ``None`` without a fix."""
        ...


class Battery(Protocol):
    """The supply, and the thermometer beside it."""

    def percent(self) -> int:
        """Charge, 0 to 100."""
        ...

    def temperature(self) -> float:
        """Degrees Celsius."""
        ...


class RealTimeClock(Protocol):
    """The battery clock: it goes on without power, and anybody who opens the sleeve can set it."""

    def read(self) -> int:
        """What it shows, epoch ms."""
        ...

    def set(self, time: int) -> None:
        """Make it show ``time``."""
        ...


class Switches(Source, Protocol):
    """The tamper switches."""

    def open_now(self) -> frozenset[Switch]:
        """Those that are open."""
        ...


class Flash(Protocol):
    """Lasting memory: one journal and the encrypted pictures.

    Nothing is durable before :meth:`flush` returns, except :meth:`replace`. All raise
    :class:`FlashFailure`.
    """

    def read(self) -> bytes:
        """The journal."""
        ...

    def append(self, data: bytes) -> None:
        """Write behind the journal's end."""
        ...

    def flush(self) -> None:
        """Return when everything written survives a power cut."""
        ...

    def replace(self, data: bytes) -> None:
        """Put ``data`` in the journal's place: durable on return, all or nothing at any time."""
        ...

    def put_picture(self, commit: bytes, data: bytes) -> None:
        """Write a picture."""
        ...

    def read_picture(self, commit: bytes) -> bytes:
        """A picture."""
        ...

    def drop_picture(self, commit: bytes) -> None:
        """Remove a picture; nothing happens if there is none."""
        ...

    def pictures(self) -> frozenset[bytes]:
        """The pictures there are."""
        ...


@dataclass(slots=True)
class Hardware:
    """One sleeve's parts."""

    mechanism: Mechanism
    flash: Flash
    face_camera: FaceCamera
    page_camera: PageCamera
    clock: RealTimeClock
    receiver: Receiver
    battery: Battery
    switches: Switches
    sources: tuple[Source, ...] = ()
    """Further parts that report by themselves, such as a motion sensor."""
    matcher: FaceMatcher | None = None
