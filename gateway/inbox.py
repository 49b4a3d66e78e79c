"""Where the network thread leaves messages and the pipeline takes them, unlock traffic first."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass

from gateway.protocol.topics import PIECE

_PIECE_END = f"/up/{PIECE}"


@dataclass(frozen=True, slots=True)
class Inbound:
    """A message as the broker delivered it. ``token`` is what the link needs to acknowledge it."""

    topic: str
    payload: bytes
    token: int


class Inbox:
    """Two lanes: picture pieces wait whenever anything else is there.

    Unbounded here because the broker's in-flight window bounds it: nothing is acknowledged before
    it is committed, so at most ``receive maximum`` messages are ever inside.
    """

    def __init__(self) -> None:
        self._urgent: deque[Inbound] = deque()
        self._pieces: deque[Inbound] = deque()
        self._ready = threading.Condition()
        self._taken = 0
        self._closed = False

    def put(self, message: Inbound) -> None:
        """Add one; called from the network thread."""
        lane = self._pieces if message.topic.endswith(_PIECE_END) else self._urgent
        with self._ready:
            lane.append(message)
            self._ready.notify()

    def take(self, *, events: int, pieces: int, timeout: float | None) -> list[Inbound]:
        """What is there, at once: up to ``events`` urgent messages, else up to ``pieces`` pieces.

        Never waits for a batch to fill, so a lone unlock request is handled alone and at once.
        Empty after ``timeout`` seconds without any message, or when closed.
        """
        with self._ready:
            if not self._urgent and not self._pieces and not self._closed:
                self._ready.wait(timeout)
            lane, limit = (self._urgent, events) if self._urgent else (self._pieces, pieces)
            batch = [lane.popleft() for _ in range(min(limit, len(lane)))]
            self._taken += len(batch)
            return batch

    def done(self, count: int) -> None:
        """The pipeline has finished with ``count`` messages it took."""
        with self._ready:
            self._taken -= count

    def forget(self) -> None:
        """Drop what was not taken: the connection is gone and the broker delivers it again."""
        with self._ready:
            self._urgent.clear()
            self._pieces.clear()

    def close(self) -> None:
        """Wake whoever waits, for good."""
        with self._ready:
            self._closed = True
            self._ready.notify_all()

    @property
    def idle(self) -> bool:
        """Nothing waits and nothing is being handled."""
        with self._ready:
            return not self._urgent and not self._pieces and self._taken == 0

    @property
    def waiting(self) -> int:
        """How many messages wait."""
        return len(self._urgent) + len(self._pieces)
