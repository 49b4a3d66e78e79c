"""What the server says to a sleeve, always signed."""

from __future__ import annotations

from typing import Annotated, ClassVar, Final, Literal

from msgspec import Meta, field

from gateway.protocol.cose import PublicKey
from gateway.protocol.errors import ProtocolError, Reason
from gateway.protocol.fields import (
    Counter,
    Hash,
    Id,
    Millis,
    Natural,
    Nonce,
    PieceIndex,
    Place,
    Short,
    Stamps,
    Wire,
)
from gateway.protocol.limits import MAX_BURST, MAX_RANGES, MAX_SERVER_KEYS

Ranges = Annotated[list[tuple[Counter, Counter]], Meta(max_length=MAX_RANGES)]
PieceRanges = Annotated[list[tuple[PieceIndex, PieceIndex]], Meta(max_length=MAX_RANGES)]


class Down(Wire, frozen=True):
    """Base of what the server says."""

    type: ClassVar[str]


class PinCheck(Wire, frozen=True):
    """How a sleeve checks the operator's PIN off line: PBKDF2-HMAC-SHA256 (RFC 8018)."""

    salt: Annotated[bytes, Meta(min_length=16, max_length=16)]
    rounds: Annotated[int, Meta(ge=10_000, le=10_000_000)]
    digest: Hash


class Grant(Down, frozen=True):
    """The one-time signed authority to unlock, for one sleeve and one operator.

    Answers ``request`` (counter of the unlock_request) with its ``nonce``; both absent when pushed
    ahead for off-line use. ``operator`` and ``alternates`` are pseudonyms of who may stamp;
    ``title`` is what the sleeve shows.
    ``check`` says how the person is checked. ``max_clock_age`` is the oldest signed server time,
    in ms, with which an off-line grant may be used. ``wait_for_page`` holds each press until the
    page verdict arrives as ``proceed`` with ``press``.
    """

    type = "grant"
    grant: Id
    operator: Id
    stamps: Stamps
    not_before: Millis
    not_after: Millis
    title: Short
    alternates: Annotated[list[Id], Meta(max_length=4)] = field(default_factory=list)
    request: Counter | None = None
    nonce: Nonce | None = None
    place: Place | None = None
    check: Literal["face", "face_in_sleeve", "pin"] = "face"
    pin_allowed: bool = True
    challenge: Literal["none", "left", "right"] = "none"
    frames: Annotated[int, Meta(ge=1, le=MAX_BURST)] = 3
    offline: bool = False
    max_clock_age: Natural = 0
    pin: PinCheck | None = None
    wait_for_page: bool = False


class Proceed(Down, frozen=True):
    """The person is the right one: the sleeve may press. ``answers`` is the event's counter."""

    type = "proceed"
    answers: Counter
    use: Counter
    press: Natural = 0


class Refusal(Down, frozen=True):
    """No. ``reason`` is a stable code, ``text`` what the sleeve shows, ``retry`` whether to try
    again within this use (a better picture, another PIN)."""

    type = "refusal"
    answers: Counter
    reason: Id
    text: Short
    retry: bool = False


class Receipt(Down, frozen=True):
    """What the server holds durably: every counter ≤ ``through`` and the ``ranges`` beyond it.

    ``tip`` is the hash of event ``through``. ``time`` is signed server time.
    """

    type = "receipt"
    through: Natural
    tip: Hash
    time: Millis
    ranges: Ranges = field(default_factory=list)


class PiecesHeld(Down, frozen=True):
    """Which pieces of a picture the server holds. ``complete`` ends it; ``failure`` tells why the
    picture was refused for good, so that the sleeve may drop it."""

    type = "pieces_held"
    commit: Hash
    complete: bool
    missing: PieceRanges = field(default_factory=list)
    failure: Short = ""


class Revoke(Down, frozen=True):
    """Drop the grant, and end its use if one is open."""

    type = "revoke"
    grant: Id


class Time(Down, frozen=True):
    """Signed server time, in answer to a heartbeat's ``nonce``."""

    type = "time"
    time: Millis
    nonce: Nonce


class Lock(Down, frozen=True):
    """Remote lock. ``order`` grows, so that an old order cannot be replayed."""

    type = "lock"
    order: Counter
    locked: bool
    text: Short = ""


class Config(Down, frozen=True):
    """Settings. ``revision`` grows, so that an old one cannot be replayed."""

    type = "config"
    revision: Counter
    heartbeat_ms: Annotated[int, Meta(ge=1_000, le=86_400_000)] = 60_000
    use_timeout_ms: Annotated[int, Meta(ge=10_000, le=3_600_000)] = 300_000
    close_timeout_ms: Annotated[int, Meta(ge=1_000, le=60_000)] = 8_000
    face_attempts: Annotated[int, Meta(ge=1, le=9)] = 3
    fence: Place | None = None


class ServerKey(Wire, frozen=True):
    """A public key of the server. ``until``: the last signed server time at which it is believed;
    absent: until a later list leaves it out."""

    alg: Literal[-7, -8]
    public: Annotated[bytes, Meta(min_length=32, max_length=65)]
    until: Millis | None = None

    def __post_init__(self) -> None:
        """Build the key, so that none is believed which is no key (``bad_field``)."""
        self.key()

    def key(self) -> PublicKey:
        """The verifying key."""
        return PublicKey(self.alg, self.public)


ServerKeyList = Annotated[list[ServerKey], Meta(min_length=1, max_length=MAX_SERVER_KEYS)]


class Keys(Down, frozen=True):
    """The server's keys: from now on these are believed, and no others; oldest first.

    Signed by a grant key that the sleeve believed before. ``serial`` grows, so that an old list
    cannot be replayed. The last key of ``grant`` and of ``receipt`` has no ``until``: whoever was
    off line for years can still be told the next list with it. ``picture`` is the X25519 key that
    pictures and PINs are encrypted to.
    """

    type = "keys"
    serial: Counter
    grant: ServerKeyList
    receipt: ServerKeyList
    picture: Hash

    def __post_init__(self) -> None:
        """Refuse a list that would some day leave nobody to believe (``bad_field``)."""
        if self.grant[-1].until is not None or self.receipt[-1].until is not None:
            raise ProtocolError(Reason.BAD_FIELD, "the last key of each list has no end")


DOWNS: Final[tuple[type[Down], ...]] = (
    Grant,
    Proceed,
    Refusal,
    Receipt,
    PiecesHeld,
    Revoke,
    Time,
    Lock,
    Config,
    Keys,
)
