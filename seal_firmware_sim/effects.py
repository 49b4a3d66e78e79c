"""What the firmware wants done, in this order and no other.

A step's list is always: write to flash, make it durable, act. So whoever carries it out may lose
power between any two, and nothing has been said or moved that flash does not know.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from seal_firmware_sim.inputs import Stage

Tone = Literal["info", "ok", "refused", "alarm"]


@dataclass(frozen=True, slots=True)
class PutPicture:
    """Write an encrypted picture to flash; durable after the next :class:`FlushFlash`."""

    commit: bytes
    data: bytes


@dataclass(frozen=True, slots=True)
class AppendFlash:
    """Append to the journal; durable after the next :class:`FlushFlash`."""

    data: bytes


@dataclass(frozen=True, slots=True)
class FlushFlash:
    """Return only when all that was written survives a power cut."""


@dataclass(frozen=True, slots=True)
class ReplaceFlash:
    """Put a compacted journal in the place of the old one, atomically and durably."""

    data: bytes


@dataclass(frozen=True, slots=True)
class DropPicture:
    """The server holds the picture: free its flash."""

    commit: bytes


@dataclass(frozen=True, slots=True)
class Publish:
    """Send a message. ``retain`` only for the state topic."""

    topic: str
    payload: bytes
    qos: Literal[0, 1] = 1
    retain: bool = False


@dataclass(frozen=True, slots=True)
class PublishPiece:
    """Read one piece of a picture from flash, send it, and report when the broker has it."""

    commit: bytes
    index: int


@dataclass(frozen=True, slots=True)
class Actuate:
    """``release`` lets the seal drop once for press ``press``; ``lock`` bolts it."""

    command: Literal["release", "lock"]
    press: int = 0


@dataclass(frozen=True, slots=True)
class TakeFaces:
    """Take a burst of ``frames`` pictures while the ``challenge`` is shown.

    ``match`` holds the pseudonyms to compare with when policy chose matching inside the sleeve.
    """

    use: int
    attempt: int
    frames: int
    challenge: Literal["none", "left", "right"]
    match: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TakePage:
    """Photograph the page under the sleeve."""

    use: int
    press: int
    stage: Stage


@dataclass(frozen=True, slots=True)
class SetClock:
    """Set the sleeve's own clock to signed server time, epoch ms."""

    time: int


@dataclass(frozen=True, slots=True)
class Show:
    """Text for the display, in Chinese."""

    text: str
    tone: Tone = "info"


FlashEffect = PutPicture | AppendFlash | FlushFlash | ReplaceFlash | DropPicture
Effect = FlashEffect | Publish | PublishPiece | Actuate | TakeFaces | TakePage | SetClock | Show
