"""Keeps secrets and personal numbers out of texts that people and logs see.

Services echo what they were sent: a proxy's error page quotes the URL with its token, a gateway
repeats the signature it refused. So every text that comes from outside passes through here.
"""

import re
import threading
from collections.abc import Iterable
from urllib.parse import quote, quote_plus

MASK = "***"
_LONGEST_TEXT = 300
_SHORTEST_SECRET = 4
_PAIR = re.compile(
    r"""(?ix)
    (["']? \b (?: [a-z_-]* (?: token|secret|password|passwd|signature ) | key|sign|apikey )
     ["']? \s* [=:] \s* ["']? )
    [^\s"'&,;<>}]+
    """
)
_BEARER = re.compile(r"(?i)\b(bearer|basic)\s+[\w.~+/=-]+")
_HOOK = re.compile(r"(/bot/v2/hook/)[\w-]+")
_MOBILE = re.compile(r"(?<!\d)(1\d{2})\d{4}(\d{4})(?!\d)")
_CONTROL = re.compile(r"[\x00-\x1f\x7f\u0085\u2028\u2029]+")


class Redactor:
    """Replaces known secrets, and whatever looks like one, by ``***``.

    Also shortens to 300 characters and flattens line breaks, so that a text from outside cannot
    forge lines of a log.
    """

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._lock = threading.Lock()
        self._secrets: frozenset[str] = frozenset()
        for secret in secrets:
            self.add(secret)

    def add(self, secret: str) -> None:
        """From now on hide `secret` too, as it is and URL-encoded."""
        if len(secret) < _SHORTEST_SECRET:
            return
        with self._lock:
            self._secrets |= {secret, quote(secret, safe=""), quote(secret), quote_plus(secret)}

    def __call__(self, text: str) -> str:
        # Longest first: a secret may be part of another's encoded form.
        for secret in sorted(self._secrets, key=len, reverse=True):
            text = text.replace(secret, MASK)
        text = _BEARER.sub(rf"\1 {MASK}", text)
        text = _PAIR.sub(rf"\1{MASK}", text)
        text = _HOOK.sub(rf"\1{MASK}", text)
        text = _MOBILE.sub(r"\1****\2", text)
        text = _CONTROL.sub(" ", text).strip()
        return text if len(text) <= _LONGEST_TEXT else text[: _LONGEST_TEXT - 1] + "…"
