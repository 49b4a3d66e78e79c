"""What the stand-in knows and remembers, shared by all its services."""

import json
import threading
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field

from alerts.channels.base import Clock

_HOUR_MS = 3_600_000


@dataclass(frozen=True, slots=True)
class Request:
    """A request as a server sees it: `query` URL-decoded once, header names in lower case."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> dict[str, object]:
        """The body's JSON object; empty when it is none."""
        try:
            data = json.loads(self.body)
        except ValueError:
            return {}
        return data if isinstance(data, dict) else {}


@dataclass(frozen=True, slots=True)
class Answer:
    """What to reply: a JSON object, or bytes as they are."""

    body: Mapping[str, object] | bytes
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)

    def encoded(self) -> bytes:
        """The body's bytes."""
        if isinstance(self.body, bytes):
            return self.body
        return json.dumps(dict(self.body), ensure_ascii=False).encode()


@dataclass(frozen=True, slots=True)
class Received:
    """A message that the stand-in took over. `at`: ms; `raw`: the request's JSON or form."""

    channel: str
    recipient: str
    title: str
    text: str
    at: int
    raw: Mapping[str, object]


class Book:
    """Messages taken, tokens issued, calls counted, failures ordered."""

    def __init__(self, clock: Clock, keep: int) -> None:
        self.clock = clock
        self.absent: set[str] = set()
        self._lock = threading.Lock()
        self._received: deque[Received] = deque(maxlen=keep)
        self._tokens: dict[str, int] = {}
        self._issued = 0
        self._taken = 0
        self._calls: dict[str, int] = {}
        self._ordered: dict[str, deque[Answer]] = {}
        self._recent: dict[str, deque[int]] = {}

    def take(
        self, channel: str, recipient: str, title: str, text: str, raw: Mapping[str, object]
    ) -> str:
        """Remember a message; gives its reference."""
        with self._lock:
            self._taken += 1
            self._received.append(Received(channel, recipient, title, text, self.clock(), raw))
            return f"{channel}-{self._taken}"

    def received(self, channel: str | None) -> list[Received]:
        """Messages in order, of one channel or of all."""
        with self._lock:
            return [one for one in self._received if channel in (None, one.channel)]

    def issue_token(self, lasts_s: int) -> str:
        """A new access token."""
        with self._lock:
            self._issued += 1
            token = f"standin-token-{self._issued:06d}"
            self._tokens[token] = self.clock() + lasts_s * 1000
            return token

    def token_good(self, token: str) -> bool:
        """Whether `token` was issued here and is not over."""
        with self._lock:
            return self._tokens.get(token, 0) > self.clock()

    def revoke_tokens(self) -> None:
        """End all tokens at once."""
        with self._lock:
            self._tokens.clear()

    def count(self, route: str) -> None:
        """Note a call of a route."""
        with self._lock:
            self._calls[route] = self._calls.get(route, 0) + 1

    def calls(self, route: str) -> int:
        """How often a route was called."""
        with self._lock:
            return self._calls.get(route, 0)

    def order(self, route: str, answer: Answer, times: int) -> None:
        """Give `answer` to the next `times` calls of `route`."""
        with self._lock:
            self._ordered.setdefault(route, deque()).extend([answer] * times)

    def ordered(self, route: str) -> Answer | None:
        """The answer ordered for this call, if any."""
        with self._lock:
            waiting = self._ordered.get(route)
            return waiting.popleft() if waiting else None

    def too_fast(self, sender: str, most: int, window_ms: int) -> bool:
        """Whether `sender` has used up its `most` messages in `window_ms`; counts this one."""
        with self._lock:
            recent = self._recent.setdefault(sender, deque())
            now = self.clock()
            while recent and recent[0] <= now - window_ms:
                recent.popleft()
            if len(recent) >= most:
                return True
            recent.append(now)
            return False

    def within_an_hour(self, timestamp_ms: int) -> bool:
        """The services' tolerance for a signature's time."""
        return abs(self.clock() - timestamp_ms) <= _HOUR_MS


def whole_number(text: str) -> int | None:
    """`text` as a number of at most 15 digits."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 15 else None
