"""Every message of the device contract, version 1. The AsyncAPI document is generated from here.

Units: times are milliseconds since the Unix epoch, UTC; positions are WGS-84 degrees, distances
metres, temperatures degrees Celsius, battery per cent. Unknown fields are ignored, so that a later
minor revision may add some; a missing or wrongly typed field is refused (``bad_field``).
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Final, Literal

import msgspec
from msgspec import Meta

from gateway.protocol.limits import MAX_BURST, MAX_PICTURE_BYTES, MAX_PIECES, MAX_STAMPS
from gateway.protocol.topics import DEVICE_PATTERN

DeviceId = Annotated[str, Meta(pattern=DEVICE_PATTERN)]
Millis = Annotated[int, Meta(ge=0, le=2**53)]
Counter = Annotated[int, Meta(ge=1, le=2**53)]
Hash = Annotated[bytes, Meta(min_length=32, max_length=32)]
Nonce = Annotated[bytes, Meta(min_length=16, max_length=16)]
Id = Annotated[str, Meta(min_length=1, max_length=64)]
Short = Annotated[str, Meta(max_length=200)]
Stamps = Annotated[int, Meta(ge=1, le=MAX_STAMPS)]


class _Struct(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    pass


class Position(_Struct, frozen=True):
    """Where the sleeve is. ``accuracy`` is the 95 % radius in metres."""

    lat: Annotated[float, Meta(ge=-90, le=90)]
    lon: Annotated[float, Meta(ge=-180, le=180)]
    accuracy: Annotated[float, Meta(ge=0, le=1e6)] = 0.0


class Place(_Struct, frozen=True):
    """A circle in which a grant is good. ``radius`` in metres."""

    lat: Annotated[float, Meta(ge=-90, le=90)]
    lon: Annotated[float, Meta(ge=-180, le=180)]
    radius: Annotated[float, Meta(gt=0, le=1e6)]


class PictureRef(_Struct, frozen=True):
    """A picture named by an event: ``commit`` = SHA-256(salt ‖ picture) is also its id.

    ``size`` is the encrypted size in bytes, ``pieces`` how many pieces carry it.
    """

    commit: Hash
    size: Annotated[int, Meta(ge=1, le=MAX_PICTURE_BYTES)]
    pieces: Annotated[int, Meta(ge=1, le=MAX_PIECES)]


# ── up, signed and chained: events ───────────────────────────────────────────────────────────────


class Event(_Struct, frozen=True):
    """Base of the events. Each is kept by the sleeve until a receipt covers it."""

    type: ClassVar[str]


class Boot(Event, frozen=True):
    """The sleeve started. ``lost`` counts journal entries found unreadable after a power cut."""

    type = "boot"
    firmware: Short
    hardware: Short
    reason: Literal["power_on", "brownout", "watchdog", "update", "commissioned"]
    lost: Annotated[int, Meta(ge=0)] = 0


class UnlockRequest(Event, frozen=True):
    """The operator asks to unlock by ``grant`` id or by the ``job`` code typed at the sleeve.

    Answered by ``grant`` or ``refusal``. ``nonce`` is fresh and comes back in the answer.
    """

    type = "unlock_request"
    nonce: Nonce
    grant: Id | None = None
    job: Annotated[str, Meta(pattern=r"^[0-9]{6,10}$")] | None = None
    position: Position | None = None


class GrantBurnt(Event, frozen=True):
    """The grant was marked used in flash, before anything moves. Opens the use ``use``.

    ``use`` is the counter of the ``unlock_request`` (on line) or of this event (off line).
    ``clock_age`` is how old the last signed server time is, in ms.
    """

    type = "grant_burnt"
    grant: Id
    use: Counter
    offline: bool = False
    clock_age: Annotated[int, Meta(ge=0)] = 0


class CountEntered(Event, frozen=True):
    """The operator entered how many stamps they want; never more than granted."""

    type = "count_entered"
    use: Counter
    count: Stamps


class FaceCaptured(Event, frozen=True):
    """A burst of the stamper's face. Answered by ``proceed`` or ``refusal`` when on line.

    ``challenge`` is the head turn that was asked. ``matched`` is the verdict of matching inside the
    sleeve where policy chose it.
    """

    type = "face_captured"
    use: Counter
    attempt: Annotated[int, Meta(ge=1, le=9)]
    pictures: Annotated[list[PictureRef], Meta(min_length=1, max_length=MAX_BURST)]
    challenge: Literal["none", "left", "right"] = "none"
    matched: bool | None = None


class PinEntered(Event, frozen=True):
    """The non-face path: operator's PIN and a second person as witness, never in the clear.

    ``sealed`` is HPKE to the server's picture key over CBOR ``{operator_pin, witness_pin}``;
    off line the sleeve checks the operator's PIN against the grant and says so in ``checked``.
    """

    type = "pin_entered"
    use: Counter
    attempt: Annotated[int, Meta(ge=1, le=9)]
    witness: Id
    sealed: Annotated[bytes, Meta(max_length=512)]
    checked: bool | None = None


class PageCaptured(Event, frozen=True):
    """A picture of the page under the sleeve, before or after press number ``press``."""

    type = "page_captured"
    use: Counter
    stage: Literal["before", "after"]
    press: Stamps
    picture: PictureRef | None = None
    failure: Short = ""


class Stamped(Event, frozen=True):
    """One drop of the seal.

    ``press`` counts within the use from 1; ``total`` is the mechanical counter of the sleeve's
    life; ``contact_ms`` how long the seal touched; ``contacts`` how often within this press.
    ``use`` is 0 when the seal dropped without any.
    """

    type = "stamped"
    use: Annotated[int, Meta(ge=0)]
    press: Annotated[int, Meta(ge=0, le=MAX_STAMPS)]
    total: Annotated[int, Meta(ge=0)]
    contact_ms: Annotated[int, Meta(ge=0)]
    contacts: Annotated[int, Meta(ge=0)] = 1
    position: Position | None = None


class UseFinished(Event, frozen=True):
    """The use is over and the sleeve is locked again."""

    type = "use_finished"
    use: Counter
    presses: Annotated[int, Meta(ge=0)]
    reason: Literal["done", "early", "timeout", "refused", "fault", "power", "stopped"]
    note: Short = ""


class AttemptRefused(Event, frozen=True):
    """The sleeve itself refused: past the count, stale clock, flash full, grant used …"""

    type = "attempt_refused"
    reason: Literal[
        "past_count",
        "no_grant",
        "grant_used",
        "grant_expired",
        "grant_other_device",
        "grant_bad",
        "clock_untrusted",
        "flash_full",
        "no_picture",
        "remote_lock",
        "pin_wrong",
        "too_many_attempts",
        "outside_place",
        "not_answered",
        "fault",
    ]
    use: Annotated[int, Meta(ge=0)] = 0
    grant: Id | None = None


class Tamper(Event, frozen=True):
    """A tamper switch changed: the case, the sleeve on its base, or the seal in its holder."""

    type = "tamper"
    switch: Literal["case", "sleeve", "seal"]
    open: bool


class MotionUnexpected(Event, frozen=True):
    """Motor or limit switch moved although no job is running."""

    type = "motion_unexpected"
    part: Literal["motor", "limit_switch"]


class Moved(Event, frozen=True):
    """The sleeve was carried: acceleration or a position away from where it rested."""

    type = "moved"
    position: Position | None = None
    moving: bool = True


class Fault(Event, frozen=True):
    """Something in the sleeve does not work. ``cleared`` when it works again."""

    type = "fault"
    code: Literal[
        "jam", "not_closed", "camera", "flash", "flash_full", "clock", "battery", "sensor", "other"
    ]
    cleared: bool = False
    detail: Short = ""


class GrantStored(Event, frozen=True):
    """A grant pushed ahead for off-line use arrived and verified."""

    type = "grant_stored"
    grant: Id


class GrantDropped(Event, frozen=True):
    """A stored grant was removed: revoked by the server or expired."""

    type = "grant_dropped"
    grant: Id
    reason: Literal["revoked", "expired"]


class ConfigApplied(Event, frozen=True):
    """Configuration ``revision`` is in force."""

    type = "config_applied"
    revision: Annotated[int, Meta(ge=1)]


class LockChanged(Event, frozen=True):
    """The remote lock ``order`` was carried out."""

    type = "lock_changed"
    order: Annotated[int, Meta(ge=1)]
    locked: bool


class ClockSet(Event, frozen=True):
    """The clock was set from ``before`` to ``after``. ``signed`` when by a signed server time."""

    type = "clock_set"
    before: Millis
    after: Millis
    signed: bool


class KeyRotated(Event, frozen=True):
    """The last event under the old key: from the next counter on, ``public`` signs."""

    type = "key_rotated"
    alg: Literal[-7, -8]
    public: Annotated[bytes, Meta(min_length=32, max_length=65)]


EVENTS: Final[tuple[type[Event], ...]] = (
    Boot,
    UnlockRequest,
    GrantBurnt,
    CountEntered,
    FaceCaptured,
    PinEntered,
    PageCaptured,
    Stamped,
    UseFinished,
    AttemptRefused,
    Tamper,
    MotionUnexpected,
    Moved,
    Fault,
    GrantStored,
    GrantDropped,
    ConfigApplied,
    LockChanged,
    ClockSet,
    KeyRotated,
)


# ── up, outside the chain ────────────────────────────────────────────────────────────────────────


class Heartbeat(_Struct, frozen=True):
    """Signed, not chained: how the sleeve is. ``pending`` events and pictures are not yet covered.

    ``through`` is its last counter, so that a withheld tail shows even before it arrives.
    ``clock_trusted`` is false until a signed server time was received since boot.
    """

    type: ClassVar[str] = "heartbeat"
    through: Annotated[int, Meta(ge=0)]
    battery: Annotated[int, Meta(ge=0, le=100)]
    temperature: Annotated[float, Meta(ge=-60, le=120)]
    firmware: Short
    clock_trusted: bool
    locked: bool = True
    pending_events: Annotated[int, Meta(ge=0)] = 0
    pending_pictures: Annotated[int, Meta(ge=0)] = 0
    flash_free: Annotated[int, Meta(ge=0)] = 0
    position: Position | None = None
    nonce: Nonce | None = None


class Piece(_Struct, frozen=True):
    """Unsigned: one piece of an encrypted picture; the event that names it is signed."""

    type: ClassVar[str] = "piece"
    commit: Hash
    index: Annotated[int, Meta(ge=0, lt=MAX_PIECES)]
    data: bytes


class State(_Struct, frozen=True):
    """Unsigned, retained on ``…/state``; ``online`` false is the last will."""

    type: ClassVar[str] = "state"
    online: bool
    boot: Annotated[int, Meta(ge=0)]


# ── down, signed ─────────────────────────────────────────────────────────────────────────────────


class Down(_Struct, frozen=True):
    """Base of what the server says."""

    type: ClassVar[str]


class PinCheck(_Struct, frozen=True):
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
    alternates: Annotated[list[Id], Meta(max_length=4)] = []
    request: Counter | None = None
    nonce: Nonce | None = None
    place: Place | None = None
    check: Literal["face", "face_in_sleeve", "pin"] = "face"
    pin_allowed: bool = True
    challenge: Literal["none", "left", "right"] = "none"
    frames: Annotated[int, Meta(ge=1, le=MAX_BURST)] = 3
    offline: bool = False
    max_clock_age: Annotated[int, Meta(ge=0)] = 0
    pin: PinCheck | None = None
    wait_for_page: bool = False


class Proceed(Down, frozen=True):
    """The person is the right one: the sleeve may press. ``answers`` is the event's counter."""

    type = "proceed"
    answers: Counter
    use: Counter
    press: Annotated[int, Meta(ge=0)] = 0


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
    through: Annotated[int, Meta(ge=0)]
    tip: Hash
    time: Millis
    ranges: list[tuple[Counter, Counter]] = []


class PiecesHeld(Down, frozen=True):
    """Which pieces of a picture the server holds. ``complete`` ends it; ``failure`` tells why the
    picture was refused for good, so that the sleeve may drop it."""

    type = "pieces_held"
    commit: Hash
    complete: bool
    missing: list[tuple[int, int]] = []
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
    order: Annotated[int, Meta(ge=1)]
    locked: bool
    text: Short = ""


class Config(Down, frozen=True):
    """Settings. ``revision`` grows, so that an old one cannot be replayed."""

    type = "config"
    revision: Annotated[int, Meta(ge=1)]
    heartbeat_ms: Annotated[int, Meta(ge=1_000, le=86_400_000)] = 60_000
    use_timeout_ms: Annotated[int, Meta(ge=10_000, le=3_600_000)] = 300_000
    close_timeout_ms: Annotated[int, Meta(ge=1_000, le=60_000)] = 8_000
    face_attempts: Annotated[int, Meta(ge=1, le=9)] = 3
    fence: Place | None = None


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
)
