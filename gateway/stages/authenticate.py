"""Stage 2: every signed message is checked with the key that its sleeve had at that counter.

What is kept here of keys only says which signatures are worth the trouble. Whether a key may sign
is decided anew under the sleeve's lock (stage 3), so a key that was revoked, or rotated at another
gateway, cannot slip through.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

from backend.store import sleeves
from backend.store.db import Database
from gateway.batch import Batch, RefusedMessage, beat_order
from gateway.inbox import Inbound
from gateway.protocol import envelope
from gateway.protocol.cose import PublicKey
from gateway.protocol.envelope import Message
from gateway.protocol.errors import ProtocolError, Reason
from gateway.protocol.limits import MAX_INT
from gateway.protocol.messages import Heartbeat, KeyRotated

SHARED: Final = 64
"""From so many signatures on, a second thread helps to verify them."""


@dataclass(frozen=True, slots=True)
class KnownKey:
    """A registered key and the counters it may sign, inclusive."""

    key: PublicKey
    first: int
    last: int | None

    def fits(self, counter: int) -> bool:
        """Whether it may sign event ``counter``; a heartbeat has none (0)."""
        if not counter:
            return True
        return self.first <= counter and (self.last is None or counter <= self.last)


class Keys:
    """Registered keys by sleeve and key id. A key that does not fit is looked up again."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._known: dict[str, dict[bytes, KnownKey]] = {}

    def known(self, message: Message) -> PublicKey | None:
        """The key that must have signed ``message``, if it is at hand."""
        known = self._known.get(message.device, {}).get(message.signed.kid)
        return known.key if known is not None and known.fits(message.counter) else None

    def refresh(self, devices: Collection[str]) -> None:
        """Read the keys of these sleeves, and those that a parked rotation announces."""
        with self._db.read() as conn:
            rows = sleeves.load_keys(conn, devices)
            waiting = sleeves.parked_rotations(conn, devices)
        for name in devices:
            self._known.pop(name, None)
        for row in rows:
            key = PublicKey(row.alg, row.public)
            self._known.setdefault(row.device_id, {})[row.kid] = KnownKey(
                key, row.from_counter, row.until_counter
            )
        for raw in waiting:
            message = envelope.open_event(raw)  # its signature was checked before it was parked
            if isinstance(message.body, KeyRotated):
                self.expect(message, message.body)

    def find(self, message: Message) -> PublicKey:
        """The key that must have signed ``message``.

        Raises:
            ProtocolError: ``unknown_device`` or ``unknown_key``.
        """
        keys = self._known.get(message.device)
        if not keys:
            raise ProtocolError(Reason.UNKNOWN_DEVICE, message.device)
        known = keys.get(message.signed.kid)
        if known is None:
            raise ProtocolError(Reason.UNKNOWN_KEY, message.signed.kid.hex())
        if not known.fits(message.counter):
            raise ProtocolError(Reason.UNKNOWN_KEY, f"not the key of counter {message.counter}")
        return known.key

    def expect(self, message: Message, body: KeyRotated) -> None:
        """A verified rotation is believed at once, for what comes right behind it."""
        keys = self._known.setdefault(message.device, {})
        for kid, known in keys.items():
            if known.last is None:
                keys[kid] = KnownKey(known.key, known.first, message.counter)
        key = body.key()
        keys.setdefault(key.kid, KnownKey(key, message.counter + 1, None))


def _wrong(message: Message, key: PublicKey) -> ProtocolError | None:
    try:
        message.signed.verify(key)
    except ProtocolError as error:
        return error
    return None


class Authenticate:
    """Checks signatures; fills ``events`` and ``heartbeats`` with what is genuine."""

    def __init__(self, keys: Keys) -> None:
        self._keys = keys
        self._beside = ThreadPoolExecutor(1, thread_name_prefix="gateway-verify")

    def __call__(self, batch: Batch) -> None:
        """Check every message of the batch."""
        sure: list[tuple[Inbound, Message, PublicKey]] = []
        unsure: list[tuple[Inbound, Message]] = []
        for inbound, message in batch.messages:
            key = self._keys.known(message)
            if key is None:
                unsure.append((inbound, message))
            else:
                sure.append((inbound, message, key))
        for (inbound, message, _), wrong in zip(sure, self._verify(sure), strict=True):
            self._take(batch, inbound, message, wrong)
        if unsure:
            self._look_again(batch, unsure)

    def _verify(
        self, signed: Sequence[tuple[Inbound, Message, PublicKey]]
    ) -> list[ProtocolError | None]:
        """What is wrong with each signature. Of many, a second core takes half: verifying is most
        of the work, and is done without the interpreter's lock."""
        if len(signed) < SHARED:
            return [_wrong(message, key) for _, message, key in signed]
        half = len(signed) // 2
        other = self._beside.submit(
            lambda: [_wrong(message, key) for _, message, key in signed[half:]]
        )
        mine = [_wrong(message, key) for _, message, key in signed[:half]]
        return mine + other.result()

    def _look_again(self, batch: Batch, unsure: list[tuple[Inbound, Message]]) -> None:
        self._keys.refresh({message.device for _, message in unsure})
        for message in batch.events:
            if isinstance(message.body, KeyRotated):
                self._keys.expect(message, message.body)
        # A rotation among them introduces the key of those behind it, in whatever order they came.
        for inbound, message in sorted(unsure, key=lambda pair: pair[1].counter or MAX_INT):
            try:
                key = self._keys.find(message)
            except ProtocolError as error:
                batch.refused.append(RefusedMessage(inbound, error, message.device))
            else:
                self._take(batch, inbound, message, _wrong(message, key))

    def _take(
        self, batch: Batch, inbound: Inbound, message: Message, wrong: ProtocolError | None
    ) -> None:
        if wrong is not None:
            batch.refused.append(RefusedMessage(inbound, wrong, message.device))
            return
        body = message.body
        if isinstance(body, KeyRotated):
            self._keys.expect(message, body)
        elif isinstance(body, Heartbeat):
            newest = batch.heartbeats.get(message.device)
            if newest is None or beat_order(newest) < beat_order(message):
                batch.heartbeats[message.device] = message
            return
        batch.events.append(message)
