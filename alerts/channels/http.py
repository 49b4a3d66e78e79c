"""One careful HTTP call: no redirects, bounded time and size, failures told apart, nothing leaked.

Only addresses from the settings are ever called (a recipient is a name or an id, never a URL), and
a redirect is not followed: so nobody who can choose a recipient can make the server call another
host.
"""

import json
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from secrets import token_hex
from typing import TYPE_CHECKING

import httpx

from alerts.channels.base import Clock, Dead, Retry
from alerts.channels.redact import Redactor

if TYPE_CHECKING:
    from alerts.channels.web_push import PushDevices

_LARGEST_ANSWER = 64 * 1024
_TEMPORARY_STATUS = frozenset({408, 421, 423, 425, 429})
_LONGEST_WAIT_MS = 24 * 3600 * 1000


@dataclass(frozen=True, slots=True)
class Runtime:
    """What channels are given from outside; the owner opens and closes the client.

    `clock` is wall time in milliseconds. `write_line` takes the console channel's lines. `nonce`
    makes a fresh random text (hex) for each call that must not repeat. `devices` is where web push
    finds people's browsers; without it nobody has any.
    """

    client: httpx.Client
    clock: Clock
    write_line: Callable[[str], None] = print
    nonce: Callable[[], str] = field(default=lambda: token_hex(16))
    devices: "PushDevices | None" = None


class _NoRequestLines(logging.Filter):
    """Drops httpx's line per request: it quotes the URL, and DingTalk's and WeCom's URLs hold
    credentials."""

    def filter(self, record: logging.LogRecord) -> bool:
        return record.levelno > logging.INFO


_NO_REQUEST_LINES = _NoRequestLines()


def open_client(
    *,
    transport: httpx.BaseTransport | None = None,
    proxy: str | None = None,
    ca_file: str | None = None,
) -> httpx.Client:
    """A client for all channels: no redirects, no environment proxies or .netrc.

    `transport` takes the network's place altogether (tests). `proxy` is for servers that reach the
    Internet only through one; `ca_file` adds trust in a private certificate authority (PEM), as on
    government networks. Close it when done.
    """
    logging.getLogger("httpx").addFilter(_NO_REQUEST_LINES)
    if transport is not None:
        return httpx.Client(transport=transport, trust_env=False, follow_redirects=False)
    verify = httpx.create_ssl_context(trust_env=False)
    if ca_file is not None:
        verify.load_verify_locations(cafile=ca_file)
    return httpx.Client(
        proxy=proxy,
        verify=verify,
        trust_env=False,
        follow_redirects=False,
        limits=httpx.Limits(max_connections=16, max_keepalive_connections=8),
    )


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer. `data` is its JSON object, None when the body is anything else."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    data: Mapping[str, object] | None


class Caller:
    """Makes the calls of one channel. `service` names it in reasons (Chinese)."""

    def __init__(self, runtime: Runtime, service: str, redact: Redactor, timeout_ms: int) -> None:
        self._runtime = runtime
        self._service = service
        self._redact = redact
        self._timeout_ms = timeout_ms

    def call(
        self,
        method: str,
        url: str,
        *,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        content: bytes | None = None,
    ) -> Reply | Retry | Dead:
        """One request, whatever the status of its answer.

        `params` are URL-encoded here, exactly once: hand them over raw.
        """
        deadline = self._runtime.clock() + self._timeout_ms
        try:
            with self._runtime.client.stream(
                method,
                url,
                params=dict(params) if params else None,
                headers={
                    "User-Agent": "zhiyin-alerts",
                    "Accept-Encoding": "identity",
                    **(headers or {}),
                },
                content=content,
                timeout=self._timeout_ms / 1000,
            ) as answer:
                if answer.headers.get("content-encoding", "identity") != "identity":
                    # Not asked for, and a small one could unpack to gigabytes.
                    return Reply(answer.status_code, dict(answer.headers), b"", None)
                body = b""
                for chunk in answer.iter_bytes():
                    body += chunk
                    if len(body) > _LARGEST_ANSWER:
                        body = body[:_LARGEST_ANSWER]
                        break
                    # The client's own timeout is per read: a trickle would never end.
                    if self._runtime.clock() > deadline:
                        return self._retry("应答太慢，超过时限，稍后自动重发", "net:timeout")
                return Reply(answer.status_code, dict(answer.headers), body, _as_object(body))
        except httpx.TimeoutException:
            return self._retry("连接或应答超时，稍后自动重发", "net:timeout")
        except httpx.ConnectError as error:
            return self._retry(
                f"连不上服务器，请检查网络和地址，稍后自动重发：{error}", "net:connect"
            )
        except httpx.InvalidURL:
            return Dead(f"{self._service}：网址不正确，请检查设置（net:url）", "net:url")
        except UnicodeError:
            return Dead(
                f"{self._service}：设置里有不能用于请求的字符，请重新复制（net:request）",
                "net:request",
            )
        except httpx.HTTPError as error:
            return self._retry(f"网络中断，稍后自动重发：{error}", "net:broken")

    def post_json(
        self,
        url: str,
        payload: Mapping[str, object],
        *,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Reply | Retry | Dead:
        """POST `payload` as UTF-8 JSON."""
        return self.call(
            "POST",
            url,
            params=params,
            headers={"Content-Type": "application/json; charset=utf-8", **(headers or {})},
            content=json_bytes(payload),
        )

    def judge_status(self, reply: Reply) -> Retry | Dead:
        """What an answer means that has no code of its own to tell (an error page, a proxy)."""
        status = reply.status
        code = f"http:{status}"
        if 300 <= status < 400:
            return Dead(
                f"{self._service}：地址已跳转，不跟随；请把设置改成最终地址（HTTP {status}）", code
            )
        if status in _TEMPORARY_STATUS or status >= 500:
            what = "发得太快被限流" if status == 429 else "服务器暂时不可用"
            return Retry(
                f"{self._service}：{what}，稍后自动重发（HTTP {status}）", code, retry_after(reply)
            )
        if 400 <= status < 500:
            return Dead(
                f"{self._service}：服务器拒绝，请检查地址、密钥和权限（HTTP {status}）", code
            )
        return Retry(f"{self._service}：应答看不懂，可能被网关或登录页拦截（HTTP {status}）", code)

    def _retry(self, what: str, code: str) -> Retry:
        return Retry(self._redact(f"{self._service}：{what}") + f"（{code}）", code)


def json_bytes(payload: Mapping[str, object]) -> bytes:
    """UTF-8 JSON without spaces, keys in the order given: what is signed is what is sent."""
    return json.dumps(payload, ensure_ascii=False, separators=(",", ":")).encode()


def retry_after(reply: Reply) -> int | None:
    """The wait in ms that ``Retry-After`` (RFC 9110 §10.2.3, in seconds) asks for.

    Its date form gives None: the worker's own backoff serves. At most a day is believed.
    """
    return seconds_header(reply, "retry-after")


def seconds_header(reply: Reply, name: str) -> int | None:
    """A header that holds whole seconds, in ms; None when absent or anything else."""
    value = reply.headers.get(name, "").strip()
    if not (value.isascii() and value.isdigit() and len(value) < 10):
        return None
    return min(int(value) * 1000, _LONGEST_WAIT_MS)


def _as_object(body: bytes) -> Mapping[str, object] | None:
    try:
        data = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return data if isinstance(data, dict) else None
