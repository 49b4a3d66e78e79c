"""How a channel is: its rate, and whether it rests after failing again and again."""

from __future__ import annotations

import threading
from collections import defaultdict, deque
from typing import Final

from alerts.channels.base import Dead, Outcome, Retry
from alerts.settings import DeliverySettings

MINUTE_MS: Final = 60_000
UNLIMITED: Final = 1_000_000


class Health:
    """Of all channels, in this process. Times by the clock of whoever asks."""

    def __init__(self, settings: DeliverySettings) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        self._sent: defaultdict[str, deque[int]] = defaultdict(deque)
        self._failures: defaultdict[str, int] = defaultdict(int)
        self._rests_until: dict[str, int] = {}

    def room(self, channel: str, now: int) -> int:
        """How many messages may go out on ``channel`` now."""
        with self._lock:
            if self._rests_until.get(channel, now) > now:
                return 0
            rate = self._settings.rates.get(channel)
            if rate is None:
                return UNLIMITED
            return rate - len(self._recent(channel, now))

    def free_at(self, channel: str, now: int) -> int:
        """From when on something may go out on ``channel`` again."""
        with self._lock:
            free = self._rests_until.get(channel, now)
            rate = self._settings.rates.get(channel)
            recent = self._recent(channel, now)
            if rate is not None and len(recent) >= rate:
                free = max(free, recent[0] + MINUTE_MS)
            return max(free, now)

    def started(self, channel: str, now: int) -> None:
        """A message goes out."""
        with self._lock:
            self._sent[channel].append(now)

    def ended(self, channel: str, outcome: Outcome, now: int) -> None:
        """What became of it. Passing failures in a row make the channel rest; a lasting one speaks
        of a message or of its address, not of the channel."""
        with self._lock:
            if not isinstance(outcome, Retry):
                if not isinstance(outcome, Dead):
                    self._failures[channel] = 0
                    self._rests_until.pop(channel, None)
                return
            self._failures[channel] += 1
            if self._failures[channel] >= self._settings.circuit_failures:
                # One message is let through after the rest; if it fails, the channel rests again.
                self._rests_until[channel] = now + self._settings.circuit_rest_ms

    def resting(self, now: int) -> dict[str, int]:
        """Channels that rest, and until when."""
        with self._lock:
            return {name: until for name, until in self._rests_until.items() if until > now}

    def _recent(self, channel: str, now: int) -> deque[int]:
        sent = self._sent[channel]
        while sent and sent[0] <= now - MINUTE_MS:
            sent.popleft()
        return sent
