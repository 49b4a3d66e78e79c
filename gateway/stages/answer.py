"""Stage 6: answers go out at once; receipts follow, one for many events of a sleeve."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

from gateway.batch import Batch
from gateway.protocol import cose, envelope, topics
from gateway.protocol.limits import MAX_RANGES
from gateway.protocol.messages import Heartbeat, Receipt, Time

RECEIPT_EVERY_MS: Final = 200
"""Under load a sleeve's receipts are gathered this long; otherwise they go at once."""


class Publisher(Protocol):
    """Where signed bytes for sleeves go."""

    def publish(self, topic: str, payload: bytes) -> None:
        """Hand over to the broker, QoS 1."""
        ...


@dataclass(frozen=True, slots=True)
class Owed:
    """A receipt not yet sent."""

    through: int
    tip: bytes
    ranges: tuple[tuple[int, int], ...]


class Answer:
    """Publishes what the committed batch owes to its sleeves."""

    def __init__(
        self,
        publisher: Publisher,
        grant_key: cose.Signer,
        receipt_key: cose.Signer,
        now: Callable[[], int],
        steady: Callable[[], float],
    ) -> None:
        self._publisher = publisher
        self._grant_key = grant_key
        self._receipt_key = receipt_key
        self._now = now
        self._steady = steady
        self._owed: dict[str, Owed] = {}
        self._owed_since = 0.0
        self._lock = threading.Lock()

    def __call__(self, batch: Batch) -> None:
        """Send answers and times; note the receipts."""
        for name, kind, payload in batch.signed_answers:
            self._publisher.publish(topics.down(name, kind), payload)
        for name, held in batch.held:
            payload = envelope.seal_down(held, self._grant_key, device=name, time=batch.now)
            self._publisher.publish(topics.down(name, held.type), payload)
        for name, message in batch.heartbeats.items():
            body = message.body
            if isinstance(body, Heartbeat) and body.nonce is not None:
                answer = Time(time=self._now(), nonce=body.nonce)
                payload = envelope.seal_down(answer, self._grant_key, device=name, time=answer.time)
                self._publisher.publish(topics.down(name, Time.type), payload)
        with self._lock:
            if not self._owed:
                self._owed_since = self._steady()
            for state in batch.sleeves.values():
                if state.touched:
                    self._owed[state.id] = Owed(state.counter, state.tip, tuple(state.ranges))

    def settle(self, *, idle: bool) -> None:
        """Send the owed receipts when nothing else waits, or when they have waited long enough."""
        if not self._owed:
            return
        if not idle and (self._steady() - self._owed_since) * 1000 < RECEIPT_EVERY_MS:
            return
        with self._lock:
            due, self._owed = self._owed, {}
        now = self._now()
        for name, owed in due.items():
            receipt = Receipt(
                through=owed.through,
                tip=owed.tip,
                time=now,
                ranges=list(owed.ranges[:MAX_RANGES]),
            )
            payload = envelope.seal_down(receipt, self._receipt_key, device=name, time=now)
            self._publisher.publish(topics.down(name, Receipt.type), payload)

    @property
    def owes(self) -> bool:
        """Whether a receipt is still to be sent."""
        return bool(self._owed)
