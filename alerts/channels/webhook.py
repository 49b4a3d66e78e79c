"""Signed webhook to a program of the operator's choice.

Compatible with Standard Webhooks (see `signing`); docs/channels.md holds the contract. Only the
URLs in the settings are called, by name; redirects are not followed. Any 2xx is success; 410 and
answers that say the message itself is unacceptable end it; everything else is tried again.
"""

from datetime import UTC, datetime

from alerts.channels.base import (
    ConfigError,
    Dead,
    Delivered,
    Description,
    Message,
    Outcome,
    Retry,
)
from alerts.channels.http import Caller, Reply, Runtime, json_bytes, retry_after
from alerts.channels.redact import Redactor
from alerts.channels.settings import Setting, Values
from alerts.channels.signing import SECRET_HINT, decode_secret, signed_headers
from alerts.channels.targets import choose

SERVICE = "签名 Webhook"
SETTINGS = (
    Setting(
        "targets",
        "接收方，每个取一个名字",
        "table",
        fields=(
            Setting("url", "接收方的网址", "url"),
            Setting("secret", SECRET_HINT, "secret"),
            Setting(
                "previous_secret", "更换密钥期间仍在使用的旧密钥；平时留空", "secret", default=""
            ),
        ),
    ),
    Setting("allow_http", "是否允许 http（只应在内网使用）", "flag", default=False),
    Setting("timeout_ms", "每次发送最多等多久（毫秒）", "number", 10_000, least=100, most=60_000),
)
_UNACCEPTABLE = frozenset({400, 410, 413, 414, 415, 422})


class Webhook:
    """POSTs ``{"type", "timestamp", "data"}`` to the target that the recipient names."""

    def __init__(self, values: Values, runtime: Runtime) -> None:
        self._targets = values.table("targets")
        self._clock = runtime.clock
        self._keys = {name: _keys(name, target) for name, target in self._targets.items()}
        redact = Redactor([*values.secrets, *(t.text("url") for t in self._targets.values())])
        self._caller = Caller(runtime, SERVICE, redact, values.number("timeout_ms"))

    def describe(self) -> Description:
        """See `base.Channel`."""
        return Description("webhook", SERVICE, "设置里接收方的名字", False, tuple(self._targets))

    def check_config(self) -> tuple[str, ...]:
        """Nothing to ask without posting to the receiver."""
        return ()

    def send(self, message: Message) -> Outcome:
        """See `base.Channel`."""
        target = choose(self._targets, message.recipient, SERVICE)
        if isinstance(target, Dead):
            return target
        name = message.recipient or next(iter(self._targets))
        now = self._clock()
        body = json_bytes(_payload(message, now))
        reply = self._caller.call(
            "POST",
            target.text("url"),
            headers={
                "Content-Type": "application/json",
                **signed_headers(self._keys[name], message.dedupe_id, now // 1000, body),
            },
            content=body,
        )
        return _outcome(self._caller, reply) if isinstance(reply, Reply) else reply


def _keys(name: str, target: Values) -> tuple[bytes, ...]:
    written = [target.text("secret"), target.text("previous_secret")]
    try:
        return tuple(decode_secret(secret) for secret in written if secret)
    except ValueError as error:
        raise ConfigError(
            (f"{SERVICE} targets.{name}：密钥不对，{error}（{SECRET_HINT}）",)
        ) from None


def _payload(message: Message, now: int) -> dict[str, object]:
    at = message.at if message.at is not None else now
    return {
        "type": f"zhiyin.{message.kind or 'message'}",
        "timestamp": datetime.fromtimestamp(at / 1000, UTC).isoformat(timespec="milliseconds"),
        "data": {
            "id": message.dedupe_id,
            "severity": message.severity.value,
            "locale": message.locale,
            "title": message.title,
            "lines": list(message.lines),
            "link": message.link,
        },
    }


def _outcome(caller: Caller, reply: Reply) -> Outcome:
    if 200 <= reply.status < 300:
        return Delivered()
    code = f"http:{reply.status}"
    if reply.status in _UNACCEPTABLE:
        return Dead(f"{SERVICE}：接收方不接受这条消息，请与接收方核对（HTTP {reply.status}）", code)
    if 400 <= reply.status < 500:
        # Others mend by themselves: a receiver being deployed, a secret being changed.
        return Retry(
            f"{SERVICE}：接收方拒绝，请核对网址和密钥，稍后自动重发（HTTP {reply.status}）",
            code,
            retry_after(reply),
        )
    return caller.judge_status(reply)
