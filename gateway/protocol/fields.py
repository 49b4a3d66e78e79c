"""What the messages are made of: bounded numbers, ids, positions, references to pictures.

Every number is bounded so that no store and no calendar on either side can overflow, and text has
no control characters, so that it can be printed, logged and kept in any database.
"""

from __future__ import annotations

import re
from typing import Annotated

import msgspec
from msgspec import Meta

from gateway.protocol.limits import (
    MAX_INT,
    MAX_PICTURE_BYTES,
    MAX_PIECES,
    MAX_STAMPS,
    MAX_TIME_MS,
)
from gateway.protocol.topics import DEVICE_PATTERN, END

_TEXT = r"^[^\x00-\x1f\x7f]*" + END
_CONTROLS = re.compile(r"[\x00-\x1f\x7f]+")
_SHORT = 200

DeviceId = Annotated[str, Meta(pattern=DEVICE_PATTERN)]
Millis = Annotated[int, Meta(ge=0, le=MAX_TIME_MS)]
Counter = Annotated[int, Meta(ge=1, le=MAX_INT)]
Natural = Annotated[int, Meta(ge=0, le=MAX_INT)]
Hash = Annotated[bytes, Meta(min_length=32, max_length=32)]
Nonce = Annotated[bytes, Meta(min_length=16, max_length=16)]
Id = Annotated[str, Meta(min_length=1, max_length=64, pattern=_TEXT)]
Short = Annotated[str, Meta(max_length=_SHORT, pattern=_TEXT)]
JobCode = Annotated[str, Meta(pattern=r"^[0-9]{6,10}" + END)]
Stamps = Annotated[int, Meta(ge=1, le=MAX_STAMPS)]
PieceIndex = Annotated[int, Meta(ge=0, lt=MAX_PIECES)]


def short(text: str) -> str:
    """``text`` as :data:`Short` takes it: control characters become spaces, the rest is cut off."""
    return _CONTROLS.sub(" ", text)[:_SHORT]


class Wire(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Base of everything on the wire: immutable, defaults left out."""


class Position(Wire, frozen=True):
    """Where the sleeve is. ``accuracy`` is the 95 % radius in metres."""

    lat: Annotated[float, Meta(ge=-90, le=90)]
    lon: Annotated[float, Meta(ge=-180, le=180)]
    accuracy: Annotated[float, Meta(ge=0, le=1e6)] = 0.0


class Place(Wire, frozen=True):
    """A circle in which a grant is good. ``radius`` in metres."""

    lat: Annotated[float, Meta(ge=-90, le=90)]
    lon: Annotated[float, Meta(ge=-180, le=180)]
    radius: Annotated[float, Meta(gt=0, le=1e6)]


class PictureRef(Wire, frozen=True):
    """A picture named by an event: ``commit`` = SHA-256(salt ‖ picture) is also its id.

    ``size`` is the encrypted size in bytes, ``pieces`` how many pieces carry it.
    """

    commit: Hash
    size: Annotated[int, Meta(ge=1, le=MAX_PICTURE_BYTES)]
    pieces: Annotated[int, Meta(ge=1, le=MAX_PIECES)]
