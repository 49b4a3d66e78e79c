"""Web push (RFC 8030): to the phones on which a person has switched it on in the browser.

The recipient is a person's id; where their browsers listen, the person's own browsers have said.
So that nobody can make the server call a host of their choice, only push services that the settings
name are ever called.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol
from urllib.parse import urlsplit

from cryptography.hazmat.primitives.asymmetric import ec

from alerts.channels.base import (
    ConfigError,
    Dead,
    Delivered,
    Description,
    Message,
    Outcome,
    Retry,
    Severity,
)
from alerts.channels.http import Caller, Reply, Runtime
from alerts.channels.push_crypto import (
    authorization,
    decode,
    encode,
    encrypt,
    private_key,
    public_bytes,
)
from alerts.channels.redact import Redactor
from alerts.channels.settings import Setting, Values
from alerts.channels.text import headline, plain, safe_link

SERVICE = "手机推送（Web Push）"
SETTINGS = (
    Setting("private_key", "VAPID 私钥：32 个随机字节，base64url", "secret"),
    Setting("subject", "推送服务商联系您的地址，mailto: 或 https: 开头"),
    Setting(
        "hosts",
        "允许的推送服务器，逗号分开，*. 开头表示其下所有",
        default="fcm.googleapis.com,updates.push.services.mozilla.com,"
        "*.push.apple.com,*.notify.windows.com",
    ),
    Setting("timeout_ms", "每次发送最多等多久（毫秒）", "number", 8000, least=1000, most=60_000),
)
TTL_S: Final = 24 * 3600
_LONGEST: Final = 900
_LONGEST_LINK: Final = 600
_URGENCY: Final = {Severity.INFO: "normal", Severity.WARNING: "high", Severity.CRITICAL: "high"}
_GONE: Final = (404, 410)


@dataclass(frozen=True, slots=True)
class PushDevice:
    """A browser that listens: as ``PushSubscription.toJSON()`` gives it."""

    endpoint: str
    p256dh: str
    auth: str


class PushDevices(Protocol):
    """Where people's browsers are kept."""

    def of(self, person_id: str) -> Sequence[PushDevice]:
        """Those of one person."""
        ...

    def drop(self, person_id: str, endpoint: str) -> None:
        """This one no longer listens."""
        ...


class WebPush:
    """Sends to all browsers of a person; one that took it is enough."""

    def __init__(self, values: Values, runtime: Runtime) -> None:
        self._redact = Redactor(values.secrets)
        try:
            self._key = private_key(values.text("private_key"))
        except ValueError as error:
            raise ConfigError(
                (f"{SERVICE}：private_key 应为 32 字节的 base64url，请重新生成",)
            ) from error
        self._subject = values.text("subject")
        if not self._subject.startswith(("mailto:", "https://")):
            raise ConfigError((f"{SERVICE}：subject 应以 mailto: 或 https:// 开头",))
        self._hosts = tuple(one.strip() for one in values.text("hosts").split(",") if one.strip())
        self._runtime = runtime
        self._caller = Caller(runtime, SERVICE, self._redact, values.number("timeout_ms"))

    @property
    def public_key(self) -> str:
        """What browsers are given to subscribe with."""
        return encode(public_bytes(self._key))

    def describe(self) -> Description:
        """See `base.Channel`."""
        return Description("web_push", SERVICE, "人员编号（由本人在手机上打开）", True)

    def check_config(self) -> tuple[str, ...]:
        """There is nothing to ask short of pushing."""
        return ()

    def takes(self, endpoint: str) -> bool:
        """Whether ``endpoint`` is at a push service that the settings name."""
        try:
            parts = urlsplit(endpoint)
            port = parts.port
        except ValueError:
            return False
        host = parts.hostname or ""
        known = any(
            host == one or (one.startswith("*.") and host.endswith(one[1:])) for one in self._hosts
        )
        return parts.scheme == "https" and parts.username is None and port in (None, 443) and known

    def send(self, message: Message) -> Outcome:
        """See `base.Channel`."""
        devices = self._runtime.devices
        mine = () if devices is None else devices.of(message.recipient)
        if devices is None or not mine:
            return Dead(f"{SERVICE}：还没有在手机上打开推送（push:none）", "push:none")
        last: Outcome = Dead(f"{SERVICE}：推送地址都已失效，请重新打开（push:gone）", "push:gone")
        sent = False
        for device in mine:
            outcome = self._one(device, message)
            if outcome is None:
                devices.drop(message.recipient, device.endpoint)
            elif isinstance(outcome, Delivered):
                sent = True
            else:
                last = outcome
        return Delivered() if sent else last

    def _one(self, device: PushDevice, message: Message) -> Outcome | None:
        """``None``: that browser listens no more."""
        if not self.takes(device.endpoint):
            return None
        payload = {
            "title": headline(message),
            "body": plain(message, _LONGEST, with_title=False),
            "tag": message.dedupe_id,
            "address": safe_link(message, _LONGEST_LINK) or "/inbox",
        }
        try:
            body = encrypt(
                json.dumps(payload, ensure_ascii=False).encode(),
                decode(device.p256dh),
                decode(device.auth),
                sender=ec.generate_private_key(ec.SECP256R1()),
                salt=bytes.fromhex(self._runtime.nonce())[:16],
            )
        except ValueError:
            return None  # keys that no browser made
        reply = self._caller.call(
            "POST",
            device.endpoint,
            headers={
                "Content-Type": "application/octet-stream",
                "Content-Encoding": "aes128gcm",
                "TTL": str(TTL_S),
                "Urgency": _URGENCY[message.severity],
                "Authorization": authorization(
                    device.endpoint, self._key, self._subject, self._runtime.clock()
                ),
            },
            content=body,
        )
        if not isinstance(reply, Reply):
            return reply
        return self._judge(reply)

    def _judge(self, reply: Reply) -> Outcome | None:
        if reply.status in _GONE:
            return None
        if 200 <= reply.status < 300:
            return Delivered()
        outcome: Retry | Dead = self._caller.judge_status(reply)
        return outcome
