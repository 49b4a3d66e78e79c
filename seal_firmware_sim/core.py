"""What every part of the firmware shares: memory, clocks, the chain, and one step's effects."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final, Literal

from gateway.protocol import envelope, pictures, topics
from gateway.protocol.cose import Signer
from gateway.protocol.limits import MAX_TIME_MS, PICTURE_QUOTA_BYTES
from gateway.protocol.messages import AttemptRefused, Event, Fault, Keys, Position
from gateway.protocol.pictures import SealedPicture
from gateway.protocol.trust import Trust
from seal_firmware_sim import texts
from seal_firmware_sim.effects import (
    AppendFlash,
    Effect,
    FlushFlash,
    PutPicture,
    ReplaceFlash,
    Show,
    Tone,
)
from seal_firmware_sim.identity import Entropy, Identity, make_signer
from seal_firmware_sim.inputs import Moment, Sensed
from seal_firmware_sim.journal import Journal
from seal_firmware_sim.state import Entry, EventEntry, FaultEntry, Memory, PictureEntry

RefusalReason = Literal[
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
FaultCode = Literal[
    "jam", "not_closed", "camera", "flash", "flash_full", "clock", "battery", "sensor", "other"
]

_CONTROLS: Final = re.compile(r"[\x00-\x1f\x7f]+")
_SHORT: Final = 200


class Core:
    """One step at a time: :meth:`begin`, whatever the parts do, :meth:`finish`."""

    def __init__(self, identity: Identity, journal: Journal, entropy: Entropy) -> None:
        self.identity = identity
        self.journal = journal
        self.entropy = entropy
        self.moment = Moment(0, 0, 0)
        self.connected = False
        self.sensed = Sensed(100, 20.0, None)
        self.trusted_now = 0
        """Least possible signed server time, 0 while unknown; kept up to date by the timekeeper."""
        self.created: dict[int, int] = {}
        """When (mono) each uncovered event of this boot was made."""
        self.topics: dict[int, str] = {}
        """Where each uncovered event goes; what is not here was made before this boot."""
        self.clock_shift = 0
        """What a signed time added to the sleeve's clock within this step."""
        self._puts: list[PutPicture] = []
        self._acts: list[Effect] = []
        self._urgent = False
        self.trust = Trust(identity.grant_keys, identity.receipt_keys, identity.picture_key)
        """Whom the sleeve believes, and to whom it encrypts."""
        if self.memory.server is not None:
            self.trust.take(envelope.convert(self.memory.server.values, Keys))
        key = self.memory.key
        self._signer = identity.signer if key is None else make_signer(key.alg, key.secret)

    @property
    def memory(self) -> Memory:
        """What flash knows."""
        return self.journal.memory

    @property
    def device(self) -> str:
        """The sleeve's id."""
        return self.identity.device

    @property
    def least_now(self) -> int:
        """The least time that it can be at the server, by every signed time there ever was."""
        return max(self.trusted_now, self.memory.floor)

    @property
    def position(self) -> Position | None:
        """Where the sleeve is, if it knows."""
        return self.sensed.position

    @property
    def wall(self) -> int:
        """What the sleeve's clock shows, epoch ms, within what the contract can say."""
        return sayable(self.moment.wall + self.clock_shift)

    def begin(self, moment: Moment) -> None:
        """Start a step at ``moment``."""
        self.moment = moment
        self.clock_shift = 0

    def note(self, entry: Entry, *, urgent: bool = True) -> None:
        """Change what the sleeve remembers. What is not ``urgent`` may be lost with the power."""
        self.journal.note(entry)
        self._urgent |= urgent

    def act(self, effect: Effect) -> None:
        """Ask for ``effect`` after everything noted in this step is durable."""
        self._acts.append(effect)

    def show(self, text: str, tone: Tone = "info") -> None:
        """Put ``text`` on the display."""
        self.act(Show(text, tone))

    def record(self, body: Event, named: Sequence[SealedPicture] = ()) -> int:
        """Sign ``body`` as the next event of the chain; returns its counter.

        The pictures ``named`` in it are kept in flash until the server has them.
        """
        counter = self.memory.counter + 1
        for one in named:
            ref = one.ref
            self._puts.append(PutPicture(ref.commit, one.ciphertext))
            self.note(PictureEntry(ref.commit, ref.size, ref.pieces, counter))
        raw = self.sign(body, counter)
        self.note(EventEntry(counter, raw))
        self.created[counter] = self.moment.mono
        self.topics[counter] = topics.up(self.device, body.type)
        return counter

    def sign(self, body: Event, counter: int) -> bytes:
        """The signed bytes of ``body`` at ``counter``, chained to what stands before."""
        return envelope.seal_event(
            body,
            self._signer,
            device=self.device,
            boot=self.memory.boot,
            time=self.wall,
            counter=counter,
            prev=self.memory.tip,
        )

    @property
    def signer(self) -> Signer:
        """The key that signs now."""
        return self._signer

    def use_key(self, signer: Signer) -> None:
        """Sign with ``signer`` from the next event on."""
        self._signer = signer

    def refuse(
        self, reason: RefusalReason, *, use: int = 0, grant: str | None = None, text: str = ""
    ) -> None:
        """Record that the sleeve itself refused, and show why."""
        self.record(AttemptRefused(reason=reason, use=use, grant=grant))
        self.show(text or texts.REFUSALS[reason], "refused")

    def fault(self, code: FaultCode, *, cleared: bool = False, detail: str = "") -> None:
        """Record that fault ``code`` began or was cleared; nothing if that is known already."""
        if (code in self.memory.faults) != cleared:
            return
        self.note(FaultEntry(code, not cleared))
        self.record(Fault(code=code, cleared=cleared, detail=clean(detail)))
        if not cleared:
            self.show(texts.FAULTS[code], "alarm")

    def seal_pictures(self, taken: Sequence[bytes]) -> list[SealedPicture] | None:
        """Encrypt pictures; ``None`` if they do not fit into the flash kept for them.

        Raises:
            ProtocolError: ``too_large``.
        """
        sealed = [
            pictures.seal(
                picture,
                device=self.device,
                server_key=self.trust.picture,
                salt=self.entropy(pictures.SALT_BYTES),
            )
            for picture in taken
        ]
        fits = sum(one.ref.size for one in sealed) <= self.picture_room
        return sealed if fits else None

    @property
    def picture_room(self) -> int:
        """Bytes of flash left for pictures."""
        return PICTURE_QUOTA_BYTES - self.memory.picture_bytes

    def jitter(self, below_ms: int) -> int:
        """Evenly drawn from 0 to ``below_ms`` − 1."""
        return int.from_bytes(self.entropy(4), "big") % below_ms

    def finish(self) -> list[Effect]:
        """The step's effects: write, make durable, act.

        Pictures are durable before the journal names them: what flash writes between two flushes
        may survive a power cut in any order.
        """
        effects: list[Effect] = [*self._puts]
        if self._puts:
            effects.append(FlushFlash())
        if self._urgent and (self.journal.damaged or self.journal.wants_compaction):
            effects.append(ReplaceFlash(self.journal.compacted(trusted_now=self.trusted_now)))
        elif self._urgent:
            # What was not urgent before waited for this, so that only a cut in this very moment
            # can tear a frame.
            effects += [AppendFlash(self.journal.frame()), FlushFlash()]
        effects += self._acts
        self._puts, self._acts, self._urgent = [], [], False
        return effects


def sayable(time: int) -> int:
    """``time`` within what the contract can say."""
    return min(max(time, 0), MAX_TIME_MS)


def clean(text: str) -> str:
    """``text`` as the contract takes it: no control characters, at most 200 characters."""
    return _CONTROLS.sub(" ", text)[:_SHORT]
