"""Stage 2: every signed message is checked with the key that its sleeve had at that counter."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from backend.store import sleeves
from backend.store.db import Database
from gateway.batch import Batch, RefusedMessage
from gateway.protocol.cose import PublicKey
from gateway.protocol.envelope import Message
from gateway.protocol.errors import ProtocolError, Reason
from gateway.protocol.messages import Heartbeat, KeyRotated

FRESH_MS = 2_000
"""How long a cached key is trusted; the sleeve's status itself is read anew under its lock."""


@dataclass(frozen=True, slots=True)
class KnownKey:
    """A registered key and the counters it may sign, inclusive."""

    key: PublicKey
    first: int
    last: int | None


class Keys:
    """Registered keys by sleeve and key id, read in batches and kept for a moment."""

    def __init__(self, db: Database, now: Callable[[], int]) -> None:
        self._db = db
        self._now = now
        self._known: dict[str, dict[bytes, KnownKey]] = {}
        self._read_at: dict[str, int] = {}

    def refresh(self, devices: Iterable[str]) -> None:
        """Read the keys of sleeves that are unknown or were read too long ago."""
        now = self._now()
        stale = {
            name
            for name in devices
            if name not in self._read_at or not 0 <= now - self._read_at[name] < FRESH_MS
        }
        if not stale:
            return
        with self._db.read() as conn:
            rows = sleeves.load_keys(conn, stale)
        for name in stale:
            self._known[name] = {}
            self._read_at[name] = now
        for row in rows:
            if row.revoked_at is None:
                key = PublicKey(row.alg, row.public)
                self._known[row.device_id][row.kid] = KnownKey(
                    key, row.from_counter, row.until_counter
                )

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
        outside = message.counter < known.first or (
            known.last is not None and message.counter > known.last
        )
        if message.counter and outside:
            raise ProtocolError(Reason.UNKNOWN_KEY, f"not the key of counter {message.counter}")
        return known.key

    def expect(self, message: Message, body: KeyRotated) -> None:
        """A verified rotation counts at once, for events right behind it in the same batch."""
        key = PublicKey(body.alg, body.public)
        self._known[message.device].setdefault(key.kid, KnownKey(key, message.counter + 1, None))


class Authenticate:
    """Checks signatures; fills ``events`` and ``heartbeats`` with what is genuine."""

    def __init__(self, keys: Keys) -> None:
        self._keys = keys

    def __call__(self, batch: Batch) -> None:
        """Check every message of the batch."""
        self._keys.refresh({message.device for _, message in batch.messages})
        for inbound, message in batch.messages:
            try:
                message.signed.verify(self._keys.find(message))
                if isinstance(message.body, KeyRotated):
                    self._keys.expect(message, message.body)
            except ProtocolError as error:
                batch.refused.append(RefusedMessage(inbound, error, message.device))
                continue
            if isinstance(message.body, Heartbeat):
                batch.heartbeats[message.device] = message
            else:
                batch.events.append(message)
