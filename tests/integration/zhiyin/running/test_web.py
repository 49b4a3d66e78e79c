"""The web server over real sockets: its own certificate, or a proxy in front, and nothing else."""

import asyncio
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest

from backend.domain.errors import DomainError
from tests.support.ports import free_port
from zhiyin.running.certificates import make_server
from zhiyin.running.web import OnlyHttps, WebServer
from zhiyin.settings import WebSettings
from zhiyin.wall import wall_clock

PATIENCE_S = 60.0
"""A loaded machine may take long; nothing here is about speed."""

get = partial(httpx.get, timeout=PATIENCE_S)


async def _echo(scope: Any, receive: Any, send: Any) -> None:
    """Answers with the scheme and the client's address as the application sees them."""
    if scope["type"] == "lifespan":
        while True:
            message = await receive()
            await send({"type": f"{message['type']}.complete"})
            if message["type"] == "lifespan.shutdown":
                return
    body = f"{scope['scheme']} {scope['client'][0]}".encode()
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": body})


@contextmanager
def _serving(**settings: Any) -> Iterator[WebServer]:
    server = WebServer(_echo, WebSettings(port=free_port(), **settings))
    server.start()
    try:
        yield server
    finally:
        server.stop()


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    make_server(tmp_path, "web", ["localhost"], wall_clock())
    return tmp_path


def test_its_own_certificate_makes_https_that_a_client_trusts(certificate: Path) -> None:
    with _serving(
        tls_cert_file=certificate / "web.crt", tls_key_file=certificate / "web.key"
    ) as server:
        assert server.url.startswith("https://127.0.0.1:")
        trust = ssl.create_default_context(cafile=str(certificate / "ca.crt"))
        url = server.url.replace("127.0.0.1", "localhost")
        assert get(url, verify=trust).text == "https 127.0.0.1"
        with pytest.raises(httpx.ConnectError, match="certificate"):
            get(url)
        with pytest.raises(httpx.HTTPError):
            get(url.replace("https:", "http:"))


def test_nobody_is_believed_about_addresses_without_a_proxy(certificate: Path) -> None:
    with _serving(
        tls_cert_file=certificate / "web.crt", tls_key_file=certificate / "web.key"
    ) as server:
        trust = ssl.create_default_context(cafile=str(certificate / "ca.crt"))
        claimed = {"X-Forwarded-For": "203.0.113.9", "X-Forwarded-Proto": "http"}
        url = server.url.replace("127.0.0.1", "localhost")
        assert get(url, headers=claimed, verify=trust).text == "https 127.0.0.1"


def test_a_trusted_proxy_is_believed() -> None:
    with _serving(behind_proxy=True) as server:
        told = {"X-Forwarded-For": "203.0.113.9", "X-Forwarded-Proto": "https"}
        assert get(server.url, headers=told).text == "https 203.0.113.9"
        # What a client itself put before the proxy's own entry is not believed.
        forged = told | {"X-Forwarded-For": "198.51.100.1, 203.0.113.9"}
        assert get(server.url, headers=forged).text == "https 203.0.113.9"


def test_another_proxy_is_not_believed() -> None:
    with _serving(behind_proxy=True, trusted_proxies=("192.0.2.1",)) as server:
        told = {"X-Forwarded-For": "203.0.113.9", "X-Forwarded-Proto": "https"}
        assert get(server.url, headers=told).text == "http 127.0.0.1"


def test_plain_http_through_the_proxy_is_refused() -> None:
    with _serving(behind_proxy=True) as server:
        told = {"X-Forwarded-For": "203.0.113.9", "X-Forwarded-Proto": "http"}
        answer = get(server.url, headers=told)
        assert answer.status_code == 403
        assert "HTTPS" in answer.text


async def test_a_plain_websocket_from_elsewhere_is_closed() -> None:
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "websocket.connect"}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": "websocket", "scheme": "ws", "client": ("203.0.113.9", 5)}
    await OnlyHttps(_echo)(scope, receive, send)
    assert sent == [{"type": "websocket.close", "code": 1008}]


def test_a_port_that_others_have_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        server = WebServer(_echo, WebSettings(port=port))
        with pytest.raises(DomainError) as caught:
            server.start()
        assert caught.value.code == "port_taken"
        assert str(port) in caught.value.zh
        server.stop()


def test_a_wrong_key_is_refused_with_a_reason(certificate: Path) -> None:
    make_server(certificate, "other", ["localhost"], wall_clock())
    settings = WebSettings(
        port=free_port(),
        tls_cert_file=certificate / "web.crt",
        tls_key_file=certificate / "other.key",
    )
    with pytest.raises(DomainError) as caught:
        WebServer(_echo, settings).start()
    assert caught.value.code == "certificate_unusable"


class _Waiting:
    """A page that waits for news, and says good-bye when it is let go."""

    def __init__(self) -> None:
        self._gone = asyncio.Event()
        self.state = SimpleNamespace(let_go=self._let_go)

    async def _let_go(self) -> None:
        self._gone.set()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            await _echo(scope, receive, send)
            return
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"waiting ", "more_body": True})
        await self._gone.wait()
        await send({"type": "http.response.body", "body": b"good-bye"})


def test_a_stop_lets_waiting_pages_go_before_it_cuts_them_off() -> None:
    server = WebServer(_Waiting(), WebSettings(port=free_port()))
    server.start()
    with httpx.stream("GET", server.url, timeout=PATIENCE_S) as response:
        chunks = response.iter_bytes()
        assert next(chunks) == b"waiting "
        server.stop()
        assert b"".join(chunks) == b"good-bye"


def test_it_says_whether_its_loop_turns() -> None:
    with _serving() as server:
        assert server.responds()
        server.stop()
        assert not server.responds()
        with pytest.raises(httpx.ConnectError):
            get(server.url)
