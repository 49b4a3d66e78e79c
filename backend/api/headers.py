"""Around every response: security headers, a request id, one line in the access log."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

import structlog
from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from backend.api import problems
from backend.api.settings import ApiSettings

# A page may load only what we serve; nothing inline, nothing from elsewhere, in nobody's frame.
PAGE_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; "
    "font-src 'self'; connect-src 'self'; manifest-src 'self'; worker-src 'self'; "
    "media-src 'self' blob:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
DATA_POLICY: Final = "default-src 'none'; frame-ancestors 'none'; sandbox"

_COMMON: Final = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Permissions-Policy": "camera=(self), geolocation=(self), microphone=(), payment=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}

_log = structlog.get_logger("access")


class Around:
    """ASGI middleware. ``new_id`` makes request ids. Neither query strings nor bodies are logged:
    they hold reasons, names and secrets."""

    def __init__(self, app: ASGIApp, settings: ApiSettings, new_id: Callable[[], str]) -> None:
        self._app = app
        self._new_id = new_id
        self._fixed = dict(_COMMON)
        if settings.https:
            self._fixed["Strict-Transport-Security"] = "max-age=31536000; includeSubDomains"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        request_id = self._new_id()
        scope["request_id"] = request_id
        is_data = scope["path"].startswith("/api/")
        begun = time.perf_counter()
        status, replaced = 0, False

        async def send_with_headers(message: Message) -> None:
            nonlocal status, replaced
            if replaced:
                return
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                if status == 413 and headers.get("content-type") != problems.MEDIA_TYPE:
                    # The limit on bodies answers in plain text, before any handler of ours.
                    await problems.too_large(Request(scope))(scope, receive, send_with_headers)
                    replaced = True
                    return
                for name, value in self._fixed.items():
                    headers.setdefault(name, value)
                headers["X-Request-ID"] = request_id
                headers.setdefault(
                    "Content-Security-Policy", DATA_POLICY if is_data else PAGE_POLICY
                )
                if is_data:
                    headers.setdefault("Cache-Control", "no-store")
            await send(message)

        try:
            await self._app(scope, receive, send_with_headers)
        finally:
            who = scope.get("state", {}).get("authenticated")
            _log.info(
                "request",
                request=request_id,
                method=scope.get("method", "WEBSOCKET"),
                path=scope["path"][:200],
                status=status,
                took_ms=round((time.perf_counter() - begun) * 1000, 1),
                person=who.actor.person_id if who is not None else None,
                address=scope["client"][0] if scope.get("client") else None,
            )
