"""MQTT topics: ``seal/v1/{device}/up/{type}``, ``…/down/{type}``, ``…/state``."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Literal

from gateway.protocol.errors import ProtocolError, Reason

PREFIX: Final = "seal/v1"
END: Final = r"$(?!\n)"
"""The end of a pattern, in Python and in ECMAScript: Python's bare ``$`` lets a line feed pass."""

DEVICE_PATTERN: Final = r"^[A-Za-z0-9][A-Za-z0-9_-]{2,31}" + END
_DEVICE = re.compile(DEVICE_PATTERN)
_TYPE = re.compile(r"^[a-z][a-z_]{1,31}" + END)

UP_FILTER: Final = f"{PREFIX}/+/up/+"
STATE_FILTER: Final = f"{PREFIX}/+/state"
PIECE: Final = "piece"
HEARTBEAT: Final = "heartbeat"


@dataclass(frozen=True, slots=True)
class Topic:
    """A parsed topic. ``type`` is empty for the retained state topic."""

    device: str
    direction: Literal["up", "down", "state"]
    type: str


def up(device: str, type_: str) -> str:
    """Topic on which ``device`` publishes a message of ``type_``."""
    return f"{PREFIX}/{device}/up/{type_}"


def down(device: str, type_: str) -> str:
    """Topic on which the server answers ``device``."""
    return f"{PREFIX}/{device}/down/{type_}"


def down_filter(device: str) -> str:
    """What a sleeve subscribes to."""
    return f"{PREFIX}/{device}/down/+"


def state(device: str) -> str:
    """Retained state and last will of ``device``."""
    return f"{PREFIX}/{device}/state"


def is_device_id(text: str) -> bool:
    """Whether ``text`` may name a sleeve: 3 to 32 of ``A–Z a–z 0–9 _ -``, no mark at the start."""
    return _DEVICE.match(text) is not None


def parse(topic: str) -> Topic:
    """Split a topic.

    Raises:
        ProtocolError: ``bad_topic`` when it is none of the contract's.
    """
    parts = topic.split("/")
    if len(parts) >= 4 and parts[0] == "seal" and parts[1] == "v1" and _DEVICE.match(parts[2]):
        if len(parts) == 4 and parts[3] == "state":
            return Topic(parts[2], "state", "")
        if len(parts) == 5 and parts[3] in ("up", "down") and _TYPE.match(parts[4]):
            return Topic(parts[2], "up" if parts[3] == "up" else "down", parts[4])
    raise ProtocolError(Reason.BAD_TOPIC, repr(topic[:120]))
