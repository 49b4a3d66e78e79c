"""The stand-in itself: routes, and a small HTTP server on loopback."""

import threading
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self
from urllib.parse import parse_qsl, urlsplit

import httpx

from alerts.channels.base import Clock
from alerts.channels.standin import dingtalk, feishu, others, wecom
from alerts.channels.standin.book import Answer, Book, Received, Request

_LARGEST_REQUEST = 1024 * 1024
_IDLE_SECONDS = 30

Handler = Callable[[Book, Request], Answer]


class Standin:
    """All services in one. Use it as a context manager for a real server on a free loopback port,
    or `transport()` for none at all.

    `limits` imitates the services' rate limits too. `clock` is wall time, the same that the
    channels are given: timestamps are checked against it.
    """

    def __init__(self, clock: Clock, *, limits: bool = False, keep: int = 10_000) -> None:
        self._book = Book(clock, keep)
        self._server: ThreadingHTTPServer | None = None
        self._thread: threading.Thread | None = None
        self._routes: Mapping[tuple[str, str], tuple[str, Handler]] = {
            ("POST", "/robot/send"): (
                "dingtalk_robot",
                lambda book, request: dingtalk.robot(book, request, limits),
            ),
            ("GET", "/gettoken"): ("dingtalk_token", dingtalk.token),
            ("POST", "/topapi/message/corpconversation/asyncsend_v2"): (
                "dingtalk_person",
                dingtalk.person,
            ),
            ("POST", "/cgi-bin/webhook/send"): (
                "wecom_robot",
                lambda book, request: wecom.robot(book, request, limits),
            ),
            ("GET", "/cgi-bin/gettoken"): ("wecom_token", wecom.token),
            ("POST", "/cgi-bin/message/send"): ("wecom_person", wecom.person),
            ("POST", "/open-apis/bot/v2/hook/"): (
                "feishu_robot",
                lambda book, request: feishu.robot(book, request, limits),
            ),
            ("POST", "/open-apis/auth/v3/tenant_access_token/internal"): (
                "feishu_token",
                feishu.token,
            ),
            ("POST", "/open-apis/im/v1/messages"): (
                "feishu_person",
                lambda book, request: feishu.person(book, request, limits),
            ),
            ("POST", "/message/workNotification"): ("zhezhengding", others.zhezhengding),
            ("POST", "/sms/send"): ("sms", others.sms),
            ("POST", "/webhook"): ("webhook", others.webhook),
            ("POST", "/"): ("ntfy", others.ntfy),
        }

    def received(self, channel: str | None = None) -> list[Received]:
        """Messages taken over, in order; of one channel or of all."""
        return self._book.received(channel)

    def calls(self, route: str) -> int:
        """How often a route was called: a channel's name, or ``dingtalk_token``, ``wecom_token``,
        ``feishu_token``."""
        return self._book.calls(route)

    def fail_next(
        self,
        route: str,
        body: Mapping[str, object] | bytes,
        *,
        status: int = 200,
        headers: Mapping[str, str] | None = None,
        times: int = 1,
    ) -> None:
        """Answer the next `times` calls of `route` with this, whatever they hold."""
        self._book.order(route, Answer(body, status, headers or {}), times)

    def forget_person(self, address: str) -> None:
        """From now on nobody has this address."""
        self._book.absent.add(address)

    def revoke_tokens(self) -> None:
        """End all access tokens, as services sometimes do before their time."""
        self._book.revoke_tokens()

    def handle(self, request: Request) -> Answer:
        """One request, one answer."""
        if (request.method, request.path) == ("GET", "/_received"):
            return Answer({"received": [_shown(one) for one in self.received()]})
        hook = "/open-apis/bot/v2/hook/"
        path = hook if request.path.startswith(hook) else request.path
        route = self._routes.get((request.method, path))
        if route is None:
            return Answer({"error": "not found"}, 404)
        name, handler = route
        self._book.count(name)
        return self._book.ordered(name) or handler(self._book, request)

    def transport(self) -> httpx.MockTransport:
        """The stand-in without a network, for `open_client(transport=…)`."""

        def answer(request: httpx.Request) -> httpx.Response:
            given = self.handle(
                _request(
                    request.method,
                    request.url.raw_path.decode("ascii"),
                    dict(request.headers),
                    request.read(),
                )
            )
            return httpx.Response(
                given.status, headers=dict(given.headers), content=given.encoded()
            )

        return httpx.MockTransport(answer)

    @property
    def base_url(self) -> str:
        """Where the running server listens."""
        if self._server is None:
            raise RuntimeError("the stand-in is not running")
        host, port = self._server.server_address[:2]
        return f"http://{host!s}:{port}"

    def start(self, port: int = 0) -> None:
        """Listen on loopback; 0 takes a free port."""
        server = ThreadingHTTPServer(("127.0.0.1", port), _handler_class(self))
        server.daemon_threads = True
        self._server = server
        self._thread = threading.Thread(
            target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True
        )
        self._thread.start()

    def stop(self) -> None:
        """Stop listening."""
        if self._server is not None and self._thread is not None:
            self._server.shutdown()
            self._server.server_close()
            self._thread.join()
        self._server = self._thread = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()


def _request(method: str, target: str, headers: Mapping[str, str], body: bytes) -> Request:
    parts = urlsplit(target)
    return Request(
        method,
        parts.path,
        dict(parse_qsl(parts.query, keep_blank_values=True)),
        {name.lower(): value for name, value in headers.items()},
        body,
    )


def _shown(one: Received) -> dict[str, object]:
    return {
        "channel": one.channel,
        "recipient": one.recipient,
        "title": one.title,
        "text": one.text,
        "at": one.at,
    }


def _handler_class(standin: Standin) -> type[BaseHTTPRequestHandler]:
    class StandinHandler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = _IDLE_SECONDS
        # Headers and body in two small packets would wait 40 ms for each other.
        disable_nagle_algorithm = True
        wbufsize = -1

        def do_GET(self) -> None:
            self._answer()

        def do_POST(self) -> None:
            self._answer()

        def _answer(self) -> None:
            length = self.headers.get("Content-Length", "0")
            size = int(length) if length.isdigit() else 0
            if size > _LARGEST_REQUEST:
                self.send_error(413)
                return
            body = self.rfile.read(size)
            answer = standin.handle(
                _request(self.command, self.path, dict(self.headers.items()), body)
            )
            content = answer.encoded()
            self.send_response(answer.status)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            if not isinstance(answer.body, bytes):
                self.send_header("Content-Type", "application/json; charset=utf-8")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)
            self.wfile.flush()

        def log_message(self, format: str, *args: object) -> None:
            """Quiet: request lines hold credentials."""

    return StandinHandler
