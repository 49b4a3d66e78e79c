"""The web server: uvicorn in a thread, with its own certificate or behind a proxy."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Awaitable, Callable, Coroutine, MutableMapping
from concurrent.futures import wait
from typing import Any, Final

import structlog
import uvicorn

from backend.domain.errors import DomainError
from zhiyin.running.ports import listen
from zhiyin.settings import WebSettings, is_loopback

log = structlog.get_logger(__name__)

START_S: Final = 15.0
RESPOND_S: Final = 2.0
GRACE_S: Final = 3
"""Open requests may take so long to end when we stop."""

WATCHER_SAYS: Final = 1_024
"""Longest message (bytes) that is read from a WebSocket; ours only ever speak to the page."""

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

_REFUSAL: Final = (
    "请通过反向代理以 HTTPS 访问。Only HTTPS, through the reverse proxy, is answered.\n"
).encode()


class OnlyHttps:
    """Refuses whatever came over plain HTTP from beyond this machine.

    Behind a proxy the listener itself has no certificate; a request counts as HTTPS only when a
    trusted proxy says so. Who reaches the listener past the proxy is turned away, before a
    password could be typed.
    """

    def __init__(self, app: App) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let it through, or answer 403."""
        if scope["type"] == "lifespan" or scope["scheme"] in ("https", "wss") or _local(scope):
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close", "code": 1008})
        else:
            headers = [
                (b"content-type", b"text/plain; charset=utf-8"),
                (b"content-length", str(len(_REFUSAL)).encode()),
            ]
            await send({"type": "http.response.start", "status": 403, "headers": headers})
            await send({"type": "http.response.body", "body": _REFUSAL})


def _local(scope: Scope) -> bool:
    client = scope.get("client")
    return client is not None and is_loopback(client[0])


class WebServer:
    """Serves ``app`` as ``settings`` say.

    ``app.state.let_go``, where there is one, is awaited before the server stops: it ends what
    pages wait for, which would otherwise hold the stop up until it is cut off.
    """

    def __init__(self, app: Any, settings: WebSettings) -> None:
        self._settings = settings
        self._let_go: Callable[[], Coroutine[Any, Any, None]] | None = getattr(
            getattr(app, "state", None), "let_go", None
        )
        own = settings.tls_cert_file is not None
        self._server = uvicorn.Server(
            uvicorn.Config(
                app if own else OnlyHttps(app),
                ssl_certfile=settings.tls_cert_file,
                ssl_keyfile=settings.tls_key_file,
                # Nobody's word about addresses and schemes is taken unless a proxy is there.
                proxy_headers=settings.behind_proxy,
                forwarded_allow_ips=list(settings.trusted_proxies),
                server_header=False,
                access_log=False,
                log_config=None,
                timeout_graceful_shutdown=GRACE_S,
                # A watcher hears a few dozen bytes and says nothing: no compressor for each.
                ws_per_message_deflate=False,
                ws_max_size=WATCHER_SAYS,
            )
        )
        self._socket: socket.socket | None = None
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    def start(self) -> None:
        """Open the port and return when requests are answered.

        Raises:
            DomainError: ``certificate_unusable``, ``port_taken``, ``address_unusable``,
                ``web_did_not_start``.
        """
        settings = self._settings
        try:
            self._server.config.load()
        except OSError as error:  # also ssl.SSLError
            raise DomainError(
                "certificate_unusable",
                f"HTTPS 证书或私钥用不了（{error}）：请检查 web.tls_cert_file 和 web.tls_key_file "
                "是否配套、能否读取",
                f"the HTTPS certificate or key cannot be used ({error}): check that"
                " web.tls_cert_file and web.tls_key_file belong together and can be read",
            ) from error
        self._socket = listen(settings.host, settings.port, "web.port")
        self._thread = threading.Thread(
            target=asyncio.run, args=(self._serve(self._socket),), name="web", daemon=True
        )
        self._thread.start()
        deadline = time.monotonic() + START_S
        while not self._server.started:
            if not self._thread.is_alive() or time.monotonic() > deadline:
                self.stop()
                raise DomainError(
                    "web_did_not_start",
                    "网页服务未能启动：详情见日志",
                    "the web server did not start: see the log",
                )
            time.sleep(0.01)
        log.info("web.listening", host=settings.host, port=settings.port, url=self.url)

    def stop(self) -> None:
        """Answer what is under way, then close."""
        if self.alive and self._let_go is not None and self._loop is not None:
            leaving = asyncio.run_coroutine_threadsafe(self._let_go(), self._loop)
            wait([leaving], RESPOND_S)
        self._server.should_exit = True
        if self._thread is not None:
            self._thread.join(timeout=GRACE_S + 5)
        if self._socket is not None:
            self._socket.close()

    @property
    def alive(self) -> bool:
        """Whether it answers."""
        return self._thread is not None and self._thread.is_alive() and self._server.started

    def responds(self, timeout_s: float = RESPOND_S) -> bool:
        """Whether the event loop turns: a server whose loop is stuck is alive and of no use."""
        if not self.alive or self._loop is None:
            return False
        turn = asyncio.run_coroutine_threadsafe(asyncio.sleep(0), self._loop)
        try:
            turn.result(timeout_s)
        except TimeoutError:
            return False
        return True

    async def _serve(self, listener: socket.socket) -> None:
        self._loop = asyncio.get_running_loop()
        await self._server.serve(sockets=[listener])

    @property
    def url(self) -> str:
        """Where a person on this machine finds it."""
        return address(self._settings)


def address(settings: WebSettings) -> str:
    """The pages' address: the public one, else one on this machine."""
    if settings.public_url is not None:
        return settings.public_url
    scheme = "https" if settings.tls_cert_file is not None else "http"
    host = "localhost" if settings.host in ("0.0.0.0", "::") else settings.host
    return f"{scheme}://{f'[{host}]' if ':' in host else host}:{settings.port}"
