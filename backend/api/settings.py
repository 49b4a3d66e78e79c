"""What the API must know of its installation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

MAX_BODY: Final = 1024 * 1024
"""Largest request, in bytes, unless a route says more."""

MAX_UPLOAD: Final = 48 * 1024 * 1024
"""Largest request with pictures or papers, in bytes."""


@dataclass(frozen=True, slots=True)
class ApiSettings:
    """``https``: people reach us by HTTPS (own certificate or a proxy), so cookies are tied to it.
    ``origins``: further origins (``https://yin.example.cn``) whose pages may act for a session;
    our own, as the Host header names it, always may."""

    https: bool = True
    origins: frozenset[str] = frozenset()

    @property
    def cookie(self) -> str:
        """Name of the session cookie. ``__Host-`` makes the browser tie it to this host and HTTPS
        (RFC 6265bis §4.1.3.2)."""
        return "__Host-zhiyin" if self.https else "zhiyin"
