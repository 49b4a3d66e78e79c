"""What a sleeve says: the chained events, the heartbeat, picture pieces and the retained state."""

from __future__ import annotations

from typing import Annotated, ClassVar, Final, Literal

from msgspec import Meta

from gateway.protocol.cose import PublicKey
from gateway.protocol.fields import (
    Counter,
    Hash,
    Id,
    JobCode,
    Millis,
    Natural,
    Nonce,
    PictureRef,
    PieceIndex,
    Position,
    Short,
    Stamps,
    Wire,
)
from gateway.protocol.limits import MAX_BURST, MAX_PIECE_DATA, MAX_STAMPS

# ── up, signed and chained: events ───────────────────────────────────────────────────────────────


class Event(Wire, frozen=True):
    """Base of the events. Each is kept by the sleeve until a receipt covers it."""

    type: ClassVar[str]


class Boot(Event, frozen=True):
    """The sleeve started. ``lost`` counts journal entries found unreadable after a power cut."""

    type = "boot"
    firmware: Short
    hardware: Short
    reason: Literal["power_on", "brownout", "watchdog", "update", "commissioned"]
    lost: Natural = 0


class UnlockRequest(Event, frozen=True):
    """The operator asks to unlock by ``grant`` id or by the ``job`` code typed at the sleeve.

    Answered by ``grant`` or ``refusal``. ``nonce`` is fresh and comes back in the answer.
    """

    type = "unlock_request"
    nonce: Nonce
    grant: Id | None = None
    job: JobCode | None = None
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
    clock_age: Natural = 0


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
    """A picture of the page under the sleeve, before or after press number ``press``.

    Where the grant says ``wait_for_page``, the one before a press is answered by ``proceed`` (with
    ``press``) or ``refusal``.
    """

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
    use: Natural
    press: Annotated[int, Meta(ge=0, le=MAX_STAMPS)]
    total: Natural
    contact_ms: Natural
    contacts: Natural = 1
    position: Position | None = None


class UseFinished(Event, frozen=True):
    """The use is over and the sleeve is locked again."""

    type = "use_finished"
    use: Counter
    presses: Natural
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
    use: Natural = 0
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
    revision: Counter


class LockChanged(Event, frozen=True):
    """The remote lock ``order`` was carried out."""

    type = "lock_changed"
    order: Counter
    locked: bool


class ClockSet(Event, frozen=True):
    """The clock was set from ``before`` to ``after``. ``signed`` when by a signed server time."""

    type = "clock_set"
    before: Millis
    after: Millis
    signed: bool


class KeysApplied(Event, frozen=True):
    """The server's keys of list ``serial`` are believed from now on, and no others."""

    type = "keys_applied"
    serial: Counter


class KeyRotated(Event, frozen=True):
    """The last event under the old key: from the next counter on, ``public`` signs."""

    type = "key_rotated"
    alg: Literal[-7, -8]
    public: Annotated[bytes, Meta(min_length=32, max_length=65)]

    def __post_init__(self) -> None:
        """Build the key, so that none is rotated to which is no key (``bad_field``)."""
        self.key()

    def key(self) -> PublicKey:
        """The new verifying key."""
        return PublicKey(self.alg, self.public)


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
    KeysApplied,
    ClockSet,
    KeyRotated,
)


# ── up, outside the chain ────────────────────────────────────────────────────────────────────────


class Heartbeat(Wire, frozen=True):
    """Signed, not chained: how the sleeve is. ``pending`` events and pictures are not yet covered.

    ``through`` is its last counter, so that a withheld tail shows even before it arrives.
    ``clock_trusted`` is false until a signed server time was received since boot.
    """

    type: ClassVar[str] = "heartbeat"
    through: Natural
    battery: Annotated[int, Meta(ge=0, le=100)]
    temperature: Annotated[float, Meta(ge=-60, le=120)]
    firmware: Short
    clock_trusted: bool
    locked: bool = True
    pending_events: Natural = 0
    pending_pictures: Natural = 0
    flash_free: Natural = 0
    position: Position | None = None
    nonce: Nonce | None = None


class Piece(Wire, frozen=True):
    """Unsigned: one piece of an encrypted picture; the event that names it is signed."""

    type: ClassVar[str] = "piece"
    commit: Hash
    index: PieceIndex
    data: Annotated[bytes, Meta(min_length=1, max_length=MAX_PIECE_DATA)]


class State(Wire, frozen=True):
    """Unsigned, retained on ``…/state``; ``online`` false is the last will."""

    type: ClassVar[str] = "state"
    online: bool
    boot: Natural
