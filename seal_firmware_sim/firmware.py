"""The sleeve as a pure state machine: inputs and clocks in, ordered effects out, no I/O.

A step notes what must last, and acts only afterwards; :mod:`seal_firmware_sim.effects` has the
order. Power may fail between any two effects: the object is then thrown away and
:meth:`Firmware.boot` makes a new one from what flash kept.

Decisions that are the sleeve's own (the contract leaves them open):

* Trusted time is lost with the power; see :mod:`seal_firmware_sim.timekeeping`. On line the grant
  itself brings signed time, bound to the nonce of the request. Off line the sleeve refuses until
  the server has spoken to it in this boot, however good its battery clock may look.
* No page picture, no stamp, on every path: PIN and witness stand for the *face*, not for the page.
  A broken face camera may be passed by with PIN and witness where the grant allows PINs.
* A grant is burnt when the sleeve accepts it, before the operator has entered anything, so no
  later step can be repeated by cutting the power: after a cut the use is over.
* A grant that names a place needs a position; a sleeve that does not know where it is refuses.
* The drop that was under way at a power cut is recorded at the next start if the mechanical
  counter says that it happened.
* A receipt for events that this sleeve never made means that its key is in other hands: it keeps
  its own events as evidence, says so, and refuses to unlock.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final, Literal

from gateway.protocol import topics
from gateway.protocol.errors import ProtocolError, Reason
from gateway.protocol.messages import (
    Boot,
    Config,
    Grant,
    Keys,
    Lock,
    PiecesHeld,
    Proceed,
    Receipt,
    Refusal,
    Revoke,
    Stamped,
    Time,
    UseFinished,
)
from seal_firmware_sim import inputs, texts
from seal_firmware_sim.core import Core
from seal_firmware_sim.effects import Actuate, DropPicture, Effect
from seal_firmware_sim.grants import Shelf, signed_at
from seal_firmware_sim.guard import Guard
from seal_firmware_sim.identity import Entropy, Identity
from seal_firmware_sim.inputs import Input, Moment
from seal_firmware_sim.journal import Journal
from seal_firmware_sim.lifeline import Lifeline, Pending
from seal_firmware_sim.orders import Orders
from seal_firmware_sim.outbox import Outbox
from seal_firmware_sim.person import PersonCheck
from seal_firmware_sim.presses import Presses
from seal_firmware_sim.session import AWAITING, BOLTING_MS, Phase, Session
from seal_firmware_sim.state import (
    BootEntry,
    ChainEntry,
    DropEntry,
    EndEntry,
    PictureDoneEntry,
)
from seal_firmware_sim.timekeeping import Timekeeper
from seal_firmware_sim.unlocking import Unlocking
from seal_firmware_sim.uploads import Uploads

BootReason = Literal["power_on", "brownout", "watchdog", "update", "commissioned"]

_MOST_FOUND_DROPS: Final = 20


@dataclass(frozen=True, slots=True)
class BootFacts:
    """What the hardware says at power-on: the mechanical counter, whether the seal is in and
    locked, which tamper switches are open, which pictures flash holds."""

    reason: BootReason
    total: int
    closed: bool
    open_switches: frozenset[inputs.Switch] = frozenset()
    pictures: frozenset[bytes] = frozenset()


@dataclass(frozen=True, slots=True)
class Due:
    """When the next timer fires: ``mono`` and ``link`` ms, ``None`` where none is set."""

    mono: int | None
    link: int | None


class Firmware:
    """One sleeve's firmware. Make it with :meth:`boot`; then :meth:`step` with every input."""

    def __init__(self, identity: Identity, image: bytes, entropy: Entropy) -> None:
        self.core = Core(identity, Journal(image), entropy)
        self.time = Timekeeper(self.core)
        self.outbox = Outbox(self.core, self.time)
        self.uploads = Uploads(self.core, self.outbox)
        self.shelf = Shelf(self.core, self.time)
        self.session = Session(self.core, self.time, self.shelf)
        self.guard = Guard(self.core, self.session)
        self.unlocking = Unlocking(self.core, self.time, self.shelf, self.session, self.guard)
        self.person = PersonCheck(self.core, self.time, self.session, self.guard, self.uploads)
        self.presses = Presses(self.core, self.shelf, self.session, self.guard, self.uploads)
        self.orders = Orders(self.core, self.session)
        self.lifeline = Lifeline(self.core, self.time, self.session)
        self.strange = 0
        """Messages that did not verify or were not understood, since boot."""
        self._handlers: dict[type[Any], Callable[[Any], None]] = {
            inputs.Tick: lambda _: None,
            inputs.RequestUnlock: self.unlocking.request,
            inputs.EnterCount: self.unlocking.count,
            inputs.PresentFace: lambda _: self.person.present_face(),
            inputs.EnterPin: self.person.pin,
            inputs.Press: lambda _: self.presses.press(),
            inputs.Release: lambda _: self.presses.release_button(),
            inputs.FinishEarly: self.unlocking.finish_early,
            inputs.RotateKey: lambda _: self.orders.rotate_key(),
            inputs.Connected: lambda _: self._connected(),
            inputs.Disconnected: lambda _: self._disconnected(),
            inputs.Received: self._received,
            inputs.PieceDelivered: lambda it: self.uploads.delivered(it.commit, it.index),
            inputs.PowerFailing: lambda _: self._power_failing(),
            inputs.TamperSwitch: self.guard.tamper,
            inputs.Movement: self.guard.movement,
            inputs.MotorMoved: self.presses.motor,
            inputs.LimitSwitch: self.presses.limit,
            inputs.Jammed: lambda _: self.presses.jammed(),
            inputs.SealDropped: self.presses.dropped,
            inputs.FacesTaken: self.person.faces_taken,
            inputs.PageTaken: self.presses.page_taken,
            inputs.Sensed: self.guard.sensed,
        }
        self._messages: dict[type[Any], Callable[[Any], None]] = {
            Proceed: self._proceed,
            Refusal: self._refusal,
            Receipt: self._receipt,
            PiecesHeld: self._pieces_held,
            Revoke: self._revoke,
            Time: self.time.answer,
            Lock: self.orders.lock,
            Config: self.orders.configure,
            Keys: self.orders.believe,
        }

    # ── life ─────────────────────────────────────────────────────────────────────────────────────

    @classmethod
    def boot(
        cls, identity: Identity, image: bytes, entropy: Entropy, facts: BootFacts, now: Moment
    ) -> tuple[Firmware, list[Effect]]:
        """Start from the flash image; returns the firmware and the first effects."""
        firmware = cls(identity, image, entropy)
        return firmware, firmware._start(facts, now)

    def _start(self, facts: BootFacts, now: Moment) -> list[Effect]:
        core, memory = self.core, self.core.memory
        core.begin(now)
        self.time.watch()
        if memory.boot == 0:
            start = core.identity.start
            core.note(BootEntry(start.boot))
            core.note(ChainEntry(start.counter, start.tip, start.counter))
            core.note(DropEntry(facts.total))
        core.note(BootEntry(memory.boot + 1))
        core.record(
            Boot(
                firmware=core.identity.firmware,
                hardware=core.identity.hardware,
                reason=facts.reason,
                lost=core.journal.lost,
            )
        )
        self.shelf.load()
        self.orders.load()
        self._settle_use(facts)
        for switch in inputs.SWITCHES:
            self.guard.tamper(inputs.TamperSwitch(switch, switch in facts.open_switches))
        core.fault("not_closed", cleared=facts.closed)
        if facts.closed:
            core.fault("jam", cleared=True)
        self._settle_pictures(facts.pictures)
        core.act(Actuate("lock"))
        self.session.still_from = now.mono + BOLTING_MS
        core.show(memory.lock.text or texts.LOCKED if memory.lock.locked else texts.IDLE)
        return self._finish()

    def _settle_use(self, facts: BootFacts) -> None:
        """Close the use that the power cut interrupted, and count drops that went unrecorded."""
        core, memory = self.core, self.core.memory
        use = memory.use
        presses = use.presses if use else 0
        last = min(facts.total, memory.total + _MOST_FOUND_DROPS)
        for total in range(memory.total + 1, last + 1):
            meant = use is not None and use.intent > presses
            presses += meant
            core.record(
                Stamped(
                    use=use.use if use and meant else 0,
                    press=presses if meant else 0,
                    total=total,
                    contact_ms=0,
                )
            )
        if facts.total != memory.total:
            core.note(DropEntry(facts.total))
        if use is not None:
            core.record(UseFinished(use=use.use, presses=presses, reason="power"))
            core.note(EndEntry())

    def _settle_pictures(self, found: Iterable[bytes]) -> None:
        core, memory = self.core, self.core.memory
        found = set(found)
        for commit in sorted(found - set(memory.pictures)):
            core.act(DropPicture(commit))  # written, but the event that names it never was
        for commit in sorted(set(memory.pictures) - found):
            core.fault("flash", detail="picture lost")
            core.note(PictureDoneEntry(commit))

    def step(self, happened: Input, now: Moment) -> list[Effect]:
        """Take one input at ``now``; returns what is to be done, in order."""
        self.core.begin(now)
        self.time.watch()
        self._handlers[type(happened)](happened)
        self._due()
        return self._finish()

    def _finish(self) -> list[Effect]:
        self.guard.check_room()
        self.uploads.held_back = self.session.phase in AWAITING
        self.outbox.pump()
        self.uploads.pump()
        return self.core.finish()

    # ── what others may ask ──────────────────────────────────────────────────────────────────────

    @property
    def phase(self) -> Phase:
        """What the sleeve waits for."""
        return self.session.phase

    def pending(self) -> Pending:
        """What is not done yet."""
        memory, phase = self.core.memory, self.session.phase
        return Pending(
            events=len(memory.events) - len(memory.held),
            pictures=len(memory.pictures),
            awaiting=phase in AWAITING,
            in_use=phase is not Phase.IDLE,
        )

    def due(self) -> Due:
        """When to call :meth:`step` with a :class:`inputs.Tick` at the latest."""
        deadlines = self.session.deadlines
        mono = (deadlines.use, deadlines.close, self.lifeline.due, self.shelf.due)
        link = (deadlines.answer, self.outbox.due, self.uploads.due)
        return Due(
            min((at for at in mono if at is not None), default=None),
            min((at for at in link if at is not None), default=None),
        )

    def will(self) -> tuple[str, bytes]:
        """Topic and payload of the last will."""
        return self.lifeline.state(online=False)

    # ── timers ───────────────────────────────────────────────────────────────────────────────────

    def _due(self) -> None:
        session, moment = self.session, self.core.moment
        if _over(session.deadlines.answer, moment.link):
            session.deadlines.answer = None
            self.unlocking.not_answered()
            self.person.not_answered()
            self.presses.not_answered()
        if _over(session.deadlines.close, moment.mono):
            self.presses.not_closed()
        if _over(session.deadlines.use, moment.mono):
            session.deadlines.use = None
            if session.phase is Phase.PRESSING and session.deadlines.close is None:
                session.finish("fault", "not_closed")
            else:
                session.end("timeout")
        if _over(self.shelf.due, moment.mono):
            self.shelf.expire()
        if _over(self.lifeline.due, moment.mono):
            self.lifeline.beat(self.pending())

    # ── network ──────────────────────────────────────────────────────────────────────────────────

    def _connected(self) -> None:
        self.core.connected = True
        self.outbox.connected()
        self.uploads.connected()
        self.lifeline.connected(self.pending())

    def _disconnected(self) -> None:
        self.core.connected = False
        self.lifeline.disconnected()

    def _received(self, message: inputs.Received) -> None:
        try:
            body = self.shelf.open(message.payload)
        except ProtocolError as error:
            self._strange(message, error)
            return
        if isinstance(body, Grant):
            self.unlocking.granted(body, message.payload, signed_at(message.payload))
        else:
            self._messages[type(body)](body)

    def _strange(self, message: inputs.Received, error: ProtocolError) -> None:
        """What does not verify is refused. Only what posed as a grant is worth an event."""
        self.strange += 1
        if message.topic == topics.down(self.core.device, Grant.type):
            other = error.reason is Reason.WRONG_DEVICE
            self.shelf.tell("grant_other_device" if other else "grant_bad", None)

    def _proceed(self, message: Proceed) -> None:
        self.person.proceed(message)
        self.presses.proceed(message)

    def _refusal(self, message: Refusal) -> None:
        self.unlocking.refused(message)
        self.person.refused(message)
        self.presses.refused(message)

    def _receipt(self, message: Receipt) -> None:
        self.outbox.receipt(message)

    def _pieces_held(self, message: PiecesHeld) -> None:
        self.uploads.held(message)

    def _revoke(self, message: Revoke) -> None:
        use = self.session.use
        self.shelf.revoke(message)
        if use is not None and use.grant.grant == message.grant:
            self.session.end("stopped", "revoked", texts.REVOKED)

    def _power_failing(self) -> None:
        """A few milliseconds are left: bolt the seal; the next start closes the use."""
        self.core.act(Actuate("lock"))


def _over(deadline: int | None, now: int) -> bool:
    return deadline is not None and deadline <= now
