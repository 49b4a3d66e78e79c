"""Access tokens: fetched when needed, shared by all sends, renewed before they end."""

import threading
from collections.abc import Callable
from dataclasses import dataclass

from alerts.channels.base import Clock, Dead, Outcome, Retry
from alerts.channels.codes import TokenRefused
from alerts.channels.redact import Redactor

_RENEW_BEFORE_MS = 5 * 60_000


@dataclass(frozen=True, slots=True)
class Token:
    """A token and how long it is good for (ms from now), as the service says."""

    value: str
    lasts_ms: int


Fetch = Callable[[], Token | Retry | Dead | TokenRefused]


class TokenCache:
    """Holds one token. Several threads may ask; only one fetches."""

    def __init__(self, fetch: Fetch, clock: Clock, redact: Redactor) -> None:
        self._fetch = fetch
        self._clock = clock
        self._redact = redact
        self._lock = threading.Lock()
        self._value = ""
        self._renew_at = 0

    def get(self) -> str | Retry | Dead:
        """The token, or why there is none."""
        with self._lock:
            if self._value and self._clock() < self._renew_at:
                return self._value
            fetched = self._fetch()
            if isinstance(fetched, TokenRefused):
                # Asking for a token needs none, so what was refused is the credentials.
                return Dead(f"{fetched.reason}，请检查应用的凭证设置", fetched.code)
            if not isinstance(fetched, Token):
                return fetched
            self._redact.add(fetched.value)
            self._value = fetched.value
            # A token shorter than twice the margin still serves half its life.
            keep = max(fetched.lasts_ms - _RENEW_BEFORE_MS, fetched.lasts_ms // 2)
            self._renew_at = self._clock() + keep
            return self._value

    def forget(self, value: str) -> None:
        """Drop `value` if it is still the one held (another thread may have renewed it)."""
        with self._lock:
            if self._value == value:
                self._value = ""


def with_token(tokens: TokenCache, attempt: Callable[[str], Outcome | TokenRefused]) -> Outcome:
    """Try with the token held; if the service refuses it, once more with a fresh one."""
    refused: TokenRefused | None = None
    for _ in range(2):
        token = tokens.get()
        if not isinstance(token, str):
            return token
        result = attempt(token)
        if not isinstance(result, TokenRefused):
            return result
        tokens.forget(token)
        refused = result
    assert refused is not None
    return Retry(f"{refused.reason}，换了新凭证仍被拒绝，稍后自动重发", refused.code)
